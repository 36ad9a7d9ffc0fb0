"""One timing wheel for all connections: no timer, task or queue of their own.

Rules of this file:
- A thing stands in one place only, and whoever is gone is dropped: nothing is kept alive by its deadline.
- What became due in the same second is looked at in pieces; messages go in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Protocol

from pingme.ports.clock import Clock

SLOTS = 64  # of one second: longer waits go round more than once, checking costs nothing
PIECE = 50  # things looked at in one turn of the loop: each may write a frame, which costs some 30 µs
NOWHERE = -1


class Timed(Protocol):
    """Something that wants to be looked at from time to time.

    Attributes:
        slot: where it stands; `NOWHERE` at first, afterwards the wheel's own.
    """

    slot: int

    def check(self, now_s: int) -> int:
        """Look at deadlines; return in how many seconds to look again, 0 for never or where it has added itself."""
        ...


class Wheel:
    """Looks at each thing when its second comes.

    Args:
        clock: the monotonic clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slots: list[set[Timed]] = [set() for _ in range(SLOTS)]
        self.now_s = clock.monotonic_ms() // 1000

    def add(self, timed: Timed, after_s: int) -> None:
        """Look at ``timed`` in ``after_s`` seconds, and no more where it stood before.

        At least 1, at most `SLOTS` - 1 (then it says when again).
        """
        self.drop(timed)
        slot = (self.now_s + min(max(after_s, 1), SLOTS - 1)) % SLOTS
        self._slots[slot].add(timed)
        timed.slot = slot

    def drop(self, timed: Timed) -> None:
        """Let go of ``timed``; harmless when it is not here."""
        if timed.slot != NOWHERE:
            self._slots[timed.slot].discard(timed)
            timed.slot = NOWHERE

    def advance(self) -> None:
        """Look at everything that became due since the last call."""
        for _ in self._pieces():
            pass

    def _pieces(self) -> Iterator[None]:
        """Look at what became due, and pause after each `PIECE`."""
        now = self._clock.monotonic_ms() // 1000
        last = max(self.now_s, now - SLOTS)
        for second in range(last + 1, now + 1):
            self.now_s = second
            due = self._slots[second % SLOTS]  # nothing is added to it now: every wait is 1 to SLOTS - 1
            count = 0
            while due:
                timed = due.pop()
                timed.slot = NOWHERE
                again = timed.check(now)
                if again:
                    self.add(timed, again)
                count += 1
                if count % PIECE == 0:
                    yield

    async def run(self) -> None:
        """Turn for ever."""
        while True:
            await asyncio.sleep(0.5)  # half a slot: nothing is more than half a second late
            for _ in self._pieces():
                await asyncio.sleep(0)  # thousands may be due in the same second
