"""WebSockets in plain Python, where picows cannot be loaded: slower, and the same to clients."""

from __future__ import annotations

import asyncio
import base64
import hashlib

from pingme.edge.connection import Connection
from pingme.edge.node import Node
from pingme.edge.pipe import Taken
from pingme.wire.decoder import CONTROL, FrameDecoder
from pingme.wire.websocket import ProtocolViolation

WRITE_HIGH_WATER = 1 << 20  # the outbox's bound is ours
ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


class PlainPipe(asyncio.Protocol):
    """The protocol of one socket, and the pipe that its connection writes to."""

    __slots__ = ("_decoder", "_paused", "_transport", "connection")

    def __init__(self, node: Node, transport: asyncio.Transport, peer: str) -> None:
        self._transport = transport
        self._paused = False
        self._decoder: FrameDecoder | None = FrameDecoder(node.rules.frame_bytes)
        self.connection = Connection(node, self, peer)

    # asyncio's callbacks.

    def data_received(self, data: bytes) -> None:
        """Take what the client has sent."""
        if (
            self._decoder is not None
        ):  # after a violation it is read and dropped, so that the client sees the close frame
            self._decoder.put(data)
            self._take()

    def _take(self) -> None:
        """Hand over what is complete, while the connection reads."""
        while self._decoder is not None and not self._paused:
            try:
                got = self._decoder.next_frame()
            except ProtocolViolation as violation:
                self._decoder = None
                self.connection.violated(violation.code, violation.reason)
                return
            if got is None:
                return
            opcode, fin, payload = got
            if opcode in CONTROL:
                self.connection.receive_control(opcode, payload, fin=fin)
            else:
                self.connection.receive_data(opcode, payload, fin=fin)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Tell the connection that the socket is gone."""
        self.connection.lost()

    # Pipe.

    def write(self, data: bytes) -> None:
        """See `Pipe.write`."""
        self._transport.write(data)

    def buffered(self) -> int:
        """See `Pipe.buffered`."""
        return self._transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        """See `Pipe.pause_reading`."""
        self._paused = True
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """See `Pipe.resume_reading`; what was read already comes first."""
        self._paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
            asyncio.get_running_loop().call_soon(self._take)

    def end_writing(self) -> None:
        """See `Pipe.end_writing`."""
        if not self._transport.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        """See `Pipe.close`."""
        self._transport.close()

    def abort(self) -> None:
        """See `Pipe.abort`."""
        self._transport.abort()


def take_over(node: Node, transport: asyncio.Transport, key: bytes, peer: str) -> Taken | None:
    """See `pingme.edge.ws_picows.take_over`."""
    accept = base64.b64encode(hashlib.sha1(key + ACCEPT_SUFFIX, usedforsecurity=False).digest())
    transport.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept
    )
    transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)
    pipe = PlainPipe(node, transport, peer)
    transport.set_protocol(pipe)
    return pipe.connection, pipe.data_received
