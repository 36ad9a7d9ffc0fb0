"""Users without argon2: accounts, sessions and groups written straight into a fresh data folder."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from pingme.adapters.accounts_sqlite import SqliteAccounts
from pingme.adapters.clock_system import SystemClock
from pingme.adapters.secret_file import load_or_make_secret
from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.adapters.store_sqlite import SqliteStore
from pingme.domain.events import GroupCreatedBody, make_command
from pingme.domain.model import RuleLimits
from pingme.ports.accounts import Device, NewUser
from pingme.services.tokens import Tokens

NO_PASSWORD = "!"  # no argon2 hash: nobody can log in with it
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class BenchUser:
    """A user who is logged in."""

    user_id: str
    token: str


async def make_users(data_dir: Path, count: int) -> list[BenchUser]:
    """Make users with a session each; the server must not run."""
    clock = SystemClock()
    database = SqliteDatabase(data_dir / "pingme.db")
    accounts = SqliteAccounts(database)
    tokens = Tokens(
        load_or_make_secret(data_dir / "jwt.secret", entropy=clock.entropy),
        clock=clock,
        expiration_s=24 * 3600,
    )
    now = clock.now_ms()
    names = [f"bench{number:06d}" for number in range(count)]
    new = [
        NewUser(
            user_id=f"u{name}", username=name, username_key=name, password_hash=NO_PASSWORD, created_ts=now
        )
        for name in names
    ]
    await accounts.create_users(new)
    rows = []
    users = []
    for user in new:
        family = tokens.new_family()
        device = Device(
            device_id="d1",
            name="bench",
            family_id=family,
            generation=1,
            rotated_ts=now,
            created_ts=now,
            expires_ts=now + 24 * HOUR_MS,
        )
        rows.append((user.user_id, device))
        token = tokens.issue(user_id=user.user_id, device_id="d1", family_id=family)
        users.append(BenchUser(user.user_id, token))
    await database.write(
        lambda connection: connection.executemany(
            "INSERT INTO devices (user, device_id, name, family_id, generation, rotated_ts, created_ts, expires_ts)"
            " VALUES ((SELECT id FROM users WHERE user_id=?),?,?,?,?,?,?,?)",
            [
                (
                    user_id,
                    d.device_id,
                    d.name,
                    d.family_id,
                    d.generation,
                    d.rotated_ts,
                    d.created_ts,
                    d.expires_ts,
                )
                for user_id, d in rows
            ],
        )
    )
    await database.close()
    return users


async def make_group(data_dir: Path, users: list[BenchUser], group_id: str) -> None:
    """Put all users into one group; the server must not run."""
    database = SqliteDatabase(data_dir / "pingme.db")
    store = SqliteStore(database, SystemClock(), RuleLimits())
    members = tuple(user.user_id for user in users)
    body = GroupCreatedBody(history_policy="from_join", join_policy="invite", name="bench", user_ids=members)
    await store.save(
        [
            make_command(
                "group_created", sender_id=members[0], msg_id=group_id, conversation_id=group_id, body=body
            )
        ]
    )
    await database.close()


def prepare(data_dir: Path, users: int, *, group: bool) -> list[BenchUser]:
    """Return users in a fresh data folder, all of them in the group ``gbench`` if asked."""

    data_dir.mkdir(parents=True, exist_ok=True)

    async def work() -> list[BenchUser]:
        made = await make_users(data_dir, users)
        if group:
            await make_group(data_dir, made, "gbench")
        return made

    return asyncio.run(work())
