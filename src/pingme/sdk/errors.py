"""What can go wrong for a user of the SDK; every error is a `PingMeError` with a code of the table."""

from __future__ import annotations

from pingme.domain.errors import ErrorCode, OutcomeUnknown, PingMeError, Refused

__all__ = [
    "ClientClosed",
    "DataDirInUse",
    "NotLoggedIn",
    "OutboxFull",
    "OutcomeUnknown",
    "PingMeError",
    "ProtocolFault",
    "Refused",
    "Replaced",
    "ServerUnreachable",
    "SessionEnded",
    "StorageFailed",
    "error_of",
]


class ServerUnreachable(PingMeError):
    """No answer from the server: not running, not reachable, or the line broke."""

    code = ErrorCode.WEBSOCKET_ERROR


class ProtocolFault(PingMeError):
    """The server found that this client broke the protocol (or the other way round): a bug, so the client
    stops.
    """

    code = ErrorCode.WEBSOCKET_ERROR


class SessionEnded(PingMeError):
    """The session was revoked or can no longer be refreshed: log in again."""

    code = ErrorCode.UNAUTHORIZED


class Replaced(PingMeError):
    """A newer connection of the same device has taken over, or the user has too many devices."""

    code = ErrorCode.CONFLICT


class NotLoggedIn(PingMeError):
    """There is no session yet: call `login` or `register` first."""

    code = ErrorCode.UNAUTHORIZED


class DataDirInUse(PingMeError):
    """Another client uses this data_dir, or it belongs to another account."""

    code = ErrorCode.CONFLICT


class StorageFailed(PingMeError):
    """The data_dir cannot be read or written."""

    code = ErrorCode.DATABASE_ERROR


class OutboxFull(PingMeError):
    """So many sends wait for an answer that no more are taken."""

    code = ErrorCode.LIMIT_REACHED


class ClientClosed(PingMeError):
    """The client was closed; what is in its outbox goes out when it runs again (with a data_dir)."""

    code = ErrorCode.WEBSOCKET_ERROR


def error_of(
    code: int, message: str, *, outcome: str = "refused", retry_after_ms: int | None = None
) -> PingMeError:
    """Return the exception for an error that the server sent; codes that this version does not know become
    10001.
    """
    known = ErrorCode(code) if code in set(ErrorCode) else ErrorCode.SERVER_ERROR
    if outcome == "unknown":
        return OutcomeUnknown(message, code=known)
    return Refused(known, message, retry_after_ms=retry_after_ms)
