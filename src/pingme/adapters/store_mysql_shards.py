"""What a node remembers of each shard, and how it notices that somebody else has written there.

The lock, fence and change number of a shard are one row. A transaction that writes begins with
``n = n + 1`` in each of its shards, ascending: the row lock is held to COMMIT, so n is in commit order. n one above the
last that this node knows means that nobody else has committed in between, and what it remembers holds; otherwise all of
it is dropped and read anew, under the lock.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field

from pingme.adapters.mysql_database import Transaction
from pingme.domain.errors import StoreUnavailable
from pingme.domain.events import Event
from pingme.pipeline.plan import Known, Log, MsgKey

MAX_LOGS = 100_000  # conversations in memory, of all shards: some 60 MB
MAX_RECENT = 8_192  # newest events of all shards, in two halves of this size


@dataclass(slots=True, eq=False)
class Shard:
    """One shard as this node knows it.

    Attributes:
        last: the change number that everything here is as of; None where nothing is known.
        next_key, next_refusal: the next free ones; None where they were not asked for.
        ask_first: look for existing msg_ids before the INSERT: after a repeat, until a batch has none.
    """

    number: int
    last: int | None = None
    logs: dict[str, Log] = field(default_factory=dict)
    recent: dict[MsgKey, Known | Event] = field(default_factory=dict)
    older: dict[MsgKey, Known | Event] = field(default_factory=dict)
    next_key: int | None = None
    next_refusal: int | None = None
    ask_first: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def drop(self) -> None:
        """Forget everything: the store is the truth."""
        self.last = None
        self.logs = {}
        self.recent, self.older = {}, {}
        self.next_key = self.next_refusal = None
        self.ask_first = True

    def meet(self, change_no: int) -> None:
        """Compare with the number that this transaction was given; after this ``last`` is what was committed before."""
        if self.last != change_no - 1:
            known = self.last is not None
            self.drop()
            self.ask_first = (
                not known
            )  # another node's work makes no repeats of ours; a broken commit of ours does
            self.last = change_no - 1

    def repeat(self, key: MsgKey) -> Known | Event | None:
        """Return what was stored here lately under this msg_id."""
        return self.recent.get(key) or self.older.get(key)

    def bound(self, shards: int) -> None:
        """Keep within this shard's part of the memory: the older half goes."""
        if len(self.logs) > MAX_LOGS // shards:
            for key in list(self.logs)[: len(self.logs) // 2]:
                del self.logs[key]
        if len(self.recent) > MAX_RECENT // shards:
            self.older, self.recent = self.recent, {}


@contextlib.asynccontextmanager
async def held(shards: Sequence[Shard]) -> AsyncGenerator[None]:
    """Let one transaction of this node at a time into each of these shards, which are in ascending order."""
    async with contextlib.AsyncExitStack() as stack:
        for shard in shards:
            await stack.enter_async_context(shard.lock)
        yield


async def enter(transaction: Transaction, shards: Sequence[Shard]) -> Mapping[int, int]:
    """Lock the shards in the store and return the change number of each; what is out of date is dropped.

    One statement for each, sent together: an UPDATE of several rows would return only the last number.

    Raises:
        StoreError: as every statement; StoreUnavailable where a shard has no row.
    """
    sql = ";".join(
        f"UPDATE shards SET n = LAST_INSERT_ID(n + 1) WHERE id = {shard.number}"  # noqa: S608  # a number
        for shard in shards
    )
    answers = await transaction.execute_all(sql, count=len(shards))
    numbers: dict[int, int] = {}
    for shard, answer in zip(shards, answers, strict=True):
        if answer.count != 1:
            raise StoreUnavailable(f"the store has no shard {shard.number}: its tables are damaged")
        numbers[shard.number] = answer.insert_id
        shard.meet(answer.insert_id)
    return numbers
