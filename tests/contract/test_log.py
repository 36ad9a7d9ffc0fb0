"""The contract of `MessageLog`: in the process, on librdkafka's mock cluster, and on a real broker."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack

import pytest
from confluent_kafka import Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from pingme.adapters import log_kafka, log_kafka_consumer
from pingme.adapters.clock_system import SystemClock
from pingme.adapters.kafka_topics import TopicUnusable
from pingme.adapters.log_kafka import KafkaLog
from pingme.adapters.log_memory import MemoryLog
from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.events import Command
from pingme.domain.shards import SHARDS, shard_of
from pingme.ports.log import MessageLog, Origin, Record, Spoiled
from tests.fakes.commands import ADA, BOB, CAI, to_user
from tests.fakes.kafka import PARTITIONS, MockCluster

LIMIT = 1_000
pytestmark = pytest.mark.timeout(180)
JOIN_S = 45.0  # a group forms, or a member that left is noticed: on the mock cluster in rounds of 5 s, four or more of them


class KafkaWorld:
    """A topic of its own, and nodes on it."""

    def __init__(self, brokers: str, name: str, partitions: int) -> None:
        self.brokers = brokers
        self.topic = f"{name}-messages"
        self._group = f"{name}-group"
        self._partitions = partitions
        self._open = AsyncExitStack()

    async def node(self, epoch: str = "e1", *, consumes: bool = True) -> KafkaLog:
        """Return the log of another node of the group, which has one lane."""
        made = KafkaLog(
            self.brokers,
            self.topic,
            self._group,
            SystemClock(),
            limit_records=LIMIT,
            direct_after_ms=1_500,
            epoch=epoch,
            partitions=self._partitions,
        )
        (lane,) = made.lanes(1)
        self.lane = lane
        self._open.push_async_callback(made.close)
        await made.check()
        if consumes:
            made.start()
        else:
            made._producer.start()
        return made

    async def close(self) -> None:
        await self._open.aclose()


def names(records: Sequence[Record]) -> list[str]:
    return [record.command.msg_id for record in records]


def record(command: Command, attempt: int = 1) -> Record:
    return Record(command, Origin("n1", attempt))


async def collect(log: MessageLog, count: int, *, done: bool = True) -> list[Record]:
    """Take until there are this many, as a worker does that may lose its partitions."""
    found: list[Record] = []
    async with asyncio.timeout(JOIN_S):
        while len(found) < count:
            lost = log.withdrawn()
            found = [each for each in found if each.partition not in lost]
            records = await log.take(max_records=LIMIT, timeout_ms=200)
            found += records
            if done:
                await log.done(records)
    return found


async def until(check: Callable[[], bool]) -> None:
    """Wait for what another thread, or a broker, does."""
    async with asyncio.timeout(JOIN_S):
        while not check():  # noqa: ASYNC110  # nothing here could set an event
            await asyncio.sleep(0.02)  # nothing here could set an event


# A group of the mock cluster takes 3 s to form; the real broker has to be started.
KAFKA = [pytest.param(name, marks=pytest.mark.slow) for name in ("kafka_mock", "kafka")]


@pytest.fixture(params=["memory", *KAFKA])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[MessageLog]:
    """A log of each kind, with one taker."""
    if request.param == "memory":
        yield MemoryLog(LIMIT)
        return
    world = make_world(request)
    await world.node()
    yield world.lane
    await world.close()


@pytest.fixture(params=KAFKA)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[KafkaWorld]:
    """A topic on which a test opens nodes."""
    made = make_world(request)
    yield made
    await made.close()


def make_world(request: pytest.FixtureRequest) -> KafkaWorld:
    name = f"t{uuid.uuid4().hex[:12]}"
    if request.param == "kafka":
        return KafkaWorld(request.getfixturevalue("kafka")["KAFKA_BROKERS"], name, SHARDS)
    cluster = MockCluster(f"{name}-messages")
    made = KafkaWorld(cluster.brokers, name, PARTITIONS)
    made.cluster = cluster  # type: ignore[attr-defined]  # kept alive
    return made


# Every log.


async def test_records_come_out_as_they_went_in(log: MessageLog):
    """Command and origin are kept, in the order of each conversation; each record has a place of its own."""
    commands = [
        to_user(ADA, BOB if number % 3 else CAI, f"text {number}", msg_id=f"m{number}")
        for number in range(30)
    ]
    for number, command in enumerate(commands):
        log.append(record(command, number))

    taken = await collect(log, 30)

    for peer in (BOB, CAI):
        conversation = to_user(ADA, peer).conversation_id
        wanted = [
            (each, Origin("n1", number))
            for number, each in enumerate(commands)
            if each.conversation_id == conversation
        ]
        assert [
            (each.command, each.origin) for each in taken if each.command.conversation_id == conversation
        ] == wanted
    assert len({each.position for each in taken}) == 30


async def test_a_record_without_origin_keeps_none(log: MessageLog):
    """Nobody waits for the outcome of such a record."""
    log.append(Record(to_user(ADA, BOB), None))

    (taken,) = await collect(log, 1)

    assert taken.origin is None


async def test_a_batch_is_as_large_as_asked_for(log: MessageLog):
    """What does not fit comes next."""
    for number in range(5):
        log.append(record(to_user(ADA, BOB, msg_id=f"m{number}")))

    sizes, found = [], []
    async with asyncio.timeout(JOIN_S):
        while len(found) < 5:
            records = await log.take(max_records=2, timeout_ms=200)
            found += names(records)
            sizes.append(len(records))

    assert found == ["m0", "m1", "m2", "m3", "m4"]
    assert max(sizes) <= 2


async def test_nothing_comes_of_nothing_and_a_call_wakes(log: MessageLog):
    """`take` returns an empty list after its time, and at once when it is woken."""
    assert list(await log.take(max_records=1, timeout_ms=1)) == []

    taking = asyncio.create_task(log.take(max_records=1, timeout_ms=None))
    await asyncio.sleep(0)
    log.wake()

    assert list(await taking) == []


async def test_a_full_log_refuses(log: MessageLog):
    """Above the bound a record is answered 10008, and it is not in the log."""

    def fill() -> None:
        for number in range(200 * LIMIT):
            log.append(record(to_user(ADA, BOB, msg_id=f"m{number}")))

    with pytest.raises(Refused) as refused:
        fill()

    assert refused.value.code == ErrorCode.OVERLOADED
    assert refused.value.retry_after_ms


# Kafka's.


async def test_a_record_is_given_out_again_until_it_is_done(world: KafkaWorld):
    """A node that dies with records in its hands leaves them to the next, and what is done does not come back."""
    first = await world.node()
    lane = world.lane
    for number in range(4):
        lane.append(record(to_user(ADA, BOB, msg_id=f"m{number}")))
    taken = await collect(lane, 4, done=False)
    await lane.done([taken[0], taken[1], taken[3]])
    await first.close()

    await world.node()

    assert names(await collect(world.lane, 2)) == ["m2", "m3"]


async def test_a_conversation_is_in_the_partition_that_is_its_shard(world: KafkaWorld):
    """The log's partitions are the store's shards."""
    node = await world.node()
    command = to_user(ADA, BOB)
    world.lane.append(record(command))

    (taken,) = await collect(world.lane, 1)

    shard = shard_of(command.conversation_id, node.partitions)
    assert (taken.topic, taken.partition) == (world.topic, shard)


async def test_undecodable_bytes_are_put_aside_as_they_are(world: KafkaWorld):
    """50002: they come with their headers, hold nobody up, and are done like a record."""
    await world.node()
    producer = Producer({"bootstrap.servers": world.brokers})
    producer.produce(
        world.topic, b"\xffnot a record", "key", 0, headers=[("origin", b"n1 7"), ("x", b"\x00")]
    )
    producer.flush(5)
    command = to_user(ADA, BOB)
    world.lane.append(record(command))

    taken = await collect(world.lane, 1)
    found: list[Spoiled] = []
    async with asyncio.timeout(JOIN_S):
        while not found:
            taken += await world.lane.take(max_records=10, timeout_ms=50)
            found += world.lane.spoiled()
    await world.lane.done(found)

    assert [each.command for each in taken] == [command]
    (spoiled,) = found
    assert (spoiled.raw, spoiled.headers) == (b"\xffnot a record", (("origin", b"n1 7"), ("x", b"\x00")))
    assert spoiled.position == f"{world.topic}/0/0"
    assert world.lane.positions[0].offset == 1


async def test_a_probe_comes_back_and_is_no_record(world: KafkaWorld):
    """A watcher sees its own echo, and that the partition has moved."""
    node = await world.node()
    node.watch(frozenset({1}))
    node.probe(1, "n1.1")

    taken: list[Record] = []
    async with asyncio.timeout(JOIN_S):
        while "n1.1" not in node.progress(1).echoes:
            taken += await world.lane.take(max_records=1, timeout_ms=50)

    assert taken == []
    assert node.progress(1).token


async def test_what_stands_behind_a_record_that_is_gone_is_passed_over_and_told(world: KafkaWorld):
    """Its node's next chain comes out again; a probe behind what is gone comes back as a gap by itself."""
    node = await world.node()
    partition = node.partition_of(to_user(ADA, BOB).conversation_id)
    node.watch(frozenset({partition}))

    def send(attempt: int, after: int) -> None:
        world.lane.append(Record(to_user(ADA, BOB, msg_id=f"m{attempt}"), Origin("n1", attempt), after=after))

    async def gaps(wanted: tuple[Origin, ...]) -> list[Record]:
        taken: list[Record] = []
        async with asyncio.timeout(JOIN_S):
            while node.progress(partition).gaps != wanted:
                taken += await world.lane.take(max_records=10, timeout_ms=50)
        return taken

    send(1, 0)
    send(2, 1)
    node.probe(partition, "n1.1", Origin("n1", 2))
    before = await collect(world.lane, 2)
    node.probe(partition, "n1.2", Origin("n1", 3))
    alone = await gaps((Origin("n1", 3),))
    send(5, 4)
    behind = await gaps((Origin("n1", 5),))
    send(6, 0)
    node.probe(partition, "n1.3", Origin("n1", 6))
    after = await collect(world.lane, 1)
    await gaps(())

    assert names([*before, *alone, *behind, *after]) == ["m1", "m2", "m6"]
    assert {"n1.1", "n1.3"} <= set(node.progress(partition).echoes)


