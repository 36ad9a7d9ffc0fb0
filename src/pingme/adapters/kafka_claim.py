"""Which store a topic of messages belongs to: nodes on different stores may not share it. These calls block.

The store's epoch stands in the metadata of an offset that nobody consumes by, the smallest thing that Kafka keeps by itself.
"""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from pingme.adapters.kafka_topics import REACH_S, TopicUnusable, client_config
from pingme.domain.errors import KafkaUnavailable


def claim(brokers: str, topic: str, group: str, epoch: str) -> None:
    """Take the topic for the store of this epoch; one whose nodes have all gone (a restored store) is replaced.

    Raises:
        TopicUnusable: nodes on another store use it now.
        KafkaUnavailable: no broker answers.
    """
    reader = Consumer(client_config(brokers) | {"group.id": f"{topic}-store", "enable.auto.commit": False})
    try:
        (place,) = reader.committed([TopicPartition(topic, 0)], timeout=REACH_S)
        if place.metadata == epoch:
            return
        if place.metadata and _members(brokers, group):
            raise TopicUnusable(
                f"nodes on another store use the topic {topic} (its epoch is {place.metadata}, this store's {epoch}):"
                " choose another kafka.topic_prefix and kafka.consumer_group, or the same database"
            )
        reader.commit(offsets=[TopicPartition(topic, 0, 0, epoch)], asynchronous=False)
    except KafkaException as exc:
        raise KafkaUnavailable(f"it is not known whose {topic} is: {exc.args[0]}") from exc
    finally:
        reader.close()


def _members(brokers: str, group: str) -> int:
    """Return how many nodes consume the log now."""
    admin = AdminClient(client_config(brokers))
    described = admin.describe_consumer_groups([group], request_timeout=REACH_S)
    return len(described[group].result(REACH_S).members)
