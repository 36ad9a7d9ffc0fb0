"""The one table of errors: code, HTTP status, whether to retry, and what a client should do.

The generated reference (docs/errors.md) and the tests read this table; nothing else defines a code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ErrorCode(IntEnum):
    """Codes that a client meets, in an HTTP envelope, an ``error`` frame or a dead letter."""

    SUCCESS = 0
    SERVER_ERROR = 10001
    INVALID_PARAMETERS = 10002
    UNAUTHORIZED = 10003
    FORBIDDEN = 10004
    NOT_FOUND = 10005
    CONFLICT = 10006
    TOO_MANY_REQUESTS = 10007
    OVERLOADED = 10008
    OUTCOME_UNKNOWN = 10009
    DATABASE_ERROR = 20001
    CACHE_ERROR = 20002
    MESSAGE_PROCESSING_ERROR = 20003
    WEBSOCKET_ERROR = 20004
    USER_NOT_FOUND = 30001
    USER_EXISTS = 30002
    INVALID_CREDENTIALS = 30003
    TOKEN_EXPIRED = 30004
    INVALID_TOKEN = 30005
    CONVERSATION_NOT_FOUND = 40001
    GROUP_NOT_FOUND = 40002
    NOT_A_MEMBER = 40003
    MSG_ID_CONFLICT = 40004
    NOT_ALLOWED_TO_WRITE = 40005
    MESSAGE_TOO_LARGE = 40006
    TOO_LATE = 40007
    LIMIT_REACHED = 40008
    KAFKA_ERROR = 50001
    UNMARSHAL_FAILED = 50002
    PERSIST_FAILED = 50003
    DELIVERY_FAILED = 50004
    CONSUMER_GROUP_ERROR = 50005
    DEAD_LETTERED = 50006
    DLQ_SEND_FAILED = 50007
    PRODUCER_ERROR = 50008


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One row of the table.

    Attributes:
        http: HTTP status that carries the code.
        retryable: True when the same request may succeed later.
        text: what went wrong, in one short sentence for people.
        advice: what the client should do.
    """

    http: int
    retryable: bool
    text: str
    advice: str


ERRORS: dict[ErrorCode, ErrorRow] = {
    ErrorCode.SUCCESS: ErrorRow(200, False, "success", "go on"),
    ErrorCode.SERVER_ERROR: ErrorRow(
        500, True, "server error", "try again; report the request_id if it stays"
    ),
    ErrorCode.INVALID_PARAMETERS: ErrorRow(422, False, "invalid parameters", "correct the request"),
    ErrorCode.UNAUTHORIZED: ErrorRow(401, False, "unauthorized", "log in, or refresh the token"),
    ErrorCode.FORBIDDEN: ErrorRow(403, False, "forbidden", "ask somebody who may"),
    ErrorCode.NOT_FOUND: ErrorRow(404, False, "not found", "correct the address or id"),
    ErrorCode.CONFLICT: ErrorRow(409, False, "conflict", "read the current state, then decide"),
    ErrorCode.TOO_MANY_REQUESTS: ErrorRow(429, True, "too many requests", "wait for retry_after_ms"),
    ErrorCode.OVERLOADED: ErrorRow(
        503, True, "overloaded or draining", "wait, then send again with the same msg_id"
    ),
    ErrorCode.OUTCOME_UNKNOWN: ErrorRow(504, True, "outcome unknown", "send again with the same msg_id"),
    ErrorCode.DATABASE_ERROR: ErrorRow(
        503, True, "database error", "wait, then send again with the same msg_id"
    ),
    ErrorCode.CACHE_ERROR: ErrorRow(503, True, "cache error", "wait, then try again"),
    ErrorCode.MESSAGE_PROCESSING_ERROR: ErrorRow(
        500,
        False,
        "message processing error",
        "outcome unknown: report it; an operator may replay it under its msg_id",
    ),
    ErrorCode.WEBSOCKET_ERROR: ErrorRow(500, True, "websocket error", "reconnect, then sync"),
    ErrorCode.USER_NOT_FOUND: ErrorRow(404, False, "user not found", "correct the user id"),
    ErrorCode.USER_EXISTS: ErrorRow(409, False, "user already exists", "choose another username"),
    ErrorCode.INVALID_CREDENTIALS: ErrorRow(
        401, False, "invalid credentials", "correct username or password"
    ),
    ErrorCode.TOKEN_EXPIRED: ErrorRow(401, False, "token expired", "refresh the token"),
    ErrorCode.INVALID_TOKEN: ErrorRow(401, False, "invalid token", "log in again"),
    ErrorCode.CONVERSATION_NOT_FOUND: ErrorRow(
        404, False, "conversation not found", "correct the conversation id"
    ),
    ErrorCode.GROUP_NOT_FOUND: ErrorRow(404, False, "group not found", "correct the group id"),
    ErrorCode.NOT_A_MEMBER: ErrorRow(403, False, "not a group member", "join, or ask to be invited"),
    ErrorCode.MSG_ID_CONFLICT: ErrorRow(
        409, False, "msg_id was used for a different message", "choose a new msg_id for a new message"
    ),
    ErrorCode.NOT_ALLOWED_TO_WRITE: ErrorRow(
        403, False, "blocked or not allowed to write here", "do not retry"
    ),
    ErrorCode.MESSAGE_TOO_LARGE: ErrorRow(413, False, "message too large", "shorten or split it"),
    ErrorCode.TOO_LATE: ErrorRow(409, False, "too late to edit or recall", "send a new message"),
    ErrorCode.LIMIT_REACHED: ErrorRow(409, False, "limit reached", "remove something first"),
    ErrorCode.KAFKA_ERROR: ErrorRow(503, True, "Kafka base error", "wait; sends go directly to the store"),
    ErrorCode.UNMARSHAL_FAILED: ErrorRow(
        400, False, "message unmarshal failed", "look at it with `pingme dlq show`"
    ),
    ErrorCode.PERSIST_FAILED: ErrorRow(
        503, False, "message persist failed", "the message was refused; report it"
    ),
    ErrorCode.DELIVERY_FAILED: ErrorRow(503, True, "message delivery failed", "clients catch up by sync"),
    ErrorCode.CONSUMER_GROUP_ERROR: ErrorRow(503, True, "consumer group error", "wait for the rebalance"),
    ErrorCode.DEAD_LETTERED: ErrorRow(
        500,
        False,
        "retry exhausted, sent to DLQ",
        "outcome unknown: an operator may replay it under its msg_id",
    ),
    ErrorCode.DLQ_SEND_FAILED: ErrorRow(
        503, True, "DLQ send failed", "the partition waits; look at the store"
    ),
    ErrorCode.PRODUCER_ERROR: ErrorRow(503, True, "producer error", "the send goes directly to the store"),
}

