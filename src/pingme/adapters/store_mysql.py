"""The store on MySQL or MariaDB, which several nodes may write to.

Rules of this file:
- A transaction first locks its shards (`pingme.adapters.store_mysql_shards`); what was remembered of them holds only when
  nobody else has written there. What has to be read is read after that, in the same transaction.
- Memory changes only after COMMIT has returned. After an unknown outcome the shards are dropped.
- 1062 undoes the statement and not the transaction: the ids that exist are read and the rest is planned again, under the
  same locks. 1205 and 1213 begin again with the locks.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TypeVar

from pingme.adapters.mysql_database import MysqlDatabase, Transaction, again
from pingme.adapters.mysql_errors import DuplicateKey, TryAgain
from pingme.adapters.mysql_schema import KEY_SHIFT
from pingme.adapters.mysql_start import Meta
from pingme.adapters.store_mysql_load import load, load_existing, next_key, next_refusal
from pingme.adapters.store_mysql_positions import write_positions
from pingme.adapters.store_mysql_read import MysqlReads
from pingme.adapters.store_mysql_shards import Shard, enter, held
from pingme.adapters.store_mysql_write import Effects, insert_statements
from pingme.domain.errors import StoreOutcomeUnknown
from pingme.domain.events import Command, ConversationSettingsBody, Event, Outcome
from pingme.domain.model import RuleLimits
from pingme.domain.shards import shard_of
from pingme.pipeline.needs import Loaded, needs_of
from pingme.pipeline.plan import Knowledge, Known, Log, MsgKey, Plan, Planner, Row
from pingme.ports.clock import Clock
from pingme.ports.store import Found, Position

MAX_USERS = 500_000  # user keys kept in memory: some 60 MB; they never change, whoever writes
MSG_ID_TAKEN = "events_by_msg_id"
T = TypeVar("T")


class _Taken(Exception):
    """The first INSERT met a msg_id that is in the store: nothing of the plan is written, the locks are held."""


@dataclass(slots=True)
class _Batch:
    """A batch under way: its commands, its shards, and what of their memory it uses."""

    commands: Sequence[Command]
    shards: Sequence[Shard]
    numbers: Mapping[int, int]
    logs: dict[str, Log]
    recent: dict[MsgKey, Known | Event]
    users: dict[
        str, int
    ]  # as it was when the batch began, and what was read since: others may make room meanwhile


class MysqlStore(MysqlReads):
    """`Store` in a database that may be shared with other nodes.

    Args:
        database: open.
        meta: what the store says of itself.
        clock: gives server_ts.
        limits: the bounds that the rules check.
    """

    def __init__(self, database: MysqlDatabase, meta: Meta, clock: Clock, limits: RuleLimits) -> None:
        super().__init__(database, meta)
        self._clock = clock
        self._limits = limits
        self._shards = [Shard(number) for number in range(meta.shards)]
        self._shard_of = lru_cache(200_000)(lambda conversation_id: shard_of(conversation_id, meta.shards))
        self._users: dict[str, int] = {}
        self.commit_seconds = 0.0  # of the last save, for the metrics

    @property
    def conversations_in_memory(self) -> int:
        """How many conversations are remembered."""
        return sum(len(shard.logs) for shard in self._shards)

    async def save(self, batch: Sequence[Command]) -> Sequence[Outcome]:
        """See `Store.save`."""
        if not batch:
            return []
        shards = self._shards_of(command for command in batch)

        async def attempt() -> Sequence[Outcome]:
            async with self._database.transaction() as transaction:
                return await self._save(transaction, batch, shards)

        return await self._guarded(shards, attempt)

    async def refuse(self, command: Command, code: int, message: str) -> Outcome:
        """See `Store.refuse`."""
        shards = self._shards_of([command])

        async def attempt() -> Outcome:
            async with self._database.transaction() as transaction:
                batch = await self._begin(transaction, [command], shards)
                existing = await load_existing(transaction, {(command.sender_id, command.msg_id)})
                loaded = await self._know(transaction, batch)
                planner = self._planner(batch, loaded, existing, await self._refusal_seq(transaction, batch))
                if existing:
                    return planner.plan([command]).outcomes[0]
                outcome = planner.refuse(command, code, message)
                await self._commit(transaction, batch, planner.written, planner.refusal_seq)
                return outcome

        return await self._guarded(shards, attempt)

    async def save_positions(self, positions: Sequence[Position]) -> None:
        """See `Store.save_positions`."""
        if not positions:
            return
        shards = self._numbered(self._shard_of(position.conversation_id) for position in positions)

        async def attempt() -> None:
            async with self._database.transaction() as transaction:
                numbers = await enter(transaction, shards)
                if not await write_positions(
                    transaction, positions, numbers, collation=self._database.collation
                ):
                    return
                await transaction.commit()
                for shard in shards:
                    shard.last = numbers[shard.number]

        await self._guarded(shards, attempt)

    async def find(self, sender_id: str, msg_id: str) -> Found | None:
        """See `Store.find`."""
        key = (sender_id, msg_id)
        known = (await load_existing(self, {key})).get(key)
        if known is None:
            return None
        return Found(
            known.conversation_id,
            known.kind,
            known.seq,
            known.server_ts,
            known.digest,
            known.refusal or None,
            known.message,
        )

    # Shards.

    def _numbered(self, numbers: Iterable[int]) -> list[Shard]:
        """Return shards ascending: everybody locks them in this order."""
        return [self._shards[number] for number in sorted(set(numbers))]

    def _shards_of(self, commands: Iterable[Command]) -> list[Shard]:
        """Return the shards in which these commands may write."""
        numbers: set[int] = set()
        for command in commands:
            numbers.add(self._shard_of(command.conversation_id))
            if type(command.body) is ConversationSettingsBody:
                numbers.add(self._shard_of(command.body.about))
        return self._numbered(numbers)

    async def _guarded(self, shards: Sequence[Shard], attempt: Callable[[], Awaitable[T]]) -> T:
        """Run a transaction with its shards to itself, within this node; forget them when nobody knows how it ended."""
        async with held(shards):
            try:
                return await again(attempt)
            except TryAgain:  # nothing was written, and what is remembered holds
                raise
            except BaseException:
                for shard in shards:
                    shard.drop()
                raise

    # Saving.

    async def _save(
        self, transaction: Transaction, commands: Sequence[Command], shards: Sequence[Shard]
    ) -> Sequence[Outcome]:
        batch = await self._begin(transaction, commands, shards)
        existing: dict[MsgKey, Known] = {}
        asked = any(shard.ask_first for shard in shards)
        if asked:
            existing = await self._existing(transaction, commands)
        while True:
            plan, planner = await self._plan(transaction, batch, existing)
            try:
                await self._commit(transaction, batch, plan, planner.refusal_seq)
            except _Taken:
                if asked:  # stored meanwhile, in another shard
                    raise TryAgain("a msg_id was taken by another node") from None
                asked = True
                existing = await self._existing(transaction, commands)
                continue
            for shard in shards:  # a storm of repeats is asked about first, until a batch has none
                shard.ask_first = plan.used_existing
            return plan.outcomes

    async def _begin(
        self, transaction: Transaction, commands: Sequence[Command], shards: Sequence[Shard]
    ) -> _Batch:
        """Lock the shards, and take what is remembered of them."""
        numbers = await enter(transaction, shards)
        logs: dict[str, Log] = {}
        recent: dict[MsgKey, Known | Event] = {}
        for command in commands:
            shard = self._shards[self._shard_of(command.conversation_id)]
            log = shard.logs.get(command.conversation_id)
            if log is not None:
                logs[command.conversation_id] = log
            key = (command.sender_id, command.msg_id)
            known = shard.repeat(key)
            if known is not None:
                recent[key] = known
            if type(command.body) is ConversationSettingsBody:
                about = self._shards[self._shard_of(command.body.about)].logs.get(command.body.about)
                if about is not None:
                    logs[command.body.about] = about
        if len(self._users) > MAX_USERS:
            self._users = dict(islice(self._users.items(), MAX_USERS // 2, None))
        return _Batch(commands, shards, numbers, logs, recent, self._users)

    async def _existing(self, transaction: Transaction, commands: Sequence[Command]) -> dict[MsgKey, Known]:
        return await load_existing(transaction, {(command.sender_id, command.msg_id) for command in commands})

    async def _know(self, transaction: Transaction, batch: _Batch) -> Loaded:
        """Bring what the batch needs into memory; return what is needed once only."""
        needs = needs_of(batch.commands, batch.logs, batch.users)
        if not needs.any():
            return Loaded()
        loaded = await load(transaction, needs, batch.logs, batch.users)
        batch.users.update(loaded.users)
        batch.logs.update(loaded.logs)
        for (conversation_id, user_id), member in loaded.members.items():
            log = batch.logs.get(conversation_id)
            if log is not None:
                log.members[user_id] = member
        return loaded

    async def _plan(
        self, transaction: Transaction, batch: _Batch, existing: dict[MsgKey, Known]
    ) -> tuple[Plan, Planner]:
        loaded = await self._know(transaction, batch)
        for shard in batch.shards:
            new = any(
                command.conversation_id not in batch.logs
                and self._shard_of(command.conversation_id) == shard.number
                for command in batch.commands
            )
            if new and shard.next_key is None:
                shard.next_key = await next_key(transaction, shard.number)
        unknown = batch.shards[0].next_refusal is None
        seq = 0 if unknown else await self._refusal_seq(transaction, batch)
        planner = self._planner(batch, loaded, existing, seq)
        plan = planner.plan(batch.commands)
        if (
            unknown and planner.refusal_seq > seq
        ):  # rare: where refusals stand is asked only when there is one
            planner = self._planner(batch, loaded, existing, await self._refusal_seq(transaction, batch))
            plan = planner.plan(batch.commands)
        return plan, planner

    def _planner(
        self, batch: _Batch, loaded: Loaded, existing: dict[MsgKey, Known], refusal_seq: int
    ) -> Planner:
        knowledge = Knowledge(
            batch.logs, batch.users, loaded.targets, loaded.group_counts, existing, (batch.recent, {})
        )
        return Planner(
            knowledge,
            limits=self._limits,
            now_ms=self._clock.now_ms(),
            allocate_key=self._allocate_key,
            refusal_seq=refusal_seq,
        )

    def _allocate_key(self, conversation_id: str) -> int:
        shard = self._shards[self._shard_of(conversation_id)]
        assert shard.next_key is not None  # `_plan` has asked for it
        shard.next_key += 1
        return shard.next_key - 1

    async def _refusal_seq(self, transaction: Transaction, batch: _Batch) -> int:
        """Return where the next refusal stands: those of a batch are written under its first shard's lock."""
        shard = batch.shards[0]
        if shard.next_refusal is None:
            shard.next_refusal = await next_refusal(transaction, shard.number)
        return shard.next_refusal

    async def _commit(self, transaction: Transaction, batch: _Batch, plan: Plan, refusal_seq: int) -> None:
        """Write the plan and, when that has returned, make it the truth; without rows there is nothing to commit."""
        if plan.rows:
            started = time.perf_counter()
            await self._write(transaction, batch, plan)
            await transaction.commit()
            self.commit_seconds = time.perf_counter() - started
            for shard in batch.shards:
                shard.last = batch.numbers[shard.number]
            if batch.shards[0].next_refusal is not None:
                batch.shards[0].next_refusal = refusal_seq
        try:
            self._remember(batch, plan)
        except Exception as exc:  # it is stored, and what memory holds of it is half
            raise StoreOutcomeUnknown(f"stored, but not noted: {type(exc).__name__}: {exc}") from exc

    async def _write(self, transaction: Transaction, batch: _Batch, plan: Plan) -> None:
        numbers = batch.numbers
        refusals = numbers[batch.shards[0].number]

        def change_no_of(row: Row) -> int:
            return numbers[row[0] >> KEY_SHIFT] if row[0] else refusals

        statements = insert_statements(plan.rows, change_no_of, transaction.connection.escape)
        for place, sql in enumerate(statements):
            try:
                await transaction.execute(sql)
            except DuplicateKey as exc:
                if exc.key != MSG_ID_TAKEN:
                    raise
                if place == 0:
                    raise _Taken from exc
                for shard in batch.shards:
                    shard.ask_first = True
                raise TryAgain(exc.message) from exc
        if plan.effects:
            await Effects(transaction, batch.users, numbers, lambda about: batch.logs[about].key).write(plan)

    def _remember(self, batch: _Batch, plan: Plan) -> None:
        fresh: dict[MsgKey, Known | Event] = {}
        plan.apply(batch.logs, fresh)
        for conversation_id, log in batch.logs.items():
            self._shards[self._shard_of(conversation_id)].logs[conversation_id] = log
        for command in batch.commands:
            key = (command.sender_id, command.msg_id)
            known = fresh.get(key)
            if known is not None:
                self._shards[self._shard_of(command.conversation_id)].recent[key] = known
        for shard in batch.shards:
            shard.bound(len(self._shards))
