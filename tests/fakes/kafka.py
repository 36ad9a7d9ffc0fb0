"""Kafka without a broker: librdkafka's own mock cluster speaks the protocol, with nothing on disk."""

from __future__ import annotations

from confluent_kafka import Producer

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
