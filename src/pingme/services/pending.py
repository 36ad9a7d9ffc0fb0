"""Who waits for the outcome of which command: a node owns its clients' sends until they are answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from pingme.domain.errors import ErrorCode
from pingme.domain.events import Outcome, RefusedOutcome
from pingme.ports.clock import Clock
from pingme.ports.log import Origin

SAMPLE = 64  # an observation costs 2 µs: of every send it would be a tenth of a core at 50 000/s


class Waiter(Protocol):
    """Somebody who sent a command."""

    def settle(self, outcome: Outcome) -> None:
        """Take the answer; called once, on the event loop, never concurrently."""
        ...


NO_ANSWER = RefusedOutcome(ErrorCode.OUTCOME_UNKNOWN, "no answer in time; send it again with the same msg_id")


class Pending:
    """The unanswered commands of this node.

    Args:
        node_id: this node's name, unique among the nodes.
        clock: the monotonic clock.
        timeout_ms: an unanswered command is answered with 10009 (outcome unknown) after this long.
        observe: told how many seconds an answer took, of one command in `SAMPLE`.
    """

    def __init__(
        self, node_id: str, clock: Clock, timeout_ms: int, observe: Callable[[float], None] | None = None
    ) -> None:
        self.node_id = node_id
        self._clock = clock
        self._timeout_ms = timeout_ms
        self._waiting: dict[int, Waiter] = {}
        # (deadline, last attempt) of what came between two turns of `tick`, counted from the first of them: one deadline
        # for all of it costs nothing per command.
        self._deadlines: deque[tuple[int, int]] = deque()
        self._last = 0
        self._observe = observe
        self._sampled = (0, 0)  # attempt, when it began
        self._noted = 0
        self._ticked_ms = clock.monotonic_ms()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, waiter: Waiter) -> Origin:
        """Remember who waits; return the origin to put into the record."""
        self._last = attempt = self._last + 1
        self._waiting[attempt] = waiter
        if attempt % SAMPLE == 0:
            self._sampled = (attempt, self._clock.monotonic_ms())
        return Origin(self.node_id, attempt)

    def take(self, origin: Origin | None) -> Waiter | None:
        """Return who waits for this origin's outcome, once; None when it is another node's, or was answered."""
        if origin is None or origin.node_id != self.node_id:
            return None
        attempt = origin.attempt
        if attempt == self._sampled[0] and self._observe is not None:
            self._observe((self._clock.monotonic_ms() - self._sampled[1]) / 1000)
        return self._waiting.pop(attempt, None)

    def waits(self, origin: Origin | None) -> bool:
        """Tell whether somebody here still waits for this origin's outcome."""
        return origin is not None and origin.attempt in self._waiting

    def tick(self) -> None:
        """Answer what has waited too long; call it every 100 ms or so."""
        now = self._clock.monotonic_ms()
        deadlines = self._deadlines
        if self._last != self._noted:
            self._noted = self._last
            deadlines.append((self._ticked_ms + self._timeout_ms, self._last))
        self._ticked_ms = now
        while deadlines and deadlines[0][0] <= now:
            self._expire(deadlines.popleft()[1])

    def _expire(self, last: int) -> None:
        """Answer every command up to this attempt; they stand in the order in which they came."""
        due: list[int] = []
        for attempt in self._waiting:
            if attempt > last:
                break
            due.append(attempt)
        for attempt in due:
            self._waiting.pop(attempt).settle(NO_ANSWER)
