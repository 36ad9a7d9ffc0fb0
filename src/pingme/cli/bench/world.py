"""Users, sessions and groups of the bench, written straight into a store: argon2 would take 0.1 s for each.

The servers must not run meanwhile; of a data folder the caller holds the lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pingme.adapters.accounts_sqlite import SqliteAccounts
from pingme.adapters.clock_system import SystemClock
from pingme.adapters.secret_file import load_or_make_secret
from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.adapters.store_sqlite import SqliteStore
from pingme.cli.bench.frames import group_id_of, user_id_of
from pingme.domain.errors import PingMeError
from pingme.domain.events import Command, GroupCreatedBody, RefusedOutcome, make_command
from pingme.domain.model import RuleLimits
from pingme.ports.accounts import NewUser
from pingme.ports.store import Store
from pingme.services.tokens import Tokens

NO_PASSWORD = "!"  # noqa: S105  # no argon2 hash: nobody can log in with it
DEVICE_ID = "bench"
SESSION_S = 24 * 3600  # longer than any run
GROUPS_AT_ONCE = 200  # of one transaction

# One parameter for all rows, as in the adapter; a second run on the same folder logs in anew.
_SESSIONS = """
INSERT OR REPLACE INTO devices (user, device_id, name, family_id, generation, rotated_ts, created_ts, expires_ts)
SELECT u.id, ?2, 'bench', j.value ->> 1, 1, ?3, ?3, ?4 FROM json_each(?1) j JOIN users u ON u.user_id = j.value ->> 0
"""


@dataclass(frozen=True, slots=True)
class BenchUser:
    """A user who is logged in.

    Attributes:
        number: the sender's number in tags.
        url: of the WebSocket of the user's node; "" until it is known which.
    """

    number: int
    user_id: str
    token: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Logins:
    """Sessions to be written down, and the users who have them.

    Attributes:
        rows: JSON, a list of [user_id, family_id].
        created_ts, expires_ts: Unix milliseconds.
    """

    users: Sequence[BenchUser]
    rows: str
    created_ts: int
    expires_ts: int


def new_users(ids: Sequence[str]) -> list[NewUser]:
    """Return accounts with these ids; nobody can log in with a password."""
    now = SystemClock().now_ms()
    return [
        NewUser(user_id=name, username=name, username_key=name, password_hash=NO_PASSWORD, created_ts=now)
        for name in ids
    ]


def log_in(count: int, secret: str) -> Logins:
    """Return sessions of the first ``count`` users, with tokens that this secret signs."""
    clock = SystemClock()
    now = clock.now_ms()
    ids = [user_id_of(number) for number in range(count)]
    tokens = Tokens(secret, clock=clock, expiration_s=SESSION_S)
    families = [tokens.new_family() for _ in ids]
    users = [
        BenchUser(number, name, tokens.issue(user_id=name, device_id=DEVICE_ID, family_id=families[number]))
        for number, name in enumerate(ids)
    ]
    rows = msgspec.json.encode(list(zip(ids, families, strict=True))).decode()
    return Logins(users, rows, now, now + SESSION_S * 1000)


async def make_accounts(database: SqliteDatabase, ids: Sequence[str]) -> None:
    """Make the accounts that are missing in a data folder."""
    await SqliteAccounts(database).create_users(new_users(ids))


async def make_users(
    database: SqliteDatabase, secret_file: Path, count: int, *, secret: str = ""
) -> list[BenchUser]:
    """Make the first ``count`` users of the bench in a data folder, as far as they are missing, and log each in.

    Args:
        database: of the folder.
        secret_file: the server's, made when it is missing.
        count: how many.
        secret: what signs tokens instead of it; "" = nothing else does.
    """
    await make_accounts(database, [user_id_of(number) for number in range(count)])
    logins = log_in(count, secret or load_or_make_secret(secret_file, entropy=SystemClock().entropy))
    parameters = (logins.rows, DEVICE_ID, logins.created_ts, logins.expires_ts)
    await database.write(lambda connection: connection.execute(_SESSIONS, parameters).rowcount)
    return list(logins.users)


def limits_for(groups: Sequence[Sequence[object]]) -> RuleLimits:
    """Return bounds that these groups fit into."""
    largest = max((len(members) for members in groups), default=2)
    return RuleLimits(group_members=max(largest, 1000), groups_per_user=100_000)


async def make_groups(database: SqliteDatabase, groups: Sequence[Sequence[str]]) -> list[str]:
    """Make groups in a data folder; see `save_groups`."""
    return await save_groups(SqliteStore(database, SystemClock(), limits_for(groups)), groups)


async def save_groups(store: Store, groups: Sequence[Sequence[str]]) -> list[str]:
    """Make a group for each list of user ids, its first one the owner; one that is there already is kept.

    Returns:
        The ids of the groups: by their size and their place among groups of that size.
    """
    commands = list(_group_commands(groups))
    for at in range(0, len(commands), GROUPS_AT_ONCE):
        for outcome in await store.save(commands[at : at + GROUPS_AT_ONCE]):
            if isinstance(outcome, RefusedOutcome):
                raise PingMeError(
                    f"cannot make the groups of the bench: {outcome.message}; use another folder"
                )
    return [command.conversation_id for command in commands]


def _group_commands(groups: Sequence[Sequence[str]]) -> Iterator[Command]:
    places: dict[int, int] = {}
    for members in groups:
        place = places[len(members)] = places.get(len(members), -1) + 1
        group_id = group_id_of(len(members), place)
        body = GroupCreatedBody(
            history_policy="from_join", join_policy="invite", name=f"Bench {place}", user_ids=tuple(members)
        )
        yield make_command(
            "group_created", sender_id=members[0], msg_id=group_id, conversation_id=group_id, body=body
        )


def heads_of(database: SqliteDatabase) -> dict[str, int]:
    """Return the newest seq of every conversation."""
    rows = database.read(
        "SELECT c.conversation_id, (SELECT max(seq) FROM events e WHERE e.conversation = c.id) FROM conversations c"
        " WHERE c.id > 0"
    )
    return {conversation_id: head or 0 for conversation_id, head in rows}
