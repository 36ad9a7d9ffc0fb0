"""One timing wheel for all connections: no timer, task or queue of their own."""

from __future__ import annotations

import asyncio
from typing import Protocol

from pingme.ports.clock import Clock

SLOTS = 64  # of one second: longer waits go round more than once, checking costs nothing


class Timed(Protocol):
    """Something that wants to be looked at from time to time."""

    def check(self, now_s: int) -> int:
        """Look at deadlines; return in how many seconds to look again, 0 for never."""
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

    def add(self, timed: Timed, after_s: int) -> int:
        """Look at ``timed`` in ``after_s`` seconds, at least 1; at most `SLOTS` - 1 (then it says when again).

        Returns:
            Where it stands, for `drop`.
        """
        slot = (self.now_s + min(max(after_s, 1), SLOTS - 1)) % SLOTS
        self._slots[slot].add(timed)
        return slot

    def drop(self, timed: Timed, slot: int) -> None:
        """Let go of ``timed`` if it still stands where `add` put it; else it goes when its second comes."""
        self._slots[slot].discard(timed)

    def advance(self) -> None:
        """Look at everything that became due since the last call."""
        now = self._clock.monotonic_ms() // 1000
        last = max(self.now_s, now - SLOTS)
        for second in range(last + 1, now + 1):
            self.now_s = second
            slot = second % SLOTS
            due, self._slots[slot] = self._slots[slot], set()
            for timed in due:
                again = timed.check(now)
                if again:
                    self.add(timed, again)

    async def run(self) -> None:
        """Turn for ever."""
        while True:
            await asyncio.sleep(0.5)  # half a slot: nothing is more than half a second late
            self.advance()
