"""A PingMe server for tests of clients: the wire as docs/protocol.md has it, in dicts, with faults on
request.

async with FakeServer() as server:
    client = server.client()
    await client.register("alice", "secret-password")
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from pingme.domain.chain import first_hash, next_hash
from pingme.domain.ids import UserId, private_conversation_id
from pingme.sdk import Client
from pingme.sdk.timeline import digest_of_item
from pingme.wire import frames
from pingme.wire import server_frames as wire
from tests.fakes.clock import START_MS
from tests.fakes.server_http import FakeApi

PAGE = 20


@dataclass
class Log:
    """A conversation: its events as first stored, and what the members have done with it."""

    info: dict[str, Any]
    members: list[str]
    items: list[wire.Item] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    positions: dict[str, dict[str, int]] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    removed_at: dict[str, int] = field(default_factory=dict)
    floor: dict[str, int] = field(default_factory=dict)

    def head(self, user_id: str) -> int:
        return self.removed_at.get(user_id, len(self.items))

    def hash_at(self, seq: int) -> bytes:
        return self.hashes[seq - 1] if seq else first_hash(self.info["conversation_id"])


@dataclass(eq=False)
class Peer:
    """One open WebSocket."""

    socket: ServerConnection
    user_id: str
    device_id: str
    watched: tuple[str, ...] = ()


class FakeServer:
    """What a client can talk to.

    Attributes:
        swallow: a frame for which this returns True is not answered and has no effect.
        swallow_answer: an answer of a type in this set is lost once its effect has happened.
        swallow_push: a push for which this returns True is lost.
        refuse: error payloads for the next operations, first in first out.
        received: every client frame, decoded.
    """

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.passwords: dict[str, str] = {}
        self.logs: dict[str, Log] = {}
        self.stored: dict[tuple[str, str], wire.MessageAck] = {}
        self.peers: list[Peer] = []
        self.tokens: dict[str, tuple[str, str]] = {}
        self.refresh_tokens: dict[str, tuple[str, str]] = {}
        self.epoch = "e1"
        self.change_no = 0
        self.now_ms = START_MS
        self.swallow: Callable[[frames.AnyClientFrame], bool] = lambda _frame: False
        self.swallow_answer: set[str] = set()
        self.swallow_push: Callable[[wire.Item, str], bool] = lambda _item, _user: False
        self.refuse: list[wire.ErrorPayload] = []
        self.received: list[frames.AnyClientFrame] = []
        self.api = FakeApi(self)
        self.expires_in = 3600
        self.changed = asyncio.Event()
        self._server: Server | None = None
        self.port = 0

    # Running

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; the second time on the same port as before."""
        self._server = await serve(self._serve, "127.0.0.1", self.port, compression=None)
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and break every connection, without a word."""
        assert self._server is not None
        self.break_all()
        self._server.close(close_connections=False)
        for connection in list(self._server.connections):
            connection.transport.abort()
        await self._server.wait_closed()

    def break_all(self) -> None:
        """Break every connection as a pulled cable does."""
        for peer in list(self.peers):
            peer.socket.transport.abort()

    async def close_all(self, code: int, reason: str = "") -> None:
        """Close every connection with a code."""
        for peer in list(self.peers):
            await peer.socket.close(code, reason)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def http(self) -> httpx.AsyncClient:
        """Return an HTTP client whose calls end here."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self.api.handle))

    @property
    def is_serving(self) -> bool:
        return self._server is not None and self._server.is_serving()

    def client(self, data_dir: Path | None = None) -> Client:
        """Return a client of this server."""
        return Client(self.url, data_dir=data_dir, http=self.http())

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Return when a condition on this server holds; it is looked at after every frame and call."""
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    # What happens by other hands

    def user(self, username: str) -> str:
        """Make an account without a client; return its id."""
        if username in self.passwords:
            return next(key for key, user in self.users.items() if user["username"] == username)
        user_id = f"u{len(self.users):026d}"
        self.users[user_id] = {"user_id": user_id, "username": username, "nickname": ""}
        self.passwords[username] = "secret-password"
        return user_id

    async def say(self, sender: str, to: str, content: str) -> int:
        """Store a private message of one user to another, by name; return its seq."""
        sender_id, peer_id = self.user(sender), self.user(to)
        log = self._private(sender_id, peer_id)
        values = {"content": content, "content_type": "text", "to_user_id": peer_id}
        msg_id = f"m{self.change_no}"
        return (await self.append(log, "message", sender_id, msg_id, values)).seq

    async def group(self, owner: str, name: str, members: list[str]) -> str:
        """Make a group by names; return its id."""
        ids = [self.user(owner), *[self.user(one) for one in members]]
        return await self.new_group(ids, name, f"m{self.change_no}")

    def private_id(self, one: str, other: str) -> str:
        return private_conversation_id(UserId(self.user(one)), UserId(self.user(other)))

    # WebSocket

    async def _serve(self, socket: ServerConnection) -> None:
        peer: Peer | None = None
        with suppress(ConnectionClosed):
            first = frames.decode_frame(_bytes(await socket.recv()))
            if not isinstance(first, frames.Auth) or first.payload.token not in self.tokens:
                failure = wire.Failure(code=30005, message="invalid token")
                await socket.send(wire.encode_server_frame("auth_fail", failure, first.id), text=True)
                await socket.close(4401)
                return
            user_id, device_id = self.tokens[first.payload.token]
            peer = Peer(socket, user_id, device_id)
            self.peers.append(peer)
            await self._hello(peer, first.id)
            async for text in socket:
                await self._receive(peer, frames.decode_frame(_bytes(text)))
                self.changed.set()
        if peer is not None:
            self.peers.remove(peer)
            self.changed.set()

    async def _hello(self, peer: Peer, frame_id: str | None) -> None:
        limits = wire.Limits(max_message_size=8192, sends_per_s=20, unanswered_sends=64, page_events=200)
        hello = wire.AuthOk(
            user_id=peer.user_id,
            username=self.users[peer.user_id]["username"],
            device_id=peer.device_id,
            server_ts=self.now_ms,
            epoch=self.epoch,
            ping_interval=30,
            limits=limits,
        )
        await self._answer(peer, "auth_ok", hello, frame_id)

    async def _receive(self, peer: Peer, frame: frames.AnyClientFrame) -> None:
        self.received.append(frame)
        if self.swallow(frame):
            return
        match frame:
            case frames.Auth():
                await self._hello(peer, frame.id)
            case frames.Send() | frames.Edit() | frames.Recall() | frames.React():
                kind, answer = await self._operate(peer, frame)
                await self._answer(peer, kind, answer, frame.id)
            case frames.Sync():
                await self._sync(peer, frame)
            case frames.History(payload=asked):
                page = self.history(peer.user_id, asked)
                kind = "history_page" if isinstance(page, wire.HistoryPage) else "error"
                await self._answer(peer, kind, page, frame.id)
            case frames.Ack(payload=ack):
                await self._position(peer, ack, frame.id)
            case frames.Typing(payload=typing):
                log = self.logs[typing.conversation_id]
                hint = wire.Typing(
                    conversation_id=typing.conversation_id, user_id=peer.user_id, active=typing.active
                )
                await self._tell(log, "typing", hint, but=peer.user_id)
            case frames.PresenceWatch(payload=watch):
                peer.watched = watch.user_ids
                for user_id in watch.user_ids:
                    await self._answer(peer, "presence", self._presence(user_id), None)
            case _:
                pass

    async def _answer(self, peer: Peer, kind: str, payload: wire.Payload, frame_id: str | None) -> None:
        if kind in self.swallow_answer:
            return
        with suppress(ConnectionClosed):
            await peer.socket.send(wire.encode_server_frame(kind, payload, frame_id), text=True)

    async def _tell(self, log: Log, kind: str, payload: wire.Payload, *, but: str) -> None:
        for peer in list(self.peers):
            if peer.user_id in log.members and peer.user_id != but:
                await self._answer(peer, kind, payload, None)

    def _presence(self, user_id: str) -> wire.Presence:
        online = any(peer.user_id == user_id for peer in self.peers)
        return wire.Presence(user_id=user_id, status="online" if online else "offline")

    # Storing

    async def _operate(
        self, peer: Peer, frame: frames.Send | frames.Edit | frames.Recall | frames.React
    ) -> tuple[str, wire.Payload]:
        known = self.stored.get((peer.user_id, frame.payload.msg_id))
        if known is not None:
            return "message_ack", duplicate(known)
        if self.refuse:
            error = self.refuse.pop(0)
            error.msg_id = frame.payload.msg_id
            return "error", error
        log, kind, values = self.resolve(peer.user_id, frame)
        if log is None or peer.user_id not in log.members:
            return "error", refusal(40001, "conversation not found")
        item = await self.append(log, kind, peer.user_id, frame.payload.msg_id, values, but=peer)
        return "message_ack", self.stored[peer.user_id, item.msg_id]

    def resolve(
        self, me: str, frame: frames.Send | frames.Edit | frames.Recall | frames.React
    ) -> tuple[Log | None, str, dict[str, Any]]:
        match frame:
            case frames.Send(payload=p):
                values: dict[str, Any] = {"content": p.content, "content_type": p.content_type}
                values |= {"reply_to": p.reply_to, "mentions": list(p.mentions) if p.mentions else None}
                if p.to_user_id is not None:
                    return self._private(me, p.to_user_id), "message", values | {"to_user_id": p.to_user_id}
                log = self.logs.get(p.group_id or p.conversation_id or "")
                if log is not None and log.info["type"] == "private":
                    values["to_user_id"] = next(one for one in log.members if one != me)
                return log, "message", values
            case frames.Edit(payload=p):
                return self.logs.get(p.conversation_id), "edit", {"target_seq": p.seq, "content": p.content}
            case frames.Recall(payload=p):
                return self.logs.get(p.conversation_id), "recall", {"target_seq": p.seq}
            case frames.React(payload=p):
                values = {"target_seq": p.seq, "emoji": p.emoji, "remove": p.remove}
                return self.logs.get(p.conversation_id), "reaction", values

    def _private(self, one: str, other: str) -> Log:
        name = private_conversation_id(UserId(one), UserId(other))
        if name not in self.logs:
            info = {"conversation_id": name, "type": "private"}
            self.logs[name] = Log(info, sorted({one, other}))
        return self.logs[name]

    async def new_group(self, ids: list[str], name: str, msg_id: str) -> str:
        group_id = f"g{len(self.logs):026d}"
        log = Log({"conversation_id": group_id, "type": "group", "name": name}, ids)
        self.logs[group_id] = log
        values = {
            "name": name,
            "user_ids": list(ids),
            "history_policy": "from_join",
            "join_policy": "invite",
        }
        await self.append(log, "group_created", ids[0], msg_id, values)
        return group_id

    async def append(
        self,
        log: Log,
        kind: str,
        sender: str,
        msg_id: str,
        values: dict[str, Any],
        *,
        but: Peer | None = None,
    ) -> wire.Item:
        self.now_ms += 1
        self.change_no += 1
        item = wire.Item(
            conversation_id=log.info["conversation_id"],
            seq=len(log.items) + 1,
            sender_id=sender,
            server_ts=self.now_ms,
            kind=kind,
            msg_id=msg_id,
            **values,
        )
        digest = digest_of_item(item)
        assert digest is not None
        log.hashes.append(next_hash(log.hash_at(len(log.items)), digest))
        log.items.append(item)
        hearers = set(log.members)
        self._change_members(log, item)
        for one in hearers | set(log.members):
            log.changed[one] = self.change_no
        self.stored[sender, msg_id] = wire.MessageAck(
            msg_id=msg_id,
            conversation_id=item.conversation_id,
            seq=item.seq,
            server_ts=item.server_ts,
            duplicate=False,
        )
        for peer in list(self.peers):
            hears = peer.user_id in hearers | set(log.members) and peer is not but
            if hears and not self.swallow_push(item, peer.user_id):
                await self._answer(peer, "message" if kind == "message" else "event", item, None)
        self.changed.set()
        return item

    def _change_members(self, log: Log, item: wire.Item) -> None:
        if item.kind == "member_joined":
            for one in item.user_ids or ():
                if one not in log.members:
                    log.members.append(one)
                    log.floor[one] = item.seq
                log.removed_at.pop(one, None)
        gone = {"member_left": item.sender_id, "member_removed": item.user_id}.get(item.kind)
        if gone is not None and gone in log.members:
            log.members.remove(gone)
            log.removed_at[gone] = item.seq
        if item.kind == "group_updated" and item.name is not None:
            log.info["name"] = item.name

    async def _position(self, peer: Peer, ack: frames.AckPayload, frame_id: str | None) -> None:
        log = self.logs.get(ack.conversation_id)
        if log is None or ack.seq > log.head(peer.user_id):
            await self._answer(peer, "error", refusal(10002, "beyond the head"), frame_id)
            return
        mine = log.positions.setdefault(peer.user_id, {"delivered": 0, "read": 0})
        mine[ack.ack_type] = max(mine[ack.ack_type], ack.seq)
        mine["delivered"] = max(mine.values())
        self.change_no += 1
        for one in log.members:
            log.changed[one] = self.change_no
        answer = wire.AckResponse(
            conversation_id=ack.conversation_id, delivered_seq=mine["delivered"], read_seq=mine["read"]
        )
        await self._answer(peer, "ack_response", answer, frame_id)
        receipt = wire.Receipt(
            conversation_id=ack.conversation_id,
            user_id=peer.user_id,
            delivered_seq=mine["delivered"],
            read_seq=mine["read"],
        )
        await self._tell(log, "receipt", receipt, but=peer.user_id)

    # Reading

    async def _sync(self, peer: Peer, frame: frames.Sync) -> None:
        since = int(frame.payload.since) if frame.payload.since is not None else -1
        upto = self.change_no
        entries = [
            self.entry(log, peer.user_id, frame.payload.limit)
            for log in self.logs.values()
            if log.changed.get(peer.user_id, -1) > since
        ]
        for start in range(0, len(entries), 2):  # small pages, so that there are several
            page = wire.SyncPage(conversations=entries[start : start + 2])
            await self._answer(peer, "sync_page", page, frame.id)
        await self._answer(peer, "sync_done", wire.SyncDone(since=str(upto), epoch=self.epoch), frame.id)

    def entry(self, log: Log, me: str, limit: int) -> wire.SyncEntry:
        head, floor = log.head(me), log.floor.get(me, 1)
        first = max(floor, head - limit + 1)
        mine = log.positions.get(me, {"delivered": 0, "read": 0})
        unread = sum(
            item.kind == "message" and item.sender_id != me and item.seq > mine["read"]
            for item in log.items[floor - 1 : head]
        )
        info = dict(log.info)
        peer: dict[str, int] = {}
        if info["type"] == "private":
            info["peer_id"] = next((one for one in log.members if one != me), me)
            peer = log.positions.get(info["peer_id"], {})
        return wire.SyncEntry(
            conversation=wire.Conversation(
                **info, member_count=len(log.members), from_seq=floor, former=me in log.removed_at
            ),
            last_seq=head,
            last_hash=log.hash_at(head).hex(),
            delivered_seq=mine["delivered"],
            read_seq=mine["read"],
            unread=unread,
            prev_hash=log.hash_at(first - 1).hex(),
            events=[self.current(log, seq) for seq in range(first, head + 1)],
            events_complete=first == floor,
            peer_delivered_seq=peer.get("delivered"),
            peer_read_seq=peer.get("read"),
        )

    def current(self, log: Log, seq: int) -> wire.Item:
        """Return an event as pages show it: messages as they stand now, with the digest of the first."""
        stored = log.items[seq - 1]
        digest = digest_of_item(stored)
        assert digest is not None
        values = {name: getattr(stored, name) for name in stored.__struct_fields__}
        item = wire.Item(**{**values, "digest": digest.hex()})
        if item.kind == "message":
            put: dict[str, list[str]] = defaultdict(list)
            for later in log.items[seq:]:
                if later.target_seq == seq:
                    _change(item, later, put)
            item.reactions = [
                wire.Reaction(emoji=emoji, count=len(who), user_ids=who) for emoji, who in put.items() if who
            ] or None
        return item

    def history(self, me: str, asked: frames.HistoryPayload) -> wire.HistoryPage | wire.ErrorPayload:
        log = self.logs.get(asked.conversation_id)
        if log is None or (me not in log.members and me not in log.removed_at):
            return refusal(40001, "conversation not found")
        floor, head = log.floor.get(me, 1), log.head(me)
        if asked.after_seq is not None:
            first = max(floor, asked.after_seq + 1)
            last = min(head, first + asked.limit - 1)
            more = last < head
        else:
            last = min(head, (asked.before_seq or head + 1) - 1)
            first = max(floor, last - asked.limit + 1)
            more = first > floor
        events = [self.current(log, seq) for seq in range(first, last + 1)]
        prev = log.hash_at(min(first, len(log.items) + 1) - 1).hex()
        return wire.HistoryPage(
            conversation_id=asked.conversation_id, prev_hash=prev, events=events, has_more=more
        )


def _change(item: wire.Item, later: wire.Item, put: dict[str, list[str]]) -> None:
    if later.kind == "edit" and not item.recalled:
        item.content, item.edited_seq = later.content, later.seq
    elif later.kind == "recall":
        item.content, item.recalled = "", True
    elif later.kind == "reaction" and later.emoji is not None:
        who = put[later.emoji]
        if later.remove and later.sender_id in who:
            who.remove(later.sender_id)
        elif not later.remove and later.sender_id not in who:
            who.append(later.sender_id)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def duplicate(ack: wire.MessageAck) -> wire.MessageAck:
    values = {name: getattr(ack, name) for name in ack.__struct_fields__}
    return wire.MessageAck(**{**values, "duplicate": True})


def refusal(code: int, message: str) -> wire.ErrorPayload:
    return wire.ErrorPayload(code=code, message=message, outcome="refused", retryable=False)
