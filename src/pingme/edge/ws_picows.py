"""WebSockets by picows, on the socket that uvicorn accepted.

picows calls back synchronously; the sizes and flags it is given here are explained where they stand.
"""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not in picows' stub; pinned, see tests/contract

from pingme.edge.connection import Connection
from pingme.edge.node import Node
from pingme.wire.websocket import CLOSE, PING, PONG, TEXT, CloseCode

READ_BUFFER_BYTES = 2048  # picows doubles it when a frame needs more; most frames are far smaller
WRITE_HIGH_WATER = 1 << 20  # the outbox's bound is ours; uvloop need not tell

# A LoggerAdapter, because picows would make a logging.Logger for each connection.
_LOGGER = logging.LoggerAdapter(logging.getLogger("picows"), {})


class PicowsPipe(WSListener):
    """The listener of one socket, and the pipe that its connection writes to."""

    __slots__ = ("_buffered", "_connection", "_node", "_peer", "_transport", "_write")

    def __init__(self, node: Node, peer: str) -> None:
        self._node = node
        self._peer = peer
        self._connection: Connection | None = None
        self._transport: asyncio.Transport | None = None

    def start(self, transport: asyncio.Transport) -> Connection:
        """Begin the connection; called once, after the handshake."""
        self._transport = transport
        self._write = transport.write
        self._buffered = transport.get_write_buffer_size
        self._connection = Connection(self._node, self, self._peer)
        return self._connection

    # picows' callbacks.

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Let go of the handshake's headers: they are 2 KB per connection."""
        transport.request.headers.clear()
        transport.response.headers.clear()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002  # picows' signature
        """Hand a frame over. DANGER: its memory is valid only inside this call, so the payload is copied."""
        connection = self._connection
        if connection is None:
            return
        kind = frame.msg_type
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            connection.close(CloseCode.PROTOCOL_ERROR, "reserved bits are set and no extension was agreed")
        elif kind == WSMsgType.TEXT:
            connection.receive_data(TEXT, frame.get_payload_as_bytes(), fin=frame.fin)
        else:
            self._other(connection, int(kind), frame)  # type: ignore[call-overload]  # an enum of C

    def _other(self, connection: Connection, opcode: int, frame: WSFrame) -> None:
        if opcode in (PING, PONG, CLOSE):
            connection.receive_control(opcode, frame.get_payload_as_bytes(), fin=bool(frame.fin))
        else:
            connection.receive_data(opcode, frame.get_payload_as_bytes(), fin=bool(frame.fin))

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002  # picows' signature
        """Tell the connection that the socket is gone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.lost()

    def pause_writing(self) -> None:
        """Nothing: the outbox has its own bound."""

    def resume_writing(self) -> None:
        """Nothing, see `pause_writing`."""

    # Pipe.

    def write(self, data: bytes) -> None:
        """See `Pipe.write`."""
        self._write(data)

    def buffered(self) -> int:
        """See `Pipe.buffered`."""
        return self._buffered()

    def pause_reading(self) -> None:
        """See `Pipe.pause_reading`."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """See `Pipe.resume_reading`."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """See `Pipe.close`."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """See `Pipe.abort`."""
        if self._transport is not None:
            self._transport.abort()


def take_over(
    node: Node, transport: asyncio.Transport, key: bytes, peer: str, rest: bytes
) -> Connection | None:
    """Answer an upgrade request and serve the socket from now on.

    Args:
        node: what the connection reaches.
        transport: uvicorn's; its protocol is replaced.
        key: the Sec-WebSocket-Key; the other headers have been checked.
        peer: the client's address.
        rest: what came behind the request in the same packet.

    Returns:
        The connection, or None when picows refused the key.
    """
    pipe = PicowsPipe(node, peer)

    def listener(_request: WSUpgradeRequest) -> PicowsPipe:
        return pipe

    protocol = WSProtocol(
        None, None, False, listener, _LOGGER,  # host, path, is_client_side
        False,  # disconnect_on_exception: our callbacks do not raise
        None,  # handshake timeout: the request is here
        False, 30, 30, 1, False,  # auto ping and pong: one wheel serves all connections
        node.rules.frame_bytes, None, READ_BUFFER_BYTES,
    )  # fmt: skip
    protocol.connection_made(transport)
    transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)
    transport.set_protocol(protocol)
    # picows wants Connection to be "upgrade" alone, so the request is written anew (Firefox sends "keep-alive, Upgrade").
    _feed(
        protocol,
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % key,
    )
    if transport.is_closing():
        return None
    connection = pipe.start(transport)
    if rest:
        _feed(protocol, rest)
    return connection


def _feed(protocol: WSProtocol, data: bytes) -> None:
    """Give bytes to picows as if they had come from the socket."""
    view = memoryview(data)
    while view:
        buffer = cast("memoryview", protocol.get_buffer(len(view)))
        count = min(len(buffer), len(view))
        buffer[:count] = view[:count]
        protocol.buffer_updated(count)
        view = view[count:]
