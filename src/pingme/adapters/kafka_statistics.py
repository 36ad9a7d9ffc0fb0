"""What librdkafka says of its clients every second: counts of requests by name, and how a consumer is in its group.

Source of the format: librdkafka's STATISTICS.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

EVERY_MS = 1_000  # some 30 KB of JSON a second, read in 0.1 ms


class _Broker(msgspec.Struct):
    req: dict[str, int] = {}


class _Group(msgspec.Struct):
    state: str = ""
    join_state: str = ""


class _Statistics(msgspec.Struct):
    brokers: dict[str, _Broker] = {}
    cgrp: _Group | None = None


def join_state(statistics: str | bytes) -> str:
    """Return how far a consumer is with joining its group (`stats_cb`); "" while it does not reach the coordinator.

    ``steady`` is a member that has its partitions; the others are steps on the way there.
    """
    group = msgspec.json.decode(statistics, type=_Statistics).cgrp
    return group.join_state if group is not None and group.state == "up" else ""


class KafkaRequests:
    """Counts of several clients; each client's thread replaces its own, anybody may read the sum."""

    def __init__(self) -> None:
        self._clients: dict[str, Mapping[str, int]] = {}

    def note(self, client: str, statistics: str | bytes) -> None:
        """Take over what a client says of itself (`stats_cb`); it counts from its own beginning."""
        counts: dict[str, int] = {}
        for broker in msgspec.json.decode(statistics, type=_Statistics).brokers.values():
            for name, count in broker.req.items():
                if count:
                    counts[name] = counts.get(name, 0) + count
        self._clients[client] = counts

    def counts(self) -> dict[str, int]:
        """Return how many requests of each kind all clients have sent."""
        total: dict[str, int] = {}
        for counts in list(self._clients.values()):
            for name, count in counts.items():
                total[name] = total.get(name, 0) + count
        return total
