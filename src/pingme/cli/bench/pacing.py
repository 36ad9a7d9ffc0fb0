"""The open loop: requests leave at intended times, whatever the answers do."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
from collections.abc import Callable

from pingme.cli.bench.frames import now_us

TICK_MIN_US = 200  # finer ticks would cost more than they tell
_CLOCK_MONOTONIC = 1
_NONBLOCK = os.O_NONBLOCK


class Pacer:
    """Calls ``send(intended_us)`` at a fixed rate from ``start_us`` on, until it is stopped.

    When the loop is late, what is due is sent at once, each with the time at which it should have left: latencies counted
    from there include the waiting that a stalled server causes (no coordinated omission).
    """

    def __init__(self, send: Callable[[int], None], rate: float, start_us: int) -> None:
        self._send = send
        self._gap_us = 1e6 / rate
        self._start_us = start_us
        self._sent = 0
        self._timer = -1
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the first request is due at ``start_us``."""
        tick_us = max(TICK_MIN_US, min(1000, int(self._gap_us)))
        if sys.platform == "linux":
            self._timer = _timerfd(tick_us)
            asyncio.get_running_loop().add_reader(self._timer, self._tick)
        else:
            self._task = asyncio.create_task(self._poll())

    def stop(self) -> None:
        """Send nothing more."""
        if self._timer >= 0:
            asyncio.get_running_loop().remove_reader(self._timer)
            os.close(self._timer)
            self._timer = -1
        if self._task is not None:
            self._task.cancel()

    async def _poll(self) -> None:
        while True:
            self._due()
            await asyncio.sleep(0.001)

    def _tick(self) -> None:
        os.read(self._timer, 8)
        self._due()

    def _due(self) -> None:
        now = now_us()
        while (intended_us := self._start_us + int(self._sent * self._gap_us)) <= now:
            self._send(intended_us)
            self._sent += 1


def _timerfd(tick_us: int) -> int:
    """Return a descriptor that becomes readable every ``tick_us`` (timerfd_create(2)); the loop's timers tick in ms."""
    libc = ctypes.CDLL(None, use_errno=True)
    timer: int = libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK)
    spec = struct.pack("4q", 0, tick_us * 1000, 0, tick_us * 1000)
    if timer < 0 or libc.timerfd_settime(timer, 0, spec, None) < 0:
        raise OSError(ctypes.get_errno(), "timerfd")
    return timer
