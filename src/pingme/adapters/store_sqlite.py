"""The embedded store. The server is the only writer, so what it holds in memory is the truth.

Rules of this file:
- One save at a time (`_lock`); planning runs on the event loop, the statements in the writer thread.
- Memory changes only after COMMIT has returned. After an unknown outcome all memory is dropped and read anew.
- change_no: one per transaction, from blocks of 2^20 that are reserved in `meta`; a restart begins the next block.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence

import msgspec
import structlog

from pingme.adapters.sqlite_database import SqliteDatabase, translate
from pingme.adapters.store_sqlite_heads import heads_changed
from pingme.adapters.store_sqlite_load import load, load_existing
from pingme.adapters.store_sqlite_read import SqliteReads
from pingme.adapters.store_sqlite_write import (
    Statement,
    common_inserts,
    effect_statements,
    inserts_of,
    write_plan,
)
from pingme.domain.errors import StoreOutcomeUnknown, StoreRejected, StoreUnavailable
from pingme.domain.events import Command, Event, Outcome
from pingme.domain.model import RuleLimits
from pingme.pipeline.needs import Loaded, needs_of
from pingme.pipeline.plan import Knowledge, Known, Log, MsgKey, Plan, Planner
from pingme.ports.clock import Clock
from pingme.ports.store import Found, HeadChanges, Position

log = structlog.get_logger(__name__)

CHANGE_BLOCK = 1 << 20  # change numbers per reservation; gaps are harmless
MAX_LOGS = 100_000  # conversations whose heads are kept in memory: some 60 MB
MAX_USERS = 500_000  # user keys kept in memory: some 60 MB
MAX_RECENT = (
    8_192  # newest events kept to answer repeats without a read, in two halves of this size: some 10 MB
)
CHECKPOINT_BYTES = 16 << 20  # of write-ahead log; a checkpoint then takes some 50 ms of a thread
# Transactions and rows between two checkpoints: some 40 MB of log, in small transactions and in large ones.
CHECKPOINT_WRITES = 256
CHECKPOINT_ROWS = 16_384
_MSG_ID_TAKEN = "events.msg_id"

# One statement for all positions (docs/adr/0003); only rows that move are changed and stamped.
_MOVE = """
WITH moved AS (
  SELECT c.id AS conversation, u.id AS user, max(json_extract(j.value, '$[2]')) AS delivered_seq,
    max(json_extract(j.value, '$[3]')) AS read_seq
  FROM json_each(?) j
  JOIN conversations c ON c.conversation_id = json_extract(j.value, '$[0]')
  JOIN users u ON u.user_id = json_extract(j.value, '$[1]')
  GROUP BY c.id, u.id)
UPDATE members SET delivered_seq = max(members.delivered_seq, moved.delivered_seq),
  read_seq = max(members.read_seq, moved.read_seq), change_no = ?
FROM moved WHERE members.conversation = moved.conversation AND members.user = moved.user
  AND (members.delivered_seq < moved.delivered_seq OR members.read_seq < moved.read_seq)
"""
_STAMP_PEERS = """
UPDATE members SET change_no = ?1
WHERE conversation IN (
  SELECT c.id FROM json_each(?2) j JOIN conversations c ON c.conversation_id = j.value AND c.type = 1
  WHERE EXISTS (SELECT 1 FROM members x WHERE x.conversation = c.id AND x.change_no = ?1))
