"""Topics of Kafka: made when they are missing, refused when they are not what they must be. These calls block."""

from __future__ import annotations

import time
from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pingme.domain.errors import ErrorCode, KafkaUnavailable, PingMeError

REACH_S = 3.0  # for a broker to answer; a start waits for it once
CREATE_S = 10.0
LOOK_S = 0.05
BROKERS_CHOICE = -1  # the replication that the brokers are configured for


class TopicUnusable(PingMeError):
    """The topic is not what it must be; the text says how to help."""

    code = ErrorCode.KAFKA_ERROR


def client_config(brokers: str) -> dict[str, str | int | float | bool]:
    """Return what every client of Kafka is configured with."""
    return {
        "bootstrap.servers": brokers,
        "client.id": "pingme",
        "socket.timeout.ms": 5_000,  # a broker that is cut off without a word is given up after this
        "socket.connection.setup.timeout.ms": 3_000,
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 1_000,  # its return is noticed within this
        "socket.nagle.disable": True,
        "log_level": 0,  # nothing to stderr: what happens is told by callbacks
    }


def ensure_topic(
    brokers: str, topic: str, partitions: int, config: Mapping[str, str] | None = None, *, exact: bool = True
) -> None:
    """Return when the topic exists with this many partitions; make it when it is missing.

    Args:
        brokers: comma-separated.
        topic: its name.
        partitions: how many it gets.
        config: of a new topic.
        exact: another number of partitions is an error.

    Raises:
        KafkaUnavailable: no broker answers.
        TopicUnusable: it has another number of partitions, or may not be made.
    """
    admin = AdminClient(client_config(brokers))
    found = _partitions(admin, topic)
    if found == 0:
        _create(admin, NewTopic(topic, partitions, BROKERS_CHOICE, config=dict(config or {})))
        end = time.monotonic() + REACH_S
        while (found := _partitions(admin, topic)) == 0 and time.monotonic() < end:
            time.sleep(LOOK_S)  # the broker that answers may not have heard of it yet
    if found == 0:
        raise KafkaUnavailable(f"the topic {topic} was made and is not there yet")
    if exact and found != partitions:
        raise TopicUnusable(
            f"the topic {topic} has {found} partitions, expected {partitions}, one for each shard of the store:"
            " choose another kafka.topic_prefix, or delete the topic while no node runs"
        )


def _partitions(admin: AdminClient, topic: str) -> int:
    """Return how many partitions a topic has, 0 when there is none.

    Raises:
        KafkaUnavailable: no broker answers.
    """
    try:
        # Asking for the one topic would let a broker with auto.create.topics make it, with partitions of its choice.
        found = admin.list_topics(timeout=REACH_S).topics.get(topic)
    except KafkaException as exc:
        raise KafkaUnavailable(str(exc.args[0].str())) from exc
    return 0 if found is None or found.error is not None else len(found.partitions)


def _create(admin: AdminClient, topic: NewTopic) -> None:
    future = admin.create_topics([topic], operation_timeout=CREATE_S)[topic.topic]
    try:
        future.result(CREATE_S + 1)
    except KafkaException as exc:
        error: KafkaError = exc.args[0]
        if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:  # another node was faster
            return
        if error.code() in {
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.CLUSTER_AUTHORIZATION_FAILED,
            KafkaError.POLICY_VIOLATION,
        }:
            raise TopicUnusable(
                f"the topic {topic.topic} is missing and may not be made: {error.str()}"
            ) from exc
        raise KafkaUnavailable(f"the topic {topic.topic} could not be made: {error.str()}") from exc
    except TimeoutError as exc:
        raise KafkaUnavailable(f"the topic {topic.topic} was not made in {CREATE_S:.0f} s") from exc
