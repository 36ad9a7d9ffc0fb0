"""Up to where a partition is finished: the offset that may be committed."""

from __future__ import annotations

from collections import deque


class Finished:
    """The records of one partition that were given out, and which of them are done; in order of their offsets."""

    def __init__(self) -> None:
        self._given: deque[int] = deque()
        self._done: set[int] = set()
        self._next = -1

    def give(self, offset: int) -> None:
        """Take note that the record at this offset is in somebody's hands; offsets ascend."""
        self._given.append(offset)
        self._next = offset + 1

    def done(self, offset: int) -> None:
        """Take note that it is finished. An offset that was given out before this partition was ours changes nothing."""
        given = self._given
        if not given or offset < given[0]:
            return
        if offset != given[0]:
            self._done.add(offset)
            return
        given.popleft()
        finished = self._done
        while given and given[0] in finished:
            finished.discard(given.popleft())

    @property
    def position(self) -> int:
        """The lowest offset that is not finished, or the one after all that were given out; -1 before the first."""
        return self._given[0] if self._given else self._next
