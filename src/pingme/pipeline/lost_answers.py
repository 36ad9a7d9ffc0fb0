"""Answers that were lost on their way from the node that stored a send: the node that waits reads them back.

With a log that all nodes consume, another node may store what this one's clients send, and tell it so by live push, which
may lose it. The log has moved then, so that nothing goes directly (`pingme.pipeline.direct`): only the store knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from pingme.domain.errors import StoreError
from pingme.domain.events import Outcome
from pingme.pipeline.plan import Known, answer_repeat
from pingme.ports.clock import Clock
from pingme.ports.log import Origin, Record
from pingme.ports.store import Found, Store

log = structlog.get_logger(__name__)

CUT_OFF_MS = 100  # between looks while other nodes are not heard
CONNECTED_MS = 1_000  # otherwise: for what was lost before the break was noticed
MAX_ASKED = 200  # sends per look, an indexed read each; the others have their turn when these are answered


class Hearing(Protocol):
    """What tells whether other nodes are heard."""

    @property
    def connected(self) -> bool:
        """See `LivePush.connected`."""
        ...


class Waits(Protocol):
    """Somebody who waits for an outcome."""

    def settle(self, outcome: Outcome) -> None:
        """See `pingme.services.pending.Waiter`."""
        ...


class Waiting(Protocol):
    """Who waits for which outcome."""

    def take(self, origin: Origin | None) -> Waits | None:
        """See `pingme.services.pending.Pending`."""
        ...


class LostAnswers:
    """Looks at what is unanswered, and asks the store for what was so at the look before, too.

    Args:
        unanswered: this node's sends in the log, the oldest of each partition first.
        store: the truth.
        pending: who waits.
        push: tells whether other nodes are heard.
        clock: when to look.
    """

    def __init__(
        self,
        unanswered: Callable[[], Sequence[Record]],
        store: Store,
        pending: Waiting,
        push: Hearing,
        clock: Clock,
    ) -> None:
        self._unanswered = unanswered
        self._store = store
        self._pending = pending
        self._push = push
        self._clock = clock
        self._before: set[int] = set()
        self._looked_ms = clock.monotonic_ms()
        self.found = 0
        """How many answers were read back."""

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self._clock.sleep_ms(CUT_OFF_MS)
            if self._push.connected and self._clock.monotonic_ms() - self._looked_ms < CONNECTED_MS:
                continue
            try:
                await self.look()
            except StoreError as exc:  # sends wait for the store anyway
                log.debug("answers_not_read", error=exc.message)

    async def look(self) -> None:
        """Look once.

        Raises:
            StoreError: it cannot be read now.
        """
        self._looked_ms = self._clock.monotonic_ms()
        waiting = {
            record.origin.attempt: record for record in self._unanswered() if record.origin is not None
        }
        due = [record for attempt, record in waiting.items() if attempt in self._before]
        self._before = set(waiting)
        for record in due[:MAX_ASKED]:
            command = record.command
            found = await self._store.find(command.sender_id, command.msg_id)
            waiter = self._pending.take(record.origin) if found is not None else None
            if found is not None and waiter is not None:
                self.found += 1
                waiter.settle(answer_repeat(command, _known(found)))


def _known(found: Found) -> Known:
    return Known(
        found.conversation_id,
        found.kind,
        found.seq,
        found.server_ts,
        found.digest,
        found.refusal or 0,
        found.message,
    )
