"""The pipeline's worker on a clock that tests move: batches, outages, unknown outcomes, poison, dead letters."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence

import pytest

from pingme.adapters.log_memory import MemoryLog
from pingme.domain.errors import ErrorCode, StoreOutcomeUnknown, StoreRejected, StoreUnavailable
from pingme.domain.events import Command, Outcome, RefusedOutcome, Stored
from pingme.domain.retry import RetryPolicy
from pingme.pipeline import worker as worker_module
from pingme.pipeline.worker import Worker
from pingme.ports.log import Origin, Record
from pingme.wire.records import decode_record
from tests.fakes.clock import FakeClock
from tests.fakes.commands import ADA, BOB, CAI, USERS, private, to_user
from tests.fakes.dead_letters import MemoryDeadLetters
from tests.fakes.push import RecordingPush
from tests.fakes.store import MemoryStore

AWAY = StoreUnavailable("the disk is away")
BROKE = StoreOutcomeUnknown("the commit broke")
STEP_MS = 10


class FaultyStore(MemoryStore):
    """Can be away for as long as a test wants, holds a save while the gate is shut, and may have bugs."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock, users=USERS)
        self.away = False
        self.bug_for: str | None = None
        self.bugs: list[Exception] = []
        self.away_after_bug = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.batches: list[list[str]] = []
        self.times_ms: list[int] = []

    async def save(self, batch: Sequence[Command]) -> Sequence[Outcome]:
        self.batches.append([command.msg_id for command in batch])
        self.times_ms.append(self._clock.monotonic_ms())
        await self.gate.wait()
        if self.away:
            raise AWAY
        if self.bugs:
            self.away = self.away_after_bug
            raise self.bugs.pop(0)
        if any(command.msg_id == self.bug_for for command in batch):
            raise ZeroDivisionError("a fault of ours")
        return await super().save(batch)

    async def refuse(self, command: Command, code: int, message: str) -> Outcome:
        if self.away:
            raise AWAY
        return await super().refuse(command, code, message)


