"""Members of a group who only listen: all of them get the same bytes, so they are compared, not parsed.

The first listener of a process that gets a frame writes it onto the `Tape` of its room, after the usual check. What the
others receive must then be the next bytes of the tape: one comparison for everything that a read brought. A listener whose
bytes differ leaves the tape and is checked frame by frame from there on, like anybody else. A core of the load follows
millions of deliveries a second in this way, several times what a server gives.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from typing import TYPE_CHECKING

from pingme.cli.bench.verify import Stream
from pingme.wire.websocket import CLOSE, PING, PONG

if TYPE_CHECKING:
    from pingme.cli.bench.client import Client, Room

BUFFER_BYTES = 1 << 18  # of one read; shared, since every read is used before the next begins
KEPT_BYTES = 8 << 20  # of a tape, before what all listeners have heard is dropped
PUSH = b'{"type":"message"'


class Tape:
    """The frames that the listeners of a room have heard so far, byte for byte.

    Attributes:
        base: how many bytes were dropped from the front.
        ends: the place behind each frame that is kept, in bytes since the beginning.
        seqs: the seq of each of these frames.
        holes: seqs that were left out.
    """

    __slots__ = (
        "_dropped",
        "_kept_bytes",
        "_newest",
        "base",
        "data",
        "ends",
        "holes",
        "listeners",
        "room",
        "seqs",
    )

    def __init__(self, room: Room, *, kept_bytes: int = KEPT_BYTES) -> None:
        self.room = room
        self._kept_bytes = kept_bytes
        self.data = bytearray()
        self.base = 0
        self.ends: list[int] = []
        self.seqs: list[int] = []
        self.listeners: list[Listener] = []
        self.holes: set[int] = set()
        self._dropped = 0
        self._newest = room.ledger.first - 1

    @property
    def end(self) -> int:
        """The place behind the last byte."""
        return self.base + len(self.data)

    def append(self, frame: bytes, seq: int) -> None:
        """Write a frame; sometimes drop what everybody has heard."""
        self.data += frame
        self.ends.append(self.end)
        self.seqs.append(seq)
        self.holes.update(range(self._newest + 1, seq))
        self._newest = seq
        if len(self.data) > self._kept_bytes:
            self._drop()

    def frames_before(self, place: int) -> int:
        """Return how many whole frames stand before a place, since the beginning."""
        return self._dropped + bisect_right(self.ends, place)

    def start_of(self, place: int) -> int:
        """Return where the frame begins in which a place lies."""
        index = bisect_right(self.ends, place)
        return self.ends[index - 1] if index else self.base

    def seq_before(self, place: int) -> int:
        """Return the seq of the last whole frame before a place; 0 where it is not kept."""
        index = bisect_right(self.ends, place)
        return self.seqs[index - 1] if index else 0

    def _drop(self) -> None:
        # One frame before the slowest listener is kept: it says where that one stands.
        count = bisect_right(self.ends, min(listener.place for listener in self.listeners)) - 1
        if count > 0:
            cut = self.ends[count - 1]
            del self.data[: cut - self.base], self.ends[:count], self.seqs[:count]
            self.base = cut
            self._dropped += count


class Listener(asyncio.BufferedProtocol):
    """The connection of a member who only listens; it takes the place of picows' protocol after ``auth_ok``.

    Args:
        client: who listens; gets what is not on the tape.
        tape: of its only room.
        buffer: shared by all listeners of the process, `BUFFER_BYTES`.
    """

    def __init__(self, client: Client, tape: Tape, buffer: bytearray) -> None:
        self.place = 0
        self._client = client
        self._tape = tape
        self._view = memoryview(buffer)
        self._stream: Stream = client.streams[tape.room.cid]
        self._heard = 0
        self._on_tape = True
        self._partial = b""
        tape.listeners.append(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # asyncio's signature
        """Return where the next read goes."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Compare what came with the tape."""
        data = bytes(self._view[:nbytes])
        tape = self._tape
        if self._on_tape and not self._partial and tape.data.startswith(data, self.place - tape.base):
            self.place += nbytes
            heard = tape.frames_before(self.place)
            self._client.load.deliveries += heard - self._heard
            self._heard = heard
            return
        self._take(data)

    def _take(self, data: bytes) -> None:
        """Go through frames one by one: new ones, control frames, or what differs."""
        if self._on_tape and not self._partial:
            start = self._tape.start_of(self.place)
            begun = bytes(self._tape.data[start - self._tape.base : self.place - self._tape.base])
            self.place, data = start, begun + data
        else:
            data = self._partial + data
        at = 0
        while (size := frame_size(data, at)) and at + size <= len(data):
            self._frame(data[at : at + size])
            at += size
        self._partial = data[at:]
        if self._on_tape and self._tape.data.startswith(self._partial, self.place - self._tape.base):
            self.place += len(self._partial)
            self._partial = b""

    def _frame(self, frame: bytes) -> None:
        opcode, tape = frame[0] & 0x0F, self._tape
        payload = frame[payload_at(frame) :]
        if opcode in {PING, CLOSE}:
            answer = PONG if opcode == PING else CLOSE
            self._client.raw.write(bytes((0x80 | answer, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
        elif not self._on_tape or not payload.startswith(PUSH):
            self._client.on_text(payload)
        elif tape.data.startswith(frame, self.place - tape.base):
            self.place += len(frame)
            self._heard += 1
            self._client.load.deliveries += 1
        elif self.place == tape.end:
            self._catch_up()
            self._client.on_text(payload)
            tape.append(frame, self._stream.last_push)
            self.place = tape.end
            self._heard += 1
        else:
            self.leave()
            self._client.on_text(payload)

    def _catch_up(self) -> None:
        """Bring the stream to where the tape says that this listener stands."""
        seq = self._tape.seq_before(self.place)
        stream = self._stream
        if seq >= stream.next:
            stream.holes.update(hole for hole in self._tape.holes if stream.next <= hole <= seq)
            stream.next, stream.last_push = seq + 1, seq

    def leave(self) -> None:
        """From now on this listener is checked frame by frame."""
        self._catch_up()
        self._on_tape = False
        self._tape.listeners.remove(self)

    def settle(self) -> None:
        """Bring the stream up to date, before it is asked whether it is complete."""
        if self._on_tape:
            self._catch_up()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody should be thrown out while the load runs."""
        self._client.lost(f"{exc or 'no close frame was seen'}")


def frame_size(data: bytes, at: int) -> int:
    """Return the bytes of the server's frame that begins here (RFC 6455 §5.2, never masked); 0 = not to be told yet."""
    if len(data) < at + 2:
        return 0
    length = data[at + 1]
    if length < 126:
        return 2 + length
    extra = 2 if length == 126 else 8
    if len(data) < at + 2 + extra:
        return 0
    return 2 + extra + int.from_bytes(data[at + 2 : at + 2 + extra], "big")


def payload_at(frame: bytes) -> int:
    """Return where the payload of a whole frame begins."""
    return {126: 4, 127: 10}.get(frame[1], 2)
