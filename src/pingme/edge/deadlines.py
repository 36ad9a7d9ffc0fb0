"""What a connection may wait for: the token, a sign of life, the goodbye. Called by the timing wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pingme.wire.session import State
from pingme.wire.websocket import PING, CloseCode, frame

if TYPE_CHECKING:
    from pingme.edge.connection import Connection

CLOSE_WAIT_S = 2  # for the client's close frame, then the socket is cut


def check_deadlines(connection: Connection, now_s: int) -> int:
    """Close, ping or cut a connection whose time has come; return in how many seconds to look again."""
    if connection.closing:
        if now_s >= connection.deadline_s:
            connection.pipe.abort()
            return 0
        return 1
    rules = connection.node.rules
    if connection.state is State.CONNECTING:
        if now_s >= connection.deadline_s:
            connection.close(CloseCode.NOT_AUTHENTICATED, f"no auth within {rules.auth_deadline_s} s")
            return 0  # closing has put it on the wheel
        return connection.deadline_s - now_s
    if connection.user_id and now_s >= connection.expires_s:  # without one it is still being authenticated
        connection.close(CloseCode.NOT_AUTHENTICATED, "the token has expired")
        return 0
    return _check_alive(connection, now_s)


def _check_alive(connection: Connection, now_s: int) -> int:
    rules = connection.node.rules
    if connection.paused:
        connection.last_s = now_s  # we do not read it: it counts as alive
    silent_s = now_s - connection.last_s
    if silent_s >= rules.pong_timeout_s:
        connection.close(CloseCode.SILENT, f"nothing heard for {rules.pong_timeout_s} s")
        return 0
    if silent_s >= rules.ping_interval_s and connection.pinged_s < connection.last_s + rules.ping_interval_s:
        connection.pinged_s = now_s
        connection.push(frame(PING, b""))
    until_ping = connection.last_s + rules.ping_interval_s - now_s
    until_silent = connection.last_s + rules.pong_timeout_s - now_s
    wait = until_ping if until_ping > 0 else until_silent
    return max(1, min(wait, connection.expires_s - now_s))
