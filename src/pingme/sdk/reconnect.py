"""When to come back after a connection has ended, and when to stay away: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass

from pingme.domain.errors import ErrorCode, PingMeError
from pingme.sdk.errors import ProtocolFault, Replaced, SessionEnded
from pingme.wire.websocket import CloseCode

INITIAL_MS = 200
MAX_MS = 15_000
MULTIPLIER = 2.0
STABLE_MS = 10_000  # a connection that lived this long starts the backoff anew

TOKEN_CODES = frozenset({ErrorCode.UNAUTHORIZED, ErrorCode.TOKEN_EXPIRED, ErrorCode.INVALID_TOKEN})
_FAULTS = frozenset(
    {
        CloseCode.PROTOCOL_ERROR,
        CloseCode.UNSUPPORTED_DATA,
        CloseCode.INVALID_TEXT,
        CloseCode.MESSAGE_TOO_BIG,
        CloseCode.VIOLATION,
    }
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a connection, or the attempt to make one, ended.

    Attributes:
        code: the close code; 1006 when the line broke or was never there.
        reason: for people.
        after_ms: how long the server asked to wait.
        token_refused: True when the server did not take the access token.
        lived_ms: how long it was open.
        rejected: True when the upgrade was refused: by the server, or by a proxy that does not find it now.
    """

    code: int
    reason: str = ""
    after_ms: int | None = None
    token_refused: bool = False
    lived_ms: int = 0
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class ReconnectAfter:
    """Come back after this many milliseconds, with a fresh token if ``refresh``."""

    delay_ms: int
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Do not come back: the error says why."""

    error: PingMeError


def backoff_ms(attempt: int, jitter: float) -> int:
    """Return the wait before attempt ``attempt`` (from 1): 200 ms doubling up to 15 s, of it 50 to 100 %.

    Args:
        attempt: attempts since the last connection that held.
        jitter: 0 to 1.
    """
    # The exponent is bounded: a week of attempts must not overflow a float.
    full = min(INITIAL_MS * MULTIPLIER ** min(attempt - 1, 32), float(MAX_MS))
    return int(full * (0.5 + 0.5 * jitter))


def decide_reconnect(
    ended: Ended, attempt: int, jitter: float, *, was_open: bool = False
) -> ReconnectAfter | Stop:
    """Decide what follows the end of a connection (docs/protocol.md, "Close codes").

    Args:
        ended: how it ended.
        attempt: attempts since the last connection that held, from 1.
        jitter: 0 to 1.
        was_open: a connection to this address has been open before, so it is the right one.
    """
    if ended.code == CloseCode.REVOKED:
        return Stop(SessionEnded("this session was revoked: log in again"))
    if ended.code == CloseCode.REPLACED:
        return Stop(
            Replaced("a newer connection of this device has taken over, or there are too many devices")
        )
    if ended.code in _FAULTS and not (ended.rejected and was_open):
        return Stop(
            ProtocolFault(f"the server closed with {ended.code}: {ended.reason or 'no reason given'}")
        )
    delay_ms = backoff_ms(attempt, jitter)
    if ended.after_ms is not None:
        delay_ms = max(delay_ms, ended.after_ms)
    refresh = ended.token_refused or ended.code == CloseCode.NOT_AUTHENTICATED
    return ReconnectAfter(delay_ms, refresh=refresh)
