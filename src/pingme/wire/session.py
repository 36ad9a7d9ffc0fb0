"""What is legal when: the state machine of a connection, for both ends.

The table is total: every frame type in every state has exactly one answer (`tests/unit/test_session.py`).

    connecting ──auth──► authenticating ──auth_ok──► open ──close──► closing
         │                     └──auth_fail──► closing
         └── anything else: close 4401 (first frame must be auth)
"""

from __future__ import annotations

from enum import Enum

from pingme.wire.frames import CLIENT_FRAMES
from pingme.wire.websocket import CloseCode


class State(Enum):
    """Where a connection stands."""

    CONNECTING = "connecting"  # no token seen
    AUTHENTICATING = "authenticating"  # a token is being checked
    OPEN = "open"
    CLOSING = "closing"  # a close frame was sent: nothing that arrives counts


class Verdict(Enum):
    """What the receiver of a frame does with it."""

    HANDLE = "handle"
    HOLD = "hold"  # keep it until authentication has ended
    CLOSE_NOT_AUTHENTICATED = "close 4401"
    CLOSE_VIOLATION = "close 4400"
    IGNORE = "ignore"


class ServerFrameType(Enum):
    """Every type of frame that a server sends."""

    AUTH_OK = "auth_ok"
    AUTH_FAIL = "auth_fail"
    PONG = "pong"
    MESSAGE_ACK = "message_ack"
    ERROR = "error"
    ACK_RESPONSE = "ack_response"
    SYNC_PAGE = "sync_page"
    SYNC_DONE = "sync_done"
    HISTORY_PAGE = "history_page"
    MESSAGE = "message"
    EVENT = "event"
    RECEIPT = "receipt"
    TYPING = "typing"
    PRESENCE = "presence"
    RESYNC = "resync"
    RECONNECT = "reconnect"


CLIENT_FRAME_TYPES: tuple[str, ...] = tuple(str(frame.__struct_config__.tag) for frame in CLIENT_FRAMES)
SERVER_FRAME_TYPES: tuple[str, ...] = tuple(kind.value for kind in ServerFrameType)


def _server_receives() -> dict[tuple[State, str], Verdict]:
    table: dict[tuple[State, str], Verdict] = {}
    for kind in CLIENT_FRAME_TYPES:
        table[State.CONNECTING, kind] = Verdict.CLOSE_NOT_AUTHENTICATED
        table[State.AUTHENTICATING, kind] = Verdict.HOLD
        table[State.OPEN, kind] = Verdict.HANDLE
        table[State.CLOSING, kind] = Verdict.IGNORE
    table[State.CONNECTING, "auth"] = Verdict.HANDLE
    table[State.AUTHENTICATING, "auth"] = Verdict.CLOSE_VIOLATION
    return table


def _client_receives() -> dict[tuple[State, str], Verdict]:
    table: dict[tuple[State, str], Verdict] = {}
    for kind in SERVER_FRAME_TYPES:
        table[State.CONNECTING, kind] = Verdict.CLOSE_VIOLATION
        table[State.AUTHENTICATING, kind] = Verdict.CLOSE_VIOLATION
        table[State.OPEN, kind] = Verdict.HANDLE
        table[State.CLOSING, kind] = Verdict.IGNORE
    for kind in ("auth_ok", "auth_fail", "error", "reconnect"):
        table[State.AUTHENTICATING, kind] = Verdict.HANDLE
    # A server with the token in the upgrade request speaks first, and may be leaving.
    for kind in ("auth_ok", "auth_fail", "reconnect"):
        table[State.CONNECTING, kind] = Verdict.HANDLE
    return table


SERVER_RECEIVES: dict[tuple[State, str], Verdict] = _server_receives()
CLIENT_RECEIVES: dict[tuple[State, str], Verdict] = _client_receives()

CLOSE_CODES: dict[Verdict, CloseCode] = {
    Verdict.CLOSE_NOT_AUTHENTICATED: CloseCode.NOT_AUTHENTICATED,
    Verdict.CLOSE_VIOLATION: CloseCode.VIOLATION,
}
"""The close code that each closing verdict stands for."""


def expected_of_server(state: State) -> str:
    """Return, for a close reason, what a server in this state expected."""
    return {
        State.CONNECTING: 'expected "auth" first',
        State.AUTHENTICATING: "expected nothing before auth_ok",
    }.get(state, "expected a known frame")
