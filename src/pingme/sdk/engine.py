"""Everything behind `Client`, put together: what arrives goes to the replica, what is asked goes to the
outbox.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pingme.domain.errors import PingMeError
from pingme.ports.clock import Clock
from pingme.sdk import events as ev
from pingme.sdk.catchup import CatchUp
from pingme.sdk.connection import Connection
from pingme.sdk.errors import ClientClosed, DataDirInUse
from pingme.sdk.keeper import Keeper
from pingme.sdk.link import Link
from pingme.sdk.operations import own_item
from pingme.sdk.outbox import Outbox
from pingme.sdk.positions import Positions
from pingme.sdk.replica import Replica
from pingme.sdk.sender import Sender
from pingme.sdk.session import Session
from pingme.sdk.state import Snapshot
from pingme.sdk.store import LocalStore
from pingme.sdk.stream import EventQueue
from pingme.wire import frames
from pingme.wire import server_frames as wire

MAX_REMARKED = 200  # conversations whose read position is told again after a start
CLOSE_WITHIN_S = 5.0  # a closing handshake takes 2 s at most; a line that hangs is left


class Engine:
    """One user's connection and copy.

    Args:
        url: base URL of the server.
        session: its tokens.
        data_dir: what survives a restart; None: nothing.
        clock: time and chance.

    Attributes:
        online: set while a connection is open and its first sync has ended.
    """

    def __init__(self, url: str, *, session: Session, data_dir: Path | None, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._url = url
        self.store = LocalStore(data_dir)
        self.outbox = Outbox(self.store)
        self.positions = Positions(clock)
        poke = asyncio.Event()
        self.queue = EventQueue(poke, on_handed=self._handed, on_finished=self._finished)
        self.replica = Replica(
            clock,
            self.queue.put,
            has_room=lambda: not self.queue.is_full,
            takes_pages=lambda: self.queue.takes_pages,
            touched=poke,
        )
        self.catch_up = CatchUp(self.replica, self.queue, self._synced)
        self.link = Link(
            url,
            session=session,
            clock=clock,
            on_frame=self._frame,
            serve=self._serve,
            tell=self._line_changed,
        )
        self._keeper = Keeper(self.store, self.replica, clock)
        self._sender = Sender(self.outbox, clock, self.queue.put)
        self._epoch: str | None = None
        self._seq_epoch: str | None = None
        self._synced_ids: set[str] = set()
        self._runner: asyncio.Task[None] | None = None
        self._watched: tuple[str, ...] = ()
        self._status: str | None = None
        self.online = asyncio.Event()
        self.ended: PingMeError | None = None

    @property
    def is_running(self) -> bool:
        """True between `start` and the end."""
        return self._runner is not None and not self._runner.done()

    def load(self) -> None:
        """Take up what the data_dir holds.

        Raises:
            DataDirInUse: it belongs to another account or server.
        """
        me = self._session.current.user_id
        self.check_owner(me)
        meta = self.store.meta()
        self.replica.me = me
        self.catch_up.since, self._epoch = meta.get("since"), meta.get("epoch")
        self._seq_epoch = self._epoch
        self._keeper.load()
        self.outbox.load()
        newest = sorted(self.replica.snapshots.values(), key=_newest_ts)[-MAX_REMARKED:]
        for snapshot in newest:  # what was read without a connection has not been told yet
            if snapshot.read_seq:
                self.positions.mark(snapshot.conversation_id, kind="read", seq=snapshot.read_seq)

    def check_fresh(self) -> None:
        """Refuse a client that has stopped: what it holds in memory is of the session that has ended.

        Raises:
            PingMeError: the reason for which it has stopped.
        """
        if self._runner is not None and self._runner.done():
            raise self.ended or ClientClosed("this client was closed: make a new one")

    def check_owner(self, user_id: str) -> None:
        """Refuse another account than the one whose copy this is.

        Raises:
            DataDirInUse: it is another one's, or of another server.
        """
        meta = self.store.meta()
        owner = self.replica.me or meta.get("user_id", user_id)
        if owner != user_id or meta.get("server", self._url) != self._url:
            raise DataDirInUse(f"this client is another account's, on {meta.get('server', self._url)}")

    async def start(self) -> None:
        """Begin to connect; returns at once."""
        me = self._session.current.user_id
        await self.store.write(
            [
                ("INSERT OR REPLACE INTO meta VALUES ('user_id', ?)", (me,)),
                ("INSERT OR REPLACE INTO meta VALUES ('server', ?)", (self._url,)),
            ]
        )
        self._runner = asyncio.create_task(self._run())

    async def wait_online(self) -> None:
        """Return when connected and synced.

        Raises:
            PingMeError: the client has stopped for good.
        """
        online = asyncio.ensure_future(self.online.wait())
        try:
            while not self.online.is_set():
                if self._runner is None or self._runner.done():
                    raise self.ended or ClientClosed("the client is closed")
                await asyncio.wait({online, self._runner}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            online.cancel()

    async def close(self) -> None:
        """Stop everything and write what is to be kept."""
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.wait([self._runner], timeout=CLOSE_WITHIN_S)
        self._stop(None)
        await self._keeper.save()
        await self.store.close()
        if self._runner is not None and self._runner.done() and not self._runner.cancelled():
            self._runner.result()  # an unexpected end is loud

    async def watch(self, user_ids: tuple[str, ...]) -> None:
        """Ask for the presence of these users, now and after every reconnect."""
        self._watched = user_ids
        await self.tell(frames.PresenceWatch(payload=frames.PresenceWatchPayload(user_ids=user_ids)))

    async def set_status(self, frame: frames.PresenceSet) -> None:
        """Set the state of this device, now and after every reconnect."""
        self._status = frame.payload.status
        await self.tell(frame)

    async def tell(self, frame: frames.AnyClientFrame) -> None:
        """Send a frame that needs no answer; without a connection it is dropped."""
        connection = self.link.connection
        if connection is not None:
            try:
                await connection.post(frame)
            except PingMeError:
                return  # the connection has just ended; what matters later is repeated after the next

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                keeping = tasks.create_task(self._keeper.run())
                self.ended = await self.link.run()
                keeping.cancel()
        except BaseExceptionGroup as group:
            self.ended = next((exc for exc in group.exceptions if isinstance(exc, PingMeError)), None)
            self._stop(self.ended or ClientClosed("the client failed"))
            raise
        self.queue.put(ev.ConnectionChanged("stopped", self.ended.message))
        self._stop(self.ended)

    def _stop(self, error: PingMeError | None) -> None:
        self.online.clear()
        self.queue.end(error)
        for pending in list(self.outbox):
            if not pending.done.done():
                pending.done.set_exception(error or ClientClosed("closed before the server answered"))
                pending.done.exception()  # nobody may be waiting

    async def _serve(self, connection: Connection) -> None:
        """Use a connection while it lives."""
        assert connection.hello is not None
        self._session.set_device(connection.hello.device_id)
        await self._meet_epoch(connection.hello.epoch)
        await self.positions.repeat(connection)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.catch_up.run(connection))
            tasks.create_task(self._sender.run(connection))
            tasks.create_task(self.positions.run(connection))
            tasks.create_task(self._renew(connection))
            tasks.create_task(self._repeat_presence(connection))

    async def _meet_epoch(self, epoch: str) -> None:
        if self._epoch == epoch:
            return
        is_new = self._epoch is not None
        if is_new:
            self._seq_epoch = self.epoch
            self.replica.forget()
            self.positions.forget()
            self.catch_up.since = None
            self.queue.reset()
        self._epoch = epoch
        await self._keeper.begin_epoch(epoch, wipe=is_new)

    @property
    def epoch(self) -> str | None:
        """What the seqs that the program knows are of; None before the first connection."""
        if self.queue.is_reset_told:
            self._seq_epoch = self._epoch
        return self._seq_epoch

    async def _repeat_presence(self, connection: Connection) -> None:
        if self._status == "away":
            await connection.post(frames.PresenceSet(payload=frames.PresenceSetPayload(status="away")))
        if self._watched:
            payload = frames.PresenceWatchPayload(user_ids=self._watched)
            await connection.post(frames.PresenceWatch(payload=payload))

    async def _renew(self, connection: Connection) -> None:
        """Renew the token on the open connection before it runs out."""
        while True:
            wait_ms = self._session.current.renew_at_ms - self._clock.now_ms()
            await self._clock.sleep_ms(max(wait_ms, 1_000))
            try:
                tokens = await self._session.renew()
            except PingMeError:
                continue  # again in a second; at the latest the server closes with 4401
            await connection.post(frames.Auth(payload=frames.AuthPayload(token=tokens.token)))

    async def _synced(self, done: wire.SyncDone, first: bool) -> None:  # a callback's shape
        del first
        changed, self._synced_ids = tuple(self._synced_ids), set()
        await self._keeper.save(since=done.since)
        self.queue.put(ev.Synced(changed))
        if not self.online.is_set():
            self.online.set()
            self.queue.put(ev.ConnectionChanged("online"))

    def _line_changed(self, event: ev.ConnectionChanged) -> None:
        self.online.clear()
        self.queue.put(event)

    def _frame(self, frame: wire.ServerFrame) -> None:
        match frame.payload:
            case wire.Item() as item:
                self.replica.push(item)
            case wire.MessageAck() as ack:
                self._acknowledged(ack)
            case wire.SyncPage(conversations=entries):
                for entry in entries:
                    self._synced_ids.add(entry.conversation.conversation_id)
                    self.replica.sync_entry(entry, first=self.catch_up.is_first)
            case wire.AckResponse() as answer:
                self.replica.own_positions(answer)
            case wire.Resync():
                self.replica.ask_for_sync()
            case other:
                self._hint(other)

    def _hint(self, payload: wire.Payload | None) -> None:
        match payload:
            case wire.Receipt() as receipt:
                self.replica.receipt(receipt)
                self.queue.put(ev.Receipt(**_fields(receipt)))
            case wire.Typing() as typing:
                self.queue.put(ev.Typing(**_fields(typing)))
            case wire.Presence() as presence:
                self.queue.put(ev.Presence(**_fields(presence)))
            case _:
                pass  # answers reach their askers; frames of a later version mean nothing here

    def _acknowledged(self, ack: wire.MessageAck) -> None:
        """One's own operation has a seq: the connection that sent it is not pushed it."""
        pending = self.outbox.find(ack.msg_id)
        if pending is None:
            return  # a late ack: the event comes with the hole that it fills
        snapshot = self.replica.snapshots.get(ack.conversation_id)
        payload = pending.operation.payload
        peer_id = snapshot.info.peer_id if snapshot is not None else None
        if isinstance(payload, frames.SendPayload):
            peer_id = payload.to_user_id or peer_id
        self.replica.push(own_item(pending.operation, ack, me=self.replica.me, peer_id=peer_id))

    def _handed(self, event: ev.LogEvent) -> None:
        """The program has this event: its sender may see two ticks."""
        snapshot = self.replica.snapshots.get(event.conversation_id)
        delivered = snapshot.delivered_seq if snapshot is not None else 0
        if isinstance(event, ev.Message) and not event.mine and event.seq > delivered:
            self.positions.mark(event.conversation_id, kind="delivered", seq=event.seq)

    def _finished(self, conversation_id: str, seq: int) -> None:
        self.replica.consume(conversation_id, seq)


def _newest_ts(snapshot: Snapshot) -> int:
    return snapshot.last_message.server_ts if snapshot.last_message is not None else 0


def _fields(payload: wire.Payload) -> dict[str, Any]:  # of the event class with the same fields
    return {name: getattr(payload, name) for name in payload.__struct_fields__}
