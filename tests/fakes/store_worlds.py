"""A store of either sort with its clock and four accounts, which can be closed and opened again."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pingme.adapters.accounts_mysql import MysqlAccounts
from pingme.adapters.accounts_sqlite import SqliteAccounts
from pingme.adapters.mysql_connection import Address
from pingme.adapters.mysql_database import MysqlDatabase
from pingme.adapters.mysql_start import open_database, reach
from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.adapters.store_mysql import MysqlStore
from pingme.adapters.store_sqlite import SqliteStore
from pingme.domain.events import Command, Outcome, RefusedOutcome, Stored
from pingme.domain.model import RuleLimits
from pingme.ports.accounts import NewUser
from pingme.ports.store import Access, Page, Store
from pingme.wire.encode import EventView
from tests.fakes.clock import FakeClock
from tests.fakes.commands import USERS
from tests.fakes.store import MemoryStore

EVERYTHING = 10**9
LAST = 2**53 - 1
STATEMENT_S = 5.0


class World:
    """What the tests of a store share."""

    store: Store

    def __init__(self, limits: RuleLimits) -> None:
        self.clock = FakeClock()
        self.limits = limits

    async def open(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def reopen(self) -> None:
        """Close and open again: everything that is not on disk is gone."""
        await self.close()
        await self.open()

    async def forget(self) -> None:
        """Drop what is kept in memory."""

    async def drop(self) -> None:
        """Remove what is not in the test's own folder."""

    async def add_users(self, *user_ids: str) -> None:
        raise NotImplementedError

    async def say(self, *batch: Command) -> list[Outcome]:
        return list(await self.store.save(batch))

    async def stored(self, *batch: Command) -> list[Stored]:
        """Save, and insist that all were stored."""
        outcomes = await self.say(*batch)
        assert all(isinstance(outcome, Stored) for outcome in outcomes), outcomes
        return outcomes  # type: ignore[return-value]

    async def refused(self, *batch: Command) -> list[int]:
        """Save, and insist that the last was refused; return the codes of all, 0 for stored."""
        outcomes = await self.say(*batch)
        assert isinstance(outcomes[-1], RefusedOutcome), outcomes
        return codes(outcomes)

    async def page(
        self,
        conversation_id: str,
        *,
        first_seq: int = 1,
        last_seq: int = LAST,
        limit: int = 200,
        newest: bool = False,
        max_bytes: int = EVERYTHING,
        reactions_until: int = LAST,
    ) -> Page:
        return await self.store.page(
            conversation_id,
            first_seq=first_seq,
            last_seq=last_seq,
            limit=limit,
            newest=newest,
            max_bytes=max_bytes,
            reactions_until=reactions_until,
        )

    async def events(self, conversation_id: str) -> Sequence[EventView]:
        return (await self.page(conversation_id)).events

    async def view(self, conversation_id: str, seq: int) -> EventView:
        (view,) = (await self.page(conversation_id, first_seq=seq, last_seq=seq)).events
        return view

    async def access(self, user_id: str, conversation_id: str) -> Access:
        access = await self.store.access(user_id, conversation_id)
        assert access is not None
        return access

    async def changed(self, user_id: str, since: Sequence[int] | None) -> list[Access]:
        """Return what the user may see of each conversation that changed, newest first; as a sync does."""
        ids = await self.store.changed(user_id, since)
        parts = [await self.store.accesses(user_id, ids[at : at + 50]) for at in range(0, len(ids), 50)]
        return [access for part in parts for access in part]


def codes(outcomes: Sequence[Outcome]) -> list[int]:
    return [int(outcome.code) if isinstance(outcome, RefusedOutcome) else 0 for outcome in outcomes]


class MemoryWorld(World):
    """On the fake, which keeps everything: reopening changes nothing."""

    store: MemoryStore

    def __init__(self, limits: RuleLimits) -> None:
        super().__init__(limits)
        self.store = MemoryStore(self.clock, limits, USERS)

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def add_users(self, *user_ids: str) -> None:
        self.store.add_users(*user_ids)


class SqliteWorld(World):
    """On a file."""

    store: SqliteStore
    database: SqliteDatabase

    def __init__(self, limits: RuleLimits, folder: Path) -> None:
        super().__init__(limits)
        self.path = folder / "pingme.db"

    async def open(self) -> None:
        is_new = not self.path.exists()
        self.database = SqliteDatabase(self.path)
        if is_new:
            await self.add_users(*USERS)
        self.store = SqliteStore(self.database, self.clock, self.limits)

    async def close(self) -> None:
        await self.database.close()

    async def forget(self) -> None:
        self.store._forget()

    async def add_users(self, *user_ids: str) -> None:
        await SqliteAccounts(self.database).create_users([new_user(user_id) for user_id in user_ids])


class MysqlWorld(World):
    """On a server, in a database of its own that is dropped at the end."""

    store: MysqlStore
    database: MysqlDatabase

    def __init__(self, limits: RuleLimits, env: Mapping[str, str]) -> None:
        super().__init__(limits)
        self.address = fresh_address(env)
        self._made = False

    async def open(self) -> None:
        opened = await open_database(self.address, statement_s=STATEMENT_S, relaxed=False)
        self.database = opened.database
        if not self._made:
            self._made = True
            await self.add_users(*USERS)
        self.store = MysqlStore(opened.database, opened.meta, self.clock, self.limits)

    async def close(self) -> None:
        await self.database.close()

    async def forget(self) -> None:
        for shard in self.store._shards:
            shard.drop()
        self.store._users.clear()

    async def drop(self) -> None:
        await drop_database(self.address)

    async def add_users(self, *user_ids: str) -> None:
        await MysqlAccounts(self.database).create_users([new_user(user_id) for user_id in user_ids])


def fresh_address(env: Mapping[str, str]) -> Address:
    """Return the address of a database that does not exist yet."""
    return Address(
        host=env["DB_HOST"],
        port=int(env["DB_PORT"]),
        username=env["DB_USERNAME"],
        password=env["DB_PASSWORD"],
        name=f"im_{secrets.token_hex(6)}",
    )


@contextlib.asynccontextmanager
async def mysql_database(env: Mapping[str, str]) -> AsyncIterator[MysqlDatabase]:
    """Lend a database of its own on the server."""
    address = fresh_address(env)
    opened = await open_database(address, statement_s=STATEMENT_S, relaxed=False)
    yield opened.database
    await opened.database.close()
    await drop_database(address)


async def drop_database(address: Address) -> None:
    async with reach(replace(address, name=""), statement_s=STATEMENT_S) as connection:
        await connection.execute(f"DROP DATABASE IF EXISTS {address.name}")


def new_user(user_id: str) -> NewUser:
    return NewUser(
        user_id=user_id,
        username=user_id,
        username_key=user_id,
        password_hash="hash",
        nickname="",
        nickname_key="",
        email="",
        created_ts=1_000,
    )
