"""Accounts: who may come in, with what, and what others see of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog
from msgspec.structs import replace

from pingme.domain.errors import ErrorCode, PingMeError, Refused
from pingme.domain.events import ProfileUpdatedBody
from pingme.domain.ids import is_id, time_ordered_id, uuid7
from pingme.domain.usernames import (
    check_avatar,
    check_email,
    check_nickname,
    check_password,
    check_username,
    normalise_password,
    username_key,
)
from pingme.ports.accounts import AccountStore, Credentials, Device, NewUser, User
from pingme.ports.clock import Clock
from pingme.services.passwords import Passwords
from pingme.services.people import People
from pingme.services.sessions import SESSION_REVOKED, Identity, LoggedIn, OnRevoked, Sessions
from pingme.services.throttle import LoginThrottle, RegistrationQuota
from pingme.services.tokens import Tokens

log = structlog.get_logger(__name__)

ADMIN_PAGE = 1_000  # users in one page of `pingme user list`
BULK = 10_000  # users made by one call

PublishProfile = Callable[[str, str, ProfileUpdatedBody], Awaitable[object]]
"""Append ``profile_updated`` (user_id, msg_id, body) to the user's own log; the store changes the account
with it.

Returns when both are stored; raises `Refused` (40004 …) or `OutcomeUnknown`.
"""


LOGIN_RESULTS = {
    ErrorCode.INVALID_CREDENTIALS: "invalid",
    ErrorCode.FORBIDDEN: "invalid",
    ErrorCode.TOO_MANY_REQUESTS: "throttled",
    ErrorCode.OVERLOADED: "overloaded",
}


def _ignore(_result: str) -> None:
    """Nobody counts."""


class Accounts:
    """The use cases of accounts. All methods may run concurrently, on one event loop.

    Args:
        store: keeps accounts and devices.
        passwords: hashes and verifies.
        tokens: makes and checks tokens.
        throttle: slows down guessing.
        clock: time and entropy.
        on_revoked: closes the sockets of sessions that ended.
        publish_profile: makes a profile change an event.
        registration_open: `app.registration`; False leaves it to administrators.
        devices_per_user: `limits.devices_per_user`.
        refresh_ttl_s: `limits.refresh_ttl_s`.
        registrations_per_hour: `limits.registrations_per_hour`, per address; 0 = no limit.
        session_ttl_ms: how long a session that was read is believed; None: until it ends here.
        on_login: told how each login ended: success, invalid, throttled, overloaded or error.
    """

    def __init__(
        self,
        store: AccountStore,
        passwords: Passwords,
        tokens: Tokens,
        throttle: LoginThrottle,
        clock: Clock,
        *,
        on_revoked: OnRevoked,
        publish_profile: PublishProfile,
        registration_open: bool = True,
        devices_per_user: int = 20,
        refresh_ttl_s: int = 2_592_000,
        registrations_per_hour: int = 0,
        session_ttl_ms: int | None = None,
        on_login: Callable[[str], None] | None = None,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._throttle = throttle
        self._clock = clock
        self._publish_profile = publish_profile
        self._registration_open = registration_open
        self._on_login = on_login or _ignore
        self.people = People(store)
        self._quota = RegistrationQuota(clock, per_hour=registrations_per_hour)
        self.sessions = Sessions(
            store,
            tokens,
            clock=clock,
            on_revoked=on_revoked,
            devices_per_user=devices_per_user,
            refresh_ttl_s=refresh_ttl_s,
            session_ttl_ms=session_ttl_ms,
        )

    # -- coming in -------------------------------------------------------------------------------------------

    async def register(
        self, username: str, password: str, *, email: str = "", nickname: str = "", address: str = ""
    ) -> User:
        """Make an account.

        Args:
            username: 3 to 32 characters (`pingme.domain.usernames`).
            password: 8 to 128 characters, not the username.
            email: not verified; may be empty.
            nickname: at most 64 characters; may be empty.
            address: of the client, for the hourly quota.

        Raises:
            Refused: 10002 a rule is broken; 10004 registration is closed; 30002 the name is taken; 10007,
                10008.
        """
        if not self._registration_open:
            raise Refused(ErrorCode.FORBIDDEN, "registration is closed: ask an administrator for an account")
        shown = check_username(username)
        secret = check_password(password, username=shown)
        new = self._new_user(shown, email=check_email(email), nickname=check_nickname(nickname))
        self._quota.take(address)
        return await self._create(new, secret)

    async def _create(self, new: NewUser, password: str) -> User:
        if await self._store.credentials(new.username_key) is not None:
            raise Refused(ErrorCode.USER_EXISTS)  # before the hash: it costs a tenth of a second
        hashed = replace(new, password_hash=await self._passwords.hash(password))
        user = await self._store.create_user(hashed)
        log.info("user_created", user_id=user.user_id)
        return user

    def _new_user(self, shown: str, *, email: str = "", nickname: str = "") -> NewUser:
        now_ms = self._clock.now_ms()
        return NewUser(
            user_id=time_ordered_id("u", now_ms, self._clock.entropy(10)),
            username=shown,
            username_key=username_key(shown),
            password_hash="",
            nickname=nickname,
            nickname_key=username_key(nickname),
            email=email,
            created_ts=now_ms,
        )

    async def login(
        self,
        username: str,
        password: str,
        *,
        device_id: str | None = None,
        device_name: str = "",
        address: str = "",
    ) -> LoggedIn:
        """Open a session. An unknown user and a wrong password cost the same and get the same answer.

        Args:
            username: in any spelling that has the same key.
            password: as typed.
            device_id: of a device that was here before; a new one is made when None.
            device_name: for the list of devices; at most 64 characters.
            address: of the client, for the throttle.

        Raises:
            Refused: 30003; 10004 the account is disabled; 10002, 10007, 10008.
        """
        key = username_key(username)
        try:
            found = await self._check_credentials(key, password, address)
            if found.user.disabled:
                raise Refused(ErrorCode.FORBIDDEN, "this account is disabled")
            found = await self._renew_hash(found, password)
            opened = await self.sessions.open(found, device_id=device_id, device_name=device_name)
        except PingMeError as error:
            self._on_login(LOGIN_RESULTS.get(error.code, "error"))
            raise
        self._on_login("success")
        return opened

    async def _check_credentials(self, key: str, password: str, address: str) -> Credentials:
        """Return the account when the password is right; count it when it is wrong."""
        self._throttle.check(key, address)
        found = await self._store.credentials(key)
        # Checked again when it is this guess's turn, so that many at once are no way around the delay.
        good = await self._passwords.verify(
            found.password_hash if found else None,
            password,
            before=lambda: self._throttle.check(key, address),
        )
        if good is not True or found is None:
            self._throttle.fail(key, address)
            log.info("login_failed", known_user=found is not None)
            raise Refused(ErrorCode.INVALID_CREDENTIALS)
        self._throttle.succeed(key)
        return found

    async def _renew_hash(self, found: Credentials, password: str) -> Credentials:
        """Hash again when the parameters have changed since."""
        if not self._passwords.is_outdated(found.password_hash):
            return found
        fresh = await self._passwords.hash(password)
        if await self._store.replace_hash(found.user.user_id, old=found.password_hash, new=fresh):
            return Credentials(found.user, fresh)
        return found

    async def refresh(self, refresh_token: str) -> LoggedIn:
        """Exchange a refresh token; see `Sessions.refresh`."""
        return await self.sessions.refresh(refresh_token)

    async def verify_access(self, token: str) -> Identity:
        """Return who an access token speaks for; see `Sessions.verify_access`."""
        return await self.sessions.verify_access(token)

    # -- one's own sessions ----------------------------------------------------------------------------------

    async def logout(self, who: Identity) -> None:
        """End the session that asks."""
        await self.sessions.end(who.user_id, who.device_id, family_id=who.family_id)

    async def change_password(self, who: Identity, current: str, new: str, *, address: str = "") -> None:
        """Set a new password; the device that asks stays, all others are logged out (4450).

        Raises:
            Refused: 30003 ``current`` is wrong; 10002 ``new`` breaks a rule; 10006, 10007, 10008.
        """
        secret = check_password(new, username=who.username)
        found = await self._check_credentials(username_key(who.username), current, address)
        hashed = await self._passwords.hash(secret)
        await self._store_password(
            found.user.user_id, hashed, keep_device=who.device_id, old=found.password_hash
        )

    async def _store_password(
        self, user_id: str, password_hash: str, *, keep_device: str | None, old: str | None
    ) -> None:
        try:
            removed = await self._store.change_password(
                user_id, password_hash, keep_device=keep_device, old=old
            )
        except BaseException:
            self.sessions.forget(user_id)
            raise
        if removed is None:
            raise Refused(ErrorCode.CONFLICT, "the password was changed at the same time")
        self.sessions.revoke(user_id, removed, SESSION_REVOKED)
        log.info("password_changed", user_id=user_id)

    async def devices(self, user_id: str) -> Sequence[Device]:
        """Return a user's sessions, the newest login first; expired ones are left out."""
        now_ms = self._clock.now_ms()
        return [device for device in await self._store.devices(user_id) if device.expires_ts > now_ms]

    async def remove_device(self, user_id: str, device_id: str) -> None:
        """End one of one's own sessions (4450).

        Raises:
            Refused: 10005, no such device.
        """
        if not await self.sessions.end(user_id, device_id):
            raise Refused(ErrorCode.NOT_FOUND, "no such device")

    # -- profiles --------------------------------------------------------------------------------------------

    async def user(self, user_id: str) -> User:
        """Return an account.

        Raises:
            Refused: 30001.
        """
        user = await self._store.user(user_id)
        if user is None:
            raise Refused(ErrorCode.USER_NOT_FOUND)
        return user

    async def update_profile(
        self,
        user_id: str,
        *,
        nickname: str | None = None,
        email: str | None = None,
        avatar: str | None = None,
        msg_id: str | None = None,
    ) -> User:
        """Change what is not None (empty takes it away), as an event of the user's own log.

        Args:
            user_id: whose profile.
            nickname: at most 64 characters.
            email: at most 254 characters.
            avatar: an address, at most 512 characters.
            msg_id: makes a repeat harmless; made when None.

        Raises:
            Refused: 10002, 40004.
            OutcomeUnknown: repeat with the same msg_id.
        """
        body = ProfileUpdatedBody(
            nickname=None if nickname is None else check_nickname(nickname),
            email=None if email is None else check_email(email),
            avatar=None if avatar is None else check_avatar(avatar),
        )
        if body == ProfileUpdatedBody():
            raise Refused(ErrorCode.INVALID_PARAMETERS, "expected at least one of nickname, email, avatar")
        operation = msg_id or uuid7(self._clock.now_ms(), self._clock.entropy(10))
        if not is_id(operation):
            raise Refused(ErrorCode.INVALID_PARAMETERS, "msg_id: expected 1 to 64 letters, digits, _ or -")
        await self._publish_profile(user_id, operation, body)
        return await self.user(user_id)

    # -- administration --------------------------------------------------------------------------------------

    async def admin_create(
        self, username: str, password: str, *, email: str = "", nickname: str = ""
    ) -> User:
        """Make an account, also with a reserved name and while registration is closed.

        Raises:
            Refused: as `register`.
        """
        shown = check_username(username, allow_reserved=True)
        secret = check_password(password, username=shown)
        new = self._new_user(shown, email=check_email(email), nickname=check_nickname(nickname))
        return await self._create(new, secret)

    async def admin_create_many(self, usernames: Sequence[str], password: str) -> int:
        """Make accounts that share one password and its hash (for demonstrations and measurements).

        Args:
            usernames: at most 10 000; taken ones are left out.
            password: of all of them.

        Returns:
            How many were made.
        """
        if len(usernames) > BULK:
            raise Refused(ErrorCode.INVALID_PARAMETERS, f"expected at most {BULK} usernames")
        hashed = await self._passwords.hash(normalise_password(password))
        checked = [check_username(name, allow_reserved=True) for name in usernames]
        return await self._store.create_users(
            [replace(self._new_user(name), password_hash=hashed) for name in checked]
        )

    async def admin_list(self, *, after: str = "", limit: int = 100) -> Sequence[User]:
        """Return accounts by username, after this username; 1 to 1 000."""
        limit = max(1, min(limit, ADMIN_PAGE))
        return await self._store.list_users(after_key=username_key(after), limit=limit)

    async def admin_find(self, name: str) -> User:
        """Return the account with this username or user_id.

        Raises:
            Refused: 30001.
        """
        found = await self._store.credentials(username_key(name))
        return found.user if found is not None else await self.user(name)

    async def admin_set_disabled(self, name: str, *, disabled: bool) -> User:
        """Keep a user out, ending all sessions (4450), or let them in again.

        Raises:
            Refused: 30001.
        """
        user = await self.admin_find(name)
        try:
            removed = await self._store.set_disabled(user.user_id, disabled=disabled)
        except BaseException:
            self.sessions.forget(user.user_id)
            raise
        self.sessions.revoke(user.user_id, removed or (), SESSION_REVOKED)
        log.info("user_disabled" if disabled else "user_enabled", user_id=user.user_id)
        return await self.user(user.user_id)

    async def admin_set_password(self, name: str, password: str) -> User:
        """Set a password without knowing the old one; all sessions end (4450).

        Raises:
            Refused: 30001, 10002.
        """
        user = await self.admin_find(name)
        secret = check_password(password, username=user.username)
        hashed = await self._passwords.hash(secret)
        await self._store_password(user.user_id, hashed, keep_device=None, old=None)
        self._throttle.succeed(username_key(user.username))
        return user
