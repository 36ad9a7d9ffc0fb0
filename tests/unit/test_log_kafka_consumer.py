"""What the consumer's thread hands over when the log is not what it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pingme.adapters import log_kafka_consumer
from pingme.adapters.kafka_patience import Patience
from pingme.adapters.log_kafka_consumer import Handover, LogConsumer
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
                told.append((what, *map(list, values)))

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
        ("assigned", [0]),
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
        await turns(12)


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
