"""How a connection is opened: a token is checked, memberships are subscribed, then it is told so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pingme.domain.errors import ErrorCode, PingMeError, Refused
from pingme.services.sessions import Identity
from pingme.wire import frames
from pingme.wire.server_frames import AuthOk, Failure, Limits
from pingme.wire.session import State
from pingme.wire.websocket import CloseCode

if TYPE_CHECKING:
    from pingme.edge.connection import Connection

# A connect costs some 0.4 ms, a dozen messages; clients wait longer than this for their auth_ok.
CONNECT_WAIT_MS = 2_000


def authenticate(connection: Connection, got: frames.Auth) -> None:
    """Act on an ``auth`` frame: open the connection, or renew the token of an open one."""
    if connection.state is not State.OPEN:
        connection.state = State.AUTHENTICATING
    # First in line, before frames that came with the same packet.
    connection.later(lambda: _authenticate(connection, got))


async def _authenticate(connection: Connection, got: frames.Auth) -> None:
    try:
        identity = await connection.node.verify(got.payload.token)
        if got.payload.protocol != frames.PROTOCOL_VERSION:
            wanted = f"protocol: expected {frames.PROTOCOL_VERSION}, got {got.payload.protocol}"
            raise Refused(ErrorCode.INVALID_PARAMETERS, wanted)
        if connection.state is State.OPEN and identity.family_id != connection.family_id:
            raise Refused(ErrorCode.INVALID_TOKEN, "the token is of another session")
    except PingMeError as error:
        _send_auth_fail(connection, error, got.id)
        if isinstance(error, Refused):
            connection.close(CloseCode.NOT_AUTHENTICATED, error.message)
        else:  # the token may be good: the client comes again with it
            connection.close(CloseCode.OVERLOADED, "the store is not available")
        return
    if connection.closing:
        return
    if connection.state is State.OPEN:
        _renew(connection, identity)
        _send_auth_ok(connection, got.id)
    else:
        _admit(connection, identity)
        await _open(connection, got.id)


def welcome(connection: Connection, identity: Identity) -> None:
    """Open the connection for an identity that was verified before there was a socket."""
    connection.state = State.AUTHENTICATING
    _admit(connection, identity)
    connection.later(lambda: _open(connection, None))


def _admit(connection: Connection, identity: Identity) -> None:
    """Note whose connection it is, and subscribe it: from now on a revocation finds it."""
    connection.user_id = identity.user_id
    connection.device_id = identity.device_id
    connection.family_id = identity.family_id
    connection.username = identity.username
    _renew(connection, identity)
    connection.loading = {}
    connection.node.hub.attach(connection)


async def _open(connection: Connection, frame_id: str | None) -> None:
    node = connection.node
    # Only now: a revocation finds it while it waits.
    if not await _its_turn(connection):
        return
    try:
        groups = await node.store.channels(connection.user_id)
    except PingMeError as error:
        _send_auth_fail(connection, error, frame_id)
        connection.close(CloseCode.OVERLOADED, "the store is not available")
        return
    if connection.closing:
        return
    # What happened to memberships while they were read counts more than what was read.
    changes, connection.loading = connection.loading or {}, None
    node.hub.begin(connection, {group: seq for group, seq in groups.items() if changes.get(group, True)})
    connection.state = State.OPEN
    _send_auth_ok(connection, frame_id)
    node.ready(connection)


async def _its_turn(connection: Connection) -> bool:
    """Wait while this user connects too often; False when the connection is closed meanwhile, or has to be."""
    node = connection.node
    wait_ms = node.connects.reserve(connection.user_id, CONNECT_WAIT_MS)
    if wait_ms is None:
        connection.close(CloseCode.FLOODING, "too many connects of this user: come back later")
    elif wait_ms:
        await node.clock.sleep_ms(wait_ms)
    return not connection.closing


def _renew(connection: Connection, identity: Identity) -> None:
    left_ms = identity.expires_ts - connection.node.clock.now_ms()
    connection.expires_s = connection.node.wheel.now_s + max(0, left_ms // 1000)


def _send_auth_fail(connection: Connection, error: PingMeError, frame_id: str | None) -> None:
    """Say why the connection is not opened, and count it; the close follows."""
    if not connection.closing:
        connection.node.hot.count_refusal(int(error.code))
        connection.send_payload("auth_fail", Failure(code=int(error.code), message=error.message), frame_id)


def _send_auth_ok(connection: Connection, frame_id: str | None) -> None:
    rules = connection.node.rules
    answer = AuthOk(
        user_id=connection.user_id,
        username=connection.username,
        device_id=connection.device_id,
        server_ts=connection.node.clock.now_ms(),
        epoch=connection.node.store.epoch,
        ping_interval=rules.ping_interval_s,
        limits=Limits(
            max_message_size=rules.max_message_bytes,
            sends_per_s=rules.sends_per_s,
            unanswered_sends=rules.unanswered_sends,
            page_events=frames.MAX_PAGE,
        ),
    )
    connection.send_payload("auth_ok", answer, frame_id)
