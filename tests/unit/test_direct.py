"""A node commits directly what the log does not move, in order and once, and goes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pingme.adapters.log_memory import MemoryLog
from pingme.domain.errors import ErrorCode, Refused, StoreUnavailable
from pingme.domain.events import Command, Outcome, Stored
from pingme.domain.retry import RetryPolicy
from pingme.pipeline.direct import OwnedLog
from pingme.pipeline.worker import Worker
from pingme.ports.log import Origin, Progress, Record
from pingme.services.answers import Answers
from pingme.services.pending import Pending
from tests.fakes.clock import FakeClock
from tests.fakes.commands import ADA, BOB, CAI, USERS, private, to_user
from tests.fakes.dead_letters import MemoryDeadLetters
from tests.fakes.partitioned_log import FakePartitionedLog
from tests.fakes.push import RecordingPush
from tests.fakes.store import MemoryStore

AFTER_MS = 1_500
STEP_MS = 50
ANSWER_MS = 60_000
AWAY = StoreUnavailable("away")


class Sender:
    """Somebody who waits for one answer."""

    def __init__(self, answers: list[tuple[str, Outcome]], msg_id: str) -> None:
        self._answers = answers
        self._msg_id = msg_id

    def settle(self, outcome: Outcome) -> None:
        self._answers.append((self._msg_id, outcome))


class AnsweringPush(RecordingPush):
    """Hands outcomes to whoever waits."""

    def __init__(self, pending: Pending) -> None:
        super().__init__()
        self._answers = Answers(pending)

    async def publish(self, batch):  # type: ignore[no-untyped-def]  # as the fake's
        await super().publish(batch)
        self._answers.deliver(batch)


class Node:
    """A node's write path on a log that nobody works on, unless the test does."""

    def __init__(self, limit_records: int = 1_000, direct_records: int = 10_000) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock, users=USERS)
        self.pending = Pending("n1", self.clock, ANSWER_MS)
        self.push = AnsweringPush(self.pending)
        self.log = FakePartitionedLog()
        self.direct = MemoryLog(direct_records)
        self.away = False
        self.worker = Worker(
            self.direct,
            self.store,
            MemoryDeadLetters(),
            self.push,
            self.clock,
            policy=RetryPolicy(),
            keeps=True,
        )
        self.owned = OwnedLog(
            self.log, self.direct, self.pending, self.clock,
            node_id="n1", direct_after_ms=AFTER_MS, limit_records=limit_records, store_away=lambda: self.away,
        )  # fmt: skip
        self.answers: list[tuple[str, Outcome]] = []
        self._task = asyncio.create_task(self.worker.run())

    def send(self, *commands: Command) -> None:
        for command in commands:
            origin = self.pending.add(Sender(self.answers, command.msg_id))
            try:
                self.owned.append(Record(command, origin))
            except Refused:
                self.pending.take(origin)
                raise

    async def advance(self, delay_ms: int) -> None:
        for _ in range(delay_ms // STEP_MS):
            await self.clock.advance(STEP_MS)
            self.owned.tick()
            self.direct.wake()
            await self.clock.settle()

    async def log_works(self, count: int | None = None) -> None:
        """Do what a worker of the log would do with its oldest records."""
        records, self.log.records = (
            self.log.records[:count],
            self.log.records[count or len(self.log.records) :],
        )
        for record in records:
            (outcome,) = await self.store.save([record.command])
            waiter = self.pending.take(record.origin)
            if waiter is not None:
                waiter.settle(outcome)

    def answered(self) -> list[tuple[str, int, bool]]:
        """Return (msg_id, seq, duplicate) of each answer."""
        return [(name, each.seq, each.duplicate) for name, each in self.answers if isinstance(each, Stored)]

    async def contents(self) -> list[str]:
        page = await self.store.page(
            private(ADA, BOB), first_seq=1, last_seq=10**6, limit=200, newest=False, max_bytes=10**9
        )
        return [event.msg_id for event in page.events]

    async def stop(self) -> None:
        self.worker.stop()
        await self.clock.settle()
        await self._task


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    made = Node()
    yield made
    await made.stop()


def message(name: str) -> Command:
    return to_user(ADA, BOB, msg_id=name)


PARTITION = FakePartitionedLog().partition_of(private(ADA, BOB))


async def test_while_the_log_moves_sends_go_into_it(node: Node):
    """Nothing is committed directly, however long the node runs."""
    for number in range(5):
        node.send(message(f"m{number}"))
        await node.advance(1_000)
        await node.log_works()

    assert node.owned.went_direct == 0
    assert [name for name, _, _ in node.answered()] == [f"m{number}" for number in range(5)]


async def test_a_partition_that_stands_still_is_committed_directly_in_order(node: Node):
    """After 1.5 s, and not before, what is pending is stored, and the same goes for what comes then."""
    node.send(message("a"), message("b"))
    await node.advance(1_450)
    early = node.answered()
    await node.advance(100)

    node.send(message("c"))
    await node.advance(STEP_MS)

    assert early == []
    assert node.answered() == [("a", 1, False), ("b", 2, False), ("c", 3, False)]
    assert node.owned.direct_partitions == [PARTITION]


async def test_what_the_log_has_stored_is_found_and_not_stored_twice(node: Node):
    """Its answer was lost: it gets its own seq, and only the rest is committed."""
    node.send(message("a"), message("b"))
    await node.store.save([node.log.records[0].command])

    await node.advance(AFTER_MS + STEP_MS)

    assert node.answered() == [("a", 1, True), ("b", 2, False)]
    assert await node.contents() == ["a", "b"]


async def test_the_overlap_with_the_log_stores_nothing_twice(node: Node):
    """The log moves again and works on what was committed directly."""
    node.send(message("a"), message("b"))
    await node.advance(AFTER_MS + STEP_MS)

    await node.log_works()

    assert await node.contents() == ["a", "b"]
    assert len(node.answers) == 2


async def test_each_record_names_the_one_before_it_while_that_may_not_be_answered(node: Node):
    """By its attempt, in its partition; the first one, and one that goes in when all are answered, name none."""
    node.send(message("a"), message("b"), message("c"))
    await node.log_works(3)
    await node.advance(STEP_MS)
    node.send(message("d"), message("e"))

    assert [record.after for record in node.log.records] == [0, 4]
    await node.log_works(1)
    await node.advance(STEP_MS)
    node.send(message("f"))
    assert [record.after for record in node.log.records] == [4, 5]


async def test_what_stands_behind_a_lost_record_goes_direct_with_it(node: Node):
    """The log moves for others, and has passed over what came after: all of it is stored in the order of the sends."""
    node.send(message("a"), message("b"), message("c"))
    passed_over = node.log.records[1].origin
    assert passed_over is not None
    for turn in range(6):
        node.log.progresses[PARTITION] = Progress(f"{turn}", gaps=(Origin("n2", 1),))
        await node.advance(STEP_MS)
    early = node.owned.direct_partitions

    node.log.progresses[PARTITION] = Progress("6", gaps=(Origin("n2", 1), passed_over))
    await node.advance(STEP_MS)

    assert early == []
    assert node.answered() == [("a", 1, False), ("b", 2, False), ("c", 3, False)]


async def test_a_gap_that_was_dealt_with_is_no_reason(node: Node):
    """It is told until this node's next chain has come through."""
    node.send(message("a"))
    gap = node.log.records[0].origin
    assert gap is not None
    await node.log_works()
    node.send(message("b"))

    node.log.progresses[PARTITION] = Progress("1", gaps=(gap,))
    await node.advance(300)

    assert node.owned.direct_partitions == []


async def test_the_log_is_asked_about_a_send_that_waits_while_others_move(node: Node):
    """A probe stands behind the last record: had that been lost, the probe would come back as a gap."""
    node.send(message("a"), message("b"))
    last = node.log.records[-1].origin
    for turn in range(25):
        node.log.progresses[PARTITION] = Progress(f"{turn}")
        await node.advance(STEP_MS)

    assert node.log.probes == [(PARTITION, "n1.1"), (PARTITION, "n1.2")]
    assert node.log.behind == [last, last]
    assert node.owned.direct_partitions == []


async def test_a_gap_counts_though_what_was_passed_over_is_answered(node: Node):
    """It was stored by another node: what stands before it is lost all the same."""
    node.send(message("a"), message("b"))
    passed_over = node.log.records[1].origin
    assert passed_over is not None
    node.pending.take(passed_over)

    node.log.progresses[PARTITION] = Progress("1", gaps=(passed_over,))
    await node.advance(300)

    assert node.answered() == [("a", 1, False)]


async def test_a_gap_is_heard_of_while_others_are_in_retry(node: Node):
    """The partition may stand still for seconds: not for those who are not behind that record."""
    node.send(message("a"), message("b"))
    passed_over = node.log.records[1].origin
    assert passed_over is not None
    node.log.progresses[PARTITION] = Progress("1", grace_ms=9_000)
    await node.advance(300)

    node.log.progresses[PARTITION] = Progress("2", grace_ms=8_000, gaps=(passed_over,))
    await node.advance(100)

    assert node.answered() == [("a", 1, False), ("b", 2, False)]


async def test_a_nodes_own_probes_do_not_count_as_work_on_the_partition(node: Node):
    """They come through, and raise the token: its sends go direct as soon as if they had not been made."""
    node.send(message("a"))
    for _ in range(AFTER_MS // STEP_MS):
        assert node.owned.direct_partitions == []
        nonces = tuple(nonce for _, nonce in node.log.probes)
        node.log.progresses[PARTITION] = Progress(f"{len(nonces)}", echoes=nonces)
        await node.advance(STEP_MS)

    assert node.answered() == [("a", 1, False)]


async def test_only_the_partition_that_stands_still_goes_direct(node: Node):
    """A conversation of another partition stays in the log."""
    other = next(
        each for each in (to_user(ADA, peer) for peer in (*USERS, "u9"))
        if node.log.partition_of(each.conversation_id) != PARTITION
    )  # fmt: skip
    node.send(message("a"))
    await node.advance(AFTER_MS)

    node.send(other)
    await node.advance(STEP_MS)

    assert node.owned.direct_partitions == [PARTITION]
    assert node.log.records[-1].command is other


async def test_a_backlog_that_moves_is_no_reason(node: Node):
    """Somebody finishes records of the partition, only not yet ours."""
    node.send(message("a"))
    for number in range(60):
        node.log.progresses[PARTITION] = Progress(f"{number // 10}")
        await node.advance(100)

    assert node.owned.direct_partitions == []
    assert node.log.watched == {PARTITION}


async def test_a_record_in_retry_is_no_reason(node: Node):
    """The partition stands still for as long as its worker has announced, and 1.5 s more."""
    node.log.progresses[PARTITION] = Progress("1")
    node.send(message("a"))
    await node.advance(500)
    node.log.progresses[PARTITION] = Progress("2", grace_ms=5_000)
    await node.advance(6_400)
    meanwhile = node.owned.direct_partitions

    await node.advance(200)

    assert meanwhile == []
    assert node.owned.direct_partitions == [PARTITION]


async def test_a_store_that_is_away_is_no_reason(node: Node):
    """The node can do nothing that the log cannot: the sends wait there."""
    node.away = True
    node.send(message("a"))

    await node.advance(5_000)

    assert node.owned.direct_partitions == []


async def test_without_a_broker_everything_goes_direct_at_once(node: Node):
    """50001: once it has been away for 1.5 s nobody waits for that time again."""
    node.log.unreachable_ms = AFTER_MS
    await node.advance(STEP_MS)

    node.send(message("a"))
    await node.advance(STEP_MS)

    assert node.answered() == [("a", 1, False)]
    assert len(node.owned.direct_partitions) == node.log.partitions
    assert node.log.probes == []


async def test_a_send_that_the_log_does_not_take_goes_direct(node: Node):
    """50008: at the call, or when sending failed later."""
    node.log.fails = True
    node.send(message("a"))
    await node.advance(STEP_MS)
    node.log.fails = False
    node.send(to_user(ADA, CAI, msg_id="b"))

    node.log.on_failed(node.log.partition_of(private(ADA, CAI)))
    await node.advance(2 * STEP_MS)

    assert [name for name, _, _ in node.answered()] == ["a", "b"]


async def test_the_partition_returns_to_the_log_when_a_probe_came_through(node: Node):
    """And not before: until then all sends are committed here."""
    node.send(message("a"))
    await node.advance(AFTER_MS + 1_000)
    node.send(message("b"))
    await node.advance(1_000)
    still_direct = node.owned.direct_partitions

    node.log.echo()
    await node.advance(STEP_MS)
    node.send(message("c"))

    assert still_direct == [PARTITION]
    assert node.owned.direct_partitions == []
    assert [record.command.msg_id for record in node.log.records] == ["a", "c"]


async def test_sends_at_the_return_wait_for_those_that_went_direct(node: Node):
    """Otherwise a later send might be stored before an earlier one of the same sender."""
    node.send(message("a"))
    await node.advance(AFTER_MS + STEP_MS)
    await node.advance(500)
    node.store.fail_next(AWAY)
    node.send(message("b"))
    node.log.echo()
    node.owned.tick()
    node.send(message("c"))
    in_log_early = [record.command.msg_id for record in node.log.records]

    await node.advance(200)

    assert in_log_early == ["a"]
    assert node.answered()[-1][0] == "b"
    assert [record.command.msg_id for record in node.log.records] == ["a", "c"]


async def test_the_return_does_not_wait_for_ever(node: Node):
    """While a direct one gets no answer, new sends go direct behind it."""
    node.send(message("a"))
    await node.advance(AFTER_MS + 500)
    for _ in range(8):
        node.store.fail_next(AWAY)
    node.send(message("b"))
    node.log.echo()
    node.owned.tick()
    node.send(message("c"))

    await node.advance(3_000)

    assert [name for name, _, _ in node.answered()] == ["a", "b", "c"]
    assert await node.contents() == ["a", "b", "c"]


async def test_unanswered_sends_are_bounded():
    """10008 at the bound; the answered ones make room."""
    node = Node(limit_records=2)
    node.send(message("a"), message("b"))

    with pytest.raises(Refused) as refused:
        node.send(message("c"))
    await node.log_works()
    node.send(message("d"))

    assert refused.value.code == ErrorCode.OVERLOADED
    assert len(node.pending) == 1
    await node.stop()


@pytest.fixture
async def narrow() -> AsyncIterator[Node]:
    """A node whose own worker's queue has room for three; its store is away and has taken a send with it."""
    made = Node(direct_records=3)
    for _ in range(5_000):
        made.store.fail_next(AWAY)
    made.log.fails = True
    made.send(message("a"))
    await made.advance(STEP_MS)
    made.log.fails = False
    yield made
    back(made)
    await made.advance(1_000)
    await made.stop()


def back(node: Node) -> None:
    """Let the store answer again."""
    node.store._faults.clear()


async def test_sends_that_return_to_a_full_queue_wait_for_room(narrow: Node):
    """Store and log are away, the log is back first: nothing fails, and all are stored in their order."""
    narrow.send(message("b"), message("c"), message("d"))
    await narrow.advance(500)
    narrow.log.echo()
    narrow.owned.tick()
    narrow.send(message("e"), message("f"))
    await narrow.advance(2_000)
    depths = narrow.direct.depth(), narrow.owned.depth() - narrow.log.depth()
    with pytest.raises(Refused):
        narrow.send(message("g"))

    back(narrow)
    await narrow.advance(1_000)

    assert depths == (3, 5)
    assert narrow.answered() == [(name, seq, False) for seq, name in enumerate("abcdef", 1)]


async def test_sends_that_stand_still_in_the_log_wait_for_room_in_the_queue(narrow: Node):
    """Those of another partition have filled it; these are committed as soon as there is room, in their order."""
    other = [to_user(ADA, CAI, msg_id=f"m{number}") for number in range(5)]
    assert narrow.log.partition_of(other[0].conversation_id) != PARTITION
    narrow.send(message("b"), message("c"), message("d"), *other)
    await narrow.advance(AFTER_MS + STEP_MS)
    full = narrow.direct.depth()

    back(narrow)
    await narrow.advance(1_000)

    assert full == 3
    assert [name for name, _, _ in narrow.answered()] == [*"abcd", "m0", "m1", "m2", "m3", "m4"]


async def test_sends_for_which_there_was_no_room_in_time_are_let_go(narrow: Node):
    """Their senders were told 10009, and send them again: nothing waits for them, and the partition returns."""
    narrow.send(message("b"), message("c"), message("d"))
    await narrow.advance(500)
    narrow.log.echo()
    narrow.owned.tick()
    narrow.send(message("e"))
    await narrow.advance(2_000)
    await narrow.clock.advance(ANSWER_MS)
    narrow.pending.tick()
    narrow.log.echo()
    await narrow.advance(2_000)

    assert len(narrow.pending) == 0
    assert narrow.owned.depth() == narrow.log.depth() + 3
    assert narrow.owned.direct_partitions == []
