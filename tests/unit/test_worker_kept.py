"""The worker on a log of partitions that keeps its records: offsets, outages, held and withdrawn partitions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from confluent_kafka import Message

from pingme.adapters.log_kafka_lane import KafkaLane
from pingme.domain.errors import ErrorCode, StoreUnavailable
from pingme.domain.events import Command, RefusedOutcome, Stored
from pingme.domain.retry import RetryPolicy
from pingme.pipeline.worker import Worker
from pingme.ports.log import Record
from pingme.wire.records import encode_record
from tests.fakes.clock import FakeClock
from tests.fakes.commands import ADA, BOB, CAI, USERS, private, to_user
from tests.fakes.dead_letters import MemoryDeadLetters
from tests.fakes.push import RecordingPush
from tests.fakes.store import MemoryStore

AWAY = StoreUnavailable("the store is away")
STEP_MS = 10
TOPIC = "t-messages"


def nowhere(_record: Record) -> None:
    raise AssertionError("nothing is appended here")


class Bench:
    """A worker over two partitions of a topic; the test plays the consumer."""

    def __init__(self, policy: RetryPolicy | None = None) -> None:
        self.clock = FakeClock()
        self.lane = KafkaLane((0, 1), nowhere, self._on_flow, self.clock.monotonic_ms, room=1_000)
        self.paused = frozenset[int]()  # what the consumer was told last
        self.store = MemoryStore(self.clock, users=USERS)
        self.letters = MemoryDeadLetters()
        self.push = RecordingPush()
        self.worker = Worker(
            self.lane,
            self.store,
            self.letters,
            self.push,
            self.clock,
            policy=policy or RetryPolicy(),
            keeps=True,
        )
        self._next = [0, 0]
        for partition in (0, 1):
            self.lane.assigned(partition)
        self.task = asyncio.create_task(self.worker.run())

    def _on_flow(self) -> None:
        self.paused = self.lane.paused

    def fetch(self, partition: int, *values: Command | bytes) -> None:
        """Let records of a partition arrive."""
        for value in values:
            raw = value if isinstance(value, bytes) else encode_record(value)
            message = Message(
                topic=TOPIC, partition=partition, offset=self._next[partition], value=raw,
                headers=[("origin", f"n1 {self._next[partition]}".encode())],
            )  # fmt: skip
            self._next[partition] += 1
            self.lane.fetched([message])

    def offsets(self) -> list[int]:
        """Return what may be committed of each partition."""
        return [self.lane.positions[partition].offset for partition in (0, 1)]

    async def advance(self, delay_ms: int) -> None:
        for _ in range(max(1, delay_ms // STEP_MS)):
            await self.clock.advance(STEP_MS)
            self.lane.wake()
            await self.clock.settle()

    def answers(self) -> list[tuple[str, int]]:
        return [
            (each.command.msg_id, int(each.outcome.code) if isinstance(each.outcome, RefusedOutcome) else 0)
            for each in self.push.published
        ]

    async def contents(self, peer: str) -> list[str]:
        page = await self.store.page(
            private(ADA, peer), first_seq=1, last_seq=10**6, limit=200, newest=False, max_bytes=10**9
        )
        return [event.msg_id for event in page.events]

    async def stop(self) -> None:
        self.worker.stop()
        while not self.task.done():
            await self.advance(100)
        self.task.result()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.stop()


def message(name: str, peer: str = BOB) -> Command:
    return to_user(ADA, peer, msg_id=name)


async def test_what_is_stored_may_be_committed(bench: Bench):
    """Each partition's offset stands behind its last record, and the outcomes name who waits."""
    bench.fetch(0, message("a"), message("b"))
    bench.fetch(1, message("c", CAI))

    await bench.advance(STEP_MS)

    assert bench.offsets() == [2, 1]
    assert [(each.origin.node_id, each.origin.attempt) for each in bench.push.published if each.origin] == [
        ("n1", 0), ("n1", 1), ("n1", 0),
    ]  # fmt: skip


async def test_an_outage_refuses_and_dead_letters_nothing(bench: Bench):
    """The records wait in the log, uncommitted, for as long as it takes, and are stored when the store is back."""
    for _ in range(200):
        bench.store.fail_next(AWAY)
    bench.fetch(0, message("a"), message("b"))
    await bench.advance(20_000)
    meanwhile, offset = bench.answers(), bench.offsets()[0]
    away = bench.worker.state.outage_since_ms

    await bench.advance(60_000)

    assert (meanwhile, offset, away) == ([], -1, 0)
    assert bench.answers() == [("a", 0), ("b", 0)]
    assert await bench.letters.count() == 0
    assert bench.offsets()[0] == 2