async def test_a_record_in_retry_is_told_to_watchers(world: KafkaWorld):
    """The partition stands still for a reason, and for how long."""
    node = await world.node()
    world.lane.append(record(to_user(ADA, BOB)))
    (taken,) = await collect(world.lane, 1, done=False)
    node.watch(frozenset({taken.partition}))

    world.lane.retrying(taken, 5_000)

    await until(lambda: node.progress(taken.partition).grace_ms > 0)
    assert 3_000 < node.progress(taken.partition).grace_ms <= 5_000


async def test_a_held_partition_gives_out_nothing_and_loses_nothing(world: KafkaWorld):
    """Others go on; after the release its records come in their order."""
    await world.node()
    lane = world.lane
    lane.append(record(to_user(ADA, BOB, msg_id="m0")))
    (first,) = await collect(lane, 1)
    other = next(
        each for each in (to_user(ADA, f"u{n}", msg_id="other") for n in range(100))
        if shard_of(each.conversation_id, 4 if len(lane.partitions) == 4 else SHARDS) != first.partition
    )  # fmt: skip
    lane.hold(first.partition)
    for number in (1, 2):
        lane.append(record(to_user(ADA, BOB, msg_id=f"m{number}")))
    lane.append(record(other))

    meanwhile = await collect(lane, 1)
    lane.release(first.partition)

    assert names(meanwhile) == ["other"]
    assert names(await collect(lane, 2)) == ["m1", "m2"]


