"""One connection of the load: sends, reads answers by fixed offsets, checks every frame.

The load has one core against the server's one, so `Client.on_text` is written for speed: plain attributes, no JSON.
Frames that go out in one turn of the loop leave in one write per socket (`Load.flush`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from pingme.cli.bench import frames
from pingme.cli.bench.frames import MsgIds, SendTemplate, masked_frame, now_us
from pingme.cli.bench.histogram import Histogram
from pingme.cli.bench.verify import Faults, Ledger, Stream
from pingme.cli.bench.world import BenchUser
from pingme.domain.errors import PingMeError

Answered = Callable[[bytes], None]
"""Called with the frame that answers."""

CONNECT_TIMEOUT_S = 60.0
PRUNE_AT = 4_096  # frames of a group kept for comparison before the ones that all recipients had are dropped
TEXT = WSMsgType.TEXT
CLOSE = WSMsgType.CLOSE


class Room:
    """A conversation as this process sees it.

    Args:
        conversation_id: its id.
        target: such as ``"to_user_id":"ubench000001"``.
        head: its newest seq before the run.
        shared: True when several recipients here get the same pushes; later ones are compared with the first.
        payload_bytes: of each message's content.
    """

    __slots__ = ("base", "cid", "frames", "ledger", "shared", "streams", "template")

    def __init__(
        self, conversation_id: str, target: str, *, head: int, shared: bool, payload_bytes: int
    ) -> None:
        self.cid = conversation_id.encode()
        self.ledger = Ledger(conversation_id, head)
        self.template = SendTemplate(target, payload_bytes)
        self.shared = shared
        self.frames: list[bytes] = []  # pushes by seq, from `base` on; b"" where none was seen
        self.base = self.ledger.first
        self.streams: list[Stream] = []

    def keep(self, seq: int, data: bytes) -> None:
        """Keep a push, for the recipients that get it later."""
        frames_ = self.frames
        place = seq - self.base
        if place < 0:
            return
        if place >= len(frames_):
            frames_.extend([b""] * (place + 1 - len(frames_)))
        frames_[place] = data
        if len(frames_) >= PRUNE_AT:
            oldest = min(seq, *(stream.next for stream in self.streams)) - self.base
            if oldest > 0:
                del frames_[:oldest]
                self.base += oldest


class Load:
    """What the connections of one process share.

    Args:
        ordered_ids: see `MsgIds`.
        again: see `Faults`.

    Attributes:
        acks, deliveries, completed: counted since the process began; `completed` = acknowledged and delivered.
        ack_us, delivery_us: of the interval that runs (`pingme.cli.bench.window`).
        late_us: how much later than intended the load itself sent (open loop).
        more: durations of whatever else is timed, by name, of the same interval; use `took`.
        new_histogram: makes those of `more`.
        refusals: answers ``error`` by code.
        unsettled: sends whose outcome is ``unknown``.
    """

    def __init__(self, *, ordered_ids: bool, again: bool = False) -> None:
        self.acks = self.deliveries = self.completed = 0
        self.ack_us = Histogram()
        self.delivery_us = Histogram()
        self.late_us = Histogram()
        self.faults = Faults(again=0 if again else None)
        self.more: dict[str, Histogram] = {}
        self.new_histogram: Callable[[], Histogram] = Histogram
        self.refusals: dict[int, int] = {}
        self.unsettled = 0
        self.ids = MsgIds(ordered=ordered_ids)
        self.answered: Callable[[Client, Room], None] = lambda _client, _room: None
        self.leaving = False
        self._dirty: list[Client] = []
        self._loop = asyncio.get_running_loop()

    def took(self, name: str, since_us: int) -> None:
        """Record how long something other than a message took."""
        histogram = self.more.get(name)
        if histogram is None:
            histogram = self.more[name] = self.new_histogram()
        histogram.record(now_us() - since_us)

    def touch(self, client: Client) -> None:
        """A client has something to write: it leaves at the end of this turn of the loop."""
        if not self._dirty:
            self._loop.call_soon(self.flush)
        self._dirty.append(client)

    def flush(self) -> None:
        """Write what waits, one write per socket."""
        dirty, self._dirty = self._dirty, []
        for client in dirty:
            out, client.out = client.out, []
            client.raw.write(b"".join(out))


class Client(WSListener):
    """One user's connection.

    Args:
        load: of this process.
        user: who connects.
        timed: whether the age of pushes is measured here.
    """

    def __init__(self, load: Load, user: BenchUser, *, timed: bool = True) -> None:
        self.load = load
        self.user = user
        self.timed = timed
        self.out: list[bytes] = []
        self.streams: dict[bytes, Stream] = {}
        self.rooms: dict[bytes, Room] = {}
        self.sent: dict[int, tuple[int, Room]] = {}
        self.count = self.count_asked = 0
        self.leaving = False
        self.waiting: dict[str, Answered] = {}
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.other: Callable[[bytes], None] = self._other

    def join(self, room: Room) -> None:
        """Expect the pushes of a conversation."""
        stream = Stream(self.user.user_id, room.ledger, self.load.faults)
        self.streams[room.cid] = stream
        self.rooms[room.cid] = room
        room.streams.append(stream)

    # Sending.

    def send(self, room: Room, intended_us: int) -> None:
        """Send a message; its latency counts from ``intended_us``."""
        self.count += 1
        tag = self.user.number << frames.COUNT_BITS | self.count
        self.sent[tag] = (intended_us, room)
        out = self.out
        if not out:
            self.load.touch(self)
        out.append(room.template.frame(self.load.ids.prefix(intended_us), tag, intended_us))

    def send_frame(self, kind: str, payload: dict[str, Any], frame_id: str | None = None) -> None:
        """Send any other frame."""
        if not self.out:
            self.load.touch(self)
        frame: dict[str, Any] = {"type": kind, "payload": payload}
        if frame_id is not None:
            frame["id"] = frame_id
        self.out.append(masked_frame(msgspec.json.encode(frame)))

    def ask(self, kind: str, payload: dict[str, Any], answered: Answered) -> None:
        """Send a frame with an id; ``answered`` gets the first frame that carries it back."""
        self.count_asked += 1
        frame_id = str(self.count_asked)
        self.waiting[frame_id] = answered
        self.send_frame(kind, payload, frame_id)

    def leave(self) -> None:
        """Close the connection; that it ends is no fault then."""
        self.leaving = True
        self.transport.disconnect()

    # picows' callbacks.

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Authenticate."""
        self.transport = transport
        self.raw = transport.underlying_transport
        self.send_frame("auth", {"token": self.user.token, "protocol": 1})

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002  # picows' signature
        """Take a frame; what picows gives is valid only inside this call, so it is copied."""
        self.on_text(frame.get_payload_as_bytes())

    def on_text(self, data: bytes) -> None:
        """Take a push or an ack; everything else goes to `other`."""
        kind = data[9:17]
        if kind == b'message"':
            load = self.load
            load.deliveries += 1
            cid = data[frames.PUSH_ID_AT : frames.PUSH_ID_END]
            stream = self.streams.get(cid)
            if stream is None:
                load.faults.note("phantom", f"{self.user.user_id} is not in {cid!r}")
                return
            room = self.rooms[cid]
            if room.shared and not self.timed:
                place = stream.next - room.base
                known = room.frames
                if 0 <= place < len(known) and known[place] == data:
                    # The very bytes that another recipient got and that were checked then.
                    stream.last_push = stream.next
                    stream.next += 1
                    return
            self._first_push(data, stream, room)
        elif kind == b"message_":
            self._ack(data)
        else:
            self.other(data)

    def _first_push(self, data: bytes, stream: Stream, room: Room) -> None:
        load = self.load
        comma = data.index(b",", frames.PUSH_SEQ_AT)
        seq = int(data[frames.PUSH_SEQ_AT : comma])
        stream.push(seq)
        tag = int(data[comma + frames.PUSH_TAG_FROM_COMMA : comma + frames.PUSH_TAG_FROM_COMMA + 12], 16)
        if room.ledger.note_push(seq, tag, load.faults):
            load.completed += 1
        if room.shared:
            room.keep(seq, data)
        if self.timed:
            at = comma + frames.PUSH_STAMP_FROM_COMMA
            load.delivery_us.record(now_us() - int(data[at : at + frames.STAMP_BYTES]))

    def _ack(self, data: bytes) -> None:
        load = self.load
        tag = int(data[frames.ACK_TAG_AT : frames.ACK_TAG_END], 16)
        sent = self.sent.pop(tag, None)
        if sent is None:
            load.faults.note("repeated", f"{self.user.user_id} got an ack that answers nothing: {data!r}")
            return
        intended_us, room = sent
        load.ack_us.record(now_us() - intended_us)
        load.acks += 1
        comma = data.index(b",", frames.ACK_SEQ_AT)
        seq = int(data[frames.ACK_SEQ_AT : comma])
        if data[frames.ACK_ID_AT : frames.ACK_ID_END] != room.cid or not data.endswith(frames.ACK_END):
            load.faults.note("conflict", f"{self.user.user_id} expected an ack of {room.cid!r}, got {data!r}")
            return
        self.streams[room.cid].ack(seq)
        if room.ledger.note_ack(seq, tag, load.faults):
            load.completed += 1
        load.answered(self, room)

    def _other(self, data: bytes) -> None:
        kind = data[9:16]
        if kind == b"auth_ok":
            self.opened.set_result(None)
        elif self.waiting and (answered := self.waiting.pop(_id_of(data), None)) is not None:
            answered(data)
        elif data.startswith((b'{"type":"error"', b'{"type":"auth_fail"')):
            self._refused(data)

    def _refused(self, data: bytes) -> None:
        payload = msgspec.json.decode(data)["payload"]
        code = int(payload["code"])
        self.load.refusals[code] = self.load.refusals.get(code, 0) + 1
        if not self.opened.done():
            self.opened.set_exception(PingMeError(f"the server refused a connection: {payload['message']}"))
            return
        msg_id = payload.get("msg_id")
        sent = self.sent.pop(int(msg_id[-12:], 16), None) if msg_id else None
        if sent is not None:
            self.load.unsettled += payload["outcome"] == "unknown"
            self.load.answered(self, sent[1])

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is gone."""
        if not self.opened.done():
            self.opened.set_exception(PingMeError("the server closed a connection before auth_ok"))
        self.lost(_why(transport))

    def lost(self, why: str) -> None:
        """Nobody should be thrown out while the load runs."""
        if not (self.leaving or self.load.leaving):
            self.load.faults.note("disconnected", f"{self.user.user_id} was closed: {why}")


def _id_of(data: bytes) -> str:
    """Return the id that an answer carries back; "" without one. It stands right after the type."""
    at = data.find(b'","id":"', 9, 40)
    return data[at + 8 : data.index(b'"', at + 8)].decode() if at > 0 else ""


def _why(transport: WSTransport) -> str:
    """Return code and reason of the server's close frame."""
    handshake: Any = transport.close_handshake  # None where the stub says it never is
    received = handshake and handshake.recv
    return f"{received.code} {received.reason}" if received else "no close frame"


async def open_client(client: Client, *, source: str | None = None) -> None:
    """Connect and authenticate.

    Args:
        client: not connected yet; its user knows where to.
        source: the local address, where one has not enough ports.

    Raises:
        PingMeError: the server refused, or did not answer within `CONNECT_TIMEOUT_S`.
    """
    more: dict[str, Any] = {"local_addr": (source, 0)} if source else {}
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await ws_connect(
                lambda: client,
                client.user.url,
                enable_auto_pong=True,
                websocket_handshake_timeout=CONNECT_TIMEOUT_S,
                read_buffer_init_size=4096,
                **more,
            )
            await client.opened
    except (OSError, TimeoutError) as exc:
        message = (
            f"{client.user.user_id} cannot connect to {client.user.url}: {str(exc) or 'no answer in time'}"
        )
        raise PingMeError(message) from exc
