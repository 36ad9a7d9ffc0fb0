"""The log inside one process: a bounded queue. What is in it is lost with the process, and nobody was told it was stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from pingme.adapters.waking import Waking
from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.log import Record, Spoiled


class MemoryLog(Waking):
    """`MessageLog` in a deque.

    Args:
        limit_records: `limits.log_records`.
    """

    def __init__(self, limit_records: int) -> None:
        super().__init__()
        self._records: deque[Record] = deque()
        self._limit = limit_records
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

    async def done(self, records: Sequence[Record | Spoiled]) -> None:
        """See `MessageLog.done`: what was taken is gone already."""

    def depth(self) -> int:
        """See `MessageLog.depth`."""
        return len(self._records)

    def spoiled(self) -> Sequence[Spoiled]:
        """See `MessageLog.spoiled`: nothing is encoded here."""
        return ()

    def withdrawn(self) -> Sequence[int]:
        """See `MessageLog.withdrawn`: there is no other taker."""
        return ()

    def hold(self, partition: int) -> None:
        """See `MessageLog.hold`: what is not given out here would be lost with the process, so all else goes on."""

    def release(self, partition: int) -> None:
        """See `MessageLog.release`."""

    def retrying(self, record: Record, delay_ms: int) -> None:
        """See `MessageLog.retrying`: nobody watches."""
