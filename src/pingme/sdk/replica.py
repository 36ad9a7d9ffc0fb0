"""This client's copy: a timeline and a snapshot per conversation, fed by pushes, acks, syncs and pages.

Decides what is new, tells it in order, and says what is missing; does no I/O.

Where does a conversation begin for the program that listens?
- kept from before (same process, or the data_dir): after the last event that was taken;
- in the first sync of a device that knows nothing: after the user's own delivered position, so what no
  device has received
  yet comes, and what another device has had does not;
- new since the last sync: at its beginning, as far as it is visible.

The snapshots do not wait for the program: while it is behind, or does not listen at all, what its timelines
do not take is shown all the same, and comes to it later, by seq.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pingme.domain.chain import first_hash
from pingme.ports.clock import Clock
from pingme.sdk import events as ev
from pingme.sdk import state
from pingme.sdk.ahead import Ahead
from pingme.sdk.state import Snapshot
from pingme.sdk.timeline import Timeline
from pingme.wire.server_frames import AckResponse, Conversation, HistoryPage, Item, Receipt, SyncEntry

Emit = Callable[[ev.Event], None]


class Replica:
    """What this client knows.

    Args:
        clock: for the moments at which holes are fetched.
        emit: takes what is new, in order per conversation.
        has_room: False while the program is too far behind to take pushes.
        takes_pages: False while holes are not fetched.
        touched: set when a hole may have appeared or closed, or a sync is needed.

    Attributes:
        me: the user's id, set at login.
        changed: conversations whose snapshot, or place, differs from what is on disk.
        consumed: per conversation, the highest seq that the program has dealt with.
    """

    def __init__(
        self,
        clock: Clock,
        emit: Emit,
        *,
        has_room: Callable[[], bool],
        takes_pages: Callable[[], bool],
        touched: asyncio.Event,
    ) -> None:
        self.me = ""
        self.snapshots: dict[str, Snapshot] = {}
        self.timelines: dict[str, Timeline] = {}
        self.changed: set[str] = set()
        self.consumed: dict[str, int] = {}
        self.touched = touched
        self._clock = clock
        self._emit = emit
        self._has_room = has_room
        self._takes_pages = takes_pages
        self._ahead = Ahead()
        self._settings_seq: dict[str, int] = {}  # of the newest settings that are shown
        self._asked = False
        self._sync_began_ms = 0

    def restore(self, snapshot: Snapshot, *, known: int, rolling: bytes | None) -> None:
        """Take up a conversation from the data_dir, where the program had seen everything up to ``known``."""
        timeline = Timeline(snapshot.conversation_id, known=known, rolling=rolling)
        timeline.announce(snapshot.last_seq, self._clock.monotonic_ms())
        self.timelines[snapshot.conversation_id] = timeline
        self.snapshots[snapshot.conversation_id] = snapshot
        self.consumed[snapshot.conversation_id] = known

    def consume(self, conversation_id: str, seq: int) -> None:
        """The program has dealt with everything up to ``seq``: it does not come again after a restart."""
        if seq > self.consumed.get(conversation_id, 0):
            self.consumed[conversation_id] = seq
            self.changed.add(conversation_id)

    def forget(self) -> None:
        """Forget every conversation: the store has a new epoch."""
        self.snapshots.clear()
        self.timelines.clear()
        self.changed.clear()
        self.consumed.clear()
        self._ahead.clear()
        self._settings_seq.clear()

    def push(self, item: Item) -> None:
        """Take a ``message`` or ``event`` frame, or one's own acknowledged operation."""
        self.touched.set()
        now_ms = self._clock.monotonic_ms()
        timeline = self.timelines.get(item.conversation_id)
        if timeline is None:
            timeline = self._discover(item)
        if self._may_hand(timeline, now_ms):
            self._tell(timeline.offer(item, now_ms))
        else:
            timeline.announce(item.seq, now_ms)
        self._show_early(item, now_ms)

    def sync_entry(self, entry: SyncEntry, *, first: bool) -> None:
        """Take one conversation of a sync; ``first``: it was the first sync of a device that knew nothing."""
        self.touched.set()
        conversation_id = entry.conversation.conversation_id
        timeline = self.timelines.setdefault(conversation_id, Timeline(conversation_id))
        now_ms = self._clock.monotonic_ms()
        self._merge(entry)
        ready: list[Item] = []
        if timeline.known is None:
            ready += self._anchor(timeline, entry, first=first)
        timeline.announce(entry.last_seq, now_ms)
        if self._has_room() and entry.events and entry.events[0].seq <= (timeline.known or 0) + 1:
            after = entry.events[0].seq - 1
            ready += timeline.fill(
                after, entry.events, prev_hash=entry.prev_hash, has_more=True, now_ms=now_ms
            )
        timeline.check_hash(entry.last_seq, entry.last_hash)
        self._tell(ready)
        self._follow(conversation_id)
        self._report_divergence(timeline, entry.last_hash)

    def page(self, after_seq: int, page: HistoryPage) -> None:
        """Take the answer to "history after ``after_seq``" that fills a hole."""
        timeline = self.timelines.get(page.conversation_id)
        if timeline is None:
            return
        now_ms = self._clock.monotonic_ms()
        new = timeline.fill(
            after_seq, page.events, prev_hash=page.prev_hash, has_more=page.has_more, now_ms=now_ms
        )
        self._report_divergence(timeline, page.prev_hash)
        self._tell(new)

    def hole_failed(self, conversation_id: str, delay_ms: int | None) -> None:
        """A fetch has failed: again after this long, or never (None: it is not for this user)."""
        timeline = self.timelines.get(conversation_id)
        if timeline is not None and delay_ms is not None:
            timeline.postpone(delay_ms, self._clock.monotonic_ms())
        elif timeline is not None:
            timeline.give_up()

    def receipt(self, receipt: Receipt) -> None:
        """Take somebody's positions: one's own (from another device), or those of a private chat's peer."""
        snapshot = self.snapshots.get(receipt.conversation_id)
        if snapshot is None or receipt.user_id is None:
            return
        move = state.positions if receipt.user_id == self.me else state.peer_positions
        self._store(move(snapshot, delivered_seq=receipt.delivered_seq, read_seq=receipt.read_seq))

    def own_positions(self, answer: AckResponse) -> None:
        """Take one's own positions as the server has them."""
        snapshot = self.snapshots.get(answer.conversation_id)
        if snapshot is not None:
            self._store(
                state.positions(snapshot, delivered_seq=answer.delivered_seq, read_seq=answer.read_seq)
            )

    def own_mark(self, conversation_id: str, *, kind: str, seq: int) -> None:
        """The user has read, or got, everything up to ``seq``, on this device."""
        snapshot = self.snapshots.get(conversation_id)
        if snapshot is not None:
            read = seq if kind == "read" else None
            self._store(state.positions(snapshot, delivered_seq=seq, read_seq=read))

    def ask_for_sync(self) -> None:
        """The live stream may have a hole, or something was heard of that only a sync can place."""
        self._asked = True
        self.touched.set()

    @property
    def needs_sync(self) -> bool:
        """True when a sync was asked for, or a snapshot has waited too long for what comes next."""
        due_ms = self._ahead.due_at_ms
        return self._asked or (due_ms is not None and due_ms <= self._clock.monotonic_ms())

    def begin_sync(self) -> None:
        """A sync begins: it answers everything that was asked so far."""
        self._asked = False
        self._sync_began_ms = self._clock.monotonic_ms()

    def end_sync(self) -> None:
        """It has ended: what it did not place has no place."""
        self._ahead.forget_before(self._sync_began_ms)

    def due(self) -> list[tuple[str, int]]:
        """Return (conversation, n) of every "history after n" that is to be fetched now."""
        now_ms = self._clock.monotonic_ms()
        found = ((name, line.due(now_ms)) for name, line in self.timelines.items())
        return [(name, after) for name, after in found if after is not None]

    def next_due_ms(self) -> int | None:
        """Return in how many milliseconds the next hole is to be fetched, or a sync is needed; None: never."""
        moments = [self._ahead.due_at_ms]
        if self._takes_pages():
            moments += [line.due_at_ms for line in self.timelines.values()]
        known = [moment for moment in moments if moment is not None]
        return max(min(known) - self._clock.monotonic_ms(), 0) if known else None

    def _discover(self, item: Item) -> Timeline:
        """Begin a conversation that was not known: at its first event, otherwise where the next sync says."""
        timeline = Timeline(item.conversation_id)
        self.timelines[item.conversation_id] = timeline
        info = state.created_by_event(item, self.me)
        if item.conversation_id == self.me:
            info = Conversation(conversation_id=self.me, type="self") if item.seq == 1 else None
        if info is None:
            self.ask_for_sync()
            return timeline
        timeline.anchor(0, first_hash(item.conversation_id), self._clock.monotonic_ms())
        self.consumed.setdefault(item.conversation_id, 0)
        self._store(Snapshot(info=info))
        return timeline

    def _merge(self, entry: SyncEntry) -> None:
        old = self.snapshots.get(entry.conversation.conversation_id)
        fresh = state.snapshot_of(entry, self.me) if old is None else state.refresh(old, entry, self.me)
        self._store(fresh)

    def _anchor(self, timeline: Timeline, entry: SyncEntry, *, first: bool) -> list[Item]:
        floor = max(entry.conversation.from_seq - 1, 0)
        if entry.events_complete and entry.events:
            floor = entry.events[0].seq - 1
        known = max(floor, min(entry.delivered_seq, entry.last_seq)) if first else floor
        rolling = None
        if known == entry.last_seq:
            rolling = bytes.fromhex(entry.last_hash) if entry.last_hash else None
        self.consumed.setdefault(timeline.conversation_id, known)
        return timeline.anchor(known, rolling, self._clock.monotonic_ms())

    def _may_hand(self, timeline: Timeline, now_ms: int) -> bool:
        """Not when the program is too far behind, nor where a hole waits that nobody fetches now: what is held
        behind it would only grow.
        """
        return self._has_room() and (self._takes_pages() or timeline.due(now_ms) is None)

    def _tell(self, items: list[Item]) -> None:
        """Tell the program events of one conversation, and show them."""
        for item in items:
            event = ev.event_of(item, self.me)
            self._show(event)
            self._emit(event)
        if items:
            self._follow(items[0].conversation_id)

    def _show(self, event: ev.LogEvent) -> None:
        snapshot = self.snapshots.get(event.conversation_id)
        if snapshot is not None:
            self._store(state.apply(snapshot, event, self.me))
            if isinstance(event, ev.MembersJoined) and self.me in event.user_ids and snapshot.info.former:
                self.ask_for_sync()  # name, policies and members may be others now
        if isinstance(event, ev.SettingsChanged):
            self._set(event)

    def _set(self, event: ev.SettingsChanged) -> None:
        """Show one's own settings, unless newer ones are shown already."""
        about = self.snapshots.get(event.about)
        if about is not None and event.seq > self._settings_seq.get(event.about, 0):
            self._settings_seq[event.about] = event.seq
            self._store(state.settings(about, event))

    def _show_early(self, item: Item, now_ms: int) -> None:
        """Show an event that the timeline has not told: at once, or when what lies before it has come."""
        snapshot = self.snapshots.get(item.conversation_id)
        if snapshot is None or item.seq <= snapshot.last_seq:
            return
        self._ahead.hold(item, now_ms)
        self._follow(item.conversation_id)

    def _follow(self, conversation_id: str) -> None:
        """Show what was held and comes next."""
        if self._ahead and (snapshot := self.snapshots.get(conversation_id)) is not None:
            now_ms = self._clock.monotonic_ms()
            for item in self._ahead.take(conversation_id, after_seq=snapshot.last_seq, now_ms=now_ms):
                self._show(ev.event_of(item, self.me))

    def _store(self, snapshot: Snapshot) -> None:
        self.snapshots[snapshot.conversation_id] = snapshot
        self.changed.add(snapshot.conversation_id)

    def _report_divergence(self, timeline: Timeline, expected: str) -> None:
        if timeline.diverged:
            timeline.accept_hash(expected)
            self._emit(ev.Diverged(timeline.conversation_id, timeline.known or 0))
