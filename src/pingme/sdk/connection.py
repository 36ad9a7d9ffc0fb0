"""One WebSocket, from the token to the close: frames out, frames in, answers to their askers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)

from pingme.domain.errors import PingMeError
from pingme.ports.clock import Clock
from pingme.sdk.errors import ServerUnreachable, error_of
from pingme.sdk.reconnect import TOKEN_CODES, Ended
from pingme.wire import frames
from pingme.wire import server_frames as wire
from pingme.wire.session import CLIENT_RECEIVES, State, Verdict
from pingme.wire.websocket import CloseCode

OPEN_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 10.0  # docs/guarantees.md: after 10 s without an answer the outcome is unknown
PING_EVERY_S = 20.0  # finds a dead line within 40 s without help of the system
MAX_FRAME_BYTES = (
    4 * 1024 * 1024
)  # a page is at most 256 KiB of events, JSON escapes and one large event included
LINE_BROKE = 1006  # RFC 6455 §7.1.5: closed without a close frame

_ANSWERS = frozenset(
    {"auth_ok", "auth_fail", "pong", "message_ack", "error", "ack_response", "sync_done", "history_page"}
)
OnFrame = Callable[[wire.ServerFrame], None]


class CouldNotConnect(PingMeError):
    """There is no connection; ``ended`` says what to make of it."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.reason)
        self.ended = ended


class Connection:
    """An authenticated WebSocket; made by `open_connection`.

    Attributes:
        hello: the server's ``auth_ok``.
        leaving: set when the server asked to come back later: nothing new is sent.
    """

    def __init__(self, socket: ClientConnection, on_frame: OnFrame, clock: Clock) -> None:
        self._socket = socket
        self._on_frame = on_frame
        self._clock = clock
        self._state = State.CONNECTING
        self._waiting: dict[str, asyncio.Future[wire.ServerFrame]] = {}
        self._ids = itertools.count(1)
        self._opened_ms = clock.monotonic_ms()
        self._after_ms: int | None = None
        self._fault: str | None = None
        self.hello: wire.AuthOk | None = None
        self.leaving = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()

    async def authenticate(self, token: str) -> None:
        """Send the first frame and wait for the answer.

        Raises:
            CouldNotConnect: the server did not take the token, or did not answer.
        """
        self._state = State.AUTHENTICATING
        await self.post(frames.Auth(payload=frames.AuthPayload(token=token)))
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                while self.hello is None:
                    self._receive(await self._socket.recv())
        except TimeoutError:
            raise CouldNotConnect(Ended(LINE_BROKE, "the server did not answer to auth")) from None
        except ConnectionClosed as exc:
            raise CouldNotConnect(self._ended(exc)) from exc

    async def run(self) -> Ended:
        """Read until the connection ends; return how it did."""
        try:
            while self._fault is None:
                self._receive(await self._socket.recv())
        except ConnectionClosed as exc:
            return self._ended(exc)
        finally:
            self._state = State.CLOSING
            self._give_up_waiting()
        await self.close(CloseCode.VIOLATION)
        return Ended(CloseCode.VIOLATION, self._fault)

    async def request(
        self,
        frame: frames.AnyClientFrame,
        *,
        frame_id: str | None = None,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> wire.ServerFrame:
        """Send a frame and return its answer, which may be an ``error``.

        Raises:
            ServerUnreachable: the connection ended first.
            TimeoutError: no answer in time.
        """
        name = frame_id or f"~{next(self._ids)}"  # no msg_id looks like that
        answer: asyncio.Future[wire.ServerFrame] = asyncio.get_running_loop().create_future()
        self._waiting[name] = answer
        self.idle.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self.post(msgspec.structs.replace(frame, id=name))
                return await answer
        finally:
            if self._waiting.get(name) is answer:
                del self._waiting[name]
            if not self._waiting:
                self.idle.set()

    async def post(self, frame: frames.AnyClientFrame) -> None:
        """Send a frame that has no answer, or whose answer nobody waits for.

        Raises:
            ServerUnreachable: the connection has ended.
        """
        try:
            await self._socket.send(frames.encode_frame(frame), text=True)
        except ConnectionClosed as exc:
            raise ServerUnreachable("the connection has ended") from exc

    async def close(self, code: int = CloseCode.NORMAL) -> None:
        """Close from this side."""
        self._state = State.CLOSING
        with suppress(OSError, WebSocketException):
            await self._socket.close(code)

    def _receive(self, text: str | bytes) -> None:
        try:
            frame = wire.decode_server_frame(text)
        except (msgspec.DecodeError, ValueError) as exc:
            self._fault = f"a frame that this version cannot read: {exc}"
            return
        verdict = CLIENT_RECEIVES.get((self._state, frame.type), Verdict.IGNORE)
        if verdict is Verdict.CLOSE_VIOLATION:
            self._fault = f"expected auth_ok, got {frame.type}"
        elif verdict is Verdict.HANDLE:
            self._handle(frame)

    def _handle(self, frame: wire.ServerFrame) -> None:
        match frame.payload:
            case wire.AuthOk():
                self.hello = frame.payload
                self._state = State.OPEN
            case wire.Failure(code=code, message=message) if self.hello is None:
                refused = code in TOKEN_CODES
                raise CouldNotConnect(Ended(LINE_BROKE, message, token_refused=refused))
            case wire.Reconnect(after_ms=after_ms):
                self._after_ms = after_ms
                self.leaving.set()
        self._on_frame(frame)
        if frame.type in _ANSWERS and frame.id is not None:
            waiting = self._waiting.get(frame.id)
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)

    def _give_up_waiting(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ServerUnreachable("the connection ended before the answer"))
                waiting.exception()  # whoever asked may still be writing, and fail there

    def _ended(self, exc: ConnectionClosed) -> Ended:
        code, reason = (
            (exc.rcvd.code, exc.rcvd.reason) if exc.rcvd is not None else (LINE_BROKE, "the line broke")
        )
        lived_ms = self._clock.monotonic_ms() - self._opened_ms
        return Ended(code, reason, after_ms=self._after_ms, lived_ms=lived_ms)


