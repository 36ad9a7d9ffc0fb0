"""The answer to one operation of one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pingme.domain.errors import ERRORS, UNKNOWN_OUTCOME, ErrorCode, PingMeError, Refused
from pingme.domain.events import Outcome, RefusedOutcome
from pingme.wire.encode import ack_frame
from pingme.wire.server_frames import ErrorPayload
from pingme.wire.session import State

if TYPE_CHECKING:
    from pingme.edge.connection import Connection


def error_payload(error: PingMeError, msg_id: str | None) -> ErrorPayload:
    """Return the payload of an ``error`` frame."""
    return ErrorPayload(
        code=int(error.code),
        message=error.message,
        outcome="unknown" if error.code in UNKNOWN_OUTCOME else "refused",
        retryable=ERRORS[error.code].retryable,
        retry_after_ms=error.retry_after_ms,
        msg_id=msg_id,
    )


def write_error(connection: Connection, error: PingMeError, frame_id: str | None, msg_id: str | None) -> None:
    """Answer a frame with an error and count it, unless the connection is closing."""
    if connection.state is not State.CLOSING:
        connection.node.hot.count_refusal(int(error.code))
        connection.send_payload("error", error_payload(error, msg_id), frame_id)


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
        if connection.state is not State.CLOSING:
            frame = ack_frame(
                self._msg_id,
                outcome.conversation_id,
                outcome.seq,
                outcome.server_ts,
                outcome.duplicate,
                self._frame_id,
            )
            connection.node.hub.write(connection, frame)
        if connection.paused:
            connection.resume_reading()

    def fail(self, error: PingMeError) -> None:
        """Answer with an error."""
        self.connection.send_error(error, frame_id=self._frame_id, msg_id=self._msg_id)
        self.connection.answered()
