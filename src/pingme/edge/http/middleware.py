"""Around every HTTP request: its id, its security headers, the bound of its body, and the last catch of
errors.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Awaitable, Callable

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pingme.domain.errors import ErrorCode
from pingme.domain.ids import uuid7
from pingme.edge.http.envelope import error_response
from pingme.ports.clock import Clock

log = structlog.get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_JSON_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}

ALL_HEADERS = {**_HEADERS, **_JSON_HEADERS}
"""The security headers of a JSON answer."""


class RequestMiddleware:
    """Give each request an id, each answer its headers, and each uncaught exception an envelope.

    Args:
        app: what comes next.
        clock: time and entropy for new ids.
    """

    def __init__(self, app: ASGIApp, *, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI 3)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        request_id = (
            asked if _REQUEST_ID.match(asked) else uuid7(self._clock.now_ms(), self._clock.entropy(10))
        )
        scope["pingme_request_id"] = request_id
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add_headers(MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as exc:  # the last catch: the client gets a number, the log everything
            _log_failure(exc, scope, request_id)
            if started:
                raise  # half an answer is out: only closing the connection tells the client
            response = error_response(request_id, ErrorCode.SERVER_ERROR)
            await response(scope, receive, send_with_headers)


def _log_failure(error: Exception, scope: Scope, request_id: str) -> None:
    # DANGER: rendered as text here, because a renderer of exceptions may show local variables, passwords
    # among them.
    log.error(
        "http_request_failed",
        request_id=request_id,
        method=scope["method"],
        path=scope["path"],
        exception="".join(traceback.format_exception(error)),
    )


def _add_headers(headers: MutableHeaders, request_id: str) -> None:
    headers["X-Request-ID"] = request_id
    wanted = dict(_HEADERS)
    if headers.get("content-type", "").startswith("application/json"):
        wanted |= _JSON_HEADERS
    for name, value in wanted.items():
        headers.setdefault(name, value)


class BodyLimitMiddleware:
    """Read a request's body before the application does, up to a bound; beyond it the answer is 413.

    Bodies are small by design, so they are held whole; this works for chunked bodies, too.

    Args:
        app: what comes next.
        limit_bytes: `limits.body_bytes`.
    """

    def __init__(self, app: ASGIApp, *, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI 3)."""
        headers = Headers(scope=scope) if scope["type"] == "http" else {}
        announced = headers.get("content-length", "")
        if "transfer-encoding" not in headers and announced in {"", "0"}:
            await self._app(scope, receive, send)
            return
        if announced.isdecimal() and int(announced[:20]) > self._limit_bytes:
            await self._refuse(scope, receive, send)
            return
        body = await _read(receive, self._limit_bytes)
        if body is None:
            await self._refuse(scope, receive, send)
        else:
            await self._app(scope, _replay(body, receive), send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"body: expected at most {self._limit_bytes} bytes"
        request_id = str(scope.get("pingme_request_id", ""))
        response = error_response(request_id, ErrorCode.INVALID_PARAMETERS, message, status=413)
        await response(scope, receive, send)


async def _read(receive: Receive, limit_bytes: int) -> list[Message] | None:
    """Return the messages of a body (or the disconnect that ended it), None when it is too large."""
    messages: list[Message] = []
    size = 0
    while True:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if size > limit_bytes:
            return None
        if message["type"] != "http.request" or not message.get("more_body", False):
            return messages


def _replay(messages: list[Message], receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Return a receive that first gives what was read already."""
    waiting = iter(messages)

    async def again() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return again