@pytest.mark.slow
async def test_what_was_sent_after_a_deleted_record_is_not_given_out(kafka: dict[str, str]):
    """The broker had confirmed it: its sender commits both directly, in the order in which they were sent."""
    world = KafkaWorld(kafka["KAFKA_BROKERS"], f"t{uuid.uuid4().hex[:12]}", SHARDS)
    node = await world.node(consumes=False)
    partition = node.partition_of(to_user(ADA, BOB).conversation_id)
    for attempt in (1, 2):
        command = to_user(ADA, BOB, msg_id=f"m{attempt}")
        node.append(Record(command, Origin("n1", attempt), after=attempt - 1))
    await until(lambda: len(node._producer) == 0)
    admin = AdminClient({"bootstrap.servers": world.brokers})
    for deleted in admin.delete_records([TopicPartition(world.topic, partition, 1)]).values():
        deleted.result(JOIN_S)

    node.watch(frozenset({partition}))
    node._consumer.start()
    async with asyncio.timeout(JOIN_S):
        while not node.progress(partition).gaps:
            assert await world.lane.take(max_records=10, timeout_ms=50) == []

    assert node.progress(partition).gaps == (Origin("n1", 2),)
    assert world.lane.positions[partition].offset == 2
    await world.close()


@pytest.mark.slow
async def test_a_chain_goes_on_where_another_node_takes_over(world: KafkaWorld):
    """Which records were finished stands beside the committed offset: nothing is passed over for a new reader.

    What was in hand of the moved partitions is given out again, and what is sent then stands behind it.
    """
    node = await world.node()
    first = world.lane
    peers = [f"u{number}" for number in range(12)]
    last = dict.fromkeys(range(node.partitions), 0)

    def send(attempts: range) -> dict[str, int]:
        """Send to each peer; return each msg_id with its partition."""
        sent: dict[str, int] = {}
        for attempt, peer in zip(attempts, peers, strict=True):
            command = to_user(ADA, peer, msg_id=f"m{attempt}")
            sent[command.msg_id] = partition = node.partition_of(command.conversation_id)
            first.append(Record(command, Origin("n1", attempt), after=last[partition]))
            last[partition] = attempt
        return sent

    send(range(1, 13))
    taken = await collect(first, 12, done=False)
    in_hand = {each.partition: each for each in taken}  # the last of each partition is not finished
    await first.done([each for each in taken if each is not in_hand[each.partition]])
    await world.node()
    second = world.lane
    await until(lambda: bool(second.positions) and not set(first.positions) & set(second.positions))
    sent = send(range(101, 113))
    stay, moved = set(first.positions), set(second.positions)
    wanted = [
        {name for name, partition in sent.items() if partition in stay},
        {name for name, partition in sent.items() if partition in moved}
        | {each.command.msg_id for partition, each in in_hand.items() if partition in moved},
    ]
    found = await asyncio.gather(
        *(collect(lane, len(each)) for lane, each in zip((first, second), wanted, strict=True))
    )

    assert [set(names(each)) for each in found] == wanted
    assert moved & set(in_hand)


