"""Accounts in the embedded database. Reads are indexed and inline; writes are jobs of the one writer
thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

import msgspec

from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.accounts import Credentials, Device, NewUser, Session, User

USER = "u.user_id, u.username, u.nickname, u.email, u.avatar, u.disabled, u.created_ts, u.last_seen_ts"
DEVICE = "d.device_id, d.name, d.family_id, d.generation, d.rotated_ts, d.created_ts, d.expires_ts"
LAST = "\U0010ffff"  # sorts after every key, in UTF-8 as in code points

_USER_FIELDS = (
    "user_id",
    "username",
    "nickname",
    "email",
    "avatar",
    "disabled",
    "created_ts",
    "last_seen_ts",
)
_encode = msgspec.json.Encoder().encode
T = TypeVar("T", bound=msgspec.Struct)


def make(kind: type[T], fields: Sequence[str], row: Sequence[object]) -> T:
    """Return a struct of a row; integers become booleans where the struct says so."""
    return msgspec.convert(dict(zip(fields, row, strict=True)), kind, strict=False)


def to_user(row: Sequence[object]) -> User:
    """Return the account of a row of ``USER``."""
    return make(User, _USER_FIELDS, row)


def to_device(row: Sequence[object]) -> Device:
    """Return the device of a row of ``DEVICE``."""
    return make(Device, Device.__struct_fields__, row)


# One parameter for all rows: a batch is one statement (docs/adr/0003).
_CREATE_USERS = """
    INSERT OR IGNORE INTO users
        (user_id, username, username_key, password_hash, nickname, nickname_key, email, created_ts)
    SELECT value ->> 'user_id', value ->> 'username', value ->> 'username_key', value ->> 'password_hash',
           value ->> 'nickname', value ->> 'nickname_key', value ->> 'email', value ->> 'created_ts'
    FROM json_each(?)
"""
_SET_LAST_SEEN = """
    UPDATE users SET last_seen_ts = seen.value
    FROM json_each(?) AS seen
    WHERE users.user_id = seen.key AND coalesce(users.last_seen_ts, 0) < seen.value
"""
_OPEN_DEVICE = """
    INSERT INTO devices (user, device_id, name, family_id, generation, rotated_ts, created_ts, expires_ts)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_SESSION = f"""
    SELECT u.user_id, u.username, u.disabled, {DEVICE}
    FROM devices d JOIN users u ON u.id = d.user WHERE d.family_id = ?
"""  # noqa: S608  # constants of this file


