"""uvicorn's HTTP class with bounds on what clients may hold: sockets, headers, and the time for them, for a body and for
reading.

Rules of this file:
- One entry on the timing wheel per socket, from its first moment to its end; no timer per request.
- A client that sent part of a request is told 408; one that sent nothing is cut without a word, as browsers expect of
  sockets that they opened in advance.
- One socket too many: another gives way (`pingme.edge.http_room`), or the new one is answered 503 before it has asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from pingme.domain.errors import ErrorCode
from pingme.domain.ids import uuid7
from pingme.edge.http.envelope import error_response
from pingme.edge.http.middleware import ALL_HEADERS
from pingme.edge.http_room import LAST_WORDS, HttpRoom
from pingme.edge.upgrade import UpgradeRefused
from pingme.edge.wheel import NOWHERE, Wheel
from pingme.ports.clock import Clock

HEAD_DEADLINE_S = 10  # from a socket's opening, or a request's first byte, to the end of its headers
BODY_DEADLINE_S = 30  # 64 KiB at 2 KiB a second
UNREAD_DEADLINE_S = 30  # in which a client reads something of its answer
LAST_WORDS_S = 2  # in which one who found no room reads why

_FULL = UpgradeRefused(503, "too many open HTTP connections, retry", (("Retry-After", "1"),))


class BoundedHttp(HttpToolsProtocol):
    """See the module.

    ``wheel``, ``clock``, ``room``, ``header_bytes`` (of the request line and all headers of a request) and
    ``count_refusal`` (told the code of every answer without the application) are set on subclasses.
    """

    wheel: Wheel
    clock: Clock
    header_bytes: int
    room: HttpRoom
    count_refusal: Callable[[int], None]
    _due_s = 0  # when what is awaited must have come; 0: nothing is awaited
    _in_head = True
    _head_ended = False  # a head, or the body behind it, within what was received last
    _begun = False  # a request's first byte was seen
    _header_size = 0
    _head_received = 0
    _unread = 0
    _unread_since_s = 0
    _handed_over = False
    _full = False  # it found no room
    slot = NOWHERE

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin waiting for a request, if there is room."""
        free = self.room.is_free(self.connections)
        super().connection_made(transport)
        if not free:
            self._refuse()
            return
        self.room.wait(self)
        self._due_s = self.wheel.now_s + HEAD_DEADLINE_S
        self.wheel.add(self, HEAD_DEADLINE_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.room.keep(self)
        self.wheel.drop(self)
        super().connection_lost(exc)

    def _refuse(self) -> None:
        """There is no room: say so, and read no more than it takes to let the answer arrive."""
        self._full = True
        if len(self.connections) > self.room.sockets + LAST_WORDS:
            self.transport.abort()
            return
        self._say(_FULL)
        self.transport.write_eof()  # closed with bytes unread, the answer might be lost on its way
        self._due_s = self.wheel.now_s + LAST_WORDS_S
        self.wheel.add(self, LAST_WORDS_S)

    def give_way(self) -> None:
        """Another socket needs the room, and this one has no whole request; see `GivesWay`."""
        if self._due_s and self._begun and self._may_answer():  # nothing is due between two requests
            self.answer(_FULL)
        else:
            self.transport.abort()
        self.connections.discard(self)

    def hand_over(self) -> None:
        """Keep nothing of a socket that is no longer HTTP's: some 4 KB, freed at once and not by the garbage collector."""
        self._handed_over = True
        self.room.keep(self)
        self.connections.discard(self)
        self.wheel.drop(self)
        self.headers = []
        self.scope = {}  # type: ignore[typeddict-item]
        self.flow = self.cycle = self.parser = None  # type: ignore[assignment]

    @property
    def answering(self) -> bool:
        """True while a request waits for the rest of its answer."""
        return not getattr(
            self.cycle, "response_complete", True
        )  # there is no cycle before the first request

    # The wheel.

    def check(self, now_s: int) -> int:
        """End the socket when its client takes too long; see `Timed`."""
        if self._handed_over or self.parser is None:  # uvicorn takes it away from a socket that is gone
            return 0
        if self._full:
            self.transport.abort()
            return 0
        if self.flow.read_paused and self._due_s:
            self._due_s = now_s + BODY_DEADLINE_S  # it is we who do not read
        if self._reads_nothing(now_s):
            self.transport.abort()
            return 0
        if self._due_s and now_s >= self._due_s:
            self._time_out()
            return HEAD_DEADLINE_S  # until the answer has been read
        return min(HEAD_DEADLINE_S, self._due_s - now_s) if self._due_s else HEAD_DEADLINE_S

    def _reads_nothing(self, now_s: int) -> bool:
        """Tell whether an answer has not become shorter for `UNREAD_DEADLINE_S`."""
        unread = self.transport.get_write_buffer_size()
        if not unread or unread != self._unread:
            self._unread, self._unread_since_s = unread, now_s
        return bool(unread) and now_s - self._unread_since_s >= UNREAD_DEADLINE_S

    def _time_out(self) -> None:
        self._due_s = 0
        if self._begun and self._may_answer():
            self.answer(UpgradeRefused(408, "the request took too long"))
        else:
            self.transport.abort()

    def _may_answer(self) -> bool:
        """Tell whether the next byte to the client begins the answer to the request that is being received."""
        if self.transport.is_closing() or self.pipeline:
            return False
        if self._in_head:
            return not self.answering
        return not self.cycle.response_started

    # The parser.

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what stands behind an upgrade request belongs to the WebSocket."""
        if self._full:
            return
        self._unset_keepalive_if_required()
        self._head_ended = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            if not self.transport.is_closing():
                self.answer(UpgradeRefused(400, "expected an HTTP request"))
            return
        if self._in_head and not self._head_ended:
            # The parser tells of a header when it is complete: an endless one is seen here.
            self._head_received += len(data)
            self._check_size(self._head_received)
        if not self._due_s and not self.answering:
            # Bytes that begin nothing, empty lines: they have ended the wait for a next request.
            self._await(HEAD_DEADLINE_S)

    def on_message_begin(self) -> None:
        """See httptools."""
        self._in_head = self._begun = True
        self._header_size = self._head_received = 0
        if not self._due_s:
            self._await(HEAD_DEADLINE_S)
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
        self._in_head, self._head_ended = False, True
        self._await(BODY_DEADLINE_S)
        if not self.transport.is_closing():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        if not self.transport.is_closing():  # what was refused in its headers has no application
            super().on_body(body)

    def on_message_complete(self) -> None:
        """See httptools."""
        self._due_s = 0
        self._in_head = self._head_ended = True  # what came with the end of a body is not the next head
        self.room.keep(self)
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """See uvicorn; a connection that is kept for a next request may have to give way."""
        super().on_response_complete()
        if not self.pipeline and not self.transport.is_closing():
            self.room.wait(self)

    def _await(self, within_s: int) -> None:
        self._due_s = self.wheel.now_s + within_s

    def _count(self, size: int) -> None:
        self._header_size += size
        self._check_size(self._header_size)

    def _check_size(self, size: int) -> None:
        if size > self.header_bytes and not self.transport.is_closing():
            self.answer(UpgradeRefused(431, f"headers: at most {self.header_bytes} bytes"))

    # Answers without the application.

    def upgrade(self, rest: bytes) -> None:
        """Serve an upgrade request; ``rest`` came behind it in the same packet. Another protocol than HTTP is not spoken."""

    def answer(self, refused: UpgradeRefused) -> None:
        """Answer by the protocol itself, and close."""
        self._say(refused)
        self.transport.close()

    def _say(self, refused: UpgradeRefused) -> None:
        code = refused.code or _CODES.get(refused.status, ErrorCode.INVALID_PARAMETERS)
        type(self).count_refusal(int(code))
        request_id = uuid7(self.clock.now_ms(), self.clock.entropy(10))
        answer = error_response(request_id, code, refused.reason, status=refused.status)
        headers = {**ALL_HEADERS, **dict(answer.headers), **dict(refused.headers)}
        head = [
            f"HTTP/1.1 {refused.status} {_PHRASES.get(refused.status, 'Refused')}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in headers.items()),
            f"X-Request-ID: {request_id}",
        ]
        body = bytes(answer.body)
        self.transport.write(("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + body)


_CODES = {
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
    408: "Request Timeout",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}
