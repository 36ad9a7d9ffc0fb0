"""`GET /metrics` on its own small listener, away from the port of clients.

It answers one request per connection with a bounded head, and nothing but this one path.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Awaitable, Callable

import structlog

from pingme.domain.errors import PingMeError

log = structlog.get_logger(__name__)

HEAD_BYTES = 8_192  # a scraper's request has a few hundred
REQUEST_TIMEOUT_S = 5.0
CONNECTIONS_MAX = 16  # at once; scrapers come one by one
_TEXT = "text/plain; charset=utf-8"
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Internal Server Error",
}


class MetricsServer:
    """The listener of `metrics.host` and `metrics.port`.

    Args:
        render: returns the body, such as `Metrics.render`.
        host: address to listen on.
        port: 0 = off.
        required: True (production) makes a port that cannot be had an error, else it is a warning.
        content_type: of the body.
        refresh: awaited before each answer, for figures that must be asked for.
    """

    def __init__(
        self,
        render: Callable[[], bytes],
        host: str,
        port: int,
        *,
        required: bool,
        content_type: str = "text/plain; version=0.0.4; charset=utf-8",
        refresh: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._render = render
        self._host = host
        self._port = port
        self._required = required
        self._content_type = content_type
        self._refresh = refresh
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port, None while it does not listen."""
        if self._server is None or not self._server.sockets:
            return None
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(host), int(port)

    async def start(self) -> None:
        """Listen, unless the port is 0.

        Raises:
            PingMeError: the port cannot be had, and it is required.
        """
        if self._port == 0:
            return
        try:
            self._server = await asyncio.start_server(self._answer, self._host, self._port, limit=HEAD_BYTES)
        except OSError as exc:
            self._complain(exc)
        else:
            log.info("metrics_listening", host=self._host, port=self._port)

    def _complain(self, error: OSError) -> None:
        taken = error.errno == errno.EADDRINUSE
        why = "the port is taken" if taken else str(error.strerror or error)
        message = f"cannot serve /metrics on {self._host}:{self._port}: {why}; set metrics.port (0 = off)"
        if self._required:
            raise PingMeError(message) from error
        log.warning("metrics_off", reason=message)

    async def stop(self) -> None:
        """Stop listening and close what is open."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                writer.write(await self._response(await _read_head(reader)))
                await writer.drain()
        except (TimeoutError, OSError):
            writer.transport.abort()
        finally:
            self._open.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _response(self, head: bytes | None) -> bytes:
        words = head.split(b"\r\n", 1)[0].split(b" ") if head else []
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return http_answer(400, b"expected an HTTP request\n")
        if words[1].split(b"?", 1)[0] != b"/metrics":
            return http_answer(404, b"only /metrics is here\n")
        if words[0] != b"GET":
            return http_answer(405, b"expected GET\n", "Allow: GET\r\n")
        try:
            if self._refresh is not None:
                await self._refresh()
            return http_answer(200, self._render(), content_type=self._content_type)
        except Exception:  # a broken gauge must be seen, and must not end the listener
            log.exception("metrics_failed")
            return http_answer(500, b"see the server's log\n")


async def _read_head(reader: asyncio.StreamReader) -> bytes | None:
    """Return the request's head, or None when it is no request or passes its bound."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None


def http_answer(status: int, body: bytes, extra: str = "", *, content_type: str = _TEXT) -> bytes:
    """Return a whole HTTP/1.1 answer that ends the connection."""
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{extra}Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
