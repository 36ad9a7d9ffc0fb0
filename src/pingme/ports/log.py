"""The log between the edge and the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import msgspec

from pingme.domain.events import Command

Headers = tuple[tuple[str, bytes], ...]


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
        after: the attempt of the record that the same node put into the same partition before this one; 0 while all of those
            are answered. A log that may lose records lets this one through only after that one.
    """

    command: Command
    origin: Origin | None
    topic: str = "memory"
    partition: int = 0
    offset: int = 0
    attempts: int = 0
    after: int = 0

    @property
    def position(self) -> str:
        """Where in the log it stands, for people: ``topic/partition/offset``; made only when something went wrong."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class Spoiled(msgspec.Struct, frozen=True, kw_only=True):
    """A record whose bytes are not a command (50002): they are kept as they are.

    Attributes:
        raw: the bytes.
        headers: as they stand beside them in the log.
        error: what is wrong with them, without content.
        topic, partition, offset: where in the log it stands.
    """

    raw: bytes
    headers: Headers
    error: str
    topic: str
    partition: int
    offset: int

    @property
    def position(self) -> str:
        """Where in the log it stands, for people: ``topic/partition/offset``."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class CommandLog(Protocol):
    """Where commands go."""

    def append(self, record: Record) -> None:
        """Put a record at the end; returns at once.

        Raises:
            Refused: 10008, the log is full (``limits.log_records``); the record is not in it.
            LogFailed: 50008, the log does not take it now; nobody should rely on it being there.
        """
        ...

    def depth(self) -> int:
        """Return how many records wait."""
        ...


class MessageLog(CommandLog, Protocol):
    """At least once, in order per conversation: a record is given out again until it is done.

    A log of several partitions keeps a conversation in one of them. ``append`` and ``take`` may be called concurrently;
    one taker at a time.
    """

    async def take(self, *, max_records: int, timeout_ms: int | None) -> Sequence[Record]:
        """Wait for records and return all that are there, at most ``max_records``, in order.

        Args:
            max_records: at least 1.
            timeout_ms: return an empty list after this long; None waits for ever. It also ends, perhaps with nothing,
                when `spoiled` or `withdrawn` have something new.
        """
        ...

    async def done(self, records: Sequence[Record | Spoiled]) -> None:
        """Say that these records are stored, refused or dead-lettered: they need not be given out again."""
        ...

    def wake(self) -> None:
        """Make a waiting `take` return, even with nothing."""
        ...

    def spoiled(self) -> Sequence[Spoiled]:
        """Return, once, what `take` met that is no command; each must be `done` like a record."""
        ...

    def withdrawn(self) -> Collection[int]:
        """Return, once, the partitions that are no longer this taker's: it drops what it has not finished of them.

        Somebody else is given those records; `done` of one of them does no harm.
        """
        ...

    def hold(self, partition: int) -> None:
        """Give out nothing more of this partition until `release`: a record of it can be neither stored nor given up."""
        ...

    def release(self, partition: int) -> None:
        """Go on with a partition; nothing happens when it was not held."""
        ...

    def retrying(self, record: Record, delay_ms: int) -> None:
        """Take note that this record is tried again after a delay: its partition stands still for a reason."""
        ...


class Progress(msgspec.Struct, frozen=True):
    """What is known of the work on a partition, whoever does it.

    Attributes:
        token: changes whenever a record is finished or tried again; "" while nothing is known.
        grace_ms: a record in retry may hold the partition this long after the token changed.
        echoes: the newest probes that came through.
        gaps: records that were not let through, because one before them is gone; the newest of each node.
    """

    token: str = ""
    grace_ms: int = 0
    echoes: tuple[str, ...] = ()
    gaps: tuple[Origin, ...] = ()


class PartitionedLog(CommandLog, Protocol):
    """A log outside this process, whose workings its users watch, so that no message's life hangs on it.

    All methods return at once.
    """

    on_failed: Callable[[int], None]
    """Called with a partition into which a record could not be put after all (50008)."""

    @property
    def partitions(self) -> int:
        """How many partitions there are."""
        ...

    @property
    def unreachable_ms(self) -> int:
        """For how many milliseconds the log has not been reachable (50001); 0 while it is."""
        ...

    def partition_of(self, conversation_id: str) -> int:
        """Return the partition of a conversation."""
        ...

    def watch(self, partitions: frozenset[int]) -> None:
        """Keep `progress` of these partitions, and of no others, up to date, several times a second."""
        ...

    def progress(self, partition: int) -> Progress:
        """Return what was last heard of a watched partition."""
        ...

    def probe(self, partition: int, nonce: str, behind: Origin | None = None) -> None:
        """Send something through a partition that comes back as an echo in `progress`, if all is well.

        Args:
            partition: which one.
            nonce: unlike any other.
            behind: a record of this node that must have been let through by then; else it comes back as a gap.

        Raises:
            Refused: see `CommandLog.append`.
            LogFailed: see `CommandLog.append`.
        """
        ...
