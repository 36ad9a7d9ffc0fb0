"""The loop on the far side of the log: take what is there, save it in one transaction, deliver, say that it is done.

Rules of this file:
- Batches form by themselves: whatever arrived while the last commit ran is the next one.
- A store that is away is an outage, not poison: nothing is dead-lettered, and nothing is refused that may be written.
- A batch that the store rejects is split until the record at fault stands alone. That record is retried with backoff;
  later records of its conversation wait behind it (bounded), all others go on.
- The sender hears nothing before the store has answered.
- A log that keeps its records (`keeps`) is told `done` only after the row, the refusal or the dead letter is confirmed, and
  nothing in it is refused because of this moment: it waits there. Somebody else may take a partition over at any time;
  what is in hand of it is dropped then, and doing it twice would do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from pingme.domain.errors import (
    ErrorCode,
    PingMeError,
    ProcessingFault,
    StoreOutcomeUnknown,
    StoreRejected,
    StoreUnavailable,
)
from pingme.domain.events import Command, Outcome, RefusedOutcome
from pingme.domain.retry import DeadLetter, GiveUp, RetryAfter, RetryPolicy, decide_retry
from pingme.pipeline.letters import DEAD_LETTER_WAIT_MS, Letters
from pingme.pipeline.parking import Parking
from pingme.pipeline.publish import Publisher
from pingme.pipeline.read_back import with_events
from pingme.ports.clock import Clock
from pingme.ports.dead_letters import DeadLetters
from pingme.ports.log import MessageLog, Record
from pingme.ports.push import Delivery, LivePush
from pingme.ports.store import Store

log = structlog.get_logger(__name__)

BATCH_RECORDS = 1_000  # one INSERT of 12 000 parameters; SQLite takes 32 766
BATCH_BYTES = 524_288  # of payloads: all of it may be for the same sockets, whose outbox has 1 MiB (`limits.outbox_bytes`)
OUTAGE_WAIT_MS = 50  # between attempts while the store is away; doubled up to the next line
OUTAGE_WAIT_MAX_MS = 250  # so that the store's return is noticed at once for people
REDELIVER_MS = 60_000  # whoever stored a record and died before delivering it has been replaced by then
MAX_PARKED = 10_000  # records that wait behind records in retry, over all conversations; `limits.log_records`


MsgKey = tuple[str, str]  # (sender_id, msg_id)


class Leaving(Exception):  # nothing went wrong
    """The worker stops while the store is away: what it holds stays in the log."""


@dataclass(slots=True)
class WorkerState:
    """What the worker tells `/health` and the metrics.

    Attributes:
        outage_since_ms: since when the store is away, on the monotonic clock; None while it answers.
        dead_letters_failing: True while a dead letter cannot be written (50007).
    """

    outage_since_ms: int | None = None
    outage_text: str = ""
    dead_letters_failing: bool = False
    batches: int = 0
    records: int = 0
    duplicates: int = 0
    refused: int = 0
    retries: int = 0
    dead_lettered: int = 0
    last_batch: int = 0
    parked: int = 0
    refused_by_code: dict[int, int] = field(default_factory=dict)


class Worker:
    """Runs the pipeline of one log. One `run` at a time.

    Args:
        message_log: where records come from.
        store: where they go.
        dead_letters: where records go that the store rejects for good.
        push: how outcomes and events leave.
        clock: time.
        policy: retries of a record that is rejected.
        outage_refuse_ms: how long a record waits for a store that is away before it is refused (20001, retryable).
        keeps: the log keeps what is not done, also when this process dies, and records may be in it twice: nothing is
            refused for an outage, and a record that was stored before is delivered again, because whoever stored it
            may have died before delivering.
        observe: called with the records and the seconds of each batch that was saved.
    """

    def __init__(
        self,
        message_log: MessageLog,
        store: Store,
        dead_letters: DeadLetters,
        push: LivePush,
        clock: Clock,
        *,
        policy: RetryPolicy,
        outage_refuse_ms: int = 1_500,
        keeps: bool = False,
        observe: Callable[[int, float], None] | None = None,
    ) -> None:
        self._log = message_log
        self._store = store
        self._letters = Letters(message_log, dead_letters, clock, enabled=policy.dead_letters)
        self.publisher = Publisher(push, clock)
        self._clock = clock
        self._policy = policy
        self._outage_refuse_ms = outage_refuse_ms
        self._keeps = keeps
        self._observe = observe
        self._parking = Parking()
        self._unknown: dict[
            MsgKey, int
        ] = {}  # may be stored since this time although no save of them has returned
        self._stopping = False
        self._idle = True
        self.state = WorkerState()

    @property
    def busy(self) -> bool:
        """True while something here would be lost with the process: a record that is not answered, or one that waits."""
        return not self._keeps and (not self._idle or bool(self._parking) or self._log.depth() > 0)

    def stop(self) -> None:
        """Make `run` return after the batch it is at."""
        self._stopping = True
        self._log.wake()

    async def run(self) -> None:
        """Work until `stop`."""
        try:
            while not self._stopping:
                await self._turn()
        except Leaving:
            log.info("records_left_in_log", error=self.state.outage_text)

    async def _turn(self) -> None:
        lost = self._log.withdrawn()
        if lost:
            self._drop(lost)
        await self._letters.keep_spoiled()
        await self._retry_due()
        self.publisher.resync_when_due()
        self._note_letters()
        if self._stopping:
            return
        timeout_ms = self._next_due_ms()
        if self._keeps and self._parking.count >= MAX_PARKED:
            await self._clock.sleep_ms(timeout_ms or 0)  # the log keeps what there is no room for
            return
        records = await self._log.take(max_records=BATCH_RECORDS, timeout_ms=timeout_ms)
        if records:
            self._idle = False
            for part in _parts(records):
                await self._process(await self._hold_back(part))
            self._idle = True

    # Batches.

    async def _process(self, records: Sequence[Record]) -> None:
        """Save records that stand in nobody's way, splitting where the store rejects them."""
        if not records:
            return
        try:
            outcomes = await self._save(records)
        except StoreRejected as exc:
            if len(records) == 1:
                await self._failed(records[0], exc)
                return
            middle = len(records) // 2
            await self._process(records[:middle])
            await self._process(await self._hold_back(records[middle:]))
            return
        await self._finish(records, outcomes)

    async def _save(self, records: Sequence[Record]) -> Sequence[Outcome]:
        """Save a batch through outages and unknown outcomes.

        Raises:
            StoreRejected: the store, or a fault of ours, stands against one of these records.
        """
        commands = [record.command for record in records]
        unknown = bool(self._unknown) and any(_key(command) in self._unknown for command in commands)
        wait_ms = OUTAGE_WAIT_MS
        started_ms = self._clock.monotonic_ms()
        since_ms = self._clock.now_ms() - REDELIVER_MS
        while True:
            try:
                outcomes = await self._store.save(commands)
            except StoreOutcomeUnknown as exc:
                unknown = True
                self._unknown = dict.fromkeys(map(_key, commands), since_ms) | self._unknown
                self._note_outage(exc, started_ms)
            except StoreUnavailable as exc:
                self._note_outage(exc, started_ms)
                if not unknown and not self._keeps and self._outage_is_long():
                    return [RefusedOutcome(ErrorCode.DATABASE_ERROR, "the store is not available")] * len(
                        records
                    )
            except StoreRejected:
                raise
            except Exception as exc:
                # A fault of ours must cost one record, not the pipeline: it is kept as a dead letter.
                log.exception(
                    "save_failed", code=int(ErrorCode.MESSAGE_PROCESSING_ERROR), records=len(records)
                )
                raise ProcessingFault(f"{type(exc).__name__}: {exc}") from exc
            else:
                self._note_recovery()
                if self._observe is not None:
                    self._observe(len(records), (self._clock.monotonic_ms() - started_ms) / 1000)
                return self._to_deliver(commands, outcomes) if unknown or self._keeps else outcomes
            if self._stopping and self._keeps:
                raise Leaving
            if self._stopping and not unknown:
                return [RefusedOutcome(ErrorCode.OVERLOADED, "the node is stopping")] * len(records)
            await self._clock.sleep_ms(min(wait_ms, self._until_refusing_ms()))
            wait_ms = min(wait_ms * 2, OUTAGE_WAIT_MAX_MS)

    def _to_deliver(self, commands: Sequence[Command], outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """Give repeats their events where nobody else may have delivered them."""
        since_ms = self._clock.now_ms() - REDELIVER_MS if self._keeps else None
        return with_events(
            commands, outcomes, [self._unknown.pop(_key(command), since_ms) for command in commands]
        )

    async def _finish(self, records: Sequence[Record], outcomes: Sequence[Outcome]) -> None:
        state = self.state
        state.batches += 1
        state.last_batch = len(records)
        state.records += len(records)
        for outcome in outcomes:
            if isinstance(outcome, RefusedOutcome):
                state.refused += 1
                state.refused_by_code[outcome.code] = state.refused_by_code.get(outcome.code, 0) + 1
            elif outcome.duplicate:
                state.duplicates += 1
        await self.publisher.publish(
            [
                Delivery(outcome, record.origin, record.command)
                for record, outcome in zip(records, outcomes, strict=True)
            ]
        )
        await self._log.done(records)

    def _note_outage(self, error: PingMeError, since_ms: int) -> None:
        if self.state.outage_since_ms is None:
            self.state.outage_since_ms = since_ms  # when the save began: it may have waited for a lock
            log.error("store_away", error=error.message)
        self.state.outage_text = error.message

    def _note_recovery(self) -> None:
        if self.state.outage_since_ms is not None:
            log.info("store_back", after_ms=self._clock.monotonic_ms() - self.state.outage_since_ms)
            self.state.outage_since_ms = None

    def _outage_is_long(self) -> bool:
        since = self.state.outage_since_ms
        return since is not None and self._clock.monotonic_ms() - since >= self._outage_refuse_ms

    def _until_refusing_ms(self) -> int:
        """Return how long it takes until an outage is long; the longest wait where it is already."""
        left = (self.state.outage_since_ms or 0) + self._outage_refuse_ms - self._clock.monotonic_ms()
        return left if left > 0 else OUTAGE_WAIT_MAX_MS

    # Records at fault.

    async def _hold_back(self, records: Sequence[Record]) -> Sequence[Record]:
        """Put records behind the one of their conversation that is in retry; return the others."""
        if not self._parking:
            return records
        free, too_many = self._parking.hold_back(records, None if self._keeps else MAX_PARKED)
        self.state.parked = self._parking.count
        if too_many:
            overloaded = RefusedOutcome(ErrorCode.OVERLOADED, "too many messages wait behind one in retry")
            await self._finish(too_many, [overloaded] * len(too_many))
        return free

    def _drop(self, partitions: Collection[int]) -> None:
        """Let go of what is not finished of partitions that somebody else serves now."""
        dropped = self._parking.drop(partitions)
        for record in dropped:
            self._unknown.pop(_key(record.command), None)
        self._letters.drop(partitions)
        self.state.parked = self._parking.count
        log.info("partitions_withdrawn", partitions=sorted(partitions), dropped=len(dropped))

    async def _failed(self, record: Record, fault: StoreRejected) -> None:
        """Take note of a failed attempt of a lone record and decide what is next."""
        record.attempts += 1
        code = fault.code if isinstance(fault, ProcessingFault) else ErrorCode.DEAD_LETTERED
        error = str(fault)
        decision = decide_retry(record.attempts, self._policy, self._clock.jitter(), code)
        match decision:
            case RetryAfter(delay_ms):
                self.state.retries += 1
                self._park(record, delay_ms)
            case DeadLetter(code):
                await self._bury(record, code, error)
            case GiveUp(code):
                await self._give_up(record, code, error)

    def _park(self, record: Record, delay_ms: int) -> None:
        self._parking.park(record, self._clock.monotonic_ms() + delay_ms)
        self._log.retrying(record, delay_ms)
        self.state.parked = self._parking.count

    def _next_due_ms(self) -> int | None:
        known = (self._parking.next_due_ms(), self.publisher.resync_due_ms, self._letters.due_ms())
        due = [each for each in known if each is not None]
        return max(0, min(due) - self._clock.monotonic_ms()) if due else None

    async def _retry_due(self) -> None:
        if not self._parking:
            return
        for conversation_id in self._parking.due(self._clock.monotonic_ms()):
            self._idle = False
            await self._retry(conversation_id)
            self._idle = True

    async def _retry(self, conversation_id: str) -> None:
        """Try the first record of a parked conversation again."""
        record = self._parking.first(conversation_id)
        if record is None:
            return
        try:
            outcomes = await self._save([record])
        except StoreRejected as exc:
            await self._failed(record, exc)
            return
        await self._let_go(record, outcomes[0])

    async def _bury(self, record: Record, code: ErrorCode, error: str) -> None:
        """Keep the record as a dead letter; only then tell its sender and let the ones behind it go on."""
        if not await self._letters.put(record, code, error):
            self._note_letters()
            self._park(record, DEAD_LETTER_WAIT_MS)
            return
        log.error(
            "dead_lettered", msg_id=record.command.msg_id, attempts=record.attempts, position=record.position
        )
        await self._let_go(record, RefusedOutcome(code, "the store rejected it; it is kept as a dead letter"))

    def _note_letters(self) -> None:
        self.state.dead_letters_failing = self._letters.failing
        self.state.dead_lettered = self._letters.written

    async def _give_up(self, record: Record, code: ErrorCode, error: str) -> None:
        """Refuse the record for good, in writing; only then tell its sender."""
        log.error("refused_for_good", msg_id=record.command.msg_id, attempts=record.attempts, error=error)
        try:
            outcome = await self._store.refuse(record.command, code, "the store rejected it")
        except Exception as exc:  # noqa: BLE001  # as above
            log.error(  # noqa: TRY400  # expected while the store is away: no traceback a second
                "refusal_failed", error=f"{type(exc).__name__}: {exc}", position=record.position
            )
            self._park(record, DEAD_LETTER_WAIT_MS)
            return
        await self._let_go(record, outcome)

    async def _let_go(self, record: Record, outcome: Outcome) -> None:
        """Answer a lone record that is done with, and go on with what waits behind it."""
        conversation_id = record.command.conversation_id
        self._unknown.pop(_key(record.command), None)
        self._letters.forget(record)
        self._note_letters()
        self._parking.take_out(record)
        await self._finish([record], [outcome])
        behind = self._parking.free(conversation_id)
        self.state.parked = self._parking.count
        for part in _parts(behind):
            await self._process(await self._hold_back(part))


def _key(command: Command) -> MsgKey:
    return command.sender_id, command.msg_id


def _parts(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Cut records into batches: at most `BATCH_RECORDS`, and `BATCH_BYTES` of payloads unless it is only one."""
    start = size = 0
    for place, record in enumerate(records):
        length = len(record.command.payload)
        if place - start == BATCH_RECORDS or (size + length > BATCH_BYTES and place > start):
            yield records[start:place]
            start, size = place, 0
        size += length
    yield records[start:] if start else records
