"""What is special about the store on MySQL: several nodes on one database, locks, and connections that break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

import pytest

from pingme.adapters import store_mysql, store_mysql_read
from pingme.adapters.mysql_connection import Address, Answer, Connection
from pingme.adapters.mysql_database import MysqlDatabase
from pingme.adapters.mysql_schema import STEPS
from pingme.adapters.mysql_start import check_server, open_database, reach
from pingme.adapters.store_mysql import MysqlStore
from pingme.domain.chain import first_hash, next_hash
from pingme.domain.errors import ErrorCode, StoreOutcomeUnknown, StoreUnavailable
from pingme.domain.events import RefusedOutcome, Stored
from pingme.domain.model import RuleLimits
from pingme.ports.store import Position
from tests.contract.tcp_proxy import TcpProxy
from tests.fakes.commands import ADA, BOB, CAI, GROUP, USERS, create_group, leave, private, to_group, to_user
from tests.fakes.store_worlds import MysqlWorld

PAIR = private(ADA, BOB)


@pytest.fixture
async def world(mariadb: dict[str, str]) -> AsyncIterator[MysqlWorld]:
    world = MysqlWorld(RuleLimits(), mariadb)
    await world.open()
    yield world
    await world.close()
    await world.drop()


@pytest.fixture
async def other(world: MysqlWorld) -> AsyncIterator[MysqlStore]:
    """Another node on the same database."""
    opened = await open_database(world.address, statement_s=5, relaxed=False)
    yield MysqlStore(opened.database, opened.meta, world.clock, world.limits)
    await opened.database.close()


async def check_chain(world: MysqlWorld, conversation_id: str) -> int:
    """Insist on consecutive seqs and an unbroken chain; return the head."""
    rolling = first_hash(conversation_id)
    events = await world.events(conversation_id)
    for seq, event in enumerate(events, start=1):
        rolling = next_hash(rolling, event.digest)
        assert (event.seq, event.hash) == (seq, rolling)
    return len(events)


# Two nodes.


async def test_two_nodes_write_one_conversation_without_holes(world: MysqlWorld, other: MysqlStore) -> None:
    """Whoever comes next goes on where the other one stopped: seqs are consecutive, and the chain holds."""
    for number in range(10):
        mine = await world.store.save([to_user(ADA, BOB, f"{number}")])
        theirs = await other.save([to_user(BOB, ADA, f"{number}"), to_user(ADA, BOB, "too")])
        assert all(isinstance(outcome, Stored) for outcome in (*mine, *theirs))

    assert await check_chain(world, PAIR) == 30


async def test_two_nodes_that_write_at_once_take_turns(world: MysqlWorld, other: MysqlStore) -> None:
    """Batches over several conversations, from both nodes at the same time, all get in, each in its order."""
    await world.stored(create_group(ADA, BOB, CAI))

    async def talk(store: MysqlStore, sender: str, peer: str) -> list[int]:
        seqs = []
        for number in range(12):
            batch = [to_group(sender, f"{number}"), to_user(sender, peer, f"{number}"), to_user(sender, CAI)]
            outcomes = await store.save(batch)
            assert all(isinstance(outcome, Stored) for outcome in outcomes), outcomes
            seqs.append(outcomes[0].seq)  # type: ignore[union-attr]
        return seqs

    mine, theirs = await asyncio.gather(talk(world.store, ADA, BOB), talk(other, BOB, ADA))

    assert mine == sorted(mine)
    assert sorted(mine + theirs) == list(range(2, 26))
    assert await check_chain(world, GROUP) == 25
    assert await check_chain(world, PAIR) == 24


async def test_a_repeat_on_another_node_is_a_repeat(world: MysqlWorld, other: MysqlStore) -> None:
    """The first seq comes back as a duplicate; the same msg_id for something else is refused."""
    command = to_user(ADA, BOB, "once", msg_id="m1")
    (first,) = await world.stored(command)

    (again,) = await other.save([command])
    (another,) = await other.save([to_user(ADA, CAI, "once", msg_id="m1")])

    assert isinstance(again, Stored)
    assert (again.seq, again.duplicate) == (first.seq, True)
    assert isinstance(another, RefusedOutcome)
    assert another.code == ErrorCode.MSG_ID_CONFLICT
    assert await check_chain(world, PAIR) == 1


async def test_one_msg_id_at_once_on_two_nodes_is_stored_once(world: MysqlWorld, other: MysqlStore) -> None:
    """In whichever conversation it arrives first; the other node is told so."""
    for number in range(8):
        mine, theirs = await asyncio.gather(
            world.store.save([to_user(ADA, BOB, msg_id=f"m{number}")]),
            other.save([to_user(ADA, CAI, msg_id=f"m{number}")]),
        )
        kinds = sorted(type(outcome).__name__ for outcome in (*mine, *theirs))
        assert kinds == ["RefusedOutcome", "Stored"]


async def test_a_removal_on_one_node_binds_the_other(world: MysqlWorld, other: MysqlStore) -> None:
    """What the other node remembered of the members is dropped, because the shard's number has moved."""
    await world.stored(create_group(ADA, BOB))
    await other.save([to_group(BOB, "still a member")])
    await world.stored(leave(BOB))

    (outcome,) = await other.save([to_group(BOB, "no longer")])

    assert isinstance(outcome, RefusedOutcome)
    assert outcome.code == ErrorCode.NOT_A_MEMBER


