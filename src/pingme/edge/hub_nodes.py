"""The hub of a node that is not alone with its events: what others store, or the log gives again, comes here, too.

Rules of this file:
- What this node publishes goes the way of `Hub`; what others publish comes by `receive`. Both pass `_push`.
- Every event names the membership event before it. A group whose list of listeners may be older is read again, and what
  comes meanwhile waits (bounded), so that nobody hears what came after the own removal, whatever notice was lost.
- What was stored before the newest membership event and comes after it (a record that the log gave again, a repair) is
  given to nobody: who has joined since may not hear it. The listeners sync, and each finds what is for them.
- Who was found to have come or gone by reading, not by an event, is told to sync.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from pingme.domain.errors import PingMeError
from pingme.domain.events import (
    MEMBERSHIP_KINDS,
    Event,
    Stored,
)
from pingme.edge.hub import RESYNC, Hub
from pingme.edge.received import answer_of, outcome_of
from pingme.ports.clock import Clock
from pingme.ports.log import Origin
from pingme.ports.push import Signal
from pingme.ports.store import MemberPosition, Store
from pingme.services.metrics import HotCounters
from pingme.services.pending import Pending
from pingme.wire.encode import event_frame
from pingme.wire.pushed import (
    Pushed,
    PushedAnswer,
    PushedClaim,
    PushedEvent,
    PushedRevocation,
    PushedSignal,
)
from pingme.wire.websocket import CloseCode

if TYPE_CHECKING:
    from pingme.edge.connection import Connection

log = structlog.get_logger(__name__)

MAX_HELD = 1_000  # events of one group that wait for its members; more are left to a sync
RELOADS = 8  # groups that are read at once: each is a read of at most 1 000 rows


@dataclass(slots=True)
class _Reload:
    """A group whose members are being read.

    Attributes:
        held: the events that wait, in order, with the connection that does not get them.
        resync: everybody who hears the group is to sync when it is done.
    """

    held: list[tuple[Event, Stored, Connection | None]] = field(default_factory=list)
    resync: bool = False


class NodesHub(Hub):
    """The connections of this node, and what other nodes say; right also where events come again or out of turn.

    Args:
        pending: who waits for outcomes.
        hot: counters.
        outbox_bytes: `limits.outbox_bytes`.
        store: who is a member.
        clock: tells which of two sockets of a device is the newer one.
        claim: tells other nodes that (user_id, device_id) has a socket here since ``at_ms``; None: there are none.
        forget_sessions: drops what is remembered of a user's sessions, which other nodes end, too.
    """

    def __init__(
        self,
        pending: Pending,
        hot: HotCounters,
        *,
        outbox_bytes: int,
        store: Store,
        clock: Clock,
        claim: Callable[[str, str, int], None] | None = None,
        forget_sessions: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(pending, hot, outbox_bytes=outbox_bytes)
        self._store = store
        self._clock = clock
        self._claim = claim
        self._forget_sessions = forget_sessions
        self._as_of: dict[
            str, int
        ] = {}  # group with listeners -> the membership event up to which they are right
        self._reloads: dict[str, _Reload] = {}
        self._reading = asyncio.Semaphore(RELOADS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._since_ms: dict[Connection, int] = {}  # when each connection came
        self._opening: set[Connection] = set()  # whose groups are being read
        self._floors: dict[
            str, int
        ] = {}  # of groups: the newest joining of somebody who came here as a member
        self._late: set[str] = set()  # groups whose listeners are told to sync in this turn of the loop

    # Coming and going.

    def attach(self, connection: Connection) -> None:
        """See `Hub.attach`; sockets of the device on other nodes are replaced, too."""
        super().attach(connection)
        self._opening.add(connection)
        self._since_ms[connection] = now_ms = self._clock.now_ms()
        if self._claim is not None:
            self._claim(connection.user_id, connection.device_id, now_ms)

    def detach(self, connection: Connection) -> None:
        """See `Hub.detach`."""
        super().detach(connection)
        self._opening.discard(connection)
        self._since_ms.pop(connection, None)

    def subscribe(self, connection: Connection, group_ids: Sequence[str]) -> None:
        """See `Hub.subscribe`."""
        super().subscribe(connection, group_ids)
        if connection.loading is None:
            self._opening.discard(connection)

    def begin(self, connection: Connection, joined: Mapping[str, int]) -> None:
        """See `Hub.begin`; what was before a joining is, from now on, given to nobody here."""
        super().begin(connection, joined)
        for group_id, seq in joined.items():
            self._floors[group_id] = max(seq, self._floors.get(group_id, 0))

    def _leave(self, connection: Connection, group_id: str) -> None:
        super()._leave(connection, group_id)
        if group_id not in self._groups:
            self._as_of.pop(group_id, None)
            self._floors.pop(group_id, None)

    def close_sessions(self, user_id: str, family_id: str, code: int) -> None:
        """See `PushReceiver.close_sessions`."""
        if self._forget_sessions is not None:
            self._forget_sessions(user_id)
        super().close_sessions(user_id, family_id, code)

    def families(self) -> set[str]:
        """Return the token families of the open connections."""
        return {connection.family_id for connection in self.connections}

    def close_families(self, family_ids: set[str]) -> None:
        """Close the sockets of sessions that have ended, with 4450."""
        for connection in [each for each in self.connections if each.family_id in family_ids]:
            self.close_sessions(connection.user_id, connection.family_id, CloseCode.REVOKED)

    # NodesReceiver.

    def receive(self, batch: Sequence[Pushed]) -> None:
        """See `NodesReceiver.receive`. One item that fails costs none of the others; it is raised at the end."""
        fault: Exception | None = None
        for item in batch:
            try:
                self._receive(item)
            except Exception as exc:  # noqa: BLE001  # raised below
                fault = exc
        if fault is not None:
            raise fault

    def _receive(self, item: Pushed) -> None:
        match item:
            case PushedEvent():
                self._receive_event(item)
            case PushedAnswer():
                waiter = self._pending.take(Origin(self._pending.node_id, item.attempt))
                if waiter is not None:
                    waiter.settle(answer_of(item))
            case PushedSignal(channel, frame, except_user):
                self.signal([Signal(channel, frame, except_user)])
            case PushedRevocation(user_id, family_id, code):
                self.close_sessions(user_id, family_id, code)
            case PushedClaim(user_id, device_id, at_ms):
                self._replaced_elsewhere(user_id, device_id, at_ms)

    def _receive_event(self, item: PushedEvent) -> None:
        waiter = self._pending.take(Origin(item.node_id, item.attempt)) if item.node_id else None
        heard = item.kind in MEMBERSHIP_KINDS or self.hears(item.conversation_id, item.hearers)
        if waiter is None and not heard:
            return
        stored = outcome_of(item)
        if waiter is not None:
            waiter.settle(stored)
        if heard and stored.event is not None:
            self._push(stored.event, stored, getattr(waiter, "connection", None))

    def _replaced_elsewhere(self, user_id: str, device_id: str, at_ms: int) -> None:
        for connection in list(self._users.get(user_id, ())):
            if connection.device_id == device_id and self._since_ms.get(connection, at_ms) < at_ms:
                self.detach(connection)
                connection.close(CloseCode.REPLACED, "a newer socket of this device")

    def hears(self, conversation_id: str, hearers: Sequence[str]) -> bool:
        """See `NodesReceiver.hears`."""
        if hearers:
            return any(user_id in self._users for user_id in hearers)
        return conversation_id in self._groups

    def sync(self, conversation_id: str, hearers: Sequence[str]) -> None:
        """See `NodesReceiver.sync`."""
        if hearers:
            for user_id in hearers:
                self._sync(self._users.get(user_id, ()))
        else:
            self._sync(self._groups.get(conversation_id, ()))

    def reload(self, conversation_id: str) -> None:
        """See `NodesReceiver.reload`."""
        self._reload(conversation_id).resync = True

    # Pushing.

    def _push(self, event: Event, stored: Stored, sender: Connection | None) -> None:
        """See `Hub._push`; of a group only while it is known who hears it."""
        if stored.hearers:
            if self.hears(event.conversation_id, stored.hearers):
                super()._push(event, stored, sender)
            return
        group_id = event.conversation_id
        reload = self._reloads.get(group_id)
        if reload is None and group_id in self._groups and self._as_of.get(group_id, 0) < stored.members_seq:
            reload = self._reload(group_id)
        if event.seq < max(self._as_of.get(group_id, 0), self._floors.get(group_id, 0)):
            self._sync_soon(group_id)
        elif reload is None:
            self._push_group(event, sender)
        elif len(reload.held) < MAX_HELD:
            reload.held.append((event, stored, sender))
        else:
            reload.resync = True

    def _push_group(
        self, event: Event, sender: Connection | None, without: Iterable[Connection] = ()
    ) -> None:
        """Give an event to those who hear the group, which are known up to it."""
        group_id = event.conversation_id
        changes = event.kind in MEMBERSHIP_KINDS and event.seq > self._as_of.get(group_id, 0)
        if changes:
            self._before(event)
        listeners = self._groups.get(group_id)
        if listeners:
            hearing = [each for each in listeners if each not in without] if without else listeners
            self._give((hearing,), event_frame(event), sender)
        if changes:
            self._after(event)
            if group_id in self._groups:
                self._as_of[group_id] = event.seq

    # Reading who is a member.

    def _reload(self, group_id: str) -> _Reload:
        reload = self._reloads.get(group_id)
        if reload is None:
            reload = self._reloads[group_id] = _Reload()
            task = self._loop.create_task(self._read(group_id, reload))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return reload

    async def _read(self, group_id: str, reload: _Reload) -> None:
        """Read the members, then let go what has waited; without an answer everybody concerned has to sync."""
        came: set[Connection] = set()
        try:
            async with self._reading:
                # What is held was stored before it came here: the list that is read now is at least as new.
                at_least = max((stored.members_seq for _, stored, _ in reload.held), default=0)
                members = await self._store.members(group_id)
            came = self._apply(group_id, members, at_least)
        except PingMeError as exc:
            log.warning("members_not_read", conversation_id=group_id, error=exc.message)
            reload.held.clear()  # who may hear them is not known
            reload.resync = True
        finally:
            del self._reloads[group_id]
        as_of = self._as_of.get(group_id, 0)
        for event, stored, sender in reload.held:
            if event.seq < self._floors.get(group_id, 0):
                self._sync_soon(group_id)
            elif event.seq > as_of:
                self._push(event, stored, sender)
            else:  # who has just come may not see what was before
                self._push_group(event, sender, came)
        if reload.resync:
            self._sync(self._groups.get(group_id, ()))

    def _sync_soon(self, group_id: str) -> None:
        """Tell the listeners to sync, once for all that comes in this turn of the loop."""
        if not self._late:
            self._loop.call_soon(self._sync_late)
        self._late.add(group_id)

    def _sync_late(self) -> None:
        late, self._late = self._late, set()
        for group_id in late:
            self._sync(self._groups.get(group_id, ()))

    def _sync(self, connections: Iterable[Connection]) -> None:
        for connection in connections:
            if connection.loading is None:  # the others sync after auth_ok anyway
                self.write(connection, RESYNC)

    def _apply(self, group_id: str, members: Sequence[MemberPosition], at_least: int) -> set[Connection]:
        """Let those hear the group who are members; return who was not among them before."""
        present = {each.member.user_id for each in members if each.member.present}
        for connection in list(self._groups.get(group_id, ())):
            if connection.user_id not in present:
                connection.groups -= {group_id}
                self._leave(connection, group_id)
                if connection.loading is None:
                    self.write(connection, RESYNC)
        for connection in self._opening:
            connection.moved(group_id, joined=connection.user_id in present)
        came: set[Connection] = set()
        for user_id in present & self._users.keys():
            for connection in self._users[user_id]:
                if connection.loading is None and group_id not in connection.groups:
                    self.subscribe(connection, (group_id,))
                    self.write(connection, RESYNC)
                    came.add(connection)
        if group_id in self._groups:
            newest = (max(each.member.joined_seq, each.member.until_seq or 0) for each in members)
            self._as_of[group_id] = max(at_least, *newest)
        return came

    async def finish(self) -> None:
        """See `Hub.finish`: no members are read any more."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
