"""Who has an account, and on which devices they are logged in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class User(msgspec.Struct, frozen=True, kw_only=True):
    """An account, without its password.

    Attributes:
        user_id: ``u…``, for ever.
        username: as shown; unique by its key (`pingme.domain.usernames.username_key`).
        nickname, email, avatar: the profile; empty when not given.
        disabled: True keeps the user out; what they wrote stays.
        created_ts, last_seen_ts: Unix milliseconds; last_seen_ts is None before the first visit ended.
    """

    user_id: str
    username: str
    nickname: str = ""
    email: str = ""
    avatar: str = ""
    disabled: bool = False
    created_ts: int
    last_seen_ts: int | None = None


class NewUser(msgspec.Struct, frozen=True, kw_only=True):
    """An account to be made. ``username_key`` and ``nickname_key`` are keys of the names as checked."""

    user_id: str
    username: str
    username_key: str
    password_hash: str
    nickname: str = ""
    nickname_key: str = ""
    email: str = ""
    created_ts: int


class Credentials(msgspec.Struct, frozen=True):
    """What a login is checked against."""

    user: User
    password_hash: str


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A login session: one device of one user, and its token family.

    Attributes:
        device_id: unique for its user.
        name: for people; may be empty.
        family_id: new with every login; every token carries it.
        generation: number of the current refresh token, from 1.
        rotated_ts, created_ts, expires_ts: Unix milliseconds; after expires_ts no refresh is possible.
    """

    device_id: str
    name: str
    family_id: str
    generation: int
    rotated_ts: int
    created_ts: int
    expires_ts: int


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What every request is checked against."""

    user_id: str
    username: str
    disabled: bool
    device: Device


class AccountStore(Protocol):
    """Accounts and devices. A change is on disk when its call returns, and each call is one transaction.

    What one call has changed, every later call sees. Usernames are unique by key, device ids per user,
    families everywhere. Calls may run concurrently. A profile changes by an event of its user's own log,
    which the message store writes together with the user's row; here it is read. Every call raises
    `StoreUnavailable` (nothing was written) or `StoreOutcomeUnknown` (read back) when the store is in
    trouble.
    """

    async def create_user(self, new: NewUser) -> User:
        """Make an account.

        Raises:
            Refused: 30002, the username is taken.
        """
        ...

    async def create_users(self, new: Sequence[NewUser]) -> int:
        """Make many accounts at once, leaving out those whose username is taken; return how many were made.

        Args:
            new: at most 10 000.
        """
        ...

    async def user(self, user_id: str) -> User | None:
        """Return an account, disabled or not, or None."""
        ...

    async def users(self, user_ids: Sequence[str]) -> Sequence[User]:
        """Return those of these accounts (at most 200 ids) that there are, disabled or not, in any order; one statement."""
        ...

    async def credentials(self, username_key: str) -> Credentials | None:
        """Return what the login of this name is checked against, or None."""
        ...

    async def list_users(self, *, after_key: str = "", limit: int = 100) -> Sequence[User]:
        """Return accounts by ascending username key, from the first one after ``after_key``; 1 to 1 000."""
        ...

    async def users_by_username(self, prefix: str, *, after_key: str = "", limit: int = 50) -> Sequence[User]:
        """Return enabled accounts whose username key begins with ``prefix``, ascending, after ``after_key``.

        Args:
            prefix: a key, not empty.
            after_key: a username key, or "".
            limit: 1 to 200.
        """
        ...

    async def users_by_nickname(
        self, prefix: str, *, after: tuple[str, str] = ("", ""), limit: int = 50
    ) -> Sequence[User]:
        """Return enabled accounts whose nickname key begins with ``prefix``, by (nickname key, user_id).

        Args:
            prefix: a key, not empty.
            after: (nickname key, user_id) of the last one seen.
            limit: 1 to 200.
        """
        ...

    async def set_last_seen(self, seen: Mapping[str, int]) -> None:
        """Keep when users were last here, in Unix milliseconds; a value only grows. Unknown users are left
        out.

        Args:
            seen: user_id to Unix milliseconds, at most 10 000.
        """
        ...

    async def replace_hash(self, user_id: str, *, old: str, new: str) -> bool:
        """Store another hash of the same password, unless the hash is no longer ``old``; tell whether it
        was.
        """
        ...

    async def change_password(
        self, user_id: str, password_hash: str, *, keep_device: str | None, old: str | None = None
    ) -> Sequence[Device] | None:
        """Set a new password and remove all devices but one, together.

        Args:
            user_id: whose password.
            password_hash: of the new password.
            keep_device: the device that stays, or None.
            old: the hash that the change was decided on, or None for whatever it is.

        Returns:
            The removed devices; None, and nothing is changed, when there is no such user or the hash is not
            ``old``.
        """
        ...

    async def set_disabled(self, user_id: str, *, disabled: bool) -> Sequence[Device] | None:
        """Let a user in again, or keep them out and remove all their devices, together.

        Returns:
            The removed devices; None when there is no such user.
        """
        ...

    async def open_device(
        self, user_id: str, device: Device, *, password_hash: str, now_ms: int, limit: int
    ) -> Sequence[Device] | None:
        """Keep a new login session; one of the same device is replaced.

        Expired devices go silently. Above ``limit`` devices the ones that were used longest ago (rotated_ts)
        go.

        Args:
            user_id: who has logged in.
            device: the session.
            password_hash: what the login was checked against.
            now_ms: Unix milliseconds.
            limit: devices per user, from 1.

        Returns:
            The removed devices, the replaced one among them; None, and nothing is changed, when meanwhile
            the user was disabled or has another password hash.
        """
        ...

    async def devices(self, user_id: str) -> Sequence[Device]:
        """Return a user's devices, the newest login first."""
        ...

    async def session(self, family_id: str) -> Session | None:
        """Return the session of a token family, or None. An indexed read of one row; embedded it does not wait."""
        ...

    async def standing(self, family_ids: Sequence[str]) -> set[str]:
        """Return those of these token families (at most 1 000) whose session stands and whose user is not disabled.

        One statement: a node asks it of its open sockets when `revocations` has changed.
        """
        ...

    async def revocations(self) -> int:
        """Return a number that changes with every session that ends, in the same transaction.

        An indexed read of one row: each node among several asks for it every second.
        """
        ...

    async def rotate(self, family_id: str, *, generation: int, now_ms: int, expires_ts: int) -> bool:
        """Make ``generation + 1`` the current refresh token, unless ``generation`` no longer is; tell
        whether.
        """
        ...

    async def remove_device(
        self, user_id: str, device_id: str, *, family_id: str | None = None
    ) -> Device | None:
        """End a session and return it, or None when there is none.

        Args:
            user_id: whose device.
            device_id: which one.
            family_id: only while the device belongs to this family.
        """
        ...
