"""Up to where a partition is finished: the offset that may be committed."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from pingme.adapters.kafka_chains import Attempts
from pingme.ports.log import Origin


class Finished:
    """The records of one partition that were given out, and which of them are done; in order of their offsets.

    Args:
        last: the last record of each node below the first one that will be given out.
    """

    def __init__(self, last: Mapping[str, int] | None = None) -> None:
        self._given: deque[tuple[int, Origin | None]] = deque()
        self._done: set[int] = set()
        self._next = -1
        self.last = Attempts(last)
        """Of each node the last record below `position`."""

    def give(self, offset: int, origin: Origin | None = None) -> None:
        """Take note that the record at this offset, of this origin, is in somebody's hands; offsets ascend."""
        self._given.append((offset, origin))
        self._next = offset + 1

    def done(self, offset: int) -> None:
        """Take note that it is finished. An offset that was given out before this partition was ours changes nothing."""
        given = self._given
        if not given or offset < given[0][0]:
            return
        self._done.add(offset)
        finished = self._done
        while given and given[0][0] in finished:
            lowest, origin = given.popleft()
            finished.discard(lowest)
            if origin is not None:
                self.last.note(origin.node_id, origin.attempt)

    @property
    def position(self) -> int:
        """The lowest offset that is not finished, or the one after all that were given out; -1 before the first."""
        return self._given[0][0] if self._given else self._next
