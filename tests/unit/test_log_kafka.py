"""The Kafka log where no broker is needed, or only librdkafka's mock cluster."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest

from pingme.adapters.clock_system import SystemClock
from pingme.adapters.kafka_faults import KafkaFaults
from pingme.adapters.log_kafka import KafkaLog
from pingme.adapters.log_kafka_offsets import Finished
from pingme.domain.errors import ErrorCode, LogFailed
from pingme.domain.events import MessageBody, make_command
from pingme.ports.log import Record
from tests.fakes.clock import FakeClock
from tests.fakes.commands import ADA, BOB, to_user
from tests.fakes.kafka import PARTITIONS, MockCluster

TOPIC = "t-messages"


@pytest.fixture
async def log() -> AsyncIterator[KafkaLog]:
    """A log whose topic is there; nothing is consumed."""
    cluster = MockCluster(TOPIC)
    made = KafkaLog(
        cluster.brokers,
        TOPIC,
        "g",
        SystemClock(),
        limit_records=100,
        direct_after_ms=500,
        epoch="e1",
        partitions=PARTITIONS,
    )
    made.lanes(1)
    await made.check()
    yield made
    await made.close()


async def test_a_record_that_kafka_does_not_take_is_told_at_once(log: KafkaLog):
    """50008: it is larger than a message of Kafka may be; whoever sends it commits it directly."""
    body = MessageBody(content="x" * 1_500_000, content_type="text")
    command = make_command("message", sender_id=ADA, msg_id="m", conversation_id="p1", body=body)

    with pytest.raises(LogFailed, match="too large"):
        log.append(Record(command, None))

    assert log.faults.counts[ErrorCode.PRODUCER_ERROR] == 1
    assert "50008" in log.faults.describe()


@pytest.mark.slow
async def test_a_broker_that_is_not_there_is_a_fault_and_no_reason_to_fail():
    """50001: the log says so in its state, and takes nothing before the topic is known."""
    with socket.socket() as probe:  # bound and not listening: nobody answers there
        probe.bind(("127.0.0.1", 0))
        brokers = f"127.0.0.1:{probe.getsockname()[1]}"
        log = KafkaLog(brokers, TOPIC, "g", SystemClock(), limit_records=100, direct_after_ms=500, epoch="e1")
        log.lanes(1)

        await log.check()

        assert log.unreachable_ms > 0
        assert log.faults.counts[ErrorCode.KAFKA_ERROR] == 1
        assert "50001" in log.faults.describe()
        with pytest.raises(LogFailed):
            log.append(Record(to_user(ADA, BOB), None))
        await log.close()


def test_the_position_is_the_lowest_offset_that_is_not_finished():
    """In whatever order records are finished; holes in the offsets do not matter."""
    finished = Finished()
    positions = [finished.position]
    for offset in (5, 6, 9, 10):
        finished.give(offset)
    for offset in (9, 5, 10, 6):
        finished.done(offset)
        positions.append(finished.position)

    assert positions == [-1, 5, 6, 6, 11]


def test_what_was_given_out_before_the_partition_came_changes_nothing():
    """A record of an earlier assignment that is finished late is not counted twice."""
    finished = Finished()
    finished.done(3)
    finished.give(4)
    finished.done(3)

    assert finished.position == 4


def test_faults_are_counted_shown_for_a_while_and_logged_once_a_second():
    """A broker that is away fails every request: the counts know, the log is not flooded."""
    clock = FakeClock()
    faults = KafkaFaults(clock.monotonic_ms)
    for _ in range(100):
        faults.note(ErrorCode.CONSUMER_GROUP_ERROR, "offsets are not committed")

    assert faults.counts[50005] == 100
    assert faults.describe() == "consumer group error (50005): offsets are not committed"


async def test_the_state_is_well_again_by_itself():
    """Faults are shown for 15 s, an unreachable broker until one answers."""
    clock = FakeClock()
    faults = KafkaFaults(clock.monotonic_ms)
    faults.note(ErrorCode.PRODUCER_ERROR, "timed out")
    faults.unreachable("1/1 brokers are down")
    await clock.advance(20_000)
    away = faults.describe()

    faults.reachable()

    assert "50001" in away
    assert "50008" not in away
    assert faults.describe() == ""
    assert faults.unreachable_ms == 0


class StillConsumer:
    """A consumer whose thread lives, and does what a test says."""

    def __init__(self) -> None:
        self.turns = 1
        self.watched = self.paused = frozenset[int]()
        self.abandoned = self.started = False

    def is_alive(self) -> bool:
        return True

    def abandon(self) -> None:
        self.abandoned = True

    def start(self) -> None:
        self.started = True

    def stop(self) -> None:
        """Nothing runs."""

    def join(self, _timeout: float) -> None:
        """Nothing runs."""


async def test_a_consumer_that_makes_no_turn_for_long_is_replaced(monkeypatch: pytest.MonkeyPatch):
    """One that turns is not, nor one whose whole process was stopped."""
    cluster, clock = MockCluster(TOPIC), FakeClock()
    log = KafkaLog(
        cluster.brokers,
        TOPIC,
        "g",
        clock,
        limit_records=100,
        direct_after_ms=500,
        epoch="e1",
        partitions=PARTITIONS,
    )
    (lane,) = log.lanes(1)
    first, second = StillConsumer(), StillConsumer()
    monkeypatch.setattr(log, "_consumer", first)
    monkeypatch.setattr(log, "_make_consumer", lambda tell: second)  # by name
    lane.assigned(1)

    async def wait(ms: int, *, turning: bool) -> None:
        for _ in range(ms // 500):
            await clock.advance(500)
            first.turns += turning
            log.watch(frozenset())

    await wait(60_000, turning=True)
    await clock.advance(3_600_000)
    await wait(20_000, turning=False)
    assert not first.abandoned
    await wait(15_000, turning=False)

    assert first.abandoned
    assert second.started
    assert list(lane.withdrawn()) == [1]
    assert log.faults.counts[ErrorCode.CONSUMER_GROUP_ERROR] == 1
    await log.close()
