"""WebSockets by uvicorn's own class, for platforms where picows cannot be loaded: the same connection, another pipe.

Slower, and control frames are the library's own business, but what clients see is the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from starlette.types import Receive, Scope, Send

from pingme.domain.errors import PingMeError
from pingme.edge.connection import Connection
from pingme.edge.node import Node
from pingme.edge.opening import welcome
from pingme.edge.upgrade import Upgrade, UpgradeRefused, check_upgrade
from pingme.wire.websocket import BINARY, CLOSE, TEXT, CloseCode


def split_frames(data: bytes) -> list[tuple[int, bytes]]:
    """Return (opcode, payload) of the unmasked, unfragmented frames in ``data`` (RFC 6455 §5.2)."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        opcode, size = data[at] & 0x0F, data[at + 1] & 0x7F
        at += 2
        extended = {126: 2, 127: 8}.get(size, 0)
        if extended:
            size = int.from_bytes(data[at : at + extended], "big")
            at += extended
        found.append((opcode, data[at : at + size]))
        at += size
    return found


class AsgiPipe:
    """The pipe of one ASGI WebSocket: frames wait in a queue that one task sends."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._more = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()
        self._ended = False

    def write(self, data: bytes) -> None:
        """See `Pipe.write`."""
        self._waiting.append(data)
        self._size += len(data)
        self._more.set()

    def buffered(self) -> int:
        """See `Pipe.buffered`."""
        return self._size

    def pause_reading(self) -> None:
        """See `Pipe.pause_reading`."""
        self._reading.clear()

    def resume_reading(self) -> None:
        """See `Pipe.resume_reading`."""
        self._reading.set()

    def close(self) -> None:
        """See `Pipe.close`."""
        self._ended = True
        self._more.set()

    def abort(self) -> None:
        """See `Pipe.abort`."""
        self._waiting.clear()
        self.close()

    async def may_read(self) -> None:
        """Wait while reading is paused."""
        await self._reading.wait()

    async def pump(self, send: Send) -> None:
        """Send what is written, until the close frame has gone or the pipe is closed."""
        while True:
            while self._waiting:
                data = self._waiting.popleft()
                for opcode, payload in split_frames(data):
                    if opcode == CLOSE:
                        code = int.from_bytes(payload[:2], "big") or 1000
                        await send({"type": "websocket.close", "code": code, "reason": payload[2:].decode()})
                        return
                    if opcode == TEXT:  # pings are the library's own business
                        await send({"type": "websocket.send", "text": payload.decode()})
                self._size -= len(data)
            if self._ended:
                return
            self._more.clear()
            await self._more.wait()


class AsgiWebSockets:
    """The ASGI application that serves /ws.

    Args:
        node: what connections reach.
        allowed_origins: of pages that may connect.
    """

    def __init__(self, node: Node, allowed_origins: tuple[str, ...]) -> None:
        self._node = node
        self._allowed_origins = allowed_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket to its end."""
        await receive()  # websocket.connect
        query = scope.get("query_string", b"").decode("latin-1")
        decided = check_upgrade("GET", scope["path"], query, scope["headers"], self._allowed_origins)
        full = self._node.draining or len(self._node.sockets) >= self._node.rules.connections
        if isinstance(decided, UpgradeRefused) or full:
            await send({"type": "websocket.close", "code": 1013 if full else 1008})
            return
        await send({"type": "websocket.accept"})
        await self._serve(scope, receive, send, decided)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, decided: Upgrade) -> None:
        pipe = AsgiPipe()
        client = scope.get("client")
        connection = Connection(self._node, pipe, client[0] if client else "")
        if decided.token is not None:
            self._welcome(connection, decided.token)
        reading = asyncio.create_task(_read(receive, pipe, connection))
        try:
            await pipe.pump(send)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            connection.lost()

    def _welcome(self, connection: Connection, token: str) -> None:
        try:
            identity = self._node.verify(token)
        except PingMeError as error:
            connection.close(CloseCode.NOT_AUTHENTICATED, error.message)
            return
        welcome(connection, identity)


async def _read(receive: Receive, pipe: AsgiPipe, connection: Connection) -> None:
    while True:
        await pipe.may_read()
        message: dict[str, Any] = dict(await receive())
        if message["type"] == "websocket.disconnect":
            pipe.close()
            return
        text = message.get("text")
        if text is not None:
            connection.receive_data(TEXT, text.encode(), fin=True)
        else:
            connection.receive_data(BINARY, message.get("bytes") or b"", fin=True)