async def open_connection(base_url: str, token: str, on_frame: OnFrame, clock: Clock) -> Connection:
    """Connect and authenticate.

    Raises:
        CouldNotConnect: it did not work; the error says how to go on.
    """
    socket = await _connect(websocket_url(base_url))
    connection = Connection(socket, on_frame, clock)
    try:
        await connection.authenticate(token)
    except ServerUnreachable as exc:
        raise CouldNotConnect(Ended(LINE_BROKE, str(exc))) from exc
    except BaseException:
        await connection.close()
        raise
    return connection


def websocket_url(base_url: str) -> str:
    """Return the WebSocket address of a server: ``http://host`` becomes ``ws://host/ws``."""
    scheme, _, rest = base_url.rstrip("/").partition("://")
    return f"{'wss' if scheme in {'https', 'wss'} else 'ws'}://{rest}/ws"


async def _connect(url: str) -> ClientConnection:
    try:
        return await connect(
            url,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=2,  # seconds; the server answers a close at once or is gone
            ping_interval=PING_EVERY_S,
            ping_timeout=PING_EVERY_S,
            max_size=MAX_FRAME_BYTES,
            compression=None,  # small frames; the server does not offer it
        )
    except InvalidStatus as exc:
        raise CouldNotConnect(_rejected(exc)) from exc
    except InvalidURI as exc:
        raise CouldNotConnect(Ended(CloseCode.VIOLATION, str(exc))) from exc
    except (OSError, TimeoutError, InvalidHandshake, WebSocketException, EOFError) as exc:
        raise CouldNotConnect(Ended(LINE_BROKE, f"cannot reach {url}: {exc}")) from exc


def _rejected(exc: InvalidStatus) -> Ended:
    status = exc.response.status_code
    wait_s = exc.response.headers.get("Retry-After", "")
    after_ms = int(wait_s) * 1000 if wait_s.isdigit() else None
    reason = f"the server answered the upgrade with HTTP {status}"
    if status == 401:  # Unauthorized
        return Ended(LINE_BROKE, reason, token_refused=True)
    if status in {400, 403, 404, 426}:  # it does not want this client, now or later
        return Ended(CloseCode.VIOLATION, reason, rejected=True)
    return Ended(LINE_BROKE, reason, after_ms=after_ms)


def answer_of(frame: wire.ServerFrame) -> wire.Payload:
    """Return the payload of an answer.

    Raises:
        Refused: the answer was an ``error`` (OutcomeUnknown: one that says so).
        ServerUnreachable: the answer was of no known kind.
    """
    if isinstance(frame.payload, wire.ErrorPayload):
        error = frame.payload
        raise error_of(error.code, error.message, outcome=error.outcome, retry_after_ms=error.retry_after_ms)
    if frame.payload is None:
        raise ServerUnreachable(f"the server answered with an unknown {frame.type}")
    return frame.payload
