"""What each close code means and what a client does then: the reference of the socket is made from this table."""

from __future__ import annotations

from typing import NamedTuple

from pingme.wire.websocket import CloseCode


class CloseRow(NamedTuple):
    """One row of the table in docs/protocol.md, "Close codes".

    Attributes:
        meaning: why the socket was closed.
        client: what the client does.
    """

    meaning: str
    client: str


CLOSE_ROWS: dict[CloseCode, CloseRow] = {
    CloseCode.NORMAL: CloseRow("the client said goodbye", "–"),
    CloseCode.GOING_AWAY: CloseRow("the server is leaving", "reconnects, with backoff and jitter"),
    CloseCode.PROTOCOL_ERROR: CloseRow("RFC 6455 was broken", "has a bug"),
    CloseCode.UNSUPPORTED_DATA: CloseRow("a binary message", "has a bug"),
    CloseCode.INVALID_TEXT: CloseRow("text that is not UTF-8", "has a bug"),
    CloseCode.MESSAGE_TOO_BIG: CloseRow("a message above the limit", "has a bug"),
    CloseCode.SERVER_ERROR: CloseRow("the server met a fault of its own", "reconnects, with backoff"),
    CloseCode.VIOLATION: CloseRow("a frame that is not legal now", "has a bug"),
    CloseCode.NOT_AUTHENTICATED: CloseRow(
        "no token in time, a bad or an expired one", "refreshes the token, reconnects"
    ),
    CloseCode.SILENT: CloseRow("silent for `websocket.pong_timeout`", "reconnects, syncs"),
    CloseCode.OUTBOX_FULL: CloseRow("did not read: its outbox was full", "reconnects, syncs"),
    CloseCode.FLOODING: CloseRow(
        "too many control frames, or connects of one user", "reconnects later, syncs"
    ),
    CloseCode.REVOKED: CloseRow("the session was ended, or the user disabled", "logs in again"),
    CloseCode.REPLACED: CloseRow("a newer socket of this device, or one device too many", "stays closed"),
    CloseCode.OVERLOADED: CloseRow("the store cannot be read now", "reconnects, with backoff"),
}
