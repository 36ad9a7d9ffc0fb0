"""Waiting for something to take, until it is there, the time is over, or somebody calls."""

from __future__ import annotations

import asyncio


class Waking:
    """The waiting half of a `MessageLog`; used on the event loop only, by one taker at a time."""

    def __init__(self) -> None:
        self._taker: asyncio.Future[None] | None = None

    async def _wait(self, timeout_ms: int | None) -> None:
        loop = asyncio.get_running_loop()
        self._taker = loop.create_future()
        timer = None if timeout_ms is None else loop.call_later(timeout_ms / 1000, self.wake)
        try:
            await self._taker
        finally:
            self._taker = None
            if timer is not None:
                timer.cancel()

    def wake(self) -> None:
        """See `MessageLog.wake`."""
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)
