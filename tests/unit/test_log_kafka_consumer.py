"""What the consumer's thread hands over when the log is not what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pingme.adapters.log_kafka_consumer import Handover, LogConsumer


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
