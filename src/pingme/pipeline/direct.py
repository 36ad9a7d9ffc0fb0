"""A node owns its clients' sends until they are answered: what the log does not move, the node commits itself.

Rules of this file:
- What counts is the partition: when none of this node's sends into it is answered for `direct_after_ms`, and nobody else's
  record is either, its pending sends go, in their order, to a worker of this node alone. Its save finds by
  (sender_id, msg_id) what the log has stored after all; the overlap does no harm.
- A backlog that moves, and a record in retry, are no reason.
- So do they when a record that stands before them in the log is gone: nobody stores what was sent after it (`Record.after`).
- The partition stays direct until a probe has come through the log and all that went direct is answered. So at any moment
  the sends of one conversation are either all in the log or all here, and keep their order.
- A send that was accepted is owed an answer: where the worker's queue has no room, it waits here, and later ones behind it.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import structlog

from pingme.domain.errors import ErrorCode, LogFailed, Refused
from pingme.ports.clock import Clock
from pingme.ports.log import CommandLog, Origin, PartitionedLog, Progress, Record

log = structlog.get_logger(__name__)

TICK_MS = 50  # how late standing still is noticed
WATCH_AFTER_MS = 200  # a send that waits this long makes the node look at its partition
SHOWN = 200  # unanswered sends of a partition that are looked at at once
PROBE_MS = 500  # between probes of a partition that is direct, or that has not answered this node for as long
RETURN_MS = 500  # how long new sends may wait for those that went direct, when the log moves again


class Unanswered(Protocol):
    """Who knows which sends are not answered yet."""

    def waits(self, origin: Origin | None) -> bool:
        """Tell whether somebody still waits for this origin's outcome."""
        ...

    def __len__(self) -> int:
        """Return how many wait."""
        ...


class Mode(Enum):
    """Where the sends into a partition go."""

    LOG = "log"
    DIRECT = "direct"
    RETURNING = "returning"  # the log moves again; new sends wait until the direct ones are answered


@dataclass(slots=True)
class Side:
    """This node's side of a partition.

    Attributes:
        waiting: sends in the log, or direct, oldest first; answered ones leave when they come to the front.
        held: new sends while returning.
        owed: those of `waiting`, the newest, for which the worker's queue had no room.
        moved_ms: when something of the partition last moved, on the monotonic clock.
        answered_ms: when one of this node's sends was last answered, or none waited.
        token: of the last `Progress`; None before the first look.
        nonce: of the probe that is on its way.
        echoed: the last one that came back while sends go into the log.
        since_ms: of this mode.
        last: the attempt of the last record that went into the log since the partition moves; 0 before the first.
    """

    number: int
    waiting: deque[Record] = field(default_factory=deque)
    held: deque[Record] = field(default_factory=deque)
    owed: deque[Record] = field(default_factory=deque)
    mode: Mode = Mode.LOG
    moved_ms: int = 0
    answered_ms: int = 0
    token: str | None = None
    nonce: str = ""
    echoed: str = ""
    probed_ms: int = 0
    since_ms: int = 0
    last: int = 0


