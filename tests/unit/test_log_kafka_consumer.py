"""What the consumer's thread hands over when the log is not what it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from pingme.adapters import log_kafka_consumer
from pingme.adapters.kafka_patience import Patience
from pingme.adapters.log_kafka_consumer import LogConsumer
from pingme.adapters.log_kafka_handover import Handover
from tests.fakes.clock import FakeClock


class Record:
    """A message of Kafka, as far as it is looked at here."""

    def __init__(self, partition: int, offset: int) -> None:
        self._place = (partition, offset)

    def error(self) -> None:
        return None

    def partition(self) -> int:
        return self._place[0]

    def offset(self) -> int:
        return self._place[1]


def consumer(told: list[tuple[Any, ...]]) -> LogConsumer:
    """A thread that is not started; what it would tell the loop is written down."""

    def note(what: str) -> Callable[..., None]:
        def call(*values: Any) -> None:
            if what == "fetched":
                told.append((what, *((each.partition(), each.offset()) for each in values[0])))
            else:
                told.append(
                    (what, *(each if isinstance(each, int | str | dict) else list(each) for each in values))
                )

        return call

    names = ("ready", "refused", "assigned", "revoked", "fetched", "committed", "fault", "reachable")
    return LogConsumer(
        "127.0.0.1:1",
        "t",
        "g",
        prepare=lambda: None,
        to_commit=dict,
        tell=Handover(**{name: note(name) for name in names}),
    )


def hand_over(thread: LogConsumer, *places: tuple[int, int]) -> None:
    messages: Any = [Record(*place) for place in places]
    thread._hand_over(messages)


def test_a_partition_that_lost_its_end_begins_anew():
    """Its offsets fall: it is withdrawn and given again, between what came before and what comes now; others go on."""
    told: list[tuple[Any, ...]] = []
    thread = consumer(told)
    hand_over(thread, (0, 500), (1, 7))
    told.clear()

    hand_over(thread, (1, 8), (0, 0), (0, 1))
    hand_over(thread, (0, 2), (1, 9))

    assert told == [
        ("fetched", (1, 8)),
        ("revoked", [0]),
        ("assigned", {0: ""}),
        ("fetched", (0, 0), (0, 1)),
        ("fetched", (0, 2), (1, 9)),
    ]
    assert thread._began[0] == 0  # so that offsets below the old ones are committed


def test_records_that_are_gone_from_the_middle_change_nothing():
    """Deleted records leave a gap: offsets only rise."""
    told: list[tuple[Any, ...]] = []
    thread = consumer(told)

    hand_over(thread, (0, 5))
    hand_over(thread, (0, 90))

    assert told == [("fetched", (0, 5)), ("fetched", (0, 90))]


def statistics(state: str, join_state: str) -> str:
    """What librdkafka says of a consumer, as far as it is read."""
    return json.dumps({"brokers": {}, "cgrp": {"state": state, "join_state": join_state}})


STEADY = statistics("up", "steady")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param(statistics("up", "wait-join"), "no place in the group", id="joining"),
        pytest.param(statistics("query-coord", "steady"), "no place in the group", id="coordinator"),
        pytest.param('{"brokers": {}}', "no place in the group", id="no-group"),
        pytest.param("", "no place in the group", id="silent"),
    ],
)
async def test_a_client_that_is_not_of_the_group_for_long_is_given_up(
    said: str, reason: str, monkeypatch: pytest.MonkeyPatch
):
    """For 15 s; before that it is waited for, and what it has been once does not count for ever."""
    clock = FakeClock()
    monkeypatch.setattr(log_kafka_consumer, "_monotonic_ms", clock.monotonic_ms)
    thread = consumer([])
    thread._on_statistics(STEADY)

    async def turns(count: int) -> None:
        for _ in range(count):
            await clock.advance(500)
            if said:
                thread._on_statistics(said)
            thread._look_at_itself()

    await turns(28)
    with pytest.raises(log_kafka_consumer._LostError, match=reason):
        await turns(14)


async def test_a_client_that_is_on_its_way_into_the_group_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    """Step by step it may take longer, though not for ever: steps that lead nowhere are no place in the group."""
    clock = FakeClock()
    monkeypatch.setattr(log_kafka_consumer, "_monotonic_ms", clock.monotonic_ms)
    thread = consumer([])

    async def turns(count: int, *said: str) -> None:
        for turn in range(count):
            await clock.advance(500)
            thread._on_statistics(said[turn // 20 % len(said)])
            thread._look_at_itself()

    await turns(4, STEADY)
    await turns(20, statistics("query-coord", "steady"))
    await turns(20, statistics("up", "wait-join"))
    await turns(20, statistics("up", "wait-sync"))
    await turns(4, STEADY)
    with pytest.raises(log_kafka_consumer._LostError, match="no place in the group for 45 s"):
        await turns(100, statistics("up", "wait-join"), statistics("up", "init"))


async def test_a_client_whose_broker_is_back_has_time_to_join(monkeypatch: pytest.MonkeyPatch):
    """It was out of the group for as long as no broker answered: that was not its fault."""
    clock = FakeClock()
    monkeypatch.setattr(log_kafka_consumer, "_monotonic_ms", clock.monotonic_ms)
    thread = consumer([])

    async def turns(count: int) -> None:
        for _ in range(count):
            await clock.advance(500)
            thread._look_at_itself()

    thread._unreachable = True
    await turns(29)
    thread._now_reachable()
    await turns(29)
    with pytest.raises(log_kafka_consumer._LostError, match="no place in the group for 15 s"):
        await turns(2)


async def test_a_client_that_has_just_got_its_partitions_is_not_given_up(monkeypatch: pytest.MonkeyPatch):
    """Its statistics say so up to a second later: it was seen to be given up in that second."""
    clock = FakeClock()
    monkeypatch.setattr(log_kafka_consumer, "_monotonic_ms", clock.monotonic_ms)
    node = Pausing()
    for _ in range(29):
        await clock.advance(500)
        node.thread._look_at_itself()
    node.assign(0)

    for _ in range(2):
        await clock.advance(500)
        node.thread._look_at_itself()


async def test_a_client_is_well_while_it_is_of_the_group_and_is_answered(monkeypatch: pytest.MonkeyPatch):
    """No offsets, or no broker, for long: it is given up though it is of the group by its own word."""
    clock = FakeClock()
    monkeypatch.setattr(log_kafka_consumer, "_monotonic_ms", clock.monotonic_ms)
    thread = consumer([])

    async def turns(count: int) -> None:
        for _ in range(count):
            await clock.advance(500)
            thread._on_statistics(STEADY)
            thread._look_at_itself()

    await turns(200)
    thread._knows_offsets = False
    with pytest.raises(log_kafka_consumer._LostError, match="no offsets for 15 s"):
        await turns(31)
    thread._knows_offsets = True
    await turns(200)
    thread._unreachable = True
    with pytest.raises(log_kafka_consumer._LostError, match="no broker for 15 s"):
        await turns(31)


async def test_patience_counts_only_time_in_which_it_looked():
    """An hour in which the process was stopped is one look; what was well in between begins anew."""
    clock = FakeClock()
    patience = Patience(clock.monotonic_ms)
    await clock.advance(400)
    first = patience.waited_ms(is_well=False)
    await clock.advance(3_600_000)
    stopped = patience.waited_ms(is_well=False)
    well = patience.waited_ms(is_well=True)
    await clock.advance(300)

    assert (first, stopped, well, patience.waited_ms(is_well=False)) == (400, 1_400, 0, 300)


class Flags:
    """A client of Kafka as far as pausing goes: its flags outlive assignments."""

    def __init__(self) -> None:
        self.assigned: frozenset[int] = frozenset()
        self.flagged: frozenset[int] = frozenset()
        self.looked = 0
        self.fails = False

    def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert timeout > 0
        if self.fails:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return [TopicPartition("t", each.partition, 5, f"metadata of {each.partition}") for each in places]

    def assignment(self) -> list[TopicPartition]:
        self.looked += 1
        return [TopicPartition("t", number) for number in sorted(self.assigned)]

    def pause(self, places: list[TopicPartition]) -> None:
        self._check(places)
        self.flagged |= {each.partition for each in places}

    def resume(self, places: list[TopicPartition]) -> None:
        self._check(places)
        self.flagged -= {each.partition for each in places}

    def _check(self, places: list[TopicPartition]) -> None:
        if self.fails:
            raise KafkaException(KafkaError(KafkaError._STATE))
        assert {each.partition for each in places} <= self.assigned, "it would be an error"


class Pausing:
    """A thread that is not started, and its client."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.thread = consumer(self.told)
        self.flags = Flags()
        self._client: Any = self.flags

    def assign(self, *partitions: int) -> None:
        self.thread._on_assign(self._client, [TopicPartition("t", number) for number in partitions])
        self.flags.assigned |= set(partitions)

    def revoke(self, *partitions: int) -> None:
        self.thread._on_revoke(self._client, [TopicPartition("t", number) for number in partitions])
        self.flags.assigned -= set(partitions)

    def want_paused(self, *partitions: int) -> frozenset[int]:
        """Return which partitions of this node stand still then."""
        self.thread.paused = frozenset(partitions)
        self.thread._pause(self._client)
        return self.flags.flagged & self.flags.assigned