class SqliteAccounts:
    """`AccountStore` on the embedded database."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._db = database
        self._revocations = 0  # of this process, which is the only one that ends sessions here

    async def create_user(self, new: NewUser) -> User:
        """See `AccountStore.create_user`."""
        if await self.create_users([new]) == 0:
            raise Refused(ErrorCode.USER_EXISTS)
        return User(
            user_id=new.user_id,
            username=new.username,
            nickname=new.nickname,
            email=new.email,
            created_ts=new.created_ts,
        )

    async def create_users(self, new: Sequence[NewUser]) -> int:
        """See `AccountStore.create_users`."""
        rows = _encode(new).decode()
        return await self._db.write(lambda db: db.execute(_CREATE_USERS, (rows,)).rowcount)

    async def user(self, user_id: str) -> User | None:
        """See `AccountStore.user`."""
        users = self._users("WHERE u.user_id = ?", (user_id,))
        return users[0] if users else None

    async def users(self, user_ids: Sequence[str]) -> Sequence[User]:
        """See `AccountStore.users`."""
        asked = msgspec.json.encode(list(user_ids)).decode()
        return self._users("WHERE u.user_id IN (SELECT value FROM json_each(?))", (asked,))

    async def credentials(self, username_key: str) -> Credentials | None:
        """See `AccountStore.credentials`."""
        rows = self._db.read(
            f"SELECT {USER}, u.password_hash FROM users u WHERE u.username_key = ?",  # noqa: S608
            (username_key,),
        )
        return Credentials(to_user(rows[0][:-1]), cast("str", rows[0][-1])) if rows else None

    async def list_users(self, *, after_key: str = "", limit: int = 100) -> Sequence[User]:
        """See `AccountStore.list_users`."""
        where = "WHERE u.username_key > ? ORDER BY u.username_key LIMIT ?"
        return self._users(where, (after_key, limit))

    async def users_by_username(self, prefix: str, *, after_key: str = "", limit: int = 50) -> Sequence[User]:
        """See `AccountStore.users_by_username`."""
        where = """WHERE u.username_key >= ? AND u.username_key < ? AND u.username_key > ? AND NOT u.disabled
                   ORDER BY u.username_key LIMIT ?"""
        start = max(
            prefix, after_key
        )  # one lower bound for the index: deep pages do not walk the ones before
        return self._users(where, (start, prefix + LAST, after_key, limit))

    async def users_by_nickname(
        self, prefix: str, *, after: tuple[str, str] = ("", ""), limit: int = 50
    ) -> Sequence[User]:
        """See `AccountStore.users_by_nickname`."""
        where = """WHERE u.nickname_key <> '' AND u.nickname_key >= ? AND u.nickname_key < ?
                     AND (u.nickname_key, u.user_id) > (?, ?) AND NOT u.disabled
                   ORDER BY u.nickname_key, u.user_id LIMIT ?"""
        start = max(prefix, after[0])
        return self._users(where, (start, prefix + LAST, *after, limit))

    def _users(self, where: str, parameters: tuple[object, ...]) -> list[User]:
        sql = f"SELECT {USER} FROM users u {where}"  # noqa: S608  # where is a constant of this file
        return [to_user(row) for row in self._db.read(sql, parameters)]

    async def set_last_seen(self, seen: Mapping[str, int]) -> None:
        """See `AccountStore.set_last_seen`."""
        values = _encode(seen).decode()
        await self._db.write(lambda db: db.execute(_SET_LAST_SEEN, (values,)).rowcount)

    async def replace_hash(self, user_id: str, *, old: str, new: str) -> bool:
        """See `AccountStore.replace_hash`."""
        sql = "UPDATE users SET password_hash = ? WHERE user_id = ? AND password_hash = ?"
        return await self._db.write(lambda db: db.execute(sql, (new, user_id, old)).rowcount) == 1

    async def change_password(
        self, user_id: str, password_hash: str, *, keep_device: str | None, old: str | None = None
    ) -> Sequence[Device] | None:
        """See `AccountStore.change_password`."""

        def job(db: sqlite3.Connection) -> list[Device] | None:
            db.execute("BEGIN IMMEDIATE")
            found = db.execute("SELECT id, password_hash FROM users WHERE user_id = ?", (user_id,)).fetchone()
            if found is None or (old is not None and found[1] != old):
                db.execute("COMMIT")
                return None
            db.execute("UPDATE users SET password_hash = ? WHERE id = ?", (password_hash, found[0]))
            removed = _remove(db, "user = ? AND device_id IS NOT ?", (found[0], keep_device))
            db.execute("COMMIT")
            return removed

        return self._counted(await self._db.write(job))

    async def set_disabled(self, user_id: str, *, disabled: bool) -> Sequence[Device] | None:
        """See `AccountStore.set_disabled`."""

        def job(db: sqlite3.Connection) -> list[Device] | None:
            db.execute("BEGIN IMMEDIATE")
            found = db.execute(
                "UPDATE users SET disabled = ? WHERE user_id = ? RETURNING id", (disabled, user_id)
            ).fetchall()
            removed = _remove(db, "user = ?", found[0]) if found and disabled else []
            db.execute("COMMIT")
            return removed if found else None

        return self._counted(await self._db.write(job))

    async def open_device(
        self, user_id: str, device: Device, *, password_hash: str, now_ms: int, limit: int
    ) -> Sequence[Device] | None:
        """See `AccountStore.open_device`."""

        def job(db: sqlite3.Connection) -> list[Device] | None:
            db.execute("BEGIN IMMEDIATE")
            user = db.execute(
                "SELECT id FROM users WHERE user_id = ? AND password_hash = ? AND NOT disabled",
                (user_id, password_hash),
            ).fetchone()
            if user is None:
                db.execute("COMMIT")
                return None
            removed = _make_room(db, user[0], device=device, now_ms=now_ms, limit=limit)
            db.execute(_OPEN_DEVICE, (user[0], *msgspec.structs.astuple(device)))
            db.execute("COMMIT")
            return removed

        return self._counted(await self._db.write(job))

    def _counted(self, removed: list[Device] | None) -> list[Device] | None:
        self._revocations += bool(removed)
        return removed

    async def devices(self, user_id: str) -> Sequence[Device]:
        """See `AccountStore.devices`."""
        sql = f"""SELECT {DEVICE} FROM devices d JOIN users u ON u.id = d.user WHERE u.user_id = ?
                  ORDER BY d.created_ts DESC, d.device_id"""  # noqa: S608
        return [to_device(row) for row in self._db.read(sql, (user_id,))]

    async def session(self, family_id: str) -> Session | None:
        """See `AccountStore.session`."""
        rows = self._db.read(_SESSION, (family_id,))
        if not rows:
            return None
        user_id, username, disabled, *device = rows[0]
        return Session(
            user_id=cast("str", user_id),
            username=cast("str", username),
            disabled=bool(disabled),
            device=to_device(device),
        )

    async def standing(self, family_ids: Sequence[str]) -> set[str]:
        """See `AccountStore.standing`."""
        asked = msgspec.json.encode(list(family_ids)).decode()
        sql = """SELECT d.family_id FROM json_each(?) j JOIN devices d ON d.family_id = j.value
                 JOIN users u ON u.id = d.user WHERE NOT u.disabled"""
        return {str(family_id) for (family_id,) in self._db.read(sql, (asked,))}

    async def revocations(self) -> int:
        """See `AccountStore.revocations`."""
        return self._revocations

    async def rotate(self, family_id: str, *, generation: int, now_ms: int, expires_ts: int) -> bool:
        """See `AccountStore.rotate`."""
        sql = """UPDATE devices SET generation = generation + 1, rotated_ts = ?, expires_ts = ?
                 WHERE family_id = ? AND generation = ?"""
        values = (now_ms, expires_ts, family_id, generation)
        return await self._db.write(lambda db: db.execute(sql, values).rowcount) == 1

    async def remove_device(
        self, user_id: str, device_id: str, *, family_id: str | None = None
    ) -> Device | None:
        """See `AccountStore.remove_device`."""
        where = """user = (SELECT id FROM users WHERE user_id = ?) AND device_id = ?
                   AND family_id = coalesce(?, family_id)"""
        removed = await self._db.write(lambda db: _remove(db, where, (user_id, device_id, family_id)))
        self._counted(removed)
        return removed[0] if removed else None


def _make_room(db: sqlite3.Connection, user: int, *, device: Device, now_ms: int, limit: int) -> list[Device]:
    """Remove expired devices, the one that is replaced, and the longest unused above the limit."""
    db.execute("DELETE FROM devices WHERE user = ? AND expires_ts <= ?", (user, now_ms))
    replaced = _remove(db, "user = ? AND device_id = ?", (user, device.device_id))
    surplus = """user = ?1 AND device_id IN (
        SELECT device_id FROM devices WHERE user = ?1
        ORDER BY rotated_ts DESC, created_ts DESC, device_id LIMIT -1 OFFSET ?2)"""
    return replaced + _remove(db, surplus, (user, limit - 1))


def _remove(db: sqlite3.Connection, where: str, parameters: tuple[object, ...]) -> list[Device]:
    """Delete devices and return them; ``where`` is a constant of this file."""
    columns = DEVICE.replace("d.", "")
    sql = f"DELETE FROM devices WHERE {where} RETURNING {columns}"  # noqa: S608
    return [to_device(row) for row in db.execute(sql, parameters).fetchall()]