# An error that answers a send with one of these says nothing about whether the send was stored.
DEAD_LETTER_CODES: frozenset[ErrorCode] = frozenset(
    {ErrorCode.DEAD_LETTERED, ErrorCode.MESSAGE_PROCESSING_ERROR}
)
"""The server has given the message up and keeps it for an operator: sending it again would fail again."""

UNKNOWN_OUTCOME: frozenset[ErrorCode] = frozenset({ErrorCode.OUTCOME_UNKNOWN}) | DEAD_LETTER_CODES


class PingMeError(Exception):
    """The root of every error that PingMe raises on purpose.

    Args:
        message: what was expected and what came, for people; never content, tokens or passwords.
        retry_after_ms: how long a client should wait, when that is known.
        status: HTTP status where it differs from the table's (400 for 10002 on a malformed URL).
    """

    code: ErrorCode = ErrorCode.SERVER_ERROR

    def __init__(
        self, message: str = "", *, retry_after_ms: int | None = None, status: int | None = None
    ) -> None:
        self.message = message or ERRORS[self.code].text
        self.retry_after_ms = retry_after_ms
        self.http_status = status or ERRORS[self.code].http
        super().__init__(self.message)


class Refused(PingMeError):
    """A definite no, with its code from the table: what was asked was not done and will not be done later."""

    def __init__(
        self,
        code: ErrorCode,
        message: str = "",
        *,
        retry_after_ms: int | None = None,
        status: int | None = None,
    ) -> None:
        self.code = code
        super().__init__(message, retry_after_ms=retry_after_ms, status=status)


class OutcomeUnknown(PingMeError):
    """Nobody can say yet whether it was stored; the same msg_id may be sent again.

    ``code`` is 10009 (no answer in time) or 50006 (dead-lettered: a replay may still store it).
    """

    def __init__(self, message: str = "", *, code: ErrorCode = ErrorCode.OUTCOME_UNKNOWN) -> None:
        self.code = code
        super().__init__(message)


class StoreError(PingMeError):
    """The store could not do what was asked."""

    code = ErrorCode.DATABASE_ERROR


class StoreUnavailable(StoreError):
    """Nothing was written; the same call may be made again."""


class StoreOutcomeUnknown(StoreError):
    """The commit broke: read back by (sender_id, msg_id) before anything else."""


class StoreRejected(StoreError):
    """The store answered and refused these very rows; nothing was written. Splitting finds the row at fault."""

    code = ErrorCode.PERSIST_FAILED


class ProcessingFault(StoreRejected):
    """A fault of this program stands in the way of one of these records; nothing was written."""

    code = ErrorCode.MESSAGE_PROCESSING_ERROR


class DeadLetterFailed(PingMeError):
    """The dead letter could not be written, so its record must not be given up."""

    code = ErrorCode.DLQ_SEND_FAILED


class LogFailed(PingMeError):
    """The log does not take a record now; it may be in it or not."""

    code = ErrorCode.PRODUCER_ERROR


class KafkaUnavailable(PingMeError):
    """No broker answers."""

    code = ErrorCode.KAFKA_ERROR


class RecordUndecodable(PingMeError):
    """The bytes of a record are not a command."""

    code = ErrorCode.UNMARSHAL_FAILED
