"""One client's socket: from frames to services and back. Sans transport: bytes come in by `receive_*`, go out by a `Pipe`.

Rules of this file:
- Callbacks of the transport call in here and nothing may raise out: `receive_text` and `receive_control` catch.
- Sends keep their order: one that must ask the store first makes the ones behind it wait in `_jobs`.
- A socket over its rate, or with too much unanswered, is not read for a while; it counts as alive.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from pingme.domain.errors import ERRORS, UNKNOWN_OUTCOME, ErrorCode, PingMeError, Refused
from pingme.domain.events import Outcome, RefusedOutcome
from pingme.edge.pipe import Pipe
from pingme.services.sessions import Identity
from pingme.wire import frames
from pingme.wire.encode import ack_frame, frame_of
from pingme.wire.server_frames import (
    AuthOk,
    ErrorPayload,
    Failure,
    Limits,
    Payload,
    Pong,
    encode_server_frame,
)
from pingme.wire.session import CLOSE_CODES, SERVER_RECEIVES, State, Verdict, expected_of_server
from pingme.wire.websocket import (
    CLOSE,
    PING,
    PONG,
    CloseCode,
    MessageAssembler,
    ProtocolViolation,
    check_close_payload,
    close_frame,
    frame,
    text_frame,
)

if TYPE_CHECKING:
    from pingme.edge.node import Node

log = structlog.get_logger(__name__)

MAX_JOBS = 64  # frames that wait for the store, per connection; then the socket is not read
CLOSE_WAIT_S = 2  # for the client's close frame, then the socket is cut
ANSWERED_LATER = (
    frames.Sync,
    frames.History,
    frames.Ack,
    frames.Typing,
    frames.PresenceSet,
    frames.PresenceWatch,
)
OPERATIONS = (frames.Send, frames.Edit, frames.Recall, frames.React)
Job = Callable[[], Awaitable[None]]


class Connection:
    """One WebSocket.

    Args:
        node: the services and the hub.
        pipe: the transport.
        peer: the client's address, for the log.
    """

    __slots__ = (
        "__weakref__", "_assembler", "_control", "_control_s", "_deadline_s", "_expires_s", "_job_running", "_jobs",
        "_loading", "_node", "_operations_waiting", "_paused", "_pinged_s", "_sends_tokens", "_tokens_ms",
        "device_id", "family_id", "groups", "last_s", "out", "peer", "pipe", "state", "unanswered", "user_id",
        "username", "watching",
    )  # fmt: skip

    def __init__(self, node: Node, pipe: Pipe, peer: str) -> None:
        self._node = node
        self.pipe = pipe
        self.peer = peer
        self.out: list[bytes] = []
        self.state = State.CONNECTING
        self.user_id = ""
        self.device_id = ""
        self.family_id = ""
        self.username = ""
        self.groups: set[str] = set()
        self.watching = False
        self.unanswered = 0
        self.last_s = node.wheel.now_s
        self._deadline_s = self.last_s + node.rules.auth_deadline_s
        self._expires_s = 0
        self._pinged_s = 0
        self._assembler: MessageAssembler | None = None
        self._jobs: deque[Job] | None = None
        self._job_running = False
        self._operations_waiting = 0
        self._loading: dict[str, bool] | None = None
        self._paused = False
        self._control = 0
        self._control_s = 0
        self._sends_tokens = float(node.rules.sends_burst)
        self._tokens_ms = 0
        node.opened(self)

    @property
    def closing(self) -> bool:
        """True once a close frame was sent, or the socket is gone."""
        return self.state is State.CLOSING

    # From the transport.

    def receive_data(self, opcode: int, payload: bytes, *, fin: bool) -> None:
        """Take a data frame: text, binary or continuation."""
        self.last_s = self._node.wheel.now_s
        if self.closing:
            return
        try:
            if self._assembler is None:
                self._assembler = MessageAssembler(self._node.rules.frame_bytes)
            text = self._assembler.feed(opcode, fin=fin, payload=payload)
        except ProtocolViolation as violation:
            self.close(violation.code, violation.reason)
            return
        if fin:
            self._assembler = None
        if text is not None:
            self.receive_text(text)

    def receive_text(self, text: bytes) -> None:
        """Take a whole text message, valid UTF-8."""
        self.last_s = self._node.wheel.now_s
        self._node.hot.frames_in += 1
        try:
            self._receive(text)
        except Exception:
            # Nothing may raise out of a transport's callback: the client learns that something broke here.
            log.exception("frame_failed", user_id=self.user_id)
            self.close(CloseCode.SERVER_ERROR, "server error")

    def _receive(self, text: bytes) -> None:
        try:
            got = frames.decode_frame(text)
        except frames.FrameError as error:
            self._bad_frame(error)
            return
        kind = str(got.__struct_config__.tag)
        verdict = SERVER_RECEIVES[self.state, kind]
        if verdict is Verdict.HANDLE:
            self._handle(got)
        elif verdict is Verdict.HOLD:
            self._later(lambda: self._handle_held(got))
        elif verdict is not Verdict.IGNORE:
            self.close(CLOSE_CODES[verdict], f'{expected_of_server(self.state)}, got "{kind}"')

    def _bad_frame(self, error: frames.FrameError) -> None:
        if self.state is State.CONNECTING:
            self.close(CloseCode.NOT_AUTHENTICATED, 'expected "auth" first')
        elif self.state is not State.CLOSING and self._control_allowed():
            refused = Refused(ErrorCode.INVALID_PARAMETERS, str(error))
            self.send_error(refused, frame_id=error.id, msg_id=error.msg_id)

    def receive_control(self, opcode: int, payload: bytes, *, fin: bool) -> None:
        """Take a control frame (RFC 6455 §5.5)."""
        self.last_s = self._node.wheel.now_s
        if not fin or len(payload) > 125:
            self.close(
                CloseCode.PROTOCOL_ERROR, "control frames are not fragmented and have at most 125 bytes"
            )
        elif opcode == PING:
            if self._control_allowed() and not self.closing:
                self._write(frame(PONG, payload))
        elif opcode == PONG:
            self._control_allowed()
        elif opcode == CLOSE:
            self._closed_by_peer(payload)

    def _closed_by_peer(self, payload: bytes) -> None:
        if not self.closing:
            try:
                code = check_close_payload(payload)
                reply = b"" if not payload else payload[:2]
                self._end(frame(CLOSE, reply), code)
            except ProtocolViolation as violation:
                self.close(violation.code, violation.reason)
        self._flush_and_close()

    def lost(self) -> None:
        """The socket is gone."""
        if self.state is not State.CLOSING:
            self._node.hot.count_close(1006)
        self.state = State.CLOSING
        self._jobs = None
        self.out = []
        self._node.gone(self)

    def _control_allowed(self) -> bool:
        """Count frames that cost little but come in floods; close 4429 above the bound."""
        now = self._node.wheel.now_s
        if now != self._control_s:
            self._control_s = now
            self._control = 0
        self._control += 1
        if self._control > self._node.rules.control_frames_per_s:
            self.close(CloseCode.FLOODING, "too many control frames")
            return False
        return True

    # Frames.

    def _handle(self, got: frames.AnyClientFrame) -> None:
        """Act on a frame that is legal now."""
        if isinstance(got, OPERATIONS):
            self._operation(got)
        elif isinstance(got, ANSWERED_LATER):
            if self._cheap(got):
                self._later(lambda: self._node.answer(self, got))
        elif isinstance(got, frames.Ping):
            if self._control_allowed():
                self.send_payload("pong", Pong(timestamp=self._node.clock.now_ms()), got.id)
        else:
            self._authenticate(got)

    def _cheap(self, got: frames.AnyClientFrame) -> bool:
        """Count the frames that are not answered, of which a flood would be free."""
        return not isinstance(got, (frames.Typing, frames.PresenceSet)) or self._control_allowed()

    async def _handle_held(self, got: frames.AnyClientFrame) -> None:
        if self.state is State.OPEN:
            self._handle(got)

    def _operation(self, got: frames.Send | frames.Edit | frames.Recall | frames.React) -> None:
        """Submit an operation; on the hot path without waiting for anything."""
        self.unanswered += 1
        if not self._node.rules.unlimited:
            self._spend_token()
        if self._operations_waiting:
            self._operation_later(got)
            return
        waiter = OperationWaiter(self, got.payload.msg_id, got.id)
        try:
            command = self._node.messages.command(self.user_id, got.payload)
            if command is None:
                self._operation_later(got)
                return
            self._node.messages.submit(command, waiter)
        except PingMeError as error:
            waiter.fail(error)

    def _operation_later(self, got: frames.Send | frames.Edit | frames.Recall | frames.React) -> None:
        self._operations_waiting += 1
        self._later(lambda: self._checked_operation(got))

    async def _checked_operation(self, got: frames.Send | frames.Edit | frames.Recall | frames.React) -> None:
        waiter = OperationWaiter(self, got.payload.msg_id, got.id)
        try:
            command = await self._node.messages.checked_command(self.user_id, got.payload)
            self._node.messages.submit(command, waiter)
        except PingMeError as error:
            waiter.fail(error)
        finally:
            self._operations_waiting -= 1

    # Work that waits: in order, one at a time.

    def _later(self, job: Job) -> None:
        if self._jobs is None:
            self._jobs = deque()
        self._jobs.append(job)
        if len(self._jobs) >= MAX_JOBS:
            self._pause()
        if not self._job_running:
            self._job_running = True
            self._node.spawn(self._work())

    async def _work(self) -> None:
        """Do the jobs one after the other; ends when none is left."""
        try:
            while self._jobs:
                job = self._jobs.popleft()
                await job()
                self._resume()
        except Exception:
            log.exception("frame_failed", user_id=self.user_id)
            self.close(CloseCode.SERVER_ERROR, "server error")
        finally:
            self._job_running = False

    # Authentication.

    def _authenticate(self, got: frames.Auth) -> None:
        try:
            identity = self._node.verify(got.payload.token)
            if got.payload.protocol != frames.PROTOCOL_VERSION:
                wanted = f"protocol: expected {frames.PROTOCOL_VERSION}, got {got.payload.protocol}"
                raise Refused(ErrorCode.INVALID_PARAMETERS, wanted)
            if self.state is State.OPEN and identity.family_id != self.family_id:
                raise Refused(ErrorCode.INVALID_TOKEN, "the token is of another session")
        except PingMeError as error:
            self.send_payload("auth_fail", Failure(code=int(error.code), message=error.message), got.id)
            self.close(CloseCode.NOT_AUTHENTICATED, error.message)
            return
        if self.state is State.OPEN:
            self._renew(identity)
            self._send_auth_ok(got.id)
        else:
            self.welcome(identity, got.id)

    def welcome(self, identity: Identity, frame_id: str | None = None) -> None:
        """Open the connection for a verified identity: subscribe first, then say auth_ok."""
        self.state = State.AUTHENTICATING
        self.user_id = identity.user_id
        self.device_id = identity.device_id
        self.family_id = identity.family_id
        self.username = identity.username
        self._renew(identity)
        self._loading = {}
        self._node.hub.attach(self)
        # First in line, before frames that came with the same packet.
        self._later(lambda: self._open(frame_id))

    async def _open(self, frame_id: str | None) -> None:
        try:
            groups = await self._node.store.channels(self.user_id)
        except PingMeError as error:
            self.send_payload("auth_fail", Failure(code=int(error.code), message=error.message), frame_id)
            self.close(CloseCode.OVERLOADED, "the store is not available")
            return
        if self.closing:
            return
        # What happened to memberships while they were read counts more than what was read.
        changes, self._loading = self._loading or {}, None
        self._node.hub.subscribe(self, [group for group in groups if changes.get(group, True)])
        self.state = State.OPEN
        self._send_auth_ok(frame_id)
        self._node.ready(self)

    def joined(self, group_id: str) -> None:
        """The hub says that this user has joined a group."""
        if self._loading is not None:
            self._loading[group_id] = True

    def left(self, group_id: str) -> None:
        """The hub says that this user is no longer in a group."""
        if self._loading is not None:
            self._loading[group_id] = False

    def _renew(self, identity: Identity) -> None:
        left_ms = identity.expires_ts - self._node.clock.now_ms()
        self._expires_s = self._node.wheel.now_s + max(0, left_ms // 1000)

    def _send_auth_ok(self, frame_id: str | None) -> None:
        rules = self._node.rules
        answer = AuthOk(
            user_id=self.user_id,
            username=self.username,
            device_id=self.device_id,
            server_ts=self._node.clock.now_ms(),
            epoch=self._node.store.epoch,
            ping_interval=rules.ping_interval_s,
            limits=Limits(
                max_message_size=rules.max_message_bytes,
                sends_per_s=rules.sends_per_s,
                unanswered_sends=rules.unanswered_sends,
                page_events=rules.page_events,
            ),
        )
        self.send_payload("auth_ok", answer, frame_id)

    # Rates.

    def _spend_token(self) -> None:
        """Count a send against the rate; above it, or with too much unanswered, stop reading for a while."""
        rules = self._node.rules
        if self.unanswered >= rules.unanswered_sends:
            self._pause()
        now = self._node.clock.monotonic_ms()
        if not self._tokens_ms:
            self._tokens_ms = now
        gained = (now - self._tokens_ms) * rules.sends_per_s / 1000
        self._sends_tokens = min(float(rules.sends_burst), self._sends_tokens + gained) - 1
        self._tokens_ms = now
        if self._sends_tokens < 0:
            self._pause()
            self._node.resume_in(self, int(-self._sends_tokens * 1000 / rules.sends_per_s) + 1)

    def _pause(self) -> None:
        if not self._paused and not self.closing:
            self._paused = True
            self.pipe.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self.closing:
            self.resume_reading()

    def resume_reading(self) -> None:
        """Read again, if nothing stands against it."""
        rules = self._node.rules
        if self.closing or len(self._jobs or ()) >= MAX_JOBS:
            return
        if not rules.unlimited:
            if self.unanswered >= rules.unanswered_sends:
                return
            now = self._node.clock.monotonic_ms()
            owed_ms = -self._sends_tokens * 1000 / rules.sends_per_s - (now - self._tokens_ms)
            if owed_ms > 0:
                self._node.resume_in(self, int(owed_ms) + 1)
                return
        if self._paused:
            self._paused = False
            self.pipe.resume_reading()

    # Answers.

    def answered(self) -> None:
        """One of this connection's operations has its answer."""
        self.unanswered -= 1
        if self._paused:
            self._resume()

    def _write(self, data: bytes) -> None:
        self._node.hub.write(self, data)

    def push(self, data: bytes) -> None:
        """Send a whole frame, unless the connection is closing."""
        if not self.closing:
            self._write(data)

    def send_payload(self, kind: str, payload: Payload, frame_id: str | None = None) -> None:
        """Send a server frame."""
        self.push(text_frame(encode_server_frame(kind, payload, frame_id)))

    def send_raw(self, kind: str, payload: bytes, frame_id: str | None = None) -> None:
        """Send a server frame whose payload is JSON already."""
        self.push(frame_of(kind, payload, frame_id))

    def send_error(
        self, error: PingMeError, *, frame_id: str | None = None, msg_id: str | None = None
    ) -> None:
        """Answer a frame with an error."""
        unknown = error.code in UNKNOWN_OUTCOME
        payload = ErrorPayload(
            code=int(error.code),
            message=error.message,
            outcome="unknown" if unknown else "refused",
            retryable=ERRORS[error.code].retryable,
            retry_after_ms=error.retry_after_ms,
            msg_id=msg_id,
        )
        self.send_payload("error", payload, frame_id)

    # The end.

    def check(self, now_s: int) -> int:
        """Look at the deadlines of this connection; see `Timed`."""
        rules = self._node.rules
        if self.closing:
            if now_s >= self._deadline_s:
                self.pipe.abort()
                return 0
            return 1
        if self.state is State.CONNECTING:
            if now_s >= self._deadline_s:
                self.close(CloseCode.NOT_AUTHENTICATED, f"no auth within {rules.auth_deadline_s} s")
                return CLOSE_WAIT_S
            return self._deadline_s - now_s
        if now_s >= self._expires_s:
            self.close(CloseCode.NOT_AUTHENTICATED, "the token has expired")
            return CLOSE_WAIT_S
        if self._paused:
            self.last_s = now_s
        silent_s = now_s - self.last_s
        if silent_s >= rules.pong_timeout_s:
            self.close(CloseCode.SILENT, f"nothing heard for {rules.pong_timeout_s} s")
            return CLOSE_WAIT_S
        if silent_s >= rules.ping_interval_s and self._pinged_s < self.last_s + rules.ping_interval_s:
            self._pinged_s = now_s
            self._write(frame(PING, b""))
        until_ping = self.last_s + rules.ping_interval_s - now_s
        until_silent = self.last_s + rules.pong_timeout_s - now_s
        wait = until_ping if until_ping > 0 else until_silent
        return max(1, min(wait, self._expires_s - now_s))

    def close(self, code: CloseCode, reason: str) -> None:
        """Send a close frame after what is in the outbox; the socket follows when the client has answered."""
        if not self.closing:
            self._end(close_frame(code, reason), code)

    def overflow(self) -> None:
        """Close because the outbox passed its bound: what is in it is dropped, a sync repairs it."""
        log.info("outbox_full", user_id=self.user_id)
        self.out = []
        self.close(CloseCode.OUTBOX_FULL, "the outbox is full: reconnect and sync")

    def _end(self, last_frame: bytes, code: int) -> None:
        """Write the last frame and wait for the other side, until `CLOSE_WAIT_S`."""
        self._write(last_frame)
        self.state = State.CLOSING
        self._jobs = None
        self._node.hot.count_close(code)
        self._node.hub.detach(self)
        self._deadline_s = self._node.wheel.now_s + CLOSE_WAIT_S
        self._node.wheel.add(self, CLOSE_WAIT_S)
        if self._paused:
            self._paused = False
            self.pipe.resume_reading()

    def _flush_and_close(self) -> None:
        """Both sides have said goodbye: send what is left and close."""
        if self.out:
            self.pipe.write(b"".join(self.out))
            self.out = []
        self.pipe.close()


class OperationWaiter:
    """Answers one operation of one connection."""

    __slots__ = ("_frame_id", "_msg_id", "connection")

    def __init__(self, connection: Connection, msg_id: str, frame_id: str | None) -> None:
        self.connection = connection
        self._msg_id = msg_id
        self._frame_id = frame_id

    def settle(self, outcome: Outcome) -> None:
        """See `Waiter.settle`."""
        connection = self.connection
        if isinstance(outcome, RefusedOutcome):
            self.fail(Refused(ErrorCode(outcome.code), outcome.message))
            return
        connection.unanswered -= 1
        if not connection.closing:
            connection._write(  # the connection's own answer, on the hot path
                ack_frame(
                    self._msg_id,
                    outcome.conversation_id,
                    outcome.seq,
                    outcome.server_ts,
                    outcome.duplicate,
                    self._frame_id,
                )
            )
        if connection._paused:  # as above
            connection._resume()  # as above

    def fail(self, error: PingMeError) -> None:
        """Answer with an error."""
        self.connection.send_error(error, frame_id=self._frame_id, msg_id=self._msg_id)
        self.connection.answered()
