"""One client's socket: from frames to services and back. Sans transport: bytes come in by `receive_*`, go out by a `Pipe`.

Rules of this file:
- Callbacks of the transport call in here and nothing may raise out: `receive_text` and `receive_control` catch.
- Sends keep their order: one that must ask the store first makes the ones behind it wait in `_jobs`.
- A socket over its rate, or with too much unanswered, is not read for a while; it counts as alive.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

import structlog

from pingme.domain.errors import ErrorCode, PingMeError, Refused
from pingme.edge import reading
from pingme.edge.deadlines import CLOSE_WAIT_S, check_deadlines
from pingme.edge.opening import authenticate
from pingme.edge.operation import OperationWaiter, write_error
from pingme.edge.pipe import Pipe
from pingme.edge.reading import MAX_JOBS, control_allowed, resume_reading, spend_token
from pingme.edge.wheel import NOWHERE
from pingme.wire import frames
from pingme.wire.encode import frame_of
from pingme.wire.server_frames import Payload, Pong, encode_server_frame
from pingme.wire.session import CLOSE_CODES, SERVER_RECEIVES, State, Verdict, expected_of_server
from pingme.wire.websocket import (
    CLOSE,
    PING,
    PONG,
    TEXT,
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

OPERATIONS = (frames.Send, frames.Edit, frames.Recall, frames.React)
NO_GROUPS: AbstractSet[str] = frozenset()  # shared: an empty set of its own is 0.2 KB
Job = Callable[[], Awaitable[None]]


class Connection:
    """One WebSocket.

    Args:
        node: the services and the hub.
        pipe: the transport.
        peer: the client's address, for the log.
    """

    # fmt: off
    __slots__ = (
        "__weakref__", "_assembler", "_job_running", "_jobs", "_operations_waiting", "controls", "controls_s",
        "deadline_s", "device_id", "expires_s", "family_id", "groups", "ignored", "last_s", "loading", "node", "out",
        "paused", "peer", "pinged_s", "pipe", "slot", "state", "tokens", "tokens_ms", "unanswered", "user_id", "username",
        "watching",
    )
    # fmt: on

    def __init__(self, node: Node, pipe: Pipe, peer: str) -> None:
        self.node = node
        self.pipe = pipe
        self.peer = peer
        self.out: list[bytes] = []
        self.state = State.CONNECTING
        self.user_id = ""
        self.device_id = ""
        self.family_id = ""
        self.username = ""
        self.groups: AbstractSet[str] = NO_GROUPS
        self.watching = False
        self.unanswered = 0
        self.last_s = node.wheel.now_s
        self.deadline_s = self.last_s + node.rules.auth_deadline_s
        self.expires_s = 0
        self.pinged_s = 0
        self.slot = NOWHERE
        self._assembler: MessageAssembler | None = None
        self._jobs: deque[Job] | None = None
        self._job_running = False
        self._operations_waiting = 0
        self.loading: dict[str, bool] | None = None
        self.paused = False
        self.controls = self.controls_s = self.ignored = 0
        self.tokens = float(node.rules.sends_burst)
        self.tokens_ms = 0
        node.opened(self)

    @property
    def closing(self) -> bool:
        """True once a close frame was sent, or the socket is gone."""
        return self.state is State.CLOSING

    # From the transport.

    def receive_data(self, opcode: int, payload: bytes, *, fin: bool) -> None:
        """Take a data frame: text, binary or continuation."""
        node = self.node
        self.last_s = node.wheel.now_s
        if self.state is State.CLOSING:
            reading.ignore(self)
            return
        if (
            fin and opcode == TEXT and self._assembler is None
            and len(payload) <= node.frame_bytes and payload.isascii()
        ):  # fmt: skip
            # Nearly every message: whole, and UTF-8 at a glance.
            self.receive_text(payload)
            return
        try:
            if self._assembler is None:
                self._assembler = MessageAssembler(self.node.rules.frame_bytes)
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
        self.node.hot.frames_in += 1
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
        if type(got) is frames.Send and self.state is State.OPEN:  # hot path: the table says HANDLE
            self._operation(got)
            return
        kind = str(got.__struct_config__.tag)
        verdict = SERVER_RECEIVES[self.state, kind]
        if verdict is Verdict.HANDLE:
            self._handle(got)
        elif verdict is Verdict.HOLD:
            self._hold(got)
        elif verdict is not Verdict.IGNORE:
            self.close(CLOSE_CODES[verdict], f'{expected_of_server(self.state)}, got "{kind}"')

    def _bad_frame(self, error: frames.FrameError) -> None:
        if self.state is State.CONNECTING:
            self.close(CloseCode.NOT_AUTHENTICATED, 'expected "auth" first')
        elif self.state is not State.CLOSING and control_allowed(self):
            refused = Refused(ErrorCode.INVALID_PARAMETERS, str(error))
            self.send_error(refused, frame_id=error.id, msg_id=error.msg_id)

    def receive_control(self, opcode: int, payload: bytes, *, fin: bool) -> None:
        """Take a control frame (RFC 6455 §5.5)."""
        self.last_s = self.node.wheel.now_s
        if self.closing and opcode != CLOSE:
            reading.ignore(self)
        elif not fin or len(payload) > 125:
            self.close(
                CloseCode.PROTOCOL_ERROR, "control frames are not fragmented and have at most 125 bytes"
            )
        elif opcode == PING:
            if control_allowed(self):
                self._write(frame(PONG, payload))
        elif opcode == PONG:
            control_allowed(self)
        elif opcode == CLOSE:
            self._closed_by_peer(payload)

    def _closed_by_peer(self, payload: bytes) -> None:
        if not self.closing:
            try:
                code = check_close_payload(payload)
                self._end(frame(CLOSE, payload[:2]), code)
            except ProtocolViolation as violation:
                self.close(violation.code, violation.reason)
        self._flush_and_close()

    def violated(self, code: int, reason: str) -> None:
        """The stream of frames is broken: say so and end our side; nothing of what follows means anything."""
        self.close(CloseCode(code), reason)
        self._flush()
        self.pipe.end_writing()

    def lost(self) -> None:
        """The socket is gone."""
        if self.state is not State.CLOSING:
            self.node.hot.count_close(1006)
        self.state = State.CLOSING
        self._jobs = None
        self.out = []
        self.node.gone(self)

    # Frames.

    def _handle(self, got: frames.AnyClientFrame) -> None:
        """Act on a frame that is legal now."""
        if isinstance(got, OPERATIONS):
            self._operation(got)
        elif isinstance(got, reading.ANSWERED_LATER):
            if not isinstance(got, reading.COUNTED) or control_allowed(self):
                self.later(lambda: self.node.answer(self, got))
        elif isinstance(got, frames.Ping):
            if control_allowed(self):
                self.send_payload("pong", Pong(timestamp=self.node.clock.now_ms()), got.id)
        else:
            authenticate(self, got)

    def _hold(self, got: frames.AnyClientFrame) -> None:
        """Keep a frame until authentication has ended."""
        if isinstance(got, OPERATIONS):
            self.unanswered += 1
            if not self.node.rules.unlimited:
                spend_token(self)  # when it comes: what is held before auth_ok is not free
            self._operation_later(got)
        else:
            self.later(lambda: self._held(got))

    async def _held(self, got: frames.AnyClientFrame) -> None:
        if self.state is State.OPEN:
            self._handle(got)

    def _operation(self, got: frames.Send | frames.Edit | frames.Recall | frames.React) -> None:
        """Submit an operation; on the hot path without waiting for anything."""
        self.unanswered += 1
        if not self.node.unlimited:
            spend_token(self)
        if self._operations_waiting:
            self._operation_later(got)
            return
        waiter = OperationWaiter(self, got.payload.msg_id, got.id)
        try:
            command = self.node.messages.command(self.user_id, got.payload)
            if command is None:
                self._operation_later(got)
                return
            self.node.messages.submit(command, waiter)
        except PingMeError as error:
            waiter.fail(error)

    def _operation_later(self, got: frames.Send | frames.Edit | frames.Recall | frames.React) -> None:
        self._operations_waiting += 1
        self.later(lambda: self._checked_operation(got))

    async def _checked_operation(self, got: frames.Send | frames.Edit | frames.Recall | frames.React) -> None:
        waiter = OperationWaiter(self, got.payload.msg_id, got.id)
        try:
            if self.state is not State.OPEN:
                return
            command = self.node.messages.command(self.user_id, got.payload)
            if command is None:  # else nothing is asked, and no turn is needed
                await self.node.turns.take()
                command = await self.node.messages.checked_command(self.user_id, got.payload)
            self.node.messages.submit(command, waiter)
        except PingMeError as error:
            waiter.fail(error)
        finally:
            self._operations_waiting -= 1

    # Work that waits: in order, one at a time.

    def later(self, job: Job) -> None:
        """Do some work after what was begun before it; one piece at a time."""
        if self._jobs is None:
            self._jobs = deque()
        self._jobs.append(job)
        if len(self._jobs) >= MAX_JOBS:
            self.pause()
        if not self._job_running:
            self._job_running = True
            self.node.spawn(self._work())

    async def _work(self) -> None:
        """Do the jobs one after the other; ends when none is left."""
        try:
            while self._jobs:
                job = self._jobs.popleft()
                await job()
                self.resume_reading()
        except Exception:
            log.exception("frame_failed", user_id=self.user_id)
            self.close(CloseCode.SERVER_ERROR, "server error")
        finally:
            self._job_running = False
            if not self._jobs:
                self._jobs = None  # an empty deque is 0.7 KB, of an idle connection

    def moved(self, group_id: str, *, joined: bool) -> None:
        """The hub says that this user has joined a group, or is no longer in it."""
        if self.loading is not None:
            self.loading[group_id] = joined

    # Reading.

    def pause(self) -> None:
        """Stop reading."""
        if not self.paused and not self.closing:
            self.paused = True
            self.pipe.pause_reading()

    def resume_reading(self) -> None:
        """Read again, if nothing stands against it."""
        if self.paused and not self.closing:
            resume_reading(self)

    @property
    def operations_waiting(self) -> int:
        """How many operations wait for an answer, or for the store before they can be asked."""
        return self._operations_waiting + self.unanswered

    @property
    def jobs_waiting(self) -> int:
        """How many pieces of work wait."""
        return len(self._jobs or ())

    # Answers.

    def answered(self) -> None:
        """One of this connection's operations has its answer."""
        self.unanswered -= 1
        self.resume_reading()

    def _write(self, data: bytes) -> None:
        self.node.hub.write(self, data)

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
        write_error(self, error, frame_id, msg_id)

    # The end.

    def check(self, now_s: int) -> int:
        """Look at the deadlines of this connection; see `Timed`."""
        return check_deadlines(self, now_s)

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
        self.node.hot.count_close(code)
        self.node.hub.detach(self)
        self.deadline_s = self.node.wheel.now_s + CLOSE_WAIT_S
        self.node.wheel.add(self, CLOSE_WAIT_S)
        if self.paused:
            self.paused = False
            self.pipe.resume_reading()

    def _flush_and_close(self) -> None:
        """Both sides have said goodbye: send what is left and close."""
        self._flush()
        self.pipe.close()

    def _flush(self) -> None:
        if self.out:
            self.pipe.write(b"".join(self.out))
            self.out = []
