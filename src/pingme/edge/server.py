"""One port: uvicorn serves HTTP, and the socket of an upgrade request for /ws becomes a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
from collections.abc import Generator, Sequence

import httptools
import structlog
import uvicorn
from fastapi import FastAPI
from starlette.routing import WebSocketRoute
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pingme.domain.errors import ErrorCode, PingMeError
from pingme.domain.ids import uuid7
from pingme.edge.http.envelope import error_response
from pingme.edge.http.middleware import ALL_HEADERS
from pingme.edge.node import Node
from pingme.edge.opening import welcome
from pingme.edge.upgrade import WS_PATH, Upgrade, UpgradeRefused, check_upgrade
from pingme.edge.ws_asgi import AsgiWebSockets
from pingme.services.sessions import Identity

log = structlog.get_logger(__name__)

REQUEST_DEADLINE_S = 10  # for the headers of the first request: slow ones hold sockets
BACKLOG = 4096  # connections that the kernel holds while the loop is busy with a storm


class EdgeProtocol(HttpToolsProtocol):
    """uvicorn's HTTP class, with bounds on headers and on waiting, and our WebSockets.

    ``node``, ``allowed_origins`` and ``header_bytes`` are set on the subclass that `make_protocol` returns.
    """

    node: Node
    allowed_origins: Sequence[str]
    header_bytes: int
    _header_size = 0
    _asked = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin waiting for a request."""
        super().connection_made(transport)
        self.node.wheel.add(self, REQUEST_DEADLINE_S)

    def check(self, now_s: int) -> int:  # noqa: ARG002  # of `Timed`
        """Cut a socket that has not sent its first request in time; see `Timed`."""
        if not self._asked and not self.transport.is_closing():
            self.transport.abort()
        return 0

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what stands behind an upgrade request belongs to the WebSocket."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            if not self.transport.is_closing():
                self._answer(UpgradeRefused(400, "expected an HTTP request"))

    def on_message_begin(self) -> None:
        """See httptools."""
        self._header_size = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """See httptools; the request line counts as header."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._asked = True
        if not self.transport.is_closing():
            super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._header_size += size
        if self._header_size > self.header_bytes and not self.transport.is_closing():
            self._answer(UpgradeRefused(431, f"headers: at most {self.header_bytes} bytes"))

    def _should_upgrade(self) -> bool:
        return self._get_upgrade() == b"websocket"

    def _upgrade(self, rest: bytes) -> None:
        """Check the request and hand the socket over, with what stood behind the request."""
        if self.transport.is_closing() or not self._should_upgrade():
            return  # another protocol than websocket is offered, not demanded: the request is served as HTTP
        path, _, query = self.url.decode("latin-1").partition("?")
        decided = check_upgrade(self.scope["method"], path, query, self.headers, self.allowed_origins)
        identity: Identity | None = None
        if isinstance(decided, Upgrade):
            if self.node.draining or len(self.node.sockets) >= self.node.rules.connections:
                decided = UpgradeRefused(503, "overloaded or draining, retry", (("Retry-After", "1"),))
            elif decided.token is not None:
                identity, decided = self._identify(decided)
        if isinstance(decided, UpgradeRefused):
            self._answer(decided)
            return
        self.connections.discard(self)
        peer = self.client[0] if self.client else ""
        from pingme.edge.ws_picows import take_over  # noqa: PLC0415  # where picows cannot be loaded, ws_asgi serves

        connection = take_over(self.node, self.transport, decided.key, peer, rest)
        if connection is not None and identity is not None:
            welcome(connection, identity)
        # The HTTP side keeps nothing of a socket that is no longer its own: a few KB each.
        self.headers = []
        self.scope = {}  # type: ignore[typeddict-item]
        self.flow = None  # type: ignore[assignment]

    def _identify(self, decided: Upgrade) -> tuple[Identity | None, Upgrade | UpgradeRefused]:
        try:
            return self.node.verify(decided.token or ""), decided
        except PingMeError as error:
            return None, UpgradeRefused(401, error.message, (("WWW-Authenticate", "Bearer"),))

    def _answer(self, refused: UpgradeRefused) -> None:
        code = _CODES.get(refused.status, ErrorCode.INVALID_PARAMETERS)
        clock = self.node.clock
        request_id = uuid7(clock.now_ms(), clock.entropy(10))
        answer = error_response(request_id, code, refused.reason, status=refused.status)
        headers = {**ALL_HEADERS, **dict(answer.headers), **dict(refused.headers)}
        head = [
            f"HTTP/1.1 {refused.status} {_PHRASES.get(refused.status, 'Refused')}",
            *(f"{name}: {value}" for name, value in headers.items()),
            f"X-Request-ID: {request_id}",
            "Connection: close",
        ]
        body = bytes(answer.body)
        self.transport.write(("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + body)
        self.transport.close()


_CODES = {
    401: ErrorCode.INVALID_TOKEN,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    503: ErrorCode.OVERLOADED,
}
_PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


def make_protocol(node: Node, allowed_origins: Sequence[str], header_bytes: int) -> type[EdgeProtocol]:
    """Return the protocol class of this node's port."""
    return type(
        "NodeProtocol",
        (EdgeProtocol,),
        {"node": node, "allowed_origins": tuple(allowed_origins), "header_bytes": header_bytes},
    )


def picows_works() -> bool:
    """Tell whether picows, in the version that this program knows, can be loaded here."""
    try:
        importlib.import_module("pingme.edge.ws_picows")
    except ImportError:
        return False
    return True


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
        use_picows: bool | None = None,
    ) -> None:
        picows = picows_works() if use_picows is None else use_picows
        if not picows:
            log.warning(
                "picows_missing", effect="WebSockets are served by uvicorn's own class, which is slower"
            )
            app.router.routes.append(WebSocketRoute(WS_PATH, AsgiWebSockets(node, tuple(allowed_origins))))
        config = uvicorn.Config(
            app,
            http=make_protocol(node, allowed_origins, header_bytes) if picows else "httptools",
            ws="none" if picows else "websockets-sansio",
            ws_max_size=node.rules.frame_bytes,
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
