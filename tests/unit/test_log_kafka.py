"""The Kafka log where no broker is needed, or only librdkafka's mock cluster."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from pingme.adapters import log_kafka, log_kafka_producer
from pingme.adapters.clock_system import SystemClock
from pingme.adapters.kafka_claim import claim
from pingme.adapters.kafka_faults import KafkaFaults
from pingme.adapters.log_kafka import KafkaLog
from pingme.adapters.log_kafka_offsets import Finished
from pingme.adapters.log_kafka_producer import LogProducer
from pingme.domain.errors import ErrorCode, LogFailed
from pingme.domain.events import MessageBody, make_command
from pingme.ports.log import Record
from tests.fakes.clock import FakeClock
from tests.fakes.commands import ADA, BOB, CAI, to_user
from tests.fakes.kafka import PARTITIONS, FailingProducer, MockCluster

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


@pytest.fixture
def producers(monkeypatch: pytest.MonkeyPatch) -> list[FailingProducer]:
    """All producers of the log that are made from now on."""
    made: list[FailingProducer] = []

    def make(config: Mapping[str, Any]) -> FailingProducer:
        made.append(FailingProducer(config))
        return made[-1]

    monkeypatch.setattr(log_kafka_producer, "Producer", make)
    return made


async def until(check: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    async with asyncio.timeout(5):
        while not check():  # noqa: ASYNC110  # nothing here could set an event
            await asyncio.sleep(0.005)


async def test_a_producer_that_failed_for_good_is_replaced(producers: list[FailingProducer], log: KafkaLog):
    """What it had not sent is told as undelivered, by partition, so that it is committed directly; the next one takes all."""
    undelivered: list[int] = []
    log.on_failed = undelivered.append
    log._producer.start()
    sent = [to_user(ADA, BOB, msg_id="a"), to_user(BOB, CAI, msg_id="b")]
    for command in sent:
        log.append(Record(command, None))

    producers[0].fail()
    with pytest.raises(LogFailed):
        log.append(Record(to_user(ADA, BOB, msg_id="c"), None))
    await until(lambda: len(producers) == 2 and len(undelivered) == 2)
    await until(lambda: len(log._producer) == 0)
    log.append(Record(to_user(ADA, BOB, msg_id="d"), None))

    assert undelivered == [log.partition_of(command.conversation_id) for command in sent]
    assert len(producers[1].taken) == 1
    assert "failed for good" in log.faults.describe()


async def test_a_producer_that_is_left_alone_is_replaced_too(producers: list[FailingProducer]):
    """Nobody sends anything: the thread hears of it, and does not end of it."""
    said: list[str] = []
    producer = LogProducer({}, said.append)
    producer.start()

    producers[0].fail()
    await until(lambda: len(producers) == 2)

    assert len(said) == 1
    assert producer.is_alive()
    producer.stop()


async def test_producers_that_fail_one_after_the_other_are_not_made_without_end(
    producers: list[FailingProducer], monkeypatch: pytest.MonkeyPatch
):
    """One each 5 s: until then nothing is taken, and sends go directly."""
    monkeypatch.setattr(log_kafka_producer, "POLL_S", 0.01)
    now_s = [100.0]
    monkeypatch.setattr(log_kafka_producer, "_monotonic_s", lambda: now_s[0])
    producer = LogProducer({}, lambda _text: None)
    producer.start()
    producers[0].fail()
    await until(lambda: len(producers) == 2)
    producers[1].fail()
    await asyncio.sleep(0.1)
    early = len(producers)
    with pytest.raises(KafkaException):
        producer.produce(TOPIC, b"", "k", 0, ())

    now_s[0] += log_kafka_producer.REPLACE_S
    await until(lambda: len(producers) == 3)

    assert early == 2
    producer.stop()


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


class Mark:
    """The offset whose metadata tell whose store the topic belongs to."""

    def __init__(self, brokers: str) -> None:
        self._client = Consumer(
            {"bootstrap.servers": brokers, "group.id": f"{TOPIC}-store", "enable.auto.commit": False}
        )

    def write(self, epoch: str, offset: int = 0) -> None:
        """Set it, or "" as if Kafka had forgotten it."""
        self._client.commit(offsets=[TopicPartition(TOPIC, 0, offset, epoch)], asynchronous=False)

    def read(self) -> tuple[str, int]:
        (place,) = self._client.committed([TopicPartition(TOPIC, 0)], timeout=5)
        return place.metadata or "", place.offset

    def close(self) -> None:
        self._client.close()


class Marked:
    """A log on a fake clock that keeps its mark; the test plays the consumer."""

    def __init__(self) -> None:
        self._cluster = MockCluster(TOPIC)
        self.clock = FakeClock()
        self.mark = Mark(self._cluster.brokers)
        self.log = KafkaLog(
            self._cluster.brokers, TOPIC, "g", self.clock,
            limit_records=100, direct_after_ms=500, epoch="e1", partitions=PARTITIONS,
        )  # fmt: skip
        (self.lane,) = self.log.lanes(1)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.log.check()
        self._task = asyncio.create_task(self.log.keep_mark())

    async def renewal(self) -> None:
        """Let the time come, and wait for what is done in a thread."""
        await self.clock.settle()
        await self.clock.advance(log_kafka.RENEW_MS)
        await until(lambda: self.clock.sleeping == 1)

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.log.close()
        self.mark.close()


@pytest.fixture
async def marked() -> AsyncIterator[Marked]:
    made = Marked()
    await made.start()
    yield made
    await made.stop()


async def test_the_mark_of_a_store_is_kept_while_a_node_runs(marked: Marked):
    """Kafka forgets it after a week, and a node on another store would take the topic for its own."""
    marked.lane.assigned(1)
    marked.mark.write("")

    await marked.renewal()

    assert marked.mark.read() == ("e1", 0)


async def test_a_start_commits_the_mark_of_its_store_again(marked: Marked):
    """Else it would be as old as the first start."""
    marked.mark.write("e1", offset=7)

    await asyncio.to_thread(claim, marked._cluster.brokers, TOPIC, "g", "e1")

    assert marked.mark.read() == ("e1", 0)


async def test_a_node_that_is_not_of_the_group_sets_no_mark(marked: Marked):
    """Nobody on another store would find it there, and so would have taken the topic."""
    marked.mark.write("")

    await marked.renewal()

    assert marked.mark.read() == ("", 0)


async def test_the_mark_of_another_store_is_not_written_over(marked: Marked):
    """It took the topic while this node was cut off: this one lets go of it, and its sends go directly to the store."""
    marked.lane.assigned(1)
    marked.mark.write("e2")

    await marked.renewal()

    assert marked.mark.read() == ("e2", 0)
    assert "its epoch is e2, this store's e1" in marked.log.faults.describe()
    with pytest.raises(LogFailed):
        marked.log.append(Record(to_user(ADA, BOB), None))
    assert marked.log._consumer._stopped.is_set()