def test_a_partition_that_left_while_it_was_paused_is_consumed_when_it_comes_back():
    """Its flag stays in Kafka's library: it is lifted when it is here again, if nothing wants it paused then."""
    node = Pausing()
    node.assign(0, 1)
    full = node.want_paused(0, 1)
    node.revoke(1)
    drained = node.want_paused()

    node.assign(1)

    assert (full, drained) == ({0, 1}, set())
    assert node.want_paused() == set()


def test_a_partition_that_stays_paused_over_an_assignment_of_others_is_resumed():
    """Also when there is room again before the thread has looked at the new assignment."""
    node = Pausing()
    node.assign(0)
    full = node.want_paused(0, 1)
    node.assign(1)

    assert full == {0}
    assert node.want_paused() == set()


def test_a_partition_that_comes_while_all_shall_stand_still_does():
    """The wish is older than the assignment."""
    node = Pausing()
    node.assign(0)
    node.want_paused(0, 1)
    node.assign(1)

    assert node.want_paused(0, 1) == {0, 1}


def test_kafka_is_asked_for_its_assignment_only_when_something_changed():
    """The same wish in the same assignment costs nothing; one that failed is tried again."""
    node = Pausing()
    node.assign(0)
    node.want_paused(0)
    looked = node.flags.looked
    node.want_paused(0)
    node.flags.fails = True
    failed = node.want_paused()

    node.flags.fails = False

    assert looked == 1
    assert failed == {0}
    assert node.want_paused() == set()
    assert node.flags.looked == 3
    assert [what for what, *_ in node.told] == ["assigned", "fault"]


def test_what_was_committed_of_a_partition_comes_with_it():
    """Whoever had it before says so which records it has let through; where nobody can say, nothing is known."""
    node = Pausing()
    node.assign(0, 1)
    node.flags.fails = True
    node.assign(2)

    assert node.told == [
        ("assigned", {0: "metadata of 0", 1: "metadata of 1"}),
        ("assigned", {2: ""}),
    ]
