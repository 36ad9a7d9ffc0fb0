"""Which store a topic of messages belongs to: nodes on different stores may not share it. These calls block.

The store's epoch stands in the metadata of an offset that nobody consumes by, the smallest thing that Kafka keeps by itself.
Kafka keeps it for a week by default after it was committed (`offsets.retention.minutes`), because nobody is a member of that
group. So every start commits it again, and every node while it runs (`renew`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

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
    with _reader(brokers, topic) as reader:
        mark = _mark(reader, topic)
        if mark not in {"", epoch} and _members(brokers, group):
            raise _of_another(topic, mark, epoch)
        _commit(reader, topic, epoch)


def renew(brokers: str, topic: str, epoch: str) -> None:
    """Commit the mark again, for a node that is of the group: as long as it is, no other store may take the topic.

    The mark of another store stays as it is. It was set while this node was not of the group.

    Raises:
        TopicUnusable: the topic belongs to another store now.
        KafkaUnavailable: no broker answers.
    """
    with _reader(brokers, topic) as reader:
        mark = _mark(reader, topic)
        if mark not in {"", epoch}:
            raise _of_another(topic, mark, epoch)
        _commit(reader, topic, epoch)


@contextlib.contextmanager
def _reader(brokers: str, topic: str) -> Iterator[Consumer]:
    reader = Consumer(client_config(brokers) | {"group.id": f"{topic}-store", "enable.auto.commit": False})
    try:
        yield reader
    except KafkaException as exc:
        raise KafkaUnavailable(f"it is not known whose {topic} is: {exc.args[0]}") from exc
    finally:
        reader.close()


def _mark(reader: Consumer, topic: str) -> str:
    """Return the epoch of the store that has the topic, "" when none has."""
    (place,) = reader.committed([TopicPartition(topic, 0)], timeout=REACH_S)
    return place.metadata or ""


def _commit(reader: Consumer, topic: str, epoch: str) -> None:
    """Set the mark, and look whether somebody else did in the same moment: Kafka has no commit with a condition."""
    reader.commit(offsets=[TopicPartition(topic, 0, 0, epoch)], asynchronous=False)
    mark = _mark(reader, topic)
    if mark != epoch:
        raise _of_another(topic, mark, epoch)


def _members(brokers: str, group: str) -> int:
    """Return how many nodes consume the log now."""
    admin = AdminClient(client_config(brokers))
    described = admin.describe_consumer_groups([group], request_timeout=REACH_S)
    return len(described[group].result(REACH_S).members)


def _of_another(topic: str, mark: str, epoch: str) -> TopicUnusable:
    return TopicUnusable(
        f"nodes on another store use the topic {topic} (its epoch is {mark}, this store's {epoch}):"
        " choose another kafka.topic_prefix and kafka.consumer_group, or the same database"
    )