class OwnedLog:
    """`CommandLog`: into the log while it moves, else directly to this node's own worker.

    Args:
        message_log: the log of all nodes.
        direct: the log of this node's own worker; what it has no room for is refused, or waits when it was accepted before.
        pending: the unanswered sends of this node.
        clock: time.
        node_id: this node's name, unique among the nodes and over restarts.
        direct_after_ms: `kafka.direct_after_ms`.
        limit_records: `limits.log_records`, of this node's unanswered sends.
        store_away: tells whether this node cannot reach the store: then it can do nothing that the log cannot.
    """

    def __init__(
        self,
        message_log: PartitionedLog,
        direct: CommandLog,
        pending: Unanswered,
        clock: Clock,
        *,
        node_id: str,
        direct_after_ms: int,
        limit_records: int,
        store_away: Callable[[], bool],
    ) -> None:
        self._log = message_log
        self._direct = direct
        self._pending = pending
        self._clock = clock
        self._node_id = node_id
        self._direct_after_ms = direct_after_ms
        self._limit = limit_records
        self._store_away = store_away
        self._sides = [Side(number) for number in range(message_log.partitions)]
        self._probes = 0
        self._failed: set[int] = set()
        self._news: dict[
            tuple[str, str], list[int]
        ] = {}  # (event, reason) -> partitions, to be logged together
        self.went_direct = 0
        """How many sends were committed directly."""
        message_log.on_failed = self._failed.add

    @property
    def direct_partitions(self) -> Sequence[int]:
        """The partitions whose sends do not go into the log now."""
        return [side.number for side in self._sides if side.mode is not Mode.LOG]

    def unanswered(self) -> Sequence[Record]:
        """Return sends that nobody has answered, the oldest of each partition first, at most `SHOWN` of each."""
        return [
            record
            for side in self._sides
            for record in itertools.islice(side.waiting, SHOWN)
            if self._pending.waits(record.origin)
        ]

    def append(self, record: Record) -> None:
        """See `CommandLog.append`; a log that fails is no reason to fail."""
        if len(self._pending) > self._limit:  # it counts this one, too
            raise Refused(ErrorCode.OVERLOADED, "too many unanswered sends", retry_after_ms=1000)
        side = self._sides[self._log.partition_of(record.command.conversation_id)]
        match side.mode:
            case Mode.LOG:
                try:
                    self._append_to_log(side, record)
                except LogFailed as exc:
                    self._go_direct(side, exc.message)
                    self._append_direct(side, record)
            case Mode.DIRECT:
                self._append_direct(side, record)
            case Mode.RETURNING:
                side.held.append(record)

    def _append_to_log(self, side: Side, record: Record) -> None:
        if not side.waiting:
            side.moved_ms = side.answered_ms = self._clock.monotonic_ms()
            side.token, side.last = None, 0
        record.after = side.last
        self._log.append(record)
        side.waiting.append(record)
        if record.origin is not None:
            side.last = record.origin.attempt

    def _append_direct(self, side: Side, record: Record) -> None:
        """Append a new send, or refuse it where there is no room, before it or for it."""
        if side.owed:
            raise Refused(ErrorCode.OVERLOADED, "earlier messages wait for room", retry_after_ms=1000)
        self._direct.append(record)
        self.went_direct += 1
        side.waiting.append(record)

    def _owe(self, side: Side, records: Iterable[Record]) -> None:
        """Append sends that were accepted before, or keep them: a queue that is full now is no answer any more."""
        side.owed.extend(records)
        try:
            while side.owed:
                if self._pending.waits(side.owed[0].origin):
                    self._direct.append(side.owed[0])
                    self.went_direct += 1
                side.owed.popleft()
        except Refused:
            return  # the next tick tries again, until their senders have been told 10009

    def depth(self) -> int:
        """See `CommandLog.depth`: what waits in the log, and here."""
        here = sum(len(side.held) + len(side.owed) for side in self._sides)
        return self._log.depth() + self._direct.depth() + here

    async def run(self) -> None:
        """Watch the partitions, for ever."""
        while True:
            await self._clock.sleep_ms(TICK_MS)
            self.tick()

    def tick(self) -> None:
        """Look at every partition; call it every `TICK_MS` or so."""
        now = self._clock.monotonic_ms()
        for number in self._failed:
            side = self._sides[number]
            if side.mode is Mode.LOG:
                self._go_direct(side, "a record could not be sent (50008)")
        self._failed.clear()
        self._log.watch(frozenset(self._look(now)))
        for (event, reason), partitions in self._news.items():
            log.warning(event, partitions=partitions, reason=reason, unanswered=len(self._pending))
        self._news.clear()

    def _look(self, now: int) -> Iterator[int]:
        """Let each partition take its next step; yield those that must be watched."""
        for side in self._sides:
            if self._drop_answered(side) or not side.waiting:
                side.moved_ms = side.answered_ms = now
            if side.owed:
                self._owe(side, ())
            if side.mode is Mode.LOG:
                self._check_standstill(side, now)
            if side.mode is Mode.DIRECT:
                self._check_return(side, now)
            elif side.mode is Mode.RETURNING:
                self._return(side, now)
            if side.mode is not Mode.LOG or now - min(side.moved_ms, side.answered_ms) >= WATCH_AFTER_MS:
                yield side.number

    def _drop_answered(self, side: Side) -> bool:
        waiting, before = side.waiting, len(side.waiting)
        while waiting and not self._pending.waits(waiting[0].origin):
            waiting.popleft()
        return len(waiting) < before

    def _check_standstill(self, side: Side, now: int) -> None:
        if self._log.unreachable_ms >= self._direct_after_ms:
            self._go_direct(side, "no broker answers (50001)")
            return
        if not side.waiting:
            return
        if self._store_away():
            side.moved_ms = now
            return
        progress = self._log.progress(side.number)
        if self._has_gap(side, progress):
            self._go_direct(side, "a record before others is gone (50005)")
            return
        if now - side.answered_ms >= PROBE_MS <= now - side.probed_ms:
            self._probe(side, now, Origin(self._node_id, side.last))
        if progress.token and progress.token != side.token:
            echoed = side.nonce if side.nonce in progress.echoes else ""
            by_others = side.token is not None and echoed == side.echoed  # else it was perhaps our own probe
            if by_others or progress.grace_ms:
                side.moved_ms = now + progress.grace_ms
            side.token, side.echoed = progress.token, echoed
        if now - side.moved_ms >= self._direct_after_ms:
            self._go_direct(side, "nobody has finished a record of it (50005)")

    def _has_gap(self, side: Side, progress: Progress) -> bool:
        """Tell whether something was passed over that went into the log after the oldest send that waits."""
        oldest = side.waiting[0].origin
        return oldest is not None and any(
            gap.node_id == oldest.node_id and gap.attempt >= oldest.attempt for gap in progress.gaps
        )

    def _go_direct(self, side: Side, reason: str) -> None:
        """Let this node's own worker read the pending sends back, and commit the rest."""
        side.mode, side.since_ms, side.nonce, side.last = Mode.DIRECT, self._clock.monotonic_ms(), "", 0
        side.waiting = deque(record for record in side.waiting if self._pending.waits(record.origin))
        side.owed.clear()
        self._owe(side, side.waiting)
        self._news.setdefault(("partitions_direct", reason), []).append(side.number)

    def _check_return(self, side: Side, now: int) -> None:
        if self._log.unreachable_ms:
            return
        if side.nonce and side.nonce in self._log.progress(side.number).echoes:
            side.mode, side.since_ms = Mode.RETURNING, now
            self._return(side, now)
        elif now - side.probed_ms >= PROBE_MS:
            self._probe(side, now)

    def _probe(self, side: Side, now: int, behind: Origin | None = None) -> None:
        self._probes += 1
        side.nonce, side.probed_ms = f"{self._node_id}.{self._probes}", now
        try:
            self._log.probe(side.number, side.nonce, behind)
        except (LogFailed, Refused):
            side.nonce = ""

    def _return(self, side: Side, now: int) -> None:
        """Send what was held into the log as soon as all that went direct is answered, else directly after a while."""
        if side.waiting and now - side.since_ms < RETURN_MS:
            return
        held, side.held = side.held, deque()
        side.mode, side.nonce, side.moved_ms = (Mode.DIRECT if side.waiting else Mode.LOG), "", now
        if side.mode is Mode.LOG:
            self._news.setdefault(("partitions_back", "the log moves again"), []).append(side.number)
        for record in held:
            self._append_held(side, record)

    def _append_held(self, side: Side, record: Record) -> None:
        """Append a send that was accepted before: a log that is full now is no answer any more."""
        if side.mode is Mode.LOG:
            try:
                self._append_to_log(side, record)
            except (LogFailed, Refused) as exc:
                self._go_direct(side, exc.message)
            else:
                return
        side.waiting.append(record)
        self._owe(side, (record,))
