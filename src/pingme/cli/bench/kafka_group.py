"""Waits until the nodes have shared the log's partitions among them: before that a load measures their start."""

from __future__ import annotations

import time

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from pingme.adapters.kafka_topics import REACH_S, client_config
from pingme.cli.bench.engines import Engines
from pingme.domain.errors import PingMeError
from pingme.domain.shards import SHARDS

WITHIN_S = 30.0  # a group of new members needs some three seconds
STEP_S = 0.2
LOOKS = 3  # that must find the same: partitions move in two steps


def wait_for_partitions(engines: Engines, nodes: int) -> None:
    """Return when every node has its part of the partitions and nothing moves any more.

    Raises:
        PingMeError: that does not come about within `WITHIN_S`.
    """
    kafka = engines.settings.kafka
    admin = AdminClient(client_config(",".join(kafka.brokers)))
    deadline, same, before = time.monotonic() + WITHIN_S, 0, None
    while same < LOOKS:
        if time.monotonic() > deadline:
            raise PingMeError(f"the nodes have not shared the partitions of Kafka after {WITHIN_S:.0f} s")
        time.sleep(STEP_S)
        now = _shares(admin, kafka.consumer_group)
        settled = now is not None and len(now) == nodes and sum(map(len, now.values())) == SHARDS
        same = same + 1 if settled and now == before else 0
        before = now


def _shares(admin: AdminClient, group: str) -> dict[str, frozenset[int]] | None:
    """Return the partitions of each member of a stable group, else None."""
    try:
        found = admin.describe_consumer_groups([group], request_timeout=REACH_S)[group].result(REACH_S)
    except KafkaException:
        return None
    if found.state is not ConsumerGroupState.STABLE:
        return None
    return {
        member.member_id: frozenset(each.partition for each in member.assignment.topic_partitions)
        for member in found.members
    }
