"""Accounts on MySQL: reads from the primary, each change a transaction that locks the user's row first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pingme.adapters.mysql_database import MysqlDatabase, Transaction
from pingme.adapters.store_mysql_load import marks
from pingme.adapters.store_mysql_write import NICKNAME_KEY_CHARS
from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.accounts import Credentials, Device, NewUser, Session, User

USER = "u.user_id, u.username, u.nickname, u.email, u.avatar, u.disabled, u.created_ts, u.last_seen_ts"
DEVICE = "d.device_id, d.name, d.family_id, d.generation, d.rotated_ts, d.created_ts, d.expires_ts"
LAST = "\U0010ffff"  # sorts after every key, in UTF-8 as in code points
CREATED_AT_ONCE = 500  # accounts in one INSERT

_CREATE = """
INSERT INTO users (user_id, username, username_key, password_hash, nickname, nickname_key, email, created_ts)
VALUES """
_SET_LAST_SEEN = """
UPDATE users u JOIN JSON_TABLE(%s, '$[*]' COLUMNS (user_id VARCHAR(64) PATH '$[0]', seen BIGINT PATH '$[1]')) j
  ON u.user_id = j.user_id COLLATE {collation}
SET u.last_seen_ts = j.seen WHERE COALESCE(u.last_seen_ts, 0) < j.seen
"""
_OPEN_DEVICE = """
INSERT INTO devices (user, device_id, name, family_id, generation, rotated_ts, created_ts, expires_ts)
VALUES (%s,%s,%s,%s,%s,%s,%s,%s)
"""
_SESSION = f"""
SELECT u.user_id, u.username, u.disabled, {DEVICE}
FROM devices d JOIN users u ON u.id = d.user WHERE d.family_id = %s
"""  # noqa: S608  # constants of this file
_COUNT_REVOCATION = """
INSERT INTO meta (name, value) VALUES ('revocations', '1')
ON DUPLICATE KEY UPDATE value = CAST(value AS UNSIGNED) + 1
"""
_ROTATE = """
UPDATE devices SET generation = generation + 1, rotated_ts = %s, expires_ts = %s
WHERE family_id = %s AND generation = %s
"""


def to_user(row: Sequence[Any]) -> User:
    """Return the account of a row of ``USER``."""
    user_id, username, nickname, email, avatar, disabled, created_ts, last_seen_ts = row
    return User(
        user_id=user_id,
        username=username,
        nickname=nickname,
        email=email,
        avatar=avatar,
        disabled=bool(disabled),
        created_ts=created_ts,
        last_seen_ts=last_seen_ts,
    )


def to_device(row: Sequence[Any]) -> Device:
    """Return the device of a row of ``DEVICE``."""
    return Device(**dict(zip(Device.__struct_fields__, row, strict=True)))


class MysqlAccounts:
    """`AccountStore` on MySQL.

    Args:
        database: open.
    """

    def __init__(self, database: MysqlDatabase) -> None:
        self._db = database

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

        async def job(transaction: Transaction) -> int:
            made = 0
            for start in range(0, len(new), CREATED_AT_ONCE):
                chunk = new[start : start + CREATED_AT_ONCE]
                values: list[object] = []
                for each in chunk:
                    values += (
                        each.user_id, each.username, each.username_key, each.password_hash, each.nickname,
                        each.nickname_key[:NICKNAME_KEY_CHARS], each.email, each.created_ts,
                    )  # fmt: skip
                rows = ",".join(["(%s,%s,%s,%s,%s,%s,%s,%s)"] * len(chunk))
                # What is taken counts as a row that was not changed; IGNORE would let other faults pass.
                sql = f"{_CREATE}{rows} ON DUPLICATE KEY UPDATE id = id"
                made += (await transaction.execute(sql, values)).count
            return made

        return await self._db.write(job) if new else 0

    async def user(self, user_id: str) -> User | None:
        """See `AccountStore.user`."""
        users = await self._users("WHERE u.user_id = %s", user_id)
        return users[0] if users else None

    async def users(self, user_ids: Sequence[str]) -> Sequence[User]:
        """See `AccountStore.users`."""
        return await self._users(f"WHERE u.user_id IN ({marks(user_ids)})", *user_ids) if user_ids else []

    async def credentials(self, username_key: str) -> Credentials | None:
        """See `AccountStore.credentials`."""
        sql = f"SELECT {USER}, u.password_hash FROM users u WHERE u.username_key = %s"  # noqa: S608  # a constant
        rows = await self._db.read(sql, (username_key,))
        return Credentials(to_user(rows[0][:-1]), rows[0][-1]) if rows else None

    async def list_users(self, *, after_key: str = "", limit: int = 100) -> Sequence[User]:
        """See `AccountStore.list_users`."""
        where = "WHERE u.username_key > %s ORDER BY u.username_key LIMIT %s"
        return await self._users(where, after_key, limit)

    async def users_by_username(self, prefix: str, *, after_key: str = "", limit: int = 50) -> Sequence[User]:
        """See `AccountStore.users_by_username`."""
        where = """WHERE u.username_key >= %s AND u.username_key < %s AND u.username_key > %s AND NOT u.disabled
                   ORDER BY u.username_key LIMIT %s"""
        start = max(prefix, after_key)  # one lower bound for the index
        return await self._users(where, start, prefix + LAST, after_key, limit)

    async def users_by_nickname(
        self, prefix: str, *, after: tuple[str, str] = ("", ""), limit: int = 50
    ) -> Sequence[User]:
        """See `AccountStore.users_by_nickname`."""
        where = """WHERE u.nickname_key <> '' AND u.nickname_key >= %s AND u.nickname_key < %s
                     AND (u.nickname_key > %s OR (u.nickname_key = %s AND u.user_id > %s)) AND NOT u.disabled
                   ORDER BY u.nickname_key, u.user_id LIMIT %s"""
        key = after[0][:NICKNAME_KEY_CHARS]
        start = max(prefix, key)
        return await self._users(where, start, prefix + LAST, key, key, after[1], limit)

    async def _users(self, where: str, *parameters: object) -> list[User]:
        sql = f"SELECT {USER} FROM users u {where}"  # noqa: S608  # where is a constant of this file
        return [to_user(row) for row in await self._db.read(sql, parameters)]

    async def set_last_seen(self, seen: Mapping[str, int]) -> None:
        """See `AccountStore.set_last_seen`."""
        values = msgspec.json.encode(sorted(seen.items())).decode()
        sql = _SET_LAST_SEEN.format(collation=self._db.collation)
        await self._db.write(lambda transaction: transaction.execute(sql, (values,)))

    async def replace_hash(self, user_id: str, *, old: str, new: str) -> bool:
        """See `AccountStore.replace_hash`."""

        async def job(transaction: Transaction) -> bool:
            found = await _lock(transaction, user_id)
            if found is None or found[1] != old:
                return False
            await transaction.execute("UPDATE users SET password_hash = %s WHERE id = %s", (new, found[0]))
            return True

        return await self._db.write(job)

    async def change_password(
        self, user_id: str, password_hash: str, *, keep_device: str | None, old: str | None = None
    ) -> Sequence[Device] | None:
        """See `AccountStore.change_password`."""

        async def job(transaction: Transaction) -> list[Device] | None:
            found = await _lock(transaction, user_id)
            if found is None or (old is not None and found[1] != old):
                return None
            sql = "UPDATE users SET password_hash = %s WHERE id = %s"
            await transaction.execute(sql, (password_hash, found[0]))
            devices = await _devices(transaction, found[0])
            return await _remove(
                transaction, found[0], [each for each in devices if each.device_id != keep_device]
            )

        return await self._db.write(job)

    async def set_disabled(self, user_id: str, *, disabled: bool) -> Sequence[Device] | None:
        """See `AccountStore.set_disabled`."""

        async def job(transaction: Transaction) -> list[Device] | None:
            found = await _lock(transaction, user_id)
            if found is None:
                return None
            sql = "UPDATE users SET disabled = %s WHERE id = %s"
            await transaction.execute(sql, (int(disabled), found[0]))
            devices = await _devices(transaction, found[0]) if disabled else []
            return await _remove(transaction, found[0], devices)

        return await self._db.write(job)

    async def open_device(
        self, user_id: str, device: Device, *, password_hash: str, now_ms: int, limit: int
    ) -> Sequence[Device] | None:
        """See `AccountStore.open_device`."""

        async def job(transaction: Transaction) -> list[Device] | None:
            found = await _lock(transaction, user_id)
            if found is None or found[1] != password_hash or found[2]:
                return None
            user = found[0]
            devices = await _devices(transaction, user)
            await _remove(transaction, user, [each for each in devices if each.expires_ts <= now_ms])
            left = [each for each in devices if each.expires_ts > now_ms]
            removed = [each for each in left if each.device_id == device.device_id]
            others = [each for each in left if each.device_id != device.device_id]
            others.sort(key=lambda each: (-each.rotated_ts, -each.created_ts, each.device_id))
            removed += others[limit - 1 :]
            await _remove(transaction, user, removed)
            await transaction.execute(_OPEN_DEVICE, (user, *msgspec.structs.astuple(device)))
            return removed

        return await self._db.write(job)

    async def devices(self, user_id: str) -> Sequence[Device]:
        """See `AccountStore.devices`."""
        sql = f"""SELECT {DEVICE} FROM devices d JOIN users u ON u.id = d.user WHERE u.user_id = %s
                  ORDER BY d.created_ts DESC, d.device_id"""  # noqa: S608  # a constant
        return [to_device(row) for row in await self._db.read(sql, (user_id,))]

    async def session(self, family_id: str) -> Session | None:
        """See `AccountStore.session`."""
        rows = await self._db.read(_SESSION, (family_id,))
        if not rows:
            return None
        user_id, username, disabled, *device = rows[0]
        return Session(user_id=user_id, username=username, disabled=bool(disabled), device=to_device(device))

    async def standing(self, family_ids: Sequence[str]) -> set[str]:
        """See `AccountStore.standing`."""
        if not family_ids:
            return set()
        sql = f"""SELECT d.family_id FROM devices d JOIN users u ON u.id = d.user
                  WHERE NOT u.disabled AND d.family_id IN ({marks(family_ids)})"""  # noqa: S608  # placeholders
        return {family_id for (family_id,) in await self._db.read(sql, family_ids)}

    async def revocations(self) -> int:
        """See `AccountStore.revocations`."""
        rows = await self._db.read("SELECT value FROM meta WHERE name = 'revocations'")
        return int(rows[0][0]) if rows else 0

    async def rotate(self, family_id: str, *, generation: int, now_ms: int, expires_ts: int) -> bool:
        """See `AccountStore.rotate`."""
        values = (now_ms, expires_ts, family_id, generation)
        answer = await self._db.write(lambda transaction: transaction.execute(_ROTATE, values))
        return answer.count == 1

    async def remove_device(
        self, user_id: str, device_id: str, *, family_id: str | None = None
    ) -> Device | None:
        """See `AccountStore.remove_device`."""

        async def job(transaction: Transaction) -> list[Device]:
            found = await _lock(transaction, user_id)
            if found is None:
                return []
            devices = [
                each
                for each in await _devices(transaction, found[0])
                if each.device_id == device_id and family_id in {None, each.family_id}
            ]
            return await _remove(transaction, found[0], devices)

        removed = await self._db.write(job)
        return removed[0] if removed else None


async def _lock(transaction: Transaction, user_id: str) -> tuple[int, str, int] | None:
    """Lock a user's row, before the rows of the devices; return its key, password hash and whether it is disabled."""
    sql = "SELECT id, password_hash, disabled FROM users WHERE user_id = %s FOR UPDATE"
    rows = (await transaction.execute(sql, (user_id,))).rows
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


async def _devices(transaction: Transaction, user: int) -> list[Device]:
    sql = f"SELECT {DEVICE} FROM devices d WHERE d.user = %s FOR UPDATE"  # noqa: S608  # a constant
    return [to_device(row) for row in (await transaction.execute(sql, (user,))).rows]


async def _remove(transaction: Transaction, user: int, devices: list[Device]) -> list[Device]:
    if devices:
        ids = [each.device_id for each in devices]
        sql = f"DELETE FROM devices WHERE user = %s AND device_id IN ({marks(ids)})"  # noqa: S608  # placeholders
        await transaction.execute(sql, (user, *ids))
        await transaction.execute(
            _COUNT_REVOCATION
        )  # the last lock: it is held to COMMIT, by one after the other
    return devices
