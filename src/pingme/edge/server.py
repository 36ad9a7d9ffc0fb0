"""One port: uvicorn serves HTTP, and the socket of an upgrade request for /ws becomes a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
from collections.abc import Callable, Generator, Sequence

import structlog
import uvicorn
from fastapi import FastAPI

from pingme.domain.errors import PingMeError, Refused
from pingme.edge.doors import Doors
from pingme.edge.http_bounds import BoundedHttp
from pingme.edge.http_room import HttpRoom
from pingme.edge.node import Node
from pingme.edge.opening import welcome
from pingme.edge.pipe import Taken
from pingme.edge.upgrade import (
    NOT_AN_UPGRADE,
    WS_PATH,
    Upgrade,
    UpgradeRefused,
    check_upgrade,
    header_tokens,
)
from pingme.services.sessions import Identity

log = structlog.get_logger(__name__)

BACKLOG = 4096  # connections that the kernel holds while the loop is busy with a storm

TakeOver = Callable[[Node, asyncio.Transport, bytes, str], "Taken | None"]


class EdgeProtocol(BoundedHttp):
    """uvicorn's HTTP class with bounds, and our WebSockets.

    These, and what `BoundedHttp` wants, are set on the subclass that `make_protocol` returns.
    """

    node: Node
    doors: Doors
    allowed_origins: Sequence[str]
    take_over: TakeOver
    _knocked = False  # its first bytes have come
    _at_door = False  # it is being let in just now

    def data_received(self, data: bytes) -> None:
        """See `BoundedHttp`; a new socket is read when it is let in."""
        if self._knocked:
            super().data_received(data)
            return
        self._knocked = True
        self._in_turn(lambda: self._come_in(data))

    def _in_turn(self, enter: Callable[[], None]) -> None:
        """Let this socket in now, or in a later turn; until then it is not read."""
        if type(self).doors.open:
            enter()
        else:
            self.transport.pause_reading()
            type(self).doors.wait(lambda: self._late(enter))

    def _late(self, enter: Callable[[], None]) -> None:
        if self.transport.is_closing():  # it has gone while it waited
            return
        self.transport.resume_reading()
        enter()

    def _come_in(self, data: bytes) -> None:
        self._at_door = True
        super().data_received(data)
        self._at_door = False

    def on_headers_complete(self) -> None:
        """See httptools; a request for /ws that is no upgrade is told so, a proxy may have taken the headers away."""
        asked = self.url.partition(b"?")[0] == WS_PATH.encode()
        if asked and not self._should_upgrade() and not self.transport.is_closing() and not self.answering:
            self.answer(NOT_AN_UPGRADE)
        super().on_headers_complete()

    def _get_upgrade(self) -> bytes | None:
        """Return b"websocket" when that is asked for; headers may come twice and be lists (RFC 9110 §5.3, §7.8)."""
        if b"upgrade" in header_tokens(self.headers, b"connection"):
            wanted = header_tokens(self.headers, b"upgrade")
            return b"websocket" if b"websocket" in wanted else None
        return None

    def _should_upgrade(self) -> bool:
        return self._get_upgrade() == b"websocket"

    def upgrade(self, rest: bytes) -> None:
        """Check the request and hand the socket over, with what stood behind the request."""
        if self.transport.is_closing():
            return
        if self.answering or not self._should_upgrade():
            # Another protocol than websocket is offered, not demanded: the request is served as HTTP. And behind a
            # request without an answer nothing is upgraded. Either way the parser takes nothing more.
            self.cycle.keep_alive = False
            return
        if self._at_door:
            self._enter(rest)
        else:  # its request came in pieces, or behind another one
            self._in_turn(lambda: self._enter(rest))

    def _enter(self, rest: bytes) -> None:
        decided = self._decide()
        if isinstance(decided, UpgradeRefused):
            self.answer(decided)
        elif decided.token is None:
            self._begin(decided, None, rest)
        else:
            self.transport.pause_reading()  # until it is known who asks
            self.node.spawn(self._identify(decided, decided.token, rest))

    async def _identify(self, asked: Upgrade, token: str, rest: bytes) -> None:
        """Upgrade for whoever the token stands for, or refuse."""
        try:
            identity = await self.node.verify(token)
        except PingMeError as error:
            status = 401 if isinstance(error, Refused) else 503
            if not self.transport.is_closing():
                self.transport.resume_reading()
                self.answer(UpgradeRefused(status, error.message, code=error.code))
            return
        if not self.transport.is_closing():
            self.transport.resume_reading()
            self._begin(asked, identity, rest)

    def _begin(self, asked: Upgrade, identity: Identity | None, rest: bytes) -> None:
        """Hand the socket over to its WebSocket."""
        transport, peer = self.transport, self.client[0] if self.client else ""
        self.hand_over()
        taken = type(self).take_over(self.node, transport, asked.key, peer)
        if taken is not None:
            connection, feed = taken
            if identity is not None:
                welcome(connection, identity)
            if rest:
                feed(rest)

    def _decide(self) -> Upgrade | UpgradeRefused:
        path, _, query = self.url.decode("latin-1").partition("?")
        decided = check_upgrade(
            self.scope["method"],
            path,
            query,
            self.headers,
            self.allowed_origins,
            http_version=self.scope["http_version"],
        )
        if isinstance(decided, UpgradeRefused):
            return decided
        if self.node.draining or len(self.node.sockets) >= self.node.rules.connections:
            return UpgradeRefused(503, "overloaded or draining, retry", (("Retry-After", "1"),))
        return decided


def make_protocol(
    node: Node, allowed_origins: Sequence[str], header_bytes: int, room: HttpRoom, take_over: TakeOver
) -> type[EdgeProtocol]:
    """Return the protocol class of this node's port."""
    return type(
        "NodeProtocol",
        (EdgeProtocol,),
        {
            "node": node,
            "doors": Doors(),
            "wheel": node.wheel,
            "clock": node.clock,
            "allowed_origins": tuple(allowed_origins),
            "header_bytes": header_bytes,
            "room": room,
            "count_refusal": staticmethod(node.hot.count_refusal),
            "take_over": staticmethod(take_over),
        },
    )


