"""The log inside one process: a bounded queue. What is in it is lost with the process, and nobody was told it was stored."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.log import Record


class MemoryLog:
    """`MessageLog` in a deque.

    Args:
        limit_records: `limits.log_records`.
    """

    def __init__(self, limit_records: int) -> None:
        self._records: deque[Record] = deque()
        self._limit = limit_records
        self._taker: asyncio.Future[None] | None = None
        self._offset = 0

    def append(self, record: Record) -> None:
        """See `MessageLog.append`."""
        if len(self._records) >= self._limit:
            raise Refused(ErrorCode.OVERLOADED, "the log is full", retry_after_ms=1000)
        record.offset = self._offset
        self._offset += 1
        self._records.append(record)
        if self._taker is not None:
            self.wake()

    async def take(self, *, max_records: int, timeout_ms: int | None) -> Sequence[Record]:
        """See `MessageLog.take`."""
        if not self._records:
            await self._wait(timeout_ms)
        records = self._records
        if len(records) <= max_records:
            taken = list(records)
            records.clear()
        else:
            taken = [records.popleft() for _ in range(max_records)]
        return taken

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

    async def done(self, records: Sequence[Record]) -> None:
        """See `MessageLog.done`: what was taken is gone already."""

    def depth(self) -> int:
        """See `MessageLog.depth`."""
        return len(self._records)

    def wake(self) -> None:
        """See `MessageLog.wake`."""
        if self._taker is not None and not self._taker.done():
            self._taker.set_result(None)
