"""`AccountStore` in dictionaries: what the contract means, in the plainest way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.events import ProfileUpdatedBody
from pingme.domain.usernames import username_key
from pingme.ports.accounts import Credentials, Device, NewUser, Session, User

replace = msgspec.structs.replace


class Row:
    def __init__(self, new: NewUser) -> None:
        self.user = User(
            user_id=new.user_id,
            username=new.username,
            nickname=new.nickname,
            email=new.email,
            created_ts=new.created_ts,
        )
        self.username_key = new.username_key
        self.nickname_key = new.nickname_key
        self.password_hash = new.password_hash
        self.devices: dict[str, Device] = {}
        self.removed = 0

    def remove(self, device_ids: Sequence[str]) -> list[Device]:
        self.removed += len(device_ids)
        return [self.devices.pop(device_id) for device_id in device_ids]


class MemoryAccounts:
    """The fake of the port; the contract suite runs on it, too."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    async def create_user(self, new: NewUser) -> User:
        if await self.create_users([new]) == 0:
            raise Refused(ErrorCode.USER_EXISTS)
        return self._rows[new.user_id].user

    async def create_users(self, new: Sequence[NewUser]) -> int:
        before = len(self._rows)
        for user in new:
            if all(row.username_key != user.username_key for row in self._rows.values()):
                self._rows[user.user_id] = Row(user)
        return len(self._rows) - before

    async def user(self, user_id: str) -> User | None:
        row = self._rows.get(user_id)
        return row.user if row else None

    async def users(self, user_ids: Sequence[str]) -> Sequence[User]:
        return [self._rows[user_id].user for user_id in set(user_ids) if user_id in self._rows]

    async def credentials(self, username_key: str) -> Credentials | None:
        for row in self._rows.values():
            if row.username_key == username_key:
                return Credentials(row.user, row.password_hash)
        return None

    async def list_users(self, *, after_key: str = "", limit: int = 100) -> Sequence[User]:
        rows = sorted(
            (r for r in self._rows.values() if r.username_key > after_key), key=lambda r: r.username_key
        )
        return [row.user for row in rows[:limit]]

    async def users_by_username(self, prefix: str, *, after_key: str = "", limit: int = 50) -> Sequence[User]:
        users = await self.list_users(after_key=after_key, limit=len(self._rows))
        found = [user for user in users if self._rows[user.user_id].username_key.startswith(prefix)]
        return [user for user in found if not user.disabled][:limit]

    async def users_by_nickname(
        self, prefix: str, *, after: tuple[str, str] = ("", ""), limit: int = 50
    ) -> Sequence[User]:
        keys = sorted((row.nickname_key, user_id) for user_id, row in self._rows.items())
        found = [self._rows[key[1]].user for key in keys if key[0].startswith(prefix) and key > after]
        return [user for user in found if not user.disabled][:limit]

    def apply_profile(self, user_id: str, body: ProfileUpdatedBody) -> None:
        """What the message store does when it stores ``profile_updated``."""
        row = self._rows[user_id]
        if body.nickname is not None:
            row.nickname_key = username_key(body.nickname)
        given = {name: getattr(body, name) for name in ("nickname", "email", "avatar")}
        row.user = replace(row.user, **{name: value for name, value in given.items() if value is not None})

    async def set_last_seen(self, seen: Mapping[str, int]) -> None:
        for user_id, at_ms in seen.items():
            row = self._rows.get(user_id)
            if row is not None:
                row.user = replace(row.user, last_seen_ts=max(row.user.last_seen_ts or 0, at_ms))

    async def replace_hash(self, user_id: str, *, old: str, new: str) -> bool:
        row = self._rows.get(user_id)
        if row is None or row.password_hash != old:
            return False
        row.password_hash = new
        return True

    async def change_password(
        self, user_id: str, password_hash: str, *, keep_device: str | None, old: str | None = None
    ) -> Sequence[Device] | None:
        row = self._rows.get(user_id)
        if row is None or (old is not None and row.password_hash != old):
            return None
        row.password_hash = password_hash
        return row.remove([device_id for device_id in row.devices if device_id != keep_device])

    async def set_disabled(self, user_id: str, *, disabled: bool) -> Sequence[Device] | None:
        row = self._rows.get(user_id)
        if row is None:
            return None
        row.user = replace(row.user, disabled=disabled)
        return row.remove(list(row.devices)) if disabled else []

    async def open_device(
        self, user_id: str, device: Device, *, password_hash: str, now_ms: int, limit: int
    ) -> Sequence[Device] | None:
        row = self._rows.get(user_id)
        if row is None or row.user.disabled or row.password_hash != password_hash:
            return None
        row.remove([d.device_id for d in row.devices.values() if d.expires_ts <= now_ms])
        removed = row.remove([device.device_id] if device.device_id in row.devices else [])
        oldest = sorted(row.devices.values(), key=lambda d: (d.rotated_ts, d.created_ts))
        surplus = max(0, len(oldest) - (limit - 1))
        removed += row.remove([d.device_id for d in oldest[:surplus]])
        row.devices[device.device_id] = device
        return removed

    async def devices(self, user_id: str) -> Sequence[Device]:
        row = self._rows.get(user_id)
        return sorted(row.devices.values(), key=lambda d: (-d.created_ts, d.device_id)) if row else []

    async def session(self, family_id: str) -> Session | None:
        for row in self._rows.values():
            for device in row.devices.values():
                if device.family_id == family_id:
                    user = row.user
                    return Session(
                        user_id=user.user_id, username=user.username, disabled=user.disabled, device=device
                    )
        return None

    async def standing(self, family_ids: Sequence[str]) -> set[str]:
        found = {family_id: await self.session(family_id) for family_id in family_ids}
        return {family_id for family_id, session in found.items() if session and not session.disabled}

    async def revocations(self) -> int:
        return sum(row.removed for row in self._rows.values())

    async def rotate(self, family_id: str, *, generation: int, now_ms: int, expires_ts: int) -> bool:
        session = await self.session(family_id)
        if session is None or session.device.generation != generation:
            return False
        self._rows[session.user_id].devices[session.device.device_id] = replace(
            session.device, generation=generation + 1, rotated_ts=now_ms, expires_ts=expires_ts
        )
        return True

    async def remove_device(
        self, user_id: str, device_id: str, *, family_id: str | None = None
    ) -> Device | None:
        row = self._rows.get(user_id)
        device = row.devices.get(device_id) if row else None
        if row is None or device is None or family_id not in {None, device.family_id}:
            return None
        return row.remove([device_id])[0]
