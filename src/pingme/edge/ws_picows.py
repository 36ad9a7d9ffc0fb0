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
from pingme.edge.pipe import Taken
from pingme.wire.websocket import CLOSE, PING, PONG, TEXT, CloseCode

READ_BUFFER_BYTES = 2048  # picows doubles it when a frame needs more; most frames are far smaller
WRITE_HIGH_WATER = 1 << 20  # the outbox's bound is ours; uvloop need not tell

# A LoggerAdapter, because picows would make a logging.Logger for each connection.
_LOGGER = logging.LoggerAdapter(logging.getLogger("picows"), {})
_NOBODY = asyncio.Protocol()


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

    @property
    def started(self) -> bool:
        """True once the handshake is done."""
        return self._transport is not None

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
        self.gone()

    def violated(self, code: int, reason: str) -> None:
        """A frame could not be read, and what follows is dropped."""
        if self._connection is not None:
            self._connection.violated(code, reason)

    def gone(self) -> None:
        """The socket is gone."""
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

    def end_writing(self) -> None:
        """See `Pipe.end_writing`."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        """See `Pipe.close`."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """See `Pipe.abort`."""
        if self._transport is not None:
            self._transport.abort()


class _Drain(asyncio.BufferedProtocol):
    """Reads what comes after a violation and drops it: were it left unread, the client might lose the close frame."""

    __slots__ = ("_pipe",)

    scratch = bytearray(4096)  # of all drains: nobody looks at it

    def __init__(self, pipe: PicowsPipe) -> None:
        self._pipe = pipe

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002  # asyncio's signature
        """Return where to read to."""
        return self.scratch

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's signature
        """Tell the connection."""
        self._pipe.gone()


class _Side:
    """What picows takes for its transport. It writes two things: the answer to the handshake, and, when it cannot read
    a frame, a close frame. That one is ours to send: in order, once, counted, and nothing after it.
    """

    __slots__ = ("_pipe", "_shaken", "_transport")

    def __init__(self, pipe: PicowsPipe, transport: asyncio.Transport) -> None:
        self._pipe = pipe
        self._transport = transport
        self._shaken = False

    def write(self, data: bytes) -> None:
        """Send the answer to the handshake; take anything later as the news of a violation."""
        if not self._shaken:
            self._shaken = True
            self._transport.write(data)
            return
        size = data[1] & 0x7F  # a control frame: RFC 6455 §5.5
        code, reason = int.from_bytes(data[2:4], "big"), bytes(data[4 : 2 + size]).decode(errors="ignore")
        # picows must not be fed again: it would take a frame that was too large after all, or complain for ever.
        self._transport.set_protocol(_Drain(self._pipe))
        # Not at once: it still has to hand over the frame before the bad one.
        asyncio.get_running_loop().call_soon(self._pipe.violated, code, reason)

    def get_write_buffer_size(self) -> int:
        """Return more than 0, or picows writes to the socket itself."""
        return 1

    def get_extra_info(self, name: str, default: object = None) -> object:
        """See `asyncio.BaseTransport`."""
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """See `asyncio.BaseTransport`."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close, if picows refuses the handshake; after a violation the connection decides when."""
        if not self._pipe.started:
            self._transport.close()

    abort = close


def take_over(node: Node, transport: asyncio.Transport, key: bytes, peer: str) -> Taken | None:
    """Answer an upgrade request and serve the socket from now on.

    Args:
        node: what the connection reaches.
        transport: uvicorn's; its protocol is replaced.
        key: the Sec-WebSocket-Key; the other headers have been checked.
        peer: the client's address.

    Returns:
        The connection, and the function that takes what came behind the request in the same packet; None when picows
        refused the key.
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
    protocol.connection_made(_Side(pipe, transport))
    transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)
    transport.set_protocol(
        _NOBODY
    )  # uvloop would go on holding data_received of the HTTP side, and with it all of it
    transport.set_protocol(protocol)
    # picows wants Connection to be "upgrade" alone, so the request is written anew (Firefox sends "keep-alive, Upgrade").
    _feed(
        protocol,
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % key,
        transport,
    )
    if transport.is_closing():
        return None

    def feed(rest: bytes) -> None:
        _feed(protocol, rest, transport)

    return pipe.start(transport), feed


def _feed(protocol: WSProtocol, data: bytes, transport: asyncio.Transport) -> None:
    """Give bytes to picows as if they had come from the socket."""
    view = memoryview(data)
    while view:
        violated = transport.get_protocol() is not protocol
        if violated:
            return
        buffer = cast("memoryview", protocol.get_buffer(len(view)))
        count = min(len(buffer), len(view))
        buffer[:count] = view[:count]
        protocol.buffer_updated(count)
        view = view[count:]