async def test_nobody_else_writing_costs_no_reads(world: MysqlWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of a conversation that is known is three statements."""
    await world.stored(to_user(ADA, BOB))
    sent: list[str] = []
    whole = Connection.execute_all

    async def counted(
        self: Connection, sql: str, parameters: Sequence[object] = (), *, count: int
    ) -> list[Answer]:
        sent.append(sql)
        return await whole(self, sql, parameters, count=count)

    monkeypatch.setattr(Connection, "execute_all", counted)
    await world.stored(to_user(ADA, BOB), to_user(BOB, ADA))

    assert [sql.split()[0] for sql in sent] == ["UPDATE", "INSERT", "COMMIT"]


async def test_refusals_of_two_nodes_have_places_of_their_own(world: MysqlWorld, other: MysqlStore) -> None:
    """Both are written down, and bind the other node."""
    mine, theirs = to_user(ADA, "u-nobody", msg_id="a"), to_user(BOB, "u-nobody", msg_id="b")
    await asyncio.gather(world.store.save([mine]), other.save([theirs]))
    await world.add_users("u-nobody")

    outcomes = [*await other.save([mine]), *await world.store.save([theirs])]

    assert all(isinstance(outcome, RefusedOutcome) for outcome in outcomes)


async def test_caches_that_are_emptied_under_running_work_cost_nothing(
    world: MysqlWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their bounds are met by every call, and many run at once."""
    monkeypatch.setattr(store_mysql_read, "KEYS_KEPT", 1)
    monkeypatch.setattr(store_mysql, "MAX_USERS", 1)

    outcomes = await asyncio.gather(
        *(world.store.save([to_user(one, other)]) for one in USERS for other in USERS if one != other)
    )
    accesses = await world.changed(ADA, None)
    unread = await asyncio.gather(*(world.store.unread(ADA, accesses) for _ in range(5)))

    assert all(isinstance(outcome, Stored) for (outcome,) in outcomes)
    assert unread == [[1] * len(accesses)] * 5


async def test_change_numbers_see_the_other_node(world: MysqlWorld, other: MysqlStore) -> None:
    """A since token of one node shows what was written on another."""
    await world.stored(to_user(ADA, BOB))
    since = await world.store.change_numbers()

    await other.save([to_user(BOB, ADA)])
    await other.save_positions([Position(PAIR, BOB, 1, 1)])

    (changed,) = await world.changed(ADA, since)
    assert (changed.head_seq, changed.peer_read_seq) == (2, 1)
    assert await world.store.changed(ADA, await world.store.change_numbers()) == []


# Locks.


async def test_a_deadlock_is_tried_again(world: MysqlWorld) -> None:
    """Two transactions that wait for each other: the server ends one, which begins again, and both are stored."""
    await world.stored(to_user(ADA, BOB), to_user(ADA, CAI))
    shards = sorted({world.store._shard_of(PAIR), world.store._shard_of(private(ADA, CAI))})
    assert len(shards) == 2
    low, high = shards

    async with world.database.transaction() as disturber:
        await disturber.execute(f"UPDATE shards SET n = n WHERE id = {high}")
        saving = asyncio.create_task(world.store.save([to_user(ADA, BOB), to_user(ADA, CAI)]))
        while not await waits(world):  # noqa: ASYNC110  # the server is asked
            await asyncio.sleep(0.01)
        # The saver holds `low` and waits for `high`; this one has more to lose, so that the saver is the victim.
        for number in range(50):
            await disturber.execute("INSERT INTO meta (name, value) VALUES (%s, '')", (f"x{number}",))
        await disturber.execute(f"UPDATE shards SET n = n WHERE id = {low}")
        await disturber.commit()

    assert all(isinstance(outcome, Stored) for outcome in await saving)
    assert await check_chain(world, PAIR) == 2


async def waits(world: MysqlWorld) -> bool:
    sql = "SELECT info FROM information_schema.processlist WHERE db = DATABASE() AND info IS NOT NULL"
    return any(info.startswith("UPDATE shards SET n = LAST") for (info,) in await world.database.read(sql))


@pytest.mark.slow
async def test_a_lock_that_is_not_given_is_an_outage(world: MysqlWorld) -> None:
    """After the bound nothing was written and the store says so; when the lock is free the same batch is stored."""
    impatient = MysqlDatabase(world.address, collation=world.database.collation, statement_s=1)
    store = MysqlStore(impatient, world.store._meta, world.clock, world.limits)
    command = to_user(ADA, BOB)

    async with world.database.transaction() as disturber:
        await disturber.execute("UPDATE shards SET n = n")
        with pytest.raises(StoreUnavailable):
            await store.save([command])

    (outcome,) = await store.save([command])
    assert isinstance(outcome, Stored)
    assert (outcome.seq, outcome.duplicate) == (1, False)
    await impatient.close()


# Connections that break.


@pytest.fixture
async def far(world: MysqlWorld) -> AsyncIterator[tuple[MysqlStore, TcpProxy]]:
    """A node whose connections go through a proxy."""
    async with TcpProxy(world.address.port) as proxy:
        address: Address = replace(world.address, port=proxy.port)
        database = MysqlDatabase(address, collation=world.database.collation, statement_s=2)
        yield MysqlStore(database, world.store._meta, world.clock, world.limits), proxy
        await database.close()


@pytest.mark.parametrize("arrives", [True, False], ids=["after", "before"])
async def test_a_connection_cut_during_commit_is_unknown(
    world: MysqlWorld, far: tuple[MysqlStore, TcpProxy], arrives: bool
) -> None:
    """Whether COMMIT arrived or not, the outcome is unknown, and the same batch again tells: stored once."""
    store, proxy = far
    await store.save([to_user(ADA, BOB, "first")])
    command = to_user(ADA, BOB, "second")

    proxy.cut_at(b"COMMIT", forward=arrives)
    with pytest.raises(StoreOutcomeUnknown):
        await store.save([command])
    (outcome,) = await store.save([command])

    assert isinstance(outcome, Stored)
    assert (outcome.seq, outcome.duplicate) == (2, arrives)
    assert await check_chain(world, PAIR) == 2


async def test_a_connection_cut_before_commit_is_made_again(
    world: MysqlWorld, far: tuple[MysqlStore, TcpProxy]
) -> None:
    """Nothing was written, so the transaction runs again on another connection, and nobody notices."""
    store, proxy = far
    await store.save([to_user(ADA, BOB, "first")])

    proxy.cut_at(b"INSERT INTO events", forward=True)
    (outcome,) = await store.save([to_user(ADA, BOB, "second")])

    assert isinstance(outcome, Stored)
    assert (outcome.seq, outcome.duplicate) == (2, False)
    assert await check_chain(world, PAIR) == 2


async def test_a_server_that_is_away_is_an_outage(
    world: MysqlWorld, far: tuple[MysqlStore, TcpProxy]
) -> None:
    """Reads and writes say so at once, and work again when it is back."""
    store, proxy = far
    command = to_user(ADA, BOB)
    await store.save([command])

    await proxy.stop()
    with pytest.raises(StoreUnavailable):
        await store.save([to_user(ADA, BOB)])
    with pytest.raises(StoreUnavailable):
        await store.access(ADA, PAIR)
    await proxy.start()

    assert await store.access(ADA, PAIR) is not None
    (outcome,) = await store.save([command])
    assert isinstance(outcome, Stored)
    assert outcome.duplicate


# Starting.


async def test_a_newer_schema_is_refused(world: MysqlWorld) -> None:
    """An older program does not touch what a newer one has written."""
    async with reach(world.address, statement_s=5) as connection:
        await connection.execute("UPDATE meta SET value = %s WHERE name = 'schema'", (str(len(STEPS) + 1),))

    with pytest.raises(StoreUnavailable, match="newer PingMe"):
        await open_database(world.address, statement_s=5, relaxed=False)


async def test_a_database_that_may_not_be_made_is_asked_for(mariadb: Mapping[str, str]) -> None:
    """The error has the statement for somebody who may run it."""
    admin = Address(
        host=mariadb["DB_HOST"],
        port=int(mariadb["DB_PORT"]),
        username=mariadb["DB_USERNAME"],
        password=mariadb["DB_PASSWORD"],
        name="",
    )
    async with reach(admin, statement_s=5) as connection:
        await connection.execute("CREATE USER IF NOT EXISTS 'nobody'@'%' IDENTIFIED BY 'pass'")
        await connection.execute("GRANT SELECT ON elsewhere.* TO 'nobody'@'%'")
    poor = replace(admin, username="nobody", password="pass", name="im_absent")

    with pytest.raises(StoreUnavailable, match="CREATE DATABASE IF NOT EXISTS im_absent"):
        await open_database(poor, statement_s=5, relaxed=False)


class ServerThatSays:
    """A connection to a server with these settings, in the order of `check_server`'s question."""

    def __init__(self, version: str, *settings: object) -> None:
        self.version = version
        self._settings = settings

    async def execute(self, sql: str) -> Answer:
        return Answer([self._settings], 0, 0)


@pytest.mark.parametrize(
    ("version", "settings", "relaxed"),
    [
        ("10.11.6-MariaDB", (1, 0, 0, 2**24, 1, 0), ""),
        ("8.0.36", (1, 1, 1, 2**26, "ON", 0), ""),
        ("8.4.0", (2, 1, 1, 2**26, "ON", 0), "innodb_flush_log_at_trx_commit is 2"),
        ("8.4.0", (1, 1, 0, 2**26, "ON", 0), "sync_binlog is 0"),
        ("11.4.2-MariaDB", (0, 0, 0, 2**24, 0, 0), "innodb_doublewrite is off"),
    ],
)
async def test_what_may_lose_commits_is_found(
    version: str, settings: tuple[object, ...], relaxed: str
) -> None:
    """And told by name; with the binary collation that such a server has."""
    found = await check_server(cast("Connection", ServerThatSays(version, *settings)))

    assert relaxed in found.relaxed
    assert bool(relaxed) == bool(found.relaxed)
    assert found.collation == ("utf8mb4_nopad_bin" if "Maria" in version else "utf8mb4_0900_bin")


@pytest.mark.parametrize(
    ("version", "settings", "text"),
    [
        ("5.7.44", (1, 0, 0, 2**24, 1, 0), "expected MySQL 8.0.17"),
        ("10.5.9-MariaDB", (1, 0, 0, 2**24, 1, 0), "MariaDB 10.6"),
        ("8.0.36", (1, 0, 0, 2**20, 1, 0), "max_allowed_packet"),
        ("8.0.36", (1, 0, 0, 2**26, 1, 1), "read-only"),
    ],
)
async def test_a_server_that_cannot_be_used_is_refused(
    version: str, settings: tuple[object, ...], text: str
) -> None:
    """Too old, too small packets, or not the primary."""
    with pytest.raises(StoreUnavailable, match=text):
        await check_server(cast("Connection", ServerThatSays(version, *settings)))
