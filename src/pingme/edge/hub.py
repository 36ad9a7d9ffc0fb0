"""Who is connected here and hears what; every event goes through once, as one bytes object.

Rules of this file:
- One write per socket per tick: frames are collected on the connection and joined when the tick ends.
- A channel is a group's id; private events go to the connections of the two users.
- Membership takes effect in the order of events: a joiner hears the joining, a removed member hears the removal and
  nothing after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pingme.domain.events import (
    Event,
    GroupCreatedBody,
    MemberJoinedBody,
    MemberRemovedBody,
    RefusedOutcome,
    Stored,
    decode_body,
)
from pingme.ports.push import Delivery, Signal
from pingme.services.metrics import HotCounters
from pingme.services.pending import Pending
from pingme.wire.encode import event_frame, frame_of
from pingme.wire.websocket import CloseCode

if TYPE_CHECKING:
    from pingme.edge.connection import Connection

RESYNC = frame_of("resync", b"{}")
NOBODY: dict[Connection, None] = {}
MEMBERSHIP = frozenset({"group_created", "member_joined", "member_left", "member_removed"})


class Hub:
    """The connections of this node.

    Args:
        pending: who waits for outcomes.
        hot: counters.
        outbox_bytes: `limits.outbox_bytes`.
    """

    def __init__(self, pending: Pending, hot: HotCounters, *, outbox_bytes: int) -> None:
        self._pending = pending
        self._hot = hot
        self._outbox_bytes = outbox_bytes
        self._users: dict[str, list[Connection]] = {}
        self._groups: dict[str, dict[Connection, None]] = {}
        self._dirty: list[Connection] = []
        self._loop = asyncio.get_running_loop()
        self._flushing = False
        self.connections: set[Connection] = set()

    # Coming and going.

    def attach(self, connection: Connection) -> None:
        """Let an authenticated connection hear its user's events; a socket of the same device is replaced."""
        siblings = self._users.setdefault(connection.user_id, [])
        for sibling in list(siblings):
            if sibling.device_id == connection.device_id:
                self.detach(sibling)
                sibling.close(CloseCode.REPLACED, "a newer socket of this device")
        siblings = self._users.setdefault(connection.user_id, [])
        siblings.append(connection)
        self.connections.add(connection)

    def detach(self, connection: Connection) -> None:
        """Forget a connection; harmless when it is not attached."""
        self.connections.discard(connection)
        siblings = self._users.get(connection.user_id)
        if siblings is not None and connection in siblings:
            siblings.remove(connection)
            if not siblings:
                del self._users[connection.user_id]
        for group_id in connection.groups:
            self._leave(connection, group_id)
        connection.groups = frozenset()

    def subscribe(self, connection: Connection, group_ids: Sequence[str]) -> None:
        """Let a connection hear groups."""
        for group_id in group_ids:
            self._groups.setdefault(group_id, {})[connection] = None
        if group_ids:
            connection.groups = {*connection.groups, *group_ids}

    def begin(self, connection: Connection, joined: Mapping[str, int]) -> None:
        """Let a connection that opens hear its user's groups: group id -> the seq of the user's joining."""
        self.subscribe(connection, list(joined))

    def _leave(self, connection: Connection, group_id: str) -> None:
        listeners = self._groups.get(group_id)
        if listeners is not None:
            listeners.pop(connection, None)
            if not listeners:
                del self._groups[group_id]

    def connections_of(self, user_id: str) -> Sequence[Connection]:
        """Return the user's connections on this node."""
        return self._users.get(user_id, ())

    def users_online(self) -> int:
        """Return how many users have a connection on this node."""
        return len(self._users)

    # PushReceiver.

    def deliver(self, batch: Sequence[Delivery]) -> None:
        """See `PushReceiver.deliver`. One that fails costs none of the others their answer; it is raised at the end."""
        take = self._pending.take
        hot = self._hot
        fault: Exception | None = None
        for delivery in batch:
            try:
                outcome = delivery.outcome
                waiter = take(delivery.origin)
                if waiter is not None:
                    waiter.settle(outcome)
                if isinstance(outcome, RefusedOutcome):
                    continue
                if outcome.duplicate:
                    hot.duplicates += 1
                else:
                    hot.messages_stored += 1
                if outcome.event is not None:
                    self._push(outcome.event, outcome, getattr(waiter, "connection", None))
            except Exception as exc:  # noqa: BLE001  # raised below
                fault = exc
        if fault is not None:
            raise fault

    def resync(self) -> None:
        """See `PushReceiver.resync`."""
        for connection in self.connections:
            if connection.loading is None:  # the others sync after auth_ok anyway
                self.write(connection, RESYNC)

    def _push(self, event: Event, stored: Stored, sender: Connection | None) -> None:
        """Give an event to everybody who hears it, but for the connection that sent it."""
        membership = event.kind in MEMBERSHIP
        if membership:
            self._before(event)
        frame = event_frame(event)
        users = self._users
        hearers: list[Iterable[Connection]]
        if stored.hearers:
            hearers = [users[user_id] for user_id in stored.hearers if user_id in users]
        else:
            hearers = [self._groups.get(event.conversation_id, NOBODY)]
        self._give(hearers, frame, sender)
        if membership:
            self._after(event)

    def _give(self, hearers: Iterable[Iterable[Connection]], frame: bytes, sender: Connection | None) -> None:
        dirty = self._dirty
        count = 0
        for connections in hearers:
            for connection in connections:
                if connection is sender or connection.loading is not None:
                    continue  # before auth_ok nothing is pushed: the sync after it finds what was missed
                count += 1
                out = connection.out
                if not out:
                    dirty.append(connection)
                out.append(frame)
        self._hot.deliveries += count
        if dirty and not self._flushing:
            self._flush_soon()

    def _before(self, event: Event) -> None:
        """Let those who join hear the group from this event on."""
        body = decode_body(event.kind, event.payload)
        if isinstance(body, (GroupCreatedBody, MemberJoinedBody)):
            for user_id in body.user_ids:
                for connection in self._users.get(user_id, ()):
                    connection.moved(event.conversation_id, joined=True)
                    self.subscribe(connection, (event.conversation_id,))

    def _after(self, event: Event) -> None:
        """Let those who are gone hear nothing after this event."""
        body = decode_body(event.kind, event.payload)
        if event.kind == "member_left":
            self._remove(event.sender_id, event.conversation_id)
        elif isinstance(body, MemberRemovedBody):
            self._remove(body.user_id, event.conversation_id)

    def _remove(self, user_id: str, group_id: str) -> None:
        for connection in self._users.get(user_id, ()):
            connection.moved(group_id, joined=False)
            connection.groups -= {group_id}
            self._leave(connection, group_id)

    def signal(self, batch: Sequence[Signal]) -> None:
        """See `PushReceiver.signal`."""
        for signal in batch:
            kind, _, name = signal.channel.partition(":")
            listeners = self._users.get(name, ()) if kind == "user" else self._groups.get(name, ())
            for connection in listeners:
                if connection.user_id != signal.except_user and connection.loading is None:
                    self.write(connection, signal.frame)

    def close_sessions(self, user_id: str, family_id: str, code: int) -> None:
        """See `PushReceiver.close_sessions`."""
        for connection in list(self._users.get(user_id, ())):
            if connection.family_id == family_id:
                self.detach(connection)
                connection.close(CloseCode(code), "this session has ended")

    # Writing.

    def write(self, connection: Connection, frame: bytes) -> None:
        """Put a frame into a connection's outbox; it leaves when the tick ends."""
        out = connection.out
        if not out:
            self._dirty.append(connection)
            if not self._flushing:
                self._flush_soon()
        out.append(frame)

    def _flush_soon(self) -> None:
        self._flushing = True
        self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Write once per socket; close those that do not keep up."""
        self._flushing = False
        dirty, self._dirty = self._dirty, []
        limit = self._outbox_bytes
        total = 0
        for connection in dirty:
            out = connection.out
            if not out:
                continue
            data = out[0] if len(out) == 1 else b"".join(out)
            connection.out = []
            pipe = connection.pipe
            waiting = pipe.buffered()
            # One tick may be for everybody at once: what overflows is what was not read before it.
            if waiting and waiting + len(data) > limit and not connection.closing:
                connection.overflow()
                continue
            total += len(data)
            pipe.write(data)
        self._hot.bytes_out += total

    async def finish(self) -> None:
        """End what this hub still does; the node is leaving."""

    def outbox_bytes(self) -> int:
        """Return how many bytes wait in all outboxes."""
        return sum(connection.pipe.buffered() for connection in self.connections)
