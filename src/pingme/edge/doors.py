"""How many sockets become WebSockets in one turn of the loop: a storm of them holds nobody up.

One upgrade costs some 0.1 ms, and all that have arrived are readable in the same turn: five hundred would hold the loop
for 50 ms. So each turn lets in what fits into a short time, and messages go in between.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter  # uvloop's own time stands still within a turn

FREE_S = 0.001  # of upgrades in one turn: some ten; a thousand a second need a tenth of the loop


class Doors:
    """Lets upgrades happen, first come first served. Used on the event loop only."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Callable[[], None]] = deque()
        self._until_s: float | None = None  # None: nobody came in this turn

    @property
    def waiting(self) -> int:
        """How many wait for the next turn; bounded by `limits.http_connections`, whose sockets they are."""
        return len(self._waiting)

    @property
    def open(self) -> bool:
        """True while there is time in this turn of the loop; begins the turn."""
        if self._until_s is None:
            self._until_s = perf_counter() + FREE_S
            self._loop.call_soon(self._next_turn)
            return True
        return not self._waiting and perf_counter() < self._until_s

    def wait(self, enter: Callable[[], None]) -> None:
        """Call ``enter`` in one of the next turns; it must not raise."""
        self._waiting.append(enter)

    def _next_turn(self) -> None:
        if not self._waiting:
            self._until_s = None
            return
        self._until_s = until_s = perf_counter() + FREE_S
        self._loop.call_soon(self._next_turn)
        while self._waiting:
            self._waiting.popleft()()
            if perf_counter() >= until_s:
                return
