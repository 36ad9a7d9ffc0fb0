"""When sockets that are not read for a while are read again: one timer for all of them, armed for the earliest."""

from __future__ import annotations

import asyncio
import heapq
from typing import Protocol

from pingme.ports.clock import Clock


class Paused(Protocol):
    """A socket that is not read."""

    def resume_reading(self) -> None:
        """Read again, or ask for another time."""
        ...


class Resumes:
    """Times at which paused sockets are read again.

    Args:
        clock: time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[int, int, Paused]] = []
        self._waiting: set[Paused] = set()  # one time each: whoever owes more then asks again
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ms = 0

    def put(self, socket: Paused, delay_ms: int) -> None:
        """Let a socket be read again after ``delay_ms``; nothing changes for one that waits already."""
        if socket in self._waiting:
            return
        self._waiting.add(socket)
        self._count += 1
        heapq.heappush(self._due, (self._clock.monotonic_ms() + delay_ms, self._count, socket))
        self._arm()

    def close(self) -> None:
        """Forget everybody."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._due.clear()
        self._waiting.clear()

    def _arm(self) -> None:
        """Set the timer for whoever is first."""
        first_ms = self._due[0][0]
        if self._timer is not None:
            if self._timer_ms <= first_ms:
                return
            self._timer.cancel()
        self._timer_ms = first_ms
        delay_s = max(1, first_ms - self._clock.monotonic_ms()) / 1000
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._wake)

    def _wake(self) -> None:
        self._timer = None
        now = self._clock.monotonic_ms()
        due: list[Paused] = []
        while self._due and self._due[0][0] <= now:
            due.append(heapq.heappop(self._due)[2])
        self._waiting.difference_update(due)
        for socket in due:
            socket.resume_reading()
        if self._due:
            self._arm()