@pytest.mark.slow
async def test_partitions_move_to_a_new_node_and_their_records_with_them(world: KafkaWorld):
    """A second node takes some over without a stop; what was in hand of those is withdrawn and given to it."""
    await world.node()
    first = world.lane
    commands = [to_user(ADA, f"u{number}", msg_id=f"m{number}") for number in range(40)]
    for command in commands:
        first.append(record(command))
    in_hand = await collect(first, 40, done=False)

    await world.node()
    second = world.lane
    await until(lambda: bool(second.positions) and not set(first.positions) & set(second.positions))
    moved = set(first.withdrawn())
    again = await collect(second, sum(each.partition in moved for each in in_hand))

    assert moved == set(second.positions)
    assert set(names(again)) == {each.command.msg_id for each in in_hand if each.partition in moved}
    await first.done(in_hand)  # also of those that are gone: no harm
    assert set(first.positions) | set(second.positions) == first.partitions


@pytest.mark.slow
async def test_a_partition_that_left_while_it_was_paused_is_consumed_when_it_comes_back(
    kafka: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    """All stand still for want of room; some move, there is room again, they come back: their records come, too."""
    world = KafkaWorld(kafka["KAFKA_BROKERS"], f"t{uuid.uuid4().hex[:12]}", SHARDS)
    node = await world.node()
    lane = world.lane
    await until(lambda: len(lane.positions) == node.partitions)
    monkeypatch.setattr(lane, "_room", 8)
    commands = [to_user(ADA, f"u{number}", msg_id=f"m{number}") for number in range(150)]
    assert {node.partition_of(each.conversation_id) for each in commands} == lane.partitions
    for command in commands:
        lane.append(record(command))
    await until(lambda: node._consumer._paused_now == lane.partitions)

    other = await world.node()
    second = world.lane
    await until(lambda: bool(second.positions) and not set(lane.positions) & set(second.positions))
    mine = [each for each in commands if node.partition_of(each.conversation_id) in lane.positions]
    await collect(lane, len(mine))
    await until(lambda: not lane.paused)
    await asyncio.sleep(0.3)  # a turn of the consumer's thread
    await other.close()
    await until(lambda: len(lane.positions) == node.partitions)

    back = [each for each in commands if each not in mine]
    assert set(names(await collect(lane, len(back)))) == {each.msg_id for each in back}
    await world.close()


async def test_a_fault_of_ours_in_the_consumer_passes_no_record_over(
    world: KafkaWorld, monkeypatch: pytest.MonkeyPatch
):
    """What was fetched and not handed over is fetched again."""
    node = await world.node()
    faults = [ZeroDivisionError("a fault of ours")]
    hand_over = node._consumer._hand_over

    def fail_once(messages: Sequence[Message]) -> None:
        if faults:
            raise faults.pop()
        hand_over(messages)

    monkeypatch.setattr(node._consumer, "_hand_over", fail_once)
    for number in range(3):
        world.lane.append(record(to_user(ADA, BOB, msg_id=f"m{number}")))

    assert names(await collect(world.lane, 3)) == ["m0", "m1", "m2"]
    assert node.faults.counts[ErrorCode.CONSUMER_GROUP_ERROR] >= 1


@pytest.mark.slow
async def test_workers_share_the_partitions(kafka: dict[str, str]):
    """Each worker's log has its own partitions, all of its records and no others."""
    name = f"t{uuid.uuid4().hex[:12]}"
    node = KafkaLog(
        kafka["KAFKA_BROKERS"], f"{name}-messages", name, SystemClock(),
        limit_records=LIMIT, direct_after_ms=1_500, epoch="e1",
    )  # fmt: skip
    lanes = node.lanes(3)
    await node.check()
    node.start()
    commands = [to_user(ADA, f"u{number}", msg_id=f"m{number}") for number in range(60)]
    for command in commands:
        node.append(record(command))

    for lane in lanes:
        mine = [each for each in commands if shard_of(each.conversation_id) in lane.partitions]
        taken = await collect(lane, len(mine))
        assert sorted(names(taken)) == sorted(each.msg_id for each in mine)
    assert frozenset[int]().union(*(lane.partitions for lane in lanes)) == set(range(SHARDS))
    await node.close()


@pytest.mark.slow
async def test_nodes_on_another_store_are_refused_while_there_are_any(kafka: dict[str, str]):
    """Two stores behind one log would each get half of the messages; a restored store takes over when all have gone."""
    world = KafkaWorld(kafka["KAFKA_BROKERS"], f"t{uuid.uuid4().hex[:12]}", SHARDS)
    first = await world.node("e1")
    lane = world.lane
    await until(lambda: bool(lane.positions))

    with pytest.raises(TopicUnusable, match=r"another store.*its epoch is e1, this store's e2"):
        await world.node("e2")
    await first.close()
    await world.node("e2")
    lane = world.lane

    await until(lambda: len(lane.positions) == SHARDS)
    await world.close()


@pytest.mark.slow
async def test_a_mark_that_kafka_forgot_is_set_again(kafka: dict[str, str]):
    """A node that has run for a week still keeps nodes on another store away."""
    world = KafkaWorld(kafka["KAFKA_BROKERS"], f"t{uuid.uuid4().hex[:12]}", SHARDS)
    first = await world.node("e1")
    lane = world.lane
    await until(lambda: bool(lane.positions))
    group = f"{world.topic}-store"
    admin = AdminClient({"bootstrap.servers": world.brokers})
    admin.delete_consumer_groups([group])[group].result(10)

    await first._renew_mark()

    with pytest.raises(TopicUnusable, match=r"another store.*its epoch is e1, this store's e2"):
        await world.node("e2")
    assert first.faults.describe() == ""
    await world.close()


async def test_a_consumer_that_does_not_come_back_is_replaced(
    world: KafkaWorld, monkeypatch: pytest.MonkeyPatch
):
    """What is sent meanwhile is given out by the next one; the first says and commits nothing any more."""
    monkeypatch.setattr(log_kafka, "STUCK_MS", 300)
    node = await world.node()
    await until(lambda: len(world.lane.positions) == world._partitions)
    first, released = node._consumer, threading.Event()
    monkeypatch.setattr(first, "_turn", lambda _consumer: released.wait(JOIN_S))

    def replaced() -> bool:
        node.watch(frozenset())
        return node._consumer is not first

    await until(replaced)
    node.append(record(to_user(ADA, BOB, msg_id="meanwhile")))
    released.set()  # else it would hold its partitions until the group takes it for dead

    assert names(await collect(world.lane, 1)) == ["meanwhile"]
    await until(lambda: not first.is_alive())


async def test_a_client_that_does_not_find_back_into_the_group_is_replaced(
    world: KafkaWorld, monkeypatch: pytest.MonkeyPatch
):
    """The thread stays, Kafka's client under it is another one; what is sent afterwards is given out."""
    node = await world.node()
    await until(lambda: len(world.lane.positions) == world._partitions)
    thread = node._consumer
    lost = threading.Event()

    def nowhere(_statistics: str) -> str:
        return ""

    with monkeypatch.context() as patch:
        patch.setattr(log_kafka_consumer, "LOST_MS", 300)
        patch.setattr(log_kafka_consumer, "join_state", nowhere)
        patch.setattr(thread, "_prepare", lost.set)
        await asyncio.to_thread(lost.wait, JOIN_S)
    node.append(record(to_user(ADA, BOB, msg_id="afterwards")))

    assert lost.is_set()
    assert names(await collect(world.lane, 1)) == ["afterwards"]
    assert node._consumer is thread
    assert node.unreachable_ms == 0
