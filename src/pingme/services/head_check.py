"""Repairs live push from the store: what other nodes wrote, and nobody here was given, is given now.

Rules of this file:
- Every look asks which conversations got events since the look before, and compares seq by seq with what live push has
  brought. What is missing may be on its way, so it is given only when the next look misses it, too; while
  live push is down, at once.
- A message that was edited or recalled before it could be given is no longer in the store as it was pushed elsewhere. It
  is not given: whoever hears it syncs, since pages carry the digest with the current state.
- A group whose members changed unnoticed is read again and its members sync: who may see which event is the store's word.
- Only the last looks are remembered: what is older was repaired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from pingme.domain.chain import digest_of
from pingme.domain.errors import StoreError
from pingme.ports.clock import Clock
from pingme.ports.push import LivePush, NodesReceiver
from pingme.ports.store import HeadChange, Store
from pingme.wire.encode import EventView
from pingme.wire.pushed import PushedEvent

log = structlog.get_logger(__name__)

EVERY_MS = 1_000
KEPT_LOOKS = (
    3  # generations of seqs: the running one, the one looked at, and the one that waits for its second look
)
MAX_CONVERSATIONS = 10_000  # per look; above that all clients sync
MAX_EVENTS = 1_000  # of one conversation that are given; above that those who hear it sync
PAGE = 200  # events per read
PAGE_BYTES = 1 << 20


@dataclass(slots=True)
class _Missing:
    """What one conversation misses: seqs in ascending order."""

    change: HeadChange
    seqs: list[int]


class Brought:
    """The events that live push has brought to this node lately, by looks: the newest generation last."""

    def __init__(self) -> None:
        self._generations: list[dict[str, set[int]]] = [{}]

    def note(self, conversation_id: str, seq: int) -> None:
        """Live push has brought this event here."""
        self._generations[-1].setdefault(conversation_id, set()).add(seq)

    def missing(self, conversation_id: str, seqs: list[int]) -> list[int]:
        """Return those of the seqs that were not brought."""
        for generation in self._generations:
            brought = generation.get(conversation_id)
            if brought:
                seqs = [seq for seq in seqs if seq not in brought]
        return seqs

    def turn(self) -> None:
        """Begin a generation and forget the oldest."""
        self._generations = [*self._generations[1 - KEPT_LOOKS :], {}]


class HeadCheck:
    """Looks once a second.

    Args:
        store: the truth.
        push: tells whether other nodes are heard, and tells clients to sync.
        clock: when to look.
        brought: what push has brought.
        receiver: the hub, once there is one.
        since: the store's change numbers when the node began: what comes later is looked for.
    """

    def __init__(
        self,
        store: Store,
        push: LivePush,
        clock: Clock,
        brought: Brought,
        receiver: Callable[[], NodesReceiver | None],
        *,
        since: Sequence[int],
    ) -> None:
        self._store = store
        self._push = push
        self._clock = clock
        self._receiver = receiver
        self._since = tuple(since)
        self._brought = brought
        self._suspected: dict[str, _Missing] = {}
        self.repaired = 0
        """How many events were given that live push had not brought."""
        self._failing = False

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            await self._clock.sleep_ms(EVERY_MS)
            try:
                await self.look()
            except StoreError as exc:
                if not self._failing:
                    log.warning("heads_not_read", error=exc.message)
                self._failing = True
            else:
                self._failing = False

    async def look(self) -> None:
        """Look once.

        Raises:
            StoreError: it cannot be read now; the next look begins where this one did.
        """
        receiver = self._receiver()
        found = await self._store.heads_changed(self._since, MAX_CONVERSATIONS)
        self._since = found.numbers
        again, self._suspected = self._suspected, {}
        due = {key: missing for key, missing in again.items() if self._left(missing)}
        for change in found.changes:
            missing = _Missing(change, list(range(change.first_seq, change.head_seq + 1)))
            if self._left(missing):
                self._suspect(missing, due, at_once=not self._push.connected)
        if not found.complete:
            log.warning("too_many_changes", conversations=len(found.changes))
            self._push.resync()
        self._brought.turn()
        if receiver is not None:
            await self._repair_all(list(due.values()), receiver)

    def _suspect(self, missing: _Missing, due: dict[str, _Missing], *, at_once: bool) -> None:
        key = missing.change.conversation_id
        if not at_once:
            self._suspected[key] = missing
        elif key in due:
            due[key] = _merged(due[key], missing)
        else:
            due[key] = missing

    def _left(self, missing: _Missing) -> bool:
        """Leave out what was brought; tell whether anything is still missing."""
        missing.seqs = self._brought.missing(missing.change.conversation_id, missing.seqs)
        return bool(missing.seqs)

    async def _repair_all(self, due: list[_Missing], receiver: NodesReceiver) -> None:
        while due:
            missing = due.pop()
            try:
                await self._repair(missing, receiver)
            except StoreError:
                for each in (missing, *due):  # the next look tries again
                    key = each.change.conversation_id
                    kept = self._suspected.get(key)
                    self._suspected[key] = each if kept is None else _merged(each, kept)
                raise

    async def _repair(self, missing: _Missing, receiver: NodesReceiver) -> None:
        change = missing.change
        conversation_id = change.conversation_id
        if not change.hearers and change.members_seq in missing.seqs:
            receiver.reload(conversation_id)
            return
        if not receiver.hears(conversation_id, change.hearers):
            return
        if len(missing.seqs) > MAX_EVENTS:
            self._push.resync()
            return
        wanted = set(missing.seqs)
        first = missing.seqs[0]
        while first <= missing.seqs[-1]:
            page = await self._store.page(
                conversation_id, first_seq=first, last_seq=missing.seqs[-1], limit=PAGE, newest=False,
                max_bytes=PAGE_BYTES,
            )  # fmt: skip
            if not page.events:
                return
            views = [view for view in page.events if view.seq in wanted]
            pushed = [_pushed(view, change.hearers) for view in views if _is_original(view)]
            receiver.receive(pushed)
            if len(pushed) < len(views):
                receiver.sync(conversation_id, change.hearers)
            self.repaired += len(pushed)
            for view in views:
                self._brought.note(conversation_id, view.seq)
            first = page.events[-1].seq + 1


def _merged(older: _Missing, newer: _Missing) -> _Missing:
    """Return two ranges of one conversation as one."""
    change = HeadChange(
        older.change.conversation_id,
        older.change.first_seq,
        newer.change.head_seq,
        newer.change.hearers,
        newer.change.members_seq or older.change.members_seq,
    )
    return _Missing(change, sorted({*older.seqs, *newer.seqs}))


def _is_original(view: EventView) -> bool:
    """Tell whether an event is shown as it was first stored."""
    return view.digest == digest_of(
        view.payload, view.conversation_id, view.kind, view.msg_id, view.sender_id, view.seq, view.server_ts
    )


def _pushed(view: EventView, hearers: tuple[str, ...]) -> PushedEvent:
    return PushedEvent(
        view.conversation_id, view.seq, view.kind, view.sender_id, view.msg_id, view.server_ts, view.payload,
        view.client_ts, hearers,
    )  # fmt: skip
