"""Which records of a partition stand behind one that is gone, so that nothing is stored before what its sender sent earlier.

A broker may lose records that it has confirmed, or never take one whose successors it takes. Each record of a node
names the record of that node before it in the same partition, unless all before it are answered (`Record.after`). Whoever
reads the partition lets a record through when it has let through the one that is named. Else it passes over it, and over all
that follow from that node, which hears of it and commits them directly, in their order (`pingme.pipeline.direct`).

What was let through stands in the metadata of the committed offset, for whoever reads the partition next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pingme.ports.log import Origin

MAX_NODES = 48  # remembered for each partition, twice 35 bytes each: metadata of an offset may have 4 096
LAST, GAP = "last:", "gap:"  # before ``<node>:<attempt>``


def remember(last: dict[str, int], node_id: str, attempt: int) -> None:
    """Make this the last record of a node; who was silent for the longest time is forgotten where there are too many."""
    if node_id in last:
        del last[node_id]
    elif len(last) >= MAX_NODES:
        del last[next(iter(last))]
    last[node_id] = attempt


class Chains:
    """The last record of each node that was let through, and what was passed over since.

    Args:
        last: node and attempt, as `read_last` gives it.
    """

    __slots__ = ("_gaps", "_last")

    def __init__(self, last: Mapping[str, int]) -> None:
        self._last = dict(last)
        self._gaps: dict[str, int] = {}

    def lets_through(self, origin: Origin, after: int) -> bool:
        """Tell whether a record may be stored, and remember it.

        Args:
            origin: whose record it is.
            after: see `Record.after`.
        """
        node_id, attempt = origin.node_id, origin.attempt
        if after and self._last.get(node_id) != after:
            remember(self._gaps, node_id, attempt)
            return False
        if self._gaps:
            self._gaps.pop(node_id, None)
        remember(self._last, node_id, attempt)
        return True

    def gaps(self) -> list[str]:
        """Return the words for the newest record of each node that was passed over."""
        return to_words(GAP, self._gaps)


def to_words(prefix: str, attempts: Mapping[str, int]) -> list[str]:
    """Return nodes and attempts as words for the metadata of an offset; another thread may write to what is given."""
    return [f"{prefix}{node_id}:{attempt}" for node_id, attempt in list(attempts.items())]


def read_last(metadata: str) -> dict[str, int]:
    """Return which records were finished last, of each node, by the metadata of an offset."""
    return {origin.node_id: origin.attempt for origin in _read(LAST, metadata.split())}


def read_gaps(words: Iterable[str]) -> tuple[Origin, ...]:
    """Return which records were passed over, the newest of each node."""
    return tuple(_read(GAP, words))


def _read(prefix: str, words: Iterable[str]) -> Iterable[Origin]:
    for word in words:
        node_id, _, attempt = word.removeprefix(prefix).rpartition(":")
        if word.startswith(prefix) and attempt.isdecimal():
            yield Origin(node_id, int(attempt))
