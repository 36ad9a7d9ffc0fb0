"""Asks the store for outcomes that another node has brought about and could not tell.

With Kafka any node may store a send; who waits for it here is told through live push. While that is away, what waits is read
back every 100 ms; else once a second, for the answers that were lost in the moment of a break. Reading back what is not stored
yet costs a read and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from pingme.domain.chain import digest_of
from pingme.domain.errors import StoreError
from pingme.domain.events import Command, Outcome, RefusedOutcome, Stored
from pingme.ports.clock import Clock
from pingme.ports.log import Origin, Record
from pingme.ports.push import LivePush
from pingme.ports.store import Found, Store
from pingme.services.pending import Pending

log = structlog.get_logger(__name__)

AWAY_MS = 100  # docs/guarantees.md: a Redis that is away delays no ack for long
UP_MS = 1_000
LIMIT = 500  # sends of one look, the oldest of each partition first
AT_ONCE = 4  # reads; half of the store's connections for reading


class AnswerCheck:
    """Looks at what waits, for ever.

    Args:
        unanswered: returns at most so many sends that wait in the log.
        pending: who waits for them.
        store: the truth.
        push: tells whether other nodes are heard.
        clock: when to look.
    """

    def __init__(
        self,
        unanswered: Callable[[int], Sequence[Record]],
        pending: Pending,
        store: Store,
        push: LivePush,
        clock: Clock,
    ) -> None:
        self._unanswered = unanswered
        self._pending = pending
        self._store = store
        self._push = push
        self._clock = clock
        self._seen: set[Origin] = set()
        self._looked_ms = clock.monotonic_ms()
        self.answered = 0
        """How many sends were answered from the store."""

    async def run(self) -> None:
        """Look whenever it is time, for ever."""
        while True:
            await self._clock.sleep_ms(AWAY_MS)
            if not self._push.connected or self._clock.monotonic_ms() - self._looked_ms >= UP_MS:
                await self.look()

    async def look(self) -> None:
        """Read back what waited at the last look already; a store that is away leaves it for the next one."""
        self._looked_ms = self._clock.monotonic_ms()
        waiting = {record.origin: record for record in self._unanswered(LIMIT) if record.origin is not None}
        due = [record for origin, record in waiting.items() if origin in self._seen]
        self._seen = set(waiting)
        try:
            for at in range(0, len(due), AT_ONCE):
                await asyncio.gather(*map(self._read_back, due[at : at + AT_ONCE]))
        except StoreError as exc:
            log.debug("answers_not_read", error=exc.message)

    async def _read_back(self, record: Record) -> None:
        command = record.command
        found = await self._store.find(command.sender_id, command.msg_id)
        outcome = None if found is None else outcome_of(command, found)
        if outcome is None:
            return
        waiter = self._pending.take(record.origin)
        if waiter is not None:
            self.answered += 1
            waiter.settle(outcome)


def outcome_of(command: Command, found: Found) -> Outcome | None:
    """Return what became of a command; None where its msg_id stands for something else: the pipeline refuses it then.

    Whether it was stored just now or by an earlier send is not known, so it is called a duplicate.
    """
    if found.refusal is not None:
        return RefusedOutcome(found.refusal, found.message)
    digest = digest_of(
        command.payload, command.conversation_id, command.kind, command.msg_id, command.sender_id, found.seq,
        found.server_ts,
    )  # fmt: skip
    if digest != found.digest:
        return None
    return Stored(found.conversation_id, found.seq, found.server_ts, duplicate=True)
