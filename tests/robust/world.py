"""Accounts, sessions and groups written straight into a fresh data folder: no argon2, hundreds in a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pingme.adapters.accounts_sqlite import SqliteAccounts
from pingme.adapters.clock_system import SystemClock
from pingme.adapters.secret_file import load_or_make_secret
from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.adapters.store_sqlite import SqliteStore
from pingme.domain.events import Body, Command, GroupCreatedBody, MessageBody, RefusedOutcome, make_command
from pingme.domain.model import RuleLimits
from pingme.ports.accounts import Device, NewUser
from pingme.services.tokens import Tokens

NO_PASSWORD = "!"  # no argon2 hash: nobody can log in with it
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Account:
    """A user who is logged in on one device."""

    name: str
    user_id: str
    token: str


class World:
    """What a drill finds when it begins. The server must not run while this is open.

    Args:
        data_dir: of the server to come.
    """

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self._clock = SystemClock()
        self._database = SqliteDatabase(data_dir / "pingme.db")
        self._store = SqliteStore(self._database, self._clock, RuleLimits())
        secret = load_or_make_secret(data_dir / "jwt.secret", entropy=self._clock.entropy)
        self._tokens = Tokens(secret, clock=self._clock, expiration_s=DAY_S)
        self._numbers = 0

    async def accounts(self, names: Sequence[str]) -> list[Account]:
        """Make users with one session each."""
        now = self._clock.now_ms()
        users = [
            NewUser(
                user_id=f"u{name}",
                username=name,
                username_key=name,
                password_hash=NO_PASSWORD,
                created_ts=now,
            )
            for name in names
        ]
        store = SqliteAccounts(self._database)
        await store.create_users(users)
        made = []
        for user in users:
            family = self._tokens.new_family()
            device = Device(
                device_id="d1",
                name="drill",
                family_id=family,
                generation=1,
                rotated_ts=now,
                created_ts=now,
                expires_ts=now + DAY_S * 1000,
            )
            await store.open_device(user.user_id, device, password_hash=NO_PASSWORD, now_ms=now, limit=20)
            token = self._tokens.issue(user_id=user.user_id, device_id="d1", family_id=family)
            made.append(Account(user.username, user.user_id, token))
        return made

    async def group(self, group_id: str, members: Sequence[Account], *, messages: int = 0) -> str:
        """Make an open group with some messages of its first member, and return its id."""
        owner = members[0].user_id
        body = GroupCreatedBody(
            history_policy="full",
            join_policy="open",
            name=group_id,
            user_ids=tuple(member.user_id for member in members),
        )
        commands = [self._command("group_created", owner, group_id, body)]
        commands += [
            self._command(
                "message", owner, group_id, MessageBody(content=f"old {number}", content_type="text")
            )
            for number in range(messages)
        ]
        for start in range(0, len(commands), 500):
            outcomes = await self._store.save(commands[start : start + 500])
            assert not any(isinstance(each, RefusedOutcome) for each in outcomes), outcomes
        return group_id

    async def close(self) -> None:
        """Let go of the folder."""
        await self._database.close()

    def _command(self, kind: str, sender_id: str, conversation_id: str, body: Body) -> Command:
        self._numbers += 1
        return make_command(
            kind,
            sender_id=sender_id,
            msg_id=f"old-{conversation_id}-{self._numbers}",
            conversation_id=conversation_id,
            body=body,
        )
