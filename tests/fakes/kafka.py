"""Kafka without a broker: librdkafka's own mock cluster speaks the protocol, with nothing on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

PARTITIONS = 4  # of every topic of a mock cluster


class MockCluster:
    """One broker that lives as long as this object.

    Args:
        topics: made at once, because the mock knows no request to make one.
    """

    def __init__(self, *topics: str) -> None:
        # The cluster lives in the client that is configured with it; others reach it by its port.
        self._client = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0})
        self.brokers = ""
        for topic in topics or ("any",):
            brokers = self._client.list_topics(topic, timeout=5).brokers.values()
            self.brokers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)


class FailingProducer:
    """A producer that can fail for good, as librdkafka's: `poll` raises that once, and `produce` ever after.

    What it has taken it keeps; `flush` confirms it, or tells of each that it was purged.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._on_delivery: Callable[[KafkaError | None, Message], None] | None = config.get("on_delivery")
        self._only_errors = bool(config.get("delivery.report.only.error"))
        self._waiting: list[tuple[Message, Callable[[KafkaError | None, Message], None] | None]] = []
        self._purged = False
        self._fatal = False
        self._news = threading.Event()
        self.taken: list[bytes | None] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def fail(self) -> None:
        """Fail for good."""
        self._fatal = True
        self._news.set()

    def produce(  # positions and names are confluent_kafka's
        self,
        topic: str,
        value: bytes | None,
        key: str,
        partition: int,
        *,
        headers: list[tuple[str, bytes]],
        on_delivery: Callable[[KafkaError | None, Message], None] | None = None,
    ) -> None:
        if self._fatal:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        message = Message(topic=topic, partition=partition, value=value, key=key.encode(), headers=headers)
        self._waiting.append((message, on_delivery or self._on_delivery))
        self.taken.append(value)

    def poll(self, timeout: float) -> int:
        if self._news.wait(timeout):
            self._news.clear()
            raise KafkaException(
                KafkaError(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, "the test says so", fatal=True)
            )
        return 0

    def flush(self, timeout: float) -> int:
        if not self._purged:
            self.poll(0)
        error = KafkaError(KafkaError._PURGE_QUEUE) if self._purged else None
        waiting, self._waiting = self._waiting, []
        for message, told in waiting:
            if told is not None and (error is not None or not self._only_errors):
                told(error, message)
        return 0

    def purge(self) -> None:
        self._purged = True
