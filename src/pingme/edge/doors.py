"""How many sockets come in at a time: a storm of them holds nobody up.

Reading a first request costs some 0.03 ms, an upgrade 0.1 ms, and all that have arrived are readable in the same turn of the
loop: five hundred would hold it for 50 ms. So it lets in what fits into a short time, then rests for as long: messages go
in between, and the store's threads get the interpreter. A loop that never rests keeps it from them for tens of milliseconds,
however often it lets go of it (docs/adr/0003).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter  # uvloop's own time stands still within a turn

FREE_S = 0.001  # of each turn: some ten upgrades; a thousand a second need a tenth of the loop
REST_S = 0.001  # between turns while somebody waits; uvloop's timers tick in milliseconds


class Doors:
    """Lets sockets in, first come first served. Used on the event loop only."""

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
            self._loop.call_soon(self._end_turn)
            return True
        return not self._waiting and perf_counter() < self._until_s

    def wait(self, enter: Callable[[], None]) -> None:
        """Call ``enter`` in one of the next turns; it must not raise."""
        self._waiting.append(enter)

    def _end_turn(self) -> None:
        if not self._waiting:
            self._until_s = None
            return
        self._until_s = 0.0  # closed
        self._loop.call_later(REST_S, self._next_turn)

    def _next_turn(self) -> None:
        self._until_s = until_s = perf_counter() + FREE_S
        self._loop.call_soon(self._end_turn)
        while self._waiting:
            self._waiting.popleft()()
            if perf_counter() >= until_s:
                return
