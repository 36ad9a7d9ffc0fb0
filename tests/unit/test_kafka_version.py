"""Brokers that are too old are refused at the start, and requests to Kafka are counted."""

from __future__ import annotations

import json
import socket

import pytest

from pingme.adapters import kafka_version
from pingme.adapters.kafka_statistics import KafkaRequests
from pingme.adapters.kafka_topics import TopicUnusable
from pingme.adapters.kafka_version import LEAST_LIST_OFFSETS, check_version, newest_list_offsets
from pingme.domain.errors import KafkaUnavailable
from tests.fakes.kafka import MockCluster


def told(broker: str, newest: int) -> str:
    """Return a line of librdkafka's log about a broker."""
    return f"APIVERSION [thrd:{broker}]: {broker}:   ApiKey ListOffsets (2) Versions 0..{newest}"


def test_brokers_that_know_the_requests_of_3_0_are_new_enough():
    """Librdkafka's own cluster does, and its log is read as that of a broker's is."""
    cluster = MockCluster("t-messages")

    check_version(cluster.brokers)

    newest = newest_list_offsets(kafka_version._connect(cluster.brokers))
    assert newest is not None
    assert newest >= LEAST_LIST_OFFSETS


def test_older_brokers_are_refused_with_what_they_lack(monkeypatch: pytest.MonkeyPatch):
    """The error says which version is needed, and where the old one is; the oldest broker counts."""
    monkeypatch.setattr(kafka_version, "_connect", lambda _brokers: [told("k1", 9), told("k2", 6), "other"])

    with pytest.raises(TopicUnusable, match=r"Kafka at k1:9092 is older than 3\.0"):
        check_version("k1:9092")


def test_a_broker_of_which_nothing_is_known_is_let_pass(monkeypatch: pytest.MonkeyPatch):
    """A log that is worded otherwise must not keep a node from starting."""
    monkeypatch.setattr(kafka_version, "_connect", lambda _brokers: ["other words"])

    check_version("k1:9092")

    assert newest_list_offsets(["other words"]) is None


def test_brokers_that_do_not_answer_are_not_called_old(monkeypatch: pytest.MonkeyPatch):
    """A start goes on without them."""
    monkeypatch.setattr(kafka_version, "REACH_S", 0.2)
    with socket.socket() as taken:  # bound and deaf
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(KafkaUnavailable):
            check_version(f"127.0.0.1:{taken.getsockname()[1]}")


def test_requests_of_all_clients_are_added_up():
    """Each client counts from its own beginning; a newer report of one replaces its older one."""
    requests = KafkaRequests()
    requests.note("consumer", json.dumps({"brokers": {"a": {"req": {"Fetch": 5, "Produce": 0}}}}))
    requests.note("producer", json.dumps({"brokers": {"a": {"req": {"Produce": 1}}}}))

    requests.note(
        "producer", json.dumps({"brokers": {"a": {"req": {"Produce": 3}}, "b": {"req": {"Produce": 4}}}})
    )

    assert requests.counts() == {"Fetch": 5, "Produce": 7}