async def test_a_worker_that_stops_in_an_outage_leaves_its_records_in_the_log(bench: Bench):
    """Nobody is told anything, nothing is committed."""
    for _ in range(100):
        bench.store.fail_next(AWAY)
    bench.fetch(0, message("a"))
    await bench.advance(100)

    await bench.stop()

    assert bench.answers() == []
    assert bench.offsets()[0] == -1


async def test_the_offset_stays_below_a_record_in_retry(bench: Bench):
    """Records behind it are stored, and given out again by another worker if this one dies: no harm."""
    bench.store.reject("bad")
    bench.fetch(0, message("bad"), message("next"), message("else", CAI))
    await bench.advance(300)
    meanwhile, during = bench.answers(), bench.offsets()[0]

    await bench.advance(700)

    assert (meanwhile, during) == ([("else", 0)], 0)
    assert bench.answers()[1:] == [("bad", 50006), ("next", 0)]
    assert bench.offsets()[0] == 3


async def test_a_record_in_retry_announces_how_long(bench: Bench):
    """Other nodes see that the partition stands still for a reason."""
    bench.store.reject("bad")
    bench.fetch(0, message("bad"))

    await bench.advance(STEP_MS)

    position = bench.lane.positions[0]
    assert position.offset == 0
    assert position.grace_until_ms >= bench.clock.monotonic_ms() + 80


async def test_a_dead_letter_that_cannot_be_written_stops_its_partition(bench: Bench):
    """50007: nothing more of the partition is worked on, others go on; when it can be written all goes on in order."""
    bench.letters.broken = True
    bench.store.reject("bad")
    bench.fetch(0, message("bad"))
    await bench.advance(1_000)
    failing, paused = bench.worker.state.dead_letters_failing, bench.lane.paused
    bench.fetch(0, message("other", CAI), message("next"))
    bench.fetch(1, message("c", CAI))
    await bench.advance(500)
    meanwhile, during = bench.answers(), bench.offsets()

    bench.letters.broken = False
    await bench.advance(1_500)

    assert (failing, paused) == (True, {0})
    assert (meanwhile, during) == ([("c", 0)], [0, 1])
    assert sorted(bench.answers()[1:]) == [("bad", 50006), ("next", 0), ("other", 0)]
    assert bench.offsets() == [3, 1]
    assert not bench.worker.state.dead_letters_failing
    assert bench.lane.paused == frozenset()


async def test_undecodable_bytes_are_kept_before_they_are_committed(bench: Bench):
    """50002: the letter has the bytes, the headers and the place; the record behind it is not held up."""
    bench.letters.broken = True
    bench.fetch(0, b"\xff\x00", message("a"))
    await bench.advance(STEP_MS)
    during, stored = bench.offsets()[0], bench.answers()

    bench.letters.broken = False
    await bench.advance(1_500)

    (letter,) = await bench.letters.list()
    assert (letter.raw, letter.code, letter.origin) == (
        b"\xff\x00",
        ErrorCode.UNMARSHAL_FAILED,
        f"{TOPIC}/0/0",
    )
    assert letter.headers == (("origin", b"n1 0"),)
    assert (during, stored) == (0, [("a", 0)])
    assert bench.offsets()[0] == 2


async def test_without_dead_letters_undecodable_bytes_are_let_go():
    """With enable_dlq off there is nobody to refuse: a line in the log is what remains."""
    bench = Bench(RetryPolicy(dead_letters=False))
    bench.fetch(0, b"\xff", message("a"))

    await bench.advance(100)

    assert bench.offsets()[0] == 2
    assert await bench.letters.count() == 0
    await bench.stop()


async def test_without_dead_letters_an_exhausted_record_is_refused_in_writing():
    """50003: only then it may be committed."""
    bench = Bench(RetryPolicy(dead_letters=False))
    bench.store.reject("bad")
    bench.fetch(0, message("bad"))

    await bench.advance(1_000)

    assert bench.answers() == [("bad", 50003)]
    found = await bench.store.find(ADA, "bad")
    assert found is not None
    assert found.refusal == 50003
    assert bench.offsets()[0] == 1
    await bench.stop()


