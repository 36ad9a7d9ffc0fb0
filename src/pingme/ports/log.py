"""The log between the edge and the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from pingme.domain.events import Command


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Who waits for the outcome of a record.

    Attributes:
        node_id: the node that accepted the command.
        attempt: that node's number of this attempt, unique while the node lives.
    """

    node_id: str
    attempt: int


class Record(msgspec.Struct, gc=False):
    """A command in the log.

    Attributes:
        command: what is asked.
        origin: who waits for the answer; None when nobody does (a replay).
        topic, partition, offset: where in the log it stands.
        attempts: how often its save was tried alone.
    """

    command: Command
    origin: Origin | None
    topic: str = "memory"
    partition: int = 0
    offset: int = 0
    attempts: int = 0

    @property
    def position(self) -> str:
        """Where in the log it stands, for people: ``topic/partition/offset``; made only when something went wrong."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class MessageLog(Protocol):
    """At least once, in order per conversation: a record is given out again until it is done.

    ``append`` and ``take`` may be called concurrently; one taker at a time.
    """

    def append(self, record: Record) -> None:
        """Put a record at the end; returns at once.

        Raises:
            Refused: 10008, the log is full (``limits.log_records``); the record is not in it.
        """
        ...

    async def take(self, *, max_records: int, timeout_ms: int | None) -> Sequence[Record]:
        """Wait for records and return all that are there, at most ``max_records``, in order.

        Args:
            max_records: at least 1.
            timeout_ms: return an empty list after this long; None waits for ever.
        """
        ...

    async def done(self, records: Sequence[Record]) -> None:
        """Say that these records are stored, refused or dead-lettered: they need not be given out again."""
        ...

    def depth(self) -> int:
        """Return how many records wait."""
        ...

    def wake(self) -> None:
        """Make a waiting `take` return, even with nothing."""
        ...