class Bench:
    """A worker with its fakes."""

    def __init__(self, policy: RetryPolicy | None = None) -> None:
        self.clock = FakeClock()
        self.log = MemoryLog(100_000)
        self.store = FaultyStore(self.clock)
        self.letters = MemoryDeadLetters()
        self.push = RecordingPush()
        self.worker = Worker(
            self.log, self.store, self.letters, self.push, self.clock, policy=policy or RetryPolicy()
        )
        self._attempts = 0
        self._task = asyncio.create_task(self.worker.run())

    def append(self, *commands: Command) -> None:
        for command in commands:
            self._attempts += 1
            self.log.append(Record(command, Origin("local", self._attempts)))

    async def settle(self) -> None:
        """Let the worker do what it can do now."""
        self.log.wake()
        await self.clock.settle()

    async def advance(self, delay_ms: int) -> None:
        """Let time pass in small steps; the log's timer is real, so the worker is woken at each."""
        for _ in range(delay_ms // STEP_MS):
            await self.clock.advance(STEP_MS)
            await self.settle()

    def answers(self) -> list[tuple[str, int]]:
        """Return (msg_id, 0 or the code of the refusal) in the order of publishing."""
        return [(each.command.msg_id, code_of(each.outcome)) for each in self.push.published]

    async def contents(self, conversation_id: str) -> list[str]:
        page = await self.store.page(
            conversation_id, first_seq=1, last_seq=10**6, limit=200, newest=False, max_bytes=10**9
        )
        return [event.msg_id for event in page.events]

    async def stop(self) -> None:
        self.store.gate.set()
        self.worker.stop()
        while not self._task.done():
            await self.advance(100)
        self._task.result()


def code_of(outcome: Outcome) -> int:
    return int(outcome.code) if isinstance(outcome, RefusedOutcome) else 0


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A running worker that dead-letters."""
    made = Bench()
    yield made
    await made.stop()


@pytest.fixture
async def strict() -> AsyncIterator[Bench]:
    """A running worker without dead letters."""
    made = Bench(RetryPolicy(dead_letters=False))
    yield made
    await made.stop()


# Batches.


async def test_what_arrives_during_a_commit_is_the_next_batch(bench: Bench):
    """One record is saved alone; the ones that come meanwhile are saved together."""
    bench.store.gate.clear()
    bench.append(to_user(ADA, BOB, msg_id="first"))
    await bench.settle()
    bench.append(*(to_user(ADA, BOB, msg_id=f"then{number}") for number in range(5)))

    bench.store.gate.set()
    await bench.settle()

    assert bench.store.batches == [["first"], [f"then{number}" for number in range(5)]]
    assert bench.answers() == [("first", 0), *((f"then{number}", 0) for number in range(5))]
    assert (bench.worker.state.batches, bench.worker.state.last_batch) == (2, 5)


async def test_a_batch_is_bounded(bench: Bench):
    """More records than one transaction takes make several."""
    bench.append(*(to_user(ADA, BOB, msg_id=f"m-{number}") for number in range(1_500)))

    await bench.settle()

    assert [len(batch) for batch in bench.store.batches] == [1_000, 500]


async def test_a_batch_is_bounded_in_bytes(bench: Bench):
    """What one group hears of it at once must fit into an outbox; the order stays."""
    large = "x" * 8_000
    bench.store.gate.clear()
    bench.append(to_user(ADA, BOB, "first", msg_id="m0"))
    await bench.settle()
    bench.append(*(to_user(ADA, BOB, large, msg_id=f"m{number}") for number in range(1, 151)))
    bench.store.gate.set()
    await bench.settle()

    sizes = [len(batch) for batch in bench.store.batches]
    assert (sizes[0], sum(sizes)) == (1, 151)
    assert max(sizes) * 8_000 <= worker_module.BATCH_BYTES < (max(sizes) + 1) * 8_100
    assert await bench.contents(private(ADA, BOB)) == [f"m{number}" for number in range(151)]


async def test_one_record_above_the_bound_is_a_batch(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """It is stored all the same, alone."""
    monkeypatch.setattr(worker_module, "BATCH_BYTES", 10)
    bench.append(*(to_user(ADA, BOB, "more than ten bytes", msg_id=f"m{number}") for number in range(3)))
    await bench.settle()

    assert [len(batch) for batch in bench.store.batches] == [1, 1, 1]


async def test_nobody_hears_anything_before_the_store_has_answered(bench: Bench):
    """While the commit runs nothing is published."""
    bench.store.gate.clear()
    bench.append(to_user(ADA, BOB))

    await bench.advance(5_000)
    heard_early = list(bench.push.published)
    bench.store.gate.set()
    await bench.settle()

    assert heard_early == []
    assert len(bench.push.published) == 1


# Outages.


async def test_an_outage_refuses_after_1_5_s_and_not_earlier(bench: Bench):
    """The sender is told 20001 once the store has been away for 1.5 s; nothing is dead-lettered."""
    bench.store.away = True
    bench.append(to_user(ADA, BOB, msg_id="m"))

    await bench.advance(1_490)
    early = bench.answers()
    await bench.advance(300)  # the wait between attempts is at most 250 ms

    assert early == []
    assert bench.answers() == [("m", 20001)]
    assert bench.worker.state.outage_since_ms is not None
    assert await bench.letters.count() == 0


async def test_an_outage_counts_from_the_save_that_met_it(bench: Bench):
    """A save that waited for a lock and then failed has used that time: its sender waits 1.5 s in all."""
    bench.store.away = True
    bench.store.gate.clear()
    bench.append(to_user(ADA, BOB, msg_id="m"))
    await bench.advance(1_000)
    bench.store.gate.set()

    await bench.advance(490)
    early = bench.answers()
    await bench.advance(20)

    assert early == []
    assert bench.answers() == [("m", 20001)]


async def test_what_was_refused_in_an_outage_is_not_stored_and_may_be_sent_again(bench: Bench):
    """A refusal for an outage is not written down: the same msg_id goes through when the store is back."""
    command = to_user(ADA, BOB, msg_id="m")
    bench.store.away = True
    bench.append(command)
    await bench.advance(2_000)

    bench.store.away = False
    bench.append(command)
    await bench.settle()

    assert bench.answers() == [("m", 20001), ("m", 0)]
    assert await bench.contents(command.conversation_id) == ["m"]
    assert bench.worker.state.outage_since_ms is None


async def test_a_short_outage_is_only_a_delay(bench: Bench):
    """A store that is back within 1.5 s costs no message, and is noticed within 250 ms."""
    bench.store.away = True
    bench.append(to_user(ADA, BOB, msg_id="a"), to_user(ADA, CAI, msg_id="b"))
    await bench.advance(1_000)

    bench.store.away = False
    await bench.advance(250)

    assert bench.answers() == [("a", 0), ("b", 0)]


# Unknown outcomes.


async def test_an_unknown_outcome_is_read_back_and_the_event_goes_out_once(bench: Bench):
    """The commit broke after it was done: the second save finds the rows, and their event is delivered."""
    bench.store.fail_next(BROKE, after_commit=True)
    command = to_user(ADA, BOB, msg_id="m")
    bench.append(command)

    await bench.advance(100)

    (delivery,) = bench.push.published
    assert isinstance(delivery.outcome, Stored)
    assert (delivery.outcome.seq, delivery.outcome.hearers) == (1, tuple(sorted((ADA, BOB))))
    assert delivery.outcome.event is not None
    assert delivery.outcome.event.payload == command.payload
    assert delivery.origin == Origin("local", 1)
    assert await bench.contents(command.conversation_id) == ["m"]


async def test_an_old_repeat_beside_an_unknown_outcome_is_not_delivered_again(bench: Bench):
    """It went out when it was stored; who has joined since then may not hear it."""
    old = to_user(ADA, BOB, msg_id="old")
    bench.append(old)
    await bench.advance(100)
    await bench.clock.advance(61_000)
    bench.store.fail_next(BROKE, after_commit=True)
    bench.append(old, to_user(ADA, BOB, msg_id="new"))
    await bench.advance(100)
    bench.append(old)
    await bench.advance(100)

    events = [getattr(each.outcome, "event", None) for each in bench.push.published]
    assert bench.answers() == [("old", 0), ("old", 0), ("new", 0), ("old", 0)]
    assert [event is not None for event in events] == [True, False, True, False]


async def test_an_unknown_outcome_is_never_called_refused(bench: Bench):
    """The commit broke and then the store was away for long: no answer until it can be read back."""
    bench.store.fail_next(BROKE, after_commit=True)
    bench.append(to_user(ADA, BOB, msg_id="m"))
    await bench.settle()
    bench.store.away = True

    await bench.advance(20_000)
    meanwhile = bench.answers()
    bench.store.away = False
    await bench.advance(300)

    assert meanwhile == []
    assert bench.answers() == [("m", 0)]


async def test_unknown_stays_unknown_when_the_read_back_fails_otherwise(bench: Bench):
    """Neither a bug at reading back nor an outage after it makes a refusal of what may be stored."""
    bench.store.fail_next(BROKE, after_commit=True)
    bench.append(to_user(ADA, BOB, msg_id="a"), to_user(CAI, BOB, msg_id="b"))
    await bench.settle()
    bench.store.bugs.append(ZeroDivisionError("a fault of ours"))
    bench.store.away_after_bug = True

    await bench.advance(5_000)
    meanwhile = bench.answers()
    bench.store.away = False
    await bench.advance(1_000)

    assert meanwhile == []
    assert bench.answers() == [("a", 0), ("b", 0)]
    assert all(isinstance(each.outcome, Stored) and each.outcome.event for each in bench.push.published)


# Records at fault.


async def test_a_poison_record_is_split_out_of_its_batch(bench: Bench):
    """All others of the batch are stored at once."""
    bench.store.gate.clear()
    bench.append(to_user(CAI, CAI, msg_id="opener"))
    await bench.settle()
    bench.store.reject("bad")
    names = ["a", "b", "bad", "c", "d"]
    peers = [BOB, CAI, ADA, BOB, CAI]  # "bad" is alone in its conversation
    bench.append(*(to_user(ADA, peer, msg_id=name) for peer, name in zip(peers, names, strict=True)))

    bench.store.gate.set()
    await bench.settle()

    assert bench.answers() == [("opener", 0), ("a", 0), ("b", 0), ("c", 0), ("d", 0)]


async def test_a_poison_record_is_retried_three_times_and_then_dead_lettered(bench: Bench):
    """Four attempts with waits of 100, 200 and 400 ms and at most 10 % more; the letter has the raw bytes."""
    bench.store.reject("bad")
    command = to_user(ADA, BOB, "poison", msg_id="bad", client_ts=7)
    bench.append(command)

    await bench.advance(1_000)

    times = bench.store.times_ms
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(waits) == 3
    for wait, wanted in zip(waits, (100, 200, 400), strict=True):
        assert wanted <= wait <= wanted * 1.1 + STEP_MS
    (letter,) = await bench.letters.list()
    assert decode_record(letter.raw) == command
    assert (letter.sender_id, letter.msg_id, letter.code) == (ADA, "bad", ErrorCode.DEAD_LETTERED)
    assert (letter.attempts, letter.origin) == (4, "memory/0/0")
    assert bench.answers() == [("bad", 50006)]
    assert (bench.worker.state.retries, bench.worker.state.dead_lettered) == (3, 1)


async def test_a_poison_record_that_recovers_is_stored(bench: Bench):
    """A record that the store takes at the third attempt is like any other."""
    bench.store.reject("bad")
    bench.append(to_user(ADA, BOB, msg_id="bad"))
    await bench.advance(200)

    bench.store.accept("bad")
    await bench.advance(300)

    assert bench.answers() == [("bad", 0)]
    assert await bench.letters.count() == 0
    assert not bench.worker.busy


async def test_later_records_of_the_conversation_wait_and_others_go_on(bench: Bench):
    """Order within the conversation is kept through the retries; another conversation does not notice them."""
    bench.store.reject("bad")
    bench.append(to_user(ADA, BOB, msg_id="bad"), to_user(BOB, ADA, msg_id="one"))
    await bench.settle()
    bench.append(to_user(ADA, BOB, msg_id="two"), to_user(ADA, CAI, msg_id="else"))

    await bench.advance(300)
    meanwhile = bench.answers()
    bench.append(to_user(BOB, ADA, msg_id="three"))
    await bench.advance(600)

    assert meanwhile == [("else", 0)]
    assert bench.answers()[1:] == [("bad", 50006), ("one", 0), ("two", 0), ("three", 0)]
    assert await bench.contents(private(ADA, BOB)) == ["one", "two", "three"]
    assert not bench.worker.busy
    assert bench.worker.state.parked == 0


async def test_two_poison_records_of_one_conversation_are_buried_one_after_the_other(bench: Bench):
    """The second one gets its own four attempts; what is behind both is stored in order."""
    bench.store.reject("bad1")
    bench.store.reject("bad2")
    bench.append(*(to_user(ADA, BOB, msg_id=name) for name in ("bad1", "mid", "bad2", "end")))

    await bench.advance(2_500)

    assert bench.answers() == [("bad1", 50006), ("mid", 0), ("bad2", 50006), ("end", 0)]
    assert [letter.attempts for letter in await bench.letters.list()] == [4, 4]
    assert bench.worker.state.parked == 0


async def test_without_dead_letters_the_record_is_refused_in_writing(strict: Bench):
    """With enable_dlq off the sender is told 50003, and nobody can store that msg_id later."""
    strict.store.reject("bad")
    command = to_user(ADA, BOB, msg_id="bad")
    strict.append(command)
    await strict.advance(1_000)
    found = await strict.store.find(ADA, "bad")
    strict.store.accept("bad")

    strict.append(command)
    await strict.settle()

    assert found is not None
    assert found.refusal == 50003
    assert strict.answers() == [("bad", 50003), ("bad", 50003)]
    assert await strict.letters.count() == 0


async def test_a_refusal_that_cannot_be_written_is_not_told(strict: Bench):
    """While the store is away at the moment of giving up, the conversation waits."""
    strict.store.reject("bad")
    strict.append(to_user(ADA, BOB, msg_id="bad"), to_user(ADA, BOB, msg_id="next"))
    await strict.advance(650)
    strict.store.fail_next(AWAY)  # the fourth attempt is answered by "rejected" only after this outage
    strict.store.away = True
    await strict.advance(1_000)
    meanwhile = strict.answers()

    strict.store.away = False
    await strict.advance(1_500)

    assert meanwhile == []
    assert strict.answers() == [("bad", 50003), ("next", 0)]


async def test_a_dead_letter_that_cannot_be_written_holds_its_conversation(bench: Bench):
    """50007 stands in the state, nobody is told anything, others go on; when it can be written all goes on."""
    bench.letters.broken = True
    bench.store.reject("bad")
    bench.append(to_user(ADA, BOB, msg_id="bad"), to_user(ADA, BOB, msg_id="next"))
    await bench.advance(2_000)
    bench.append(to_user(ADA, CAI, msg_id="else"))
    await bench.settle()
    failing, meanwhile = bench.worker.state.dead_letters_failing, bench.answers()

    bench.letters.broken = False
    await bench.advance(1_500)

    assert failing
    assert meanwhile == [("else", 0)]
    assert bench.answers()[1:] == [("bad", 50006), ("next", 0)]
    assert not bench.worker.state.dead_letters_failing


async def test_the_state_forgets_a_failing_dead_letter_when_its_record_is_stored_after_all(bench: Bench):
    """A record whose letter could not be written and that the store then takes leaves nothing to complain of."""
    bench.letters.broken = True
    bench.store.reject("bad")
    bench.append(to_user(ADA, BOB, msg_id="bad"))
    await bench.advance(1_000)

    bench.store.accept("bad")
    await bench.advance(1_500)

    assert bench.answers() == [("bad", 0)]
    assert not bench.worker.state.dead_letters_failing


async def test_an_unexpected_exception_costs_one_record(bench: Bench):
    """A fault of ours at one record dead-letters that record; the pipeline and the others go on."""
    bench.store.bug_for = "bad"
    bench.append(*(to_user(ADA, peer, msg_id=name) for peer, name in ((BOB, "a"), (CAI, "bad"), (BOB, "b"))))

    await bench.advance(1_000)

    assert sorted(bench.answers()) == [("a", 0), ("b", 0), ("bad", 20003)]
    (letter,) = await bench.letters.list()
    assert letter.code == ErrorCode.MESSAGE_PROCESSING_ERROR
    assert "ZeroDivisionError" in letter.error


async def test_a_failed_publish_is_repaired_by_resync_and_ends_nothing(bench: Bench):
    """The batch is stored; clients are told to sync at once, and again after the last failure, once a second at most."""
    for number in range(3):
        bench.push.faults.append(ZeroDivisionError("a fault of ours"))
        bench.append(to_user(ADA, BOB, msg_id=f"lost{number}"))
        await bench.advance(100)
    at_once = bench.push.resyncs
    await bench.advance(1_000)
    bench.append(to_user(ADA, BOB, msg_id="heard"))
    await bench.advance(2_000)

    assert at_once == 1
    assert bench.push.resyncs == 2
    assert bench.answers() == [("heard", 0)]
    assert await bench.contents(private(ADA, BOB)) == ["lost0", "lost1", "lost2", "heard"]
    assert bench.worker.publisher.failures == 3


async def test_failed_publishing_is_shown_for_a_minute(bench: Bench):
    """`/health` asks `degraded`: true from the fault on, false when a minute has passed."""
    before = bench.worker.publisher.degraded
    bench.push.faults.append(ZeroDivisionError("a fault of ours"))
    bench.append(to_user(ADA, BOB, msg_id="m"))
    await bench.advance(100)
    soon = bench.worker.publisher.degraded

    await bench.clock.advance(60_000)

    assert (before, soon, bench.worker.publisher.degraded) == (False, True, False)


async def test_an_unexpected_exception_of_the_dead_letters_holds_the_conversation(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    """Any failure to write a letter counts as 50007 and does not end the worker."""

    async def broken(_letter: object) -> None:
        raise OSError("no space left")

    bench.store.reject("bad")
    with monkeypatch.context() as patch:
        patch.setattr(bench.letters, "put", broken)
        bench.append(to_user(ADA, BOB, msg_id="bad"))
        await bench.advance(1_000)
        failing = bench.worker.state.dead_letters_failing

    await bench.advance(1_500)

    assert failing
    assert bench.answers() == [("bad", 50006)]


async def test_the_number_of_waiting_records_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """Above the bound, records behind one in retry are refused 10008, and others are not."""
    monkeypatch.setattr(worker_module, "MAX_PARKED", 3)
    bench.store.reject("bad")
    bench.append(to_user(ADA, BOB, msg_id="bad"))
    await bench.settle()

    bench.append(*(to_user(ADA, BOB, msg_id=f"m-{number}") for number in range(4)))
    bench.append(to_user(ADA, CAI, msg_id="else"))
    await bench.settle()

    assert bench.answers() == [("m-2", 10008), ("m-3", 10008), ("else", 0)]
    assert bench.worker.state.parked == 3
    await bench.advance(1_000)
    assert bench.answers()[3:] == [("bad", 50006), ("m-0", 0), ("m-1", 0)]


async def test_what_waited_behind_a_poison_record_goes_on_in_batches(bench: Bench):
    """Not all of it in one transaction, however much it is; in order."""
    bench.store.reject("bad")
    bench.append(to_user(ADA, BOB, msg_id="bad"))
    bench.append(*(to_user(ADA, BOB, msg_id=f"m{number}") for number in range(2_500)))
    await bench.advance(8_000)

    sizes = [len(batch) for batch in bench.store.batches if "bad" not in batch]
    assert (sum(sizes), max(sizes)) == (2_500, 1_000)
    assert [msg_id for msg_id, code in bench.answers() if not code] == [
        f"m{number}" for number in range(2_500)
    ]


async def test_an_outage_in_the_middle_of_a_retry_is_not_an_attempt(bench: Bench):
    """A store that is away says nothing against the record: four answered attempts are made all the same."""
    bench.store.reject("bad")
    bench.append(to_user(ADA, BOB, msg_id="bad"))
    await bench.advance(50)
    bench.store.away = True
    await bench.advance(1_000)

    bench.store.away = False
    await bench.advance(2_000)

    (letter,) = await bench.letters.list()
    assert letter.attempts == 4
    assert bench.answers() == [("bad", 50006)]


# Stopping.


async def test_stopping_in_an_outage_tells_the_senders_that_the_node_leaves(bench: Bench):
    """What is known not to be written is refused 10008, and the worker ends."""
    bench.store.away = True
    bench.append(to_user(ADA, BOB, msg_id="m"))
    await bench.settle()

    await bench.stop()

    assert bench.answers() == [("m", 10008)]


async def test_a_stop_while_a_retry_runs_is_not_missed(bench: Bench):
    """The worker ends after the retry that was running when it was told to stop."""
    bench.store.reject("bad")
    bench.append(to_user(ADA, BOB, msg_id="bad"))
    await bench.settle()
    bench.store.accept("bad")
    bench.store.gate.clear()
    await bench.advance(150)

    bench.worker.stop()
    bench.store.gate.set()
    await bench.clock.settle()

    assert bench.answers() == [("bad", 0)]
    assert bench._task.done()


async def test_the_worker_is_busy_until_everything_is_answered(bench: Bench):
    """Records that were freed by a retry count as work while they are saved."""
    bench.store.reject("bad")
    bench.append(to_user(ADA, BOB, msg_id="bad"), to_user(ADA, BOB, msg_id="next"))
    await bench.settle()
    bench.store.accept("bad")
    seen: list[bool] = []
    save = bench.store.save

    async def watched(batch: Sequence[Command]) -> Sequence[Outcome]:
        seen.append(bench.worker.busy)
        return await save(batch)

    bench.store.save = watched  # type: ignore[method-assign]
    await bench.advance(200)

    assert bench.answers() == [("bad", 0), ("next", 0)]
    assert seen == [True, True]
    assert not bench.worker.busy


def test_rejected_is_not_retryable_for_the_sender():
    """The error that stands for a row at fault carries the code of a failed persist."""
    assert StoreRejected("x").code is ErrorCode.PERSIST_FAILED
