"""What the server counts about itself, for Prometheus.

Rules of this file:
- The hot path adds to plain integers of `HotCounters`; they become samples only when somebody scrapes.
- Nothing is global: every `Metrics` has its own registry.
- Labels have few values, known beforehand: codes and results, never ids of users, conversations or devices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from pingme.domain.errors import ErrorCode

PREFIX = "pingme_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ACK_SAMPLE = (
    64  # one acknowledgement of 64 is timed: an observation costs 2 µs, at 50 000/s a tenth of a core
)
LOGIN_RESULTS = ("success", "invalid", "throttled", "overloaded", "error")
CLOSE_CODES = (
    1000,
    1001,
    1002,
    1003,
    1005,
    1006,
    1007,
    1009,
    1011,
    4400,
    4401,
    4408,
    4413,
    4429,
    4450,
    4451,
    4503,
)
OTHER = "other"  # the label of a code that is not in the tables
OTHER_CODE = 0  # stands for it among the counters
_KNOWN_CLOSES = frozenset(CLOSE_CODES)

_BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # up to the bound of a batch
_COMMIT_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_ACK_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)  # up to answer_timeout_s
_LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2)


@dataclass(slots=True)
class HotCounters:
    """Plain integers that only grow; used from the event loop's thread.

    Attributes:
        frames_in: frames of clients, of any type.
        deliveries: events handed to sockets, one per event and socket.
        bytes_out: bytes written to WebSockets.
        retries: saves that were tried again.
        dead_letters: records that were dead-lettered.
        push_failures: batches whose publishing failed (50004).
        direct_commits: sends that went directly to the store, because Kafka did not move them.
        kafka_faults: by code (50001, 50005, 50008); empty without Kafka.
        kafka_requests: sent to Kafka, by name (Produce, Fetch …), as of at most a second ago.
        refused, closes: by code; use `count_refusal` and `count_close`.
        logins: by result, one of `LOGIN_RESULTS`; use `count_login`.
    """

    messages_stored: int = 0
    duplicates: int = 0
    frames_in: int = 0
    deliveries: int = 0
    bytes_out: int = 0
    retries: int = 0
    dead_letters: int = 0
    push_failures: int = 0
    direct_commits: int = 0
    kafka_faults: dict[int, int] = field(default_factory=dict)
    kafka_requests: dict[str, int] = field(default_factory=dict)
    refused: dict[int, int] = field(default_factory=dict)
    closes: dict[int, int] = field(default_factory=dict)
    logins: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LOGIN_RESULTS, 0))

    def count_refusal(self, code: int) -> None:
        """Count an error that is sent to a client, in a frame or an answer, by its code of the table of errors."""
        self.refused[code] = self.refused.get(code, 0) + 1

    def count_close(self, code: int) -> None:
        """Count a closed WebSocket by its close code; a peer chooses its own, so unknown ones count as `OTHER_CODE`."""
        known = code if code in _KNOWN_CLOSES else OTHER_CODE
        self.closes[known] = self.closes.get(known, 0) + 1

    def count_login(self, result: str) -> None:
        """Count a login; a result that is not in `LOGIN_RESULTS` counts as ``error``."""
        known = result if result in self.logins else "error"
        self.logins[known] += 1


_PLAIN = (
    ("messages_stored", "Events stored, duplicates not counted."),
    ("duplicates", "Sends that were stored before and got their first seq."),
    ("frames_in", "WebSocket frames received."),
    ("deliveries", "Events handed to sockets, one per event and socket."),
    ("bytes_out", "Bytes written to WebSockets."),
    ("retries", "Saves tried again after a failure."),
    ("dead_letters", "Records dead-lettered."),
    ("push_failures", "Batches whose publishing failed (50004)."),
    ("direct_commits", "Sends that went directly to the store, because Kafka did not move them."),
)


class _HotCollector(Collector):
    """Reads `HotCounters` when somebody scrapes."""

    def __init__(self, hot: HotCounters) -> None:
        self._hot = hot

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield one family per counter (prometheus_client's interface)."""
        for name, text in _PLAIN:
            yield CounterMetricFamily(PREFIX + name, text, value=getattr(self._hot, name))
        codes = {int(code) for code in ErrorCode}
        yield _by_label(
            "refused",
            "Errors sent to clients, in frames and in HTTP answers.",
            "code",
            _fold(self._hot.refused, codes),
        )
        yield _by_label("closes", "WebSockets closed.", "code", _fold(self._hot.closes, _KNOWN_CLOSES))
        faults = {str(code): count for code, count in self._hot.kafka_faults.items()}
        yield _by_label("kafka_faults", "What went wrong with Kafka.", "code", faults)
        yield _by_label("kafka_requests", "Requests to Kafka.", "request", self._hot.kafka_requests)
        yield _by_label("logins", "Logins.", "result", self._hot.logins)


def _fold(counts: Mapping[int, int], known: Set[int]) -> dict[str, int]:
    """Name the codes of the table, and add up the others: a peer chooses its close code."""
    folded: dict[str, int] = {}
    for code, count in counts.items():
        label = str(int(code)) if code in known else OTHER
        folded[label] = folded.get(label, 0) + count
    return folded


def _by_label(name: str, text: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(PREFIX + name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


class Metrics:
    """All figures of one server.

    Gauges are set by their owner, or read at scrape time: ``connections.set_function(lambda: len(hub))``.

    Args:
        version: of PingMe, for ``pingme_build_info``.
        env: `app.env`, for the same.
    """

    def __init__(self, *, version: str = "", env: str = "") -> None:
        self.hot = HotCounters()
        self.registry = CollectorRegistry()
        self.registry.register(_HotCollector(self.hot))
        ProcessCollector(registry=self.registry)  # memory, CPU and open files of this process
        Info("pingme_build", "What runs.", registry=self.registry).info({"version": version, "env": env})
        self.batch_records = self._histogram("batch_records", "Records of one transaction.", _BATCH_BUCKETS)
        self.commit_seconds = self._histogram(
            "commit_seconds", "Duration of one transaction.", _COMMIT_BUCKETS
        )
        self.ack_seconds = self._histogram("ack_seconds", "From send to ack, 1 of 64.", _ACK_BUCKETS)
        self.loop_lag_seconds = self._histogram(
            "loop_lag_seconds", "Lateness of the event loop.", _LAG_BUCKETS
        )
        self.connections = self._gauge("connections", "Open WebSockets.")
        self.users_online = self._gauge("users_online", "Users with a device connected here.")
        self.outbox_bytes = self._gauge(
            "outbox_bytes", "Bytes waiting for slow clients, all sockets together."
        )
        self.log_depth = self._gauge("log_depth", "Commands waiting in the message log.")
        self.dead_letters = self._gauge("dead_letters", "Dead letters that wait for an operator.")
        self.pending_answers = self._gauge("pending_answers", "Sends not answered yet.")
        self._acks = 0

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(PREFIX + name, text, buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(PREFIX + name, text, registry=self.registry)

    def observe_ack(self, seconds: float) -> None:
        """Take the time from send to ack, of one call in `ACK_SAMPLE`."""
        self._acks += 1
        if self._acks % ACK_SAMPLE == 1:
            self.ack_seconds.observe(seconds)

    def observe_batch(self, records: int, seconds: float) -> None:
        """Take the size and the duration of one committed transaction."""
        self.batch_records.observe(records)
        self.commit_seconds.observe(seconds)

    def render(self) -> bytes:
        """Return everything in Prometheus' text format, some 10 KB; takes about 1 ms."""
        return generate_latest(self.registry)