"""


class SqliteStore(SqliteReads):
    """`Store` in one SQLite file.

    Args:
        database: the open file.
        clock: gives server_ts.
        limits: the bounds that the rules check.
    """

    def __init__(self, database: SqliteDatabase, clock: Clock, limits: RuleLimits) -> None:
        super().__init__(database)
        database.prepare(common_inserts())
        self._clock = clock
        self._limits = limits
        self._lock = asyncio.Lock()
        self._logs: dict[str, Log] = {}
        self._users: dict[str, int] = {}
        self._recent: dict[MsgKey, Known | Event] = {}
        self._older: dict[
            MsgKey, Known | Event
        ] = {}  # what `_recent` was before: small dicts stay in the processor's cache
        self._ask_first = False
        self._checkpoint: asyncio.Task[None] | None = None
        self.commit_seconds = 0.0  # of the last save, for the metrics
        self._rows_since_checkpoint = 0
        self._next_key = self._next_refusal = 1
        self._committed = 0
        self._counted = False
        self._count()
        self._change_no = self._committed

    @property
    def shards(self) -> int:
        """See `Store.shards`: there is one writer."""
        return 1

    async def change_numbers(self) -> tuple[int, ...]:
        """See `Store.change_numbers`; held in memory, so that nothing waits."""
        self._count()
        return (self._committed,)

    async def heads_changed(self, since: Sequence[int], limit: int) -> HeadChanges:
        """See `Store.heads_changed`."""
        newest = self._committed
        changes, complete = await self._database.read_large(
            lambda connection: heads_changed(connection, since[0], newest, limit)
        )
        return HeadChanges((newest,), changes, complete)

    @property
    def conversations_in_memory(self) -> int:
        """How many conversations were used since the start (the last `MAX_LOGS` of them)."""
        return len(self._logs)

    async def save(self, batch: Sequence[Command]) -> Sequence[Outcome]:
        """See `Store.save`."""
        async with self._lock:
            self._count()
            existing: dict[MsgKey, Known] = {}
            asked = self._ask_first
            if asked:
                existing = await self._read_existing(batch)
            while True:
                plan, planner = await self._plan(batch, existing)
                try:
                    await self._commit(plan, planner.refusal_seq)
                except StoreRejected as exc:
                    if asked or _MSG_ID_TAKEN not in str(exc):
                        self._forget()
                        raise
                    asked = True
                    existing = await self._read_existing(batch)
                    continue
                # A storm of repeats is asked about first, until a batch has none.
                self._ask_first = plan.used_existing
                return plan.outcomes

    async def refuse(self, command: Command, code: int, message: str) -> Outcome:
        """See `Store.refuse`."""
        async with self._lock:
            self._count()
            existing = await self._read_existing([command])
            known = existing.get((command.sender_id, command.msg_id))
            if known is not None:
                plan, _ = await self._plan([command], existing)
                return plan.outcomes[0]
            planner = self._planner(await self._know([command]), existing)
            outcome = planner.refuse(command, code, message)
            try:
                await self._commit(planner.written, planner.refusal_seq)
            except StoreRejected:
                self._forget()
                raise
            return outcome

    async def save_positions(self, positions: Sequence[Position]) -> None:
        """See `Store.save_positions`."""
        if not positions:
            return
        async with self._lock:
            change_no, block = self._next_change()
            await self._write(lambda connection: _write_positions(connection, positions, change_no, block))
            self._committed = change_no

    async def find(self, sender_id: str, msg_id: str) -> Found | None:
        """See `Store.find`."""
        try:
            known = load_existing(self._database.reader, [(sender_id, msg_id)]).get((sender_id, msg_id))
        except sqlite3.Error as exc:
            raise translate(exc, wrote=False) from exc
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

    def _scalar(self, sql: str) -> int:
        return int(self._database.read(sql)[0][0])

    def _count(self) -> None:
        """Read the next free keys from the file, unless they are known: after an unknown outcome they are not.

        The same for the number that clients are told: no event in the file has a later one than its newest block, and none
        that comes will have an earlier one, also when this process ends now.
        """
        if self._counted:
            return
        self._next_key = self._scalar("SELECT coalesce(max(id), 0) + 1 FROM conversations")
        self._next_refusal = self._scalar(
            "SELECT coalesce(max(seq), 0) + 1 FROM events WHERE conversation = 0"
        )
        block = self._scalar("SELECT coalesce(max(value), 0) FROM meta WHERE key = 'change_block'")
        self._committed = max(self._committed, block + CHANGE_BLOCK - 1)
        self._counted = True

    async def _plan(self, batch: Sequence[Command], existing: dict[MsgKey, Known]) -> tuple[Plan, Planner]:
        planner = self._planner(await self._know(batch), existing)
        return planner.plan(batch), planner

    def _planner(self, loaded: Loaded, existing: dict[MsgKey, Known]) -> Planner:
        knowledge = Knowledge(
            self._logs,
            self._users,
            loaded.targets,
            loaded.group_counts,
            existing,
            (self._recent, self._older),
        )
        return Planner(
            knowledge,
            limits=self._limits,
            now_ms=self._clock.now_ms(),
            allocate_key=self._allocate_key,
            refusal_seq=self._next_refusal,
        )

    async def _know(self, batch: Sequence[Command]) -> Loaded:
        """Bring what the batch needs into memory; return what is needed once only."""
        self._bound_memory()
        needs = needs_of(batch, self._logs, self._users)
        if not needs.any():
            return Loaded()
        loaded = await self._database.read_to_write(lambda connection: load(connection, needs))
        self._logs.update(loaded.logs)
        self._users.update(loaded.users)
        for (conversation_id, user_id), member in loaded.members.items():
            log = self._logs.get(conversation_id)
            if log is not None:
                log.members[user_id] = member
        return loaded

    async def _read_existing(self, batch: Sequence[Command]) -> dict[MsgKey, Known]:
        keys = {(command.sender_id, command.msg_id) for command in batch}
        return await self._database.read_to_write(lambda connection: load_existing(connection, keys))

    def _allocate_key(self, _conversation_id: str) -> int:
        key = self._next_key
        self._next_key += 1
        return key

    def _next_change(self) -> tuple[int, Statement | None]:
        """Return the change number of the next transaction, and the statement that reserves a block when it is due."""
        self._change_no += 1
        if self._change_no % CHANGE_BLOCK:
            return self._change_no, None
        return self._change_no, (
            "INSERT INTO meta (key, value) VALUES ('change_block', ?) ON CONFLICT (key) DO UPDATE SET value=excluded.value",
            (self._change_no,),
        )

    async def _commit(self, plan: Plan, refusal_seq: int) -> None:
        """Write the plan and, when that has returned, make it the truth."""
        if plan.rows:
            change_no, block = self._next_change()
            inserts = inserts_of(plan.rows, change_no)
            more = effect_statements(plan, self._users, change_no) if plan.effects else ()
            started = time.perf_counter()
            await self._write(lambda connection: write_plan(connection, inserts, more, block))
            self.commit_seconds = time.perf_counter() - started
            self._committed = change_no
            self._next_refusal = refusal_seq
            self._rows_since_checkpoint += len(plan.rows)
        try:
            plan.apply(self._logs, self._recent)
        except Exception as exc:  # it is stored, and what memory holds of it is half
            self._forget()
            raise StoreOutcomeUnknown(f"stored, but not noted: {type(exc).__name__}: {exc}") from exc
        self._checkpoint_when_due()

    async def _write(self, job: Callable[[sqlite3.Connection], None]) -> None:
        before = self._change_no
        try:
            await self._database.write(job)
        except StoreOutcomeUnknown:
            self._forget()
            raise
        except BaseException:
            # The block was perhaps not reserved: ask for it again.
            if before % CHANGE_BLOCK == 0:
                self._change_no = before - 1
            raise

    def _forget(self) -> None:
        """Drop everything held in memory: the file is the truth."""
        self._logs.clear()
        self._users.clear()
        self._recent, self._older = {}, {}
        self._ask_first = True
        self._counted = False
        # Whatever was committed, told or not, has a number of this block, which may not be in the file; the next begins another.
        self._change_no += CHANGE_BLOCK - self._change_no % CHANGE_BLOCK - 1

    def _bound_memory(self) -> None:
        """Keep the caches within their bounds: the older half goes when one is full."""
        caches: tuple[tuple[dict[object, object], int], ...] = (
            (self._logs, MAX_LOGS),  # type: ignore[assignment]
            (self._users, MAX_USERS),
        )
        for cache, limit in caches:
            if len(cache) > limit:
                for key in list(cache)[: limit // 2]:
                    del cache[key]
        if len(self._recent) > MAX_RECENT:
            self._older, self._recent = self._recent, {}

    def _checkpoint_when_due(self) -> None:
        if self._checkpoint is not None and not self._checkpoint.done():
            return
        writes, rows = self._database.writes_since_checkpoint(), self._rows_since_checkpoint
        if writes < CHECKPOINT_WRITES and rows < CHECKPOINT_ROWS:
            return
        if self._database.wal_bytes() < CHECKPOINT_BYTES:
            return
        self._rows_since_checkpoint = 0
        self._checkpoint = asyncio.get_running_loop().create_task(self._checkpoint_now())

    async def _checkpoint_now(self) -> None:
        try:
            await self._database.checkpoint()
        except StoreUnavailable as exc:  # a full disk, say: the log stays and grows, the next one tries again
            log.warning("checkpoint_failed", error=exc.message)
        except Exception:
            log.exception("checkpoint_failed")


def _write_positions(
    connection: sqlite3.Connection, positions: Sequence[Position], change_no: int, block: Statement | None
) -> None:
    """Move positions forwards; in private chats stamp both rows, so that the peer's sync shows the ticks."""
    rows = [
        (position.conversation_id, position.user_id, position.delivered_seq, position.read_seq)
        for position in positions
    ]
    connection.execute("BEGIN IMMEDIATE")
    if block is not None:
        connection.execute(*block)
    connection.execute(_MOVE, (msgspec.json.encode(rows).decode(), change_no))
    connection.execute(_STAMP_PEERS, (change_no, msgspec.json.encode([row[0] for row in rows]).decode()))
    connection.execute("COMMIT")