def picows_works() -> bool:
    """Tell whether picows, in the version that this program knows, can be loaded here."""
    try:
        importlib.import_module("pingme.edge.ws_picows")
    except ImportError:
        return False
    return True


def _choose_take_over(*, picows: bool) -> TakeOver:
    name = "pingme.edge.ws_picows" if picows else "pingme.edge.ws_plain"
    take_over: TakeOver = importlib.import_module(name).take_over
    return take_over


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers: the node drains first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals alone."""
        yield


class EdgeServer:
    """The node's port.

    Args:
        app: the HTTP application.
        node: serves the WebSockets.
        listener: a bound socket.
        allowed_origins: of pages that may connect.
        header_bytes: `limits.header_bytes`.
        http_sockets: `limits.http_connections`.
        use_picows: None serves WebSockets by picows where it can be loaded.
    """

    def __init__(
        self,
        app: FastAPI,
        node: Node,
        listener: socket.socket,
        *,
        allowed_origins: Sequence[str],
        header_bytes: int,
        http_sockets: int,
        use_picows: bool | None = None,
    ) -> None:
        picows = picows_works() if use_picows is None else use_picows
        if not picows:
            log.warning("picows_missing", effect="WebSocket frames are read by plain Python, which is slower")
        take_over = _choose_take_over(picows=picows)
        config = uvicorn.Config(
            app,
            http=make_protocol(node, allowed_origins, header_bytes, HttpRoom(http_sockets), take_over),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=65,  # above the 60 s of common proxies, so that they close first
            timeout_graceful_shutdown=5,
        )
        self._listener = listener
        self._server = _Uvicorn(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to accept; returns when the port is served."""
        self._task = asyncio.create_task(self._server.serve([self._listener]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.005)
        if self._task.done():
            self._task.result()

    def stop_accepting(self) -> None:
        """Close the listening socket; open ones go on."""
        for server in getattr(self._server, "servers", []):
            server.close()

    async def stop(self) -> None:
        """Finish the running HTTP requests, then stop."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
