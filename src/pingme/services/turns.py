"""Whose turn it is: what clients ask of the store is answered in small pieces, one per turn of the loop.

Rules of this file:
- A piece is a page, an entry of a sync, one question: at most a few milliseconds.
- While others wait, the loop rests from pieces as long as the last one took: messages find it free half of the time.
- First come, first served, and a connection waits with one piece at a time: many questions of one do not hold up others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import perf_counter  # uvloop's own time stands still within a turn

FREE_S = 0.001  # of pieces in one turn of the loop before others have to wait
REST_MIN_S = 0.0005  # shorter turns need no rest: storms of small questions pass at full speed
REST_MAX_S = 0.02  # also after a long one


class Turns:
    """Lets pieces of work begin. Used on the event loop only."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._began_s: float | None = None  # None: no piece in this turn of the loop, and nobody waits

    @property
    def waiting(self) -> int:
        """How many pieces wait for their turn."""
        return len(self._waiting)

    async def take(self) -> None:
        """Return when the next piece may begin; at once while there is time in this turn of the loop."""
        if self._began_s is None:
            self._began_s = perf_counter()
            self._loop.call_soon(self._end_turn)
        elif self._waiting or perf_counter() - self._began_s > FREE_S:
            turn: asyncio.Future[None] = self._loop.create_future()
            self._waiting.append(turn)
            await turn

    def _end_turn(self) -> None:
        """Rest after a long turn, then begin the next."""
        took_s = perf_counter() - (self._began_s or 0.0)
        if self._waiting and took_s > REST_MIN_S:
            self._loop.call_later(min(took_s, REST_MAX_S), self._next)
        else:
            self._next()

    def _next(self) -> None:
        """Let the one that has waited longest begin."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # done: its task was cancelled
                turn.set_result(None)
                self._began_s = perf_counter()
                self._loop.call_soon(self._end_turn)
                return
        self._began_s = None
