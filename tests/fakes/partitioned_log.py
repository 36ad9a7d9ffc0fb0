"""A log of partitions in memory, in whose partitions a test decides what moves."""

from __future__ import annotations

from collections.abc import Callable

from pingme.domain.errors import LogFailed
from pingme.domain.shards import shard_of
from pingme.ports.log import Origin, Progress, Record


class FakePartitionedLog:
    """`PartitionedLog` that keeps what is appended; nobody works on it but the test."""

    def __init__(self, partitions: int = 16) -> None:
        self.partitions = partitions
        self.on_failed: Callable[[int], None] = lambda _partition: None
        self.unreachable_ms = 0
        self.records: list[Record] = []
        self.probes: list[tuple[int, str]] = []
        self.behind: list[Origin | None] = []
        self.watched: frozenset[int] = frozenset()
        self.progresses: dict[int, Progress] = {}
        self.fails = False

    def append(self, record: Record) -> None:
        if self.fails:
            raise LogFailed("the test says so")
        self.records.append(record)

    def depth(self) -> int:
        return len(self.records)

    def partition_of(self, conversation_id: str) -> int:
        return shard_of(conversation_id, self.partitions)

    def watch(self, partitions: frozenset[int]) -> None:
        self.watched = partitions

    def progress(self, partition: int) -> Progress:
        known = self.progresses.get(partition) if partition in self.watched else None
        return known or Progress()

    def probe(self, partition: int, nonce: str, behind: Origin | None = None) -> None:
        self.probes.append((partition, nonce))
        self.behind.append(behind)

    def echo(self) -> None:
        """Let all probes come through."""
        for partition, nonce in self.probes:
            self.progresses[partition] = Progress("echo", 0, (nonce,))
