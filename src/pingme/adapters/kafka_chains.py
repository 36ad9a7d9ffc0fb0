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

# A record names one of the last ten seconds, in which no partition takes this many: nodes that have written nothing among
# them are gone, and are forgotten.
REMEMBERED_RECORDS = 50_000
MAX_NODES = 24  # with words of 35 bytes, for twice two as many: metadata of an offset may have 4 096
LAST, GAP = "last:", "gap:"  # before ``<node>:<attempt>``


class Attempts:
    """One attempt of each node, of the last `REMEMBERED_RECORDS` to twice as many; written by one thread, read by any.

    Args:
        known: node and attempt.
    """

    __slots__ = ("_noted", "_old", "_young")

    def __init__(self, known: Mapping[str, int] | None = None) -> None:
        self._young: dict[str, int] = dict(known or {})
        self._old: dict[str, int] = {}
        self._noted = 0

    def note(self, node_id: str, attempt: int) -> None:
        """Make this the attempt of a node."""
        self._young[node_id] = attempt
        self._noted += 1
        if self._noted >= REMEMBERED_RECORDS or len(self._young) > MAX_NODES:
            self._old, self._young, self._noted = self._young, {node_id: attempt}, 0

    def get(self, node_id: str) -> int:
        """Return the attempt of a node; 0 where none is known."""
        return self._young.get(node_id) or self._old.get(node_id, 0)

    def drop(self, node_id: str) -> None:
        """Forget a node."""
        self._young.pop(node_id, None)
        self._old.pop(node_id, None)

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._young or self._old)

    def words(self, prefix: str) -> list[str]:
        """Return what is known as words for the metadata of an offset."""
        young = self._young.copy()  # before the old: what moves in between is in both
        return [f"{prefix}{node_id}:{attempt}" for node_id, attempt in (self._old.copy() | young).items()]


class Chains:
    """The last record of each node that was let through, and what was passed over since.

    Args:
        last: node and attempt, as `read_last` gives it.
    """

    __slots__ = ("_gaps", "_last")

    def __init__(self, last: Mapping[str, int]) -> None:
        self._last = Attempts(last)
        self._gaps = Attempts()

    def lets_through(self, origin: Origin, after: int) -> bool:
        """Tell whether a record may be stored, and remember it.

        Args:
            origin: whose record it is.
            after: see `Record.after`.
        """
        node_id = origin.node_id
        if after and self._last.get(node_id) != after:
            self._gaps.note(node_id, origin.attempt)
            return False
        if self._gaps:
            self._gaps.drop(node_id)
        self._last.note(node_id, origin.attempt)
        return True

    def gaps(self) -> list[str]:
        """Return the words for the newest record of each node that was passed over."""
        return self._gaps.words(GAP)


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