async def test_a_partition_that_is_taken_away_is_let_go_of(bench: Bench):
    """What waits of it is forgotten, unanswered; what is fetched of it later is new."""
    bench.store.reject("bad")
    bench.fetch(0, message("bad"), message("next"))
    bench.fetch(1, message("c", CAI))
    await bench.advance(50)

    bench.lane.revoked(0)
    bench.fetch(0, message("late"))
    await bench.advance(5_000)
    answered = bench.answers()
    bench.lane.assigned(0)
    bench.store.accept("bad")
    bench.fetch(0, message("bad"), message("next"))
    await bench.advance(100)

    assert answered == [("c", 0)]
    assert bench.answers()[1:] == [("bad", 0), ("next", 0)]
    assert bench.worker.state.parked == 0
    assert await bench.letters.count() == 0


async def test_a_held_partition_that_is_taken_away_is_consumed_when_it_comes_back(bench: Bench):
    """50007: whoever has it now tries the letter; nothing here holds it any more."""
    bench.letters.broken = True
    bench.store.reject("bad")
    bench.fetch(0, message("bad"))
    await bench.advance(1_000)
    held = bench.paused

    bench.lane.revoked(0)
    paused = bench.paused
    await bench.advance(100)
    bench.lane.assigned(0)
    bench.fetch(0, message("next"))
    await bench.advance(100)

    assert (held, paused) == ({0}, frozenset())
    assert bench.answers() == [("next", 0)]


@pytest.mark.parametrize("back", ["later", "at once"])
@pytest.mark.parametrize(
    "value", [pytest.param(message("bad"), id="rejected"), pytest.param(b"\xff", id="rubbish")]
)
async def test_a_letter_that_fails_after_its_partition_was_taken_away_holds_nothing(
    bench: Bench, back: str, value: Command | bytes
):
    """A put takes seconds; its failure is of records that somebody else has now."""
    bench.letters.answers.clear()
    bench.store.reject("bad")
    bench.fetch(0, value)
    await bench.advance(1_000)

    bench.lane.revoked(0)
    if back == "at once":
        bench.lane.assigned(0)
    bench.letters.broken = True
    bench.letters.answers.set()
    await bench.advance(100)
    if back == "later":
        bench.lane.assigned(0)
    bench.fetch(0, message("next"))
    await bench.advance(100)

    assert bench.paused == frozenset()
    assert bench.answers() == [("next", 0)]
    assert not bench.worker.state.dead_letters_failing


async def test_a_record_that_was_stored_before_is_delivered_again(bench: Bench):
    """Whoever stored it may have died before delivering; of what is old nobody needs to hear."""
    await bench.store.save([message("old")])
    await bench.clock.advance(61_000)
    await bench.store.save([message("new")])

    bench.fetch(0, message("old"), message("new"))
    await bench.advance(STEP_MS)

    stored = [each.outcome for each in bench.push.published if isinstance(each.outcome, Stored)]
    assert [(each.seq, each.duplicate, each.event is not None) for each in stored] == [
        (1, True, False),
        (2, True, True),
    ]


async def test_records_that_wait_behind_one_in_retry_are_never_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    """At the bound the worker takes no more: the log keeps the rest."""
    monkeypatch.setattr("pingme.pipeline.worker.MAX_PARKED", 3)
    bench.store.reject("bad")
    bench.fetch(0, message("bad"))
    await bench.advance(STEP_MS)
    for number in range(6):
        bench.fetch(0, message(f"m{number}"))
        await bench.advance(STEP_MS)
    waiting, in_log = bench.worker.state.parked, bench.lane.depth()

    await bench.advance(1_500)

    assert waiting + in_log == 7
    assert in_log >= 3
    assert bench.answers() == [("bad", 50006), *((f"m{number}", 0) for number in range(6))]


async def test_fetching_pauses_while_there_is_no_room():
    """Kafka keeps what the workers are not ready for; it goes on when most is done."""
    flow: list[frozenset[int]] = []
    clock = FakeClock()
    lane = KafkaLane((0,), nowhere, lambda: flow.append(lane.paused), clock.monotonic_ms, room=8)
    lane.assigned(0)
    raw = encode_record(message("a"))

    lane.fetched([Message(topic=TOPIC, partition=0, offset=offset, value=raw) for offset in range(10)])
    for _ in range(8):
        await lane.take(max_records=1, timeout_ms=None)

    assert flow == [{0}, frozenset()]


async def test_a_partition_of_somebody_else_is_not_held(bench: Bench):
    """It went while whoever holds it waited for something."""
    bench.lane.revoked(0)

    bench.lane.hold(0)

    assert bench.paused == bench.lane.paused == frozenset()
