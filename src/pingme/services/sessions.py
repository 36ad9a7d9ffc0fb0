"""Login sessions: one per user and device, opened by a password, kept by refresh tokens, ended at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.ids import is_id, time_ordered_id
from pingme.domain.usernames import check_device_name
from pingme.ports.accounts import AccountStore, Credentials, Device, Session, User
from pingme.ports.clock import Clock
from pingme.services.tokens import RefreshDecision, Tokens, decide_refresh

log = structlog.get_logger(__name__)

SESSION_REVOKED = 4450  # close codes, docs/protocol.md
SESSION_REPLACED = 4451
CACHED_SESSIONS = 10_000  # some 8 MiB; a miss costs one indexed read
ROTATE_ATTEMPTS = 3  # the second one finds what a parallel refresh has stored

OnRevoked = Callable[[str, str, int], None]
"""Close the sockets of (user_id, family_id) with a close code; must not wait."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking, proved by an access token.

    Attributes:
        expires_ts: when the token ends, Unix milliseconds.
    """

    user_id: str
    device_id: str
    family_id: str
    username: str
    expires_ts: int


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The answer to a login or a refresh. ``expires_in_s`` is of the access token."""

    user: User
    device_id: str
    token: str
    expires_in_s: int
    refresh_token: str


class Sessions:
    """Open, refresh, check and end login sessions.

    Args:
        store: keeps the devices.
        tokens: makes and checks the tokens.
        clock: wall time for what people see and for expiry.
        on_revoked: closes sockets of sessions that ended.
        devices_per_user: `limits.devices_per_user`; the longest unused go beyond it.
        refresh_ttl_s: `limits.refresh_ttl_s`, counted anew with every refresh.
        session_ttl_ms: how long a session that was read is believed, where other processes end sessions too; None:
            until it ends here.
        cached: sessions that are kept in memory.
    """

    def __init__(
        self,
        store: AccountStore,
        tokens: Tokens,
        *,
        clock: Clock,
        on_revoked: OnRevoked,
        devices_per_user: int,
        refresh_ttl_s: int,
        session_ttl_ms: int | None = None,
        cached: int = CACHED_SESSIONS,
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._on_revoked = on_revoked
        self._devices_per_user = devices_per_user
        self._refresh_ttl_ms = refresh_ttl_s * 1000
        self._session_ttl_ms = session_ttl_ms
        self._cached = cached
        self._sessions: dict[str, tuple[Session, int]] = {}  # and when each was read, on the monotonic clock
        self._ended = 0  # how often sessions have ended here: what was read meanwhile is not kept

    async def open(self, found: Credentials, *, device_id: str | None, device_name: str) -> LoggedIn:
        """Begin a session on a device, in the place of the one that this device had.

        Raises:
            Refused: 10002 device_id or device_name is malformed; 30003 the account changed meanwhile.
        """
        device = self._new_device(device_id, device_name)
        try:
            removed = await self._store.open_device(
                found.user.user_id,
                device,
                password_hash=found.password_hash,
                now_ms=device.created_ts,
                limit=self._devices_per_user,
            )
        except BaseException:
            self.forget()  # nobody knows which sessions have ended
            raise
        if removed is None:
            raise Refused(ErrorCode.INVALID_CREDENTIALS)
        self.revoke(found.user.user_id, removed, SESSION_REPLACED)
        log.info("session_opened", user_id=found.user.user_id, device_id=device.device_id)
        return self._answer(found.user, device, generation=device.generation)

    def _new_device(self, device_id: str | None, name: str) -> Device:
        now_ms = self._clock.now_ms()
        chosen = device_id or time_ordered_id("d", now_ms, self._clock.entropy(10))
        if not is_id(chosen):
            raise Refused(ErrorCode.INVALID_PARAMETERS, "device_id: expected 1 to 64 letters, digits, _ or -")
        return Device(
            device_id=chosen,
            name=check_device_name(name),
            family_id=self._tokens.new_family(),
            generation=1,
            rotated_ts=now_ms,
            created_ts=now_ms,
            expires_ts=now_ms + self._refresh_ttl_ms,
        )

    async def refresh(self, refresh_token: str) -> LoggedIn:
        """Exchange a refresh token for new tokens.

        The token before the current one gives the same successor for 10 s; an older one ends the session.

        Raises:
            Refused: 30004 the session has expired; 30005 the token is no longer, or was never, good.
        """
        claims = self._tokens.parse_refresh(refresh_token)
        for _ in range(ROTATE_ATTEMPTS):
            session = await self._store.session(claims.family_id)
            if session is None or session.disabled:
                raise Refused(ErrorCode.INVALID_TOKEN)
            generation = await self._exchange(session, claims.generation)
            user = await self._store.user(session.user_id) if generation else None
            if generation and user is not None:
                return self._answer(user, session.device, generation=generation)
        raise Refused(ErrorCode.OVERLOADED, retry_after_ms=1000)

    async def _exchange(self, session: Session, generation: int) -> int | None:
        """Return the generation that the answer carries, or None when another refresh came first."""
        now_ms = self._clock.now_ms()
        match decide_refresh(session.device, generation, now_ms):
            case RefreshDecision.REPEAT:
                return session.device.generation
            case RefreshDecision.EXPIRED:
                raise Refused(ErrorCode.TOKEN_EXPIRED)
            case RefreshDecision.REUSED:
                log.warning(
                    "refresh_token_reused", user_id=session.user_id, device_id=session.device.device_id
                )
                await self.end(session.user_id, session.device.device_id, family_id=session.device.family_id)
                raise Refused(ErrorCode.INVALID_TOKEN)
            case RefreshDecision.ROTATE:
                rotated = await self._store.rotate(
                    session.device.family_id,
                    generation=generation,
                    now_ms=now_ms,
                    expires_ts=now_ms + self._refresh_ttl_ms,
                )
                return generation + 1 if rotated else None

    def _answer(self, user: User, device: Device, *, generation: int) -> LoggedIn:
        token = self._tokens.issue(
            user_id=user.user_id, device_id=device.device_id, family_id=device.family_id
        )
        refresh_token = self._tokens.issue_refresh(device.family_id, generation)
        return LoggedIn(user, device.device_id, token, self._tokens.expiration_s, refresh_token)

    async def verify_access(self, token: str) -> Identity:
        """Return who an access token speaks for. Waits only where the store does; cheap enough for every request.

        Raises:
            Refused: 30004 it is expired; 30005 it is not good, or its session has ended.
            StoreUnavailable: it cannot be known now.
        """
        claims = self._tokens.verify(token)
        session = self._remembered(claims.sid) or await self._load(claims.sid)
        if session is None or session.disabled:
            raise Refused(ErrorCode.INVALID_TOKEN)
        if (session.user_id, session.device.device_id) != (claims.sub, claims.did):
            raise Refused(ErrorCode.INVALID_TOKEN)
        return Identity(claims.sub, claims.did, claims.sid, session.username, claims.exp * 1000)

    def _remembered(self, family_id: str) -> Session | None:
        found = self._sessions.get(family_id)
        if found is None:
            return None
        session, read_ms = found
        ttl_ms = self._session_ttl_ms
        return session if ttl_ms is None or self._clock.monotonic_ms() - read_ms < ttl_ms else None

    async def _load(self, family_id: str) -> Session | None:
        ended, asked_ms = self._ended, self._clock.monotonic_ms()
        session = await self._store.session(family_id)
        self._sessions.pop(family_id, None)
        if session is not None and ended == self._ended:
            if len(self._sessions) >= self._cached:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[family_id] = session, asked_ms
        return session

    async def end(
        self, user_id: str, device_id: str, *, family_id: str | None = None, close_code: int = SESSION_REVOKED
    ) -> bool:
        """End a session now: its tokens are worth nothing, its sockets close. Tell whether there was one."""
        try:
            removed = await self._store.remove_device(user_id, device_id, family_id=family_id)
        except BaseException:
            self.forget()
            raise
        self.revoke(user_id, [removed] if removed else [], close_code)
        return removed is not None

    def revoke(self, user_id: str, removed: Iterable[Device], close_code: int) -> None:
        """Forget sessions that the store has removed, and close their sockets."""
        self._ended += 1
        for device in removed:
            self._sessions.pop(device.family_id, None)
            self._on_revoked(user_id, device.family_id, close_code)
            log.info("session_ended", user_id=user_id, device_id=device.device_id, close_code=close_code)

    def forget(self, user_id: str | None = None) -> None:
        """Look at the store again for a user's sessions (or everybody's): another process changed them."""
        self._ended += 1
        self._sessions = {
            family_id: found
            for family_id, found in self._sessions.items()
            if user_id is not None and found[0].user_id != user_id
        }
