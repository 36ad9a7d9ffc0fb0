"""`Snapshot` and `NewStore` on both engines: what is exported from one and imported into another is the same store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from pingme.adapters.accounts_mysql import MysqlAccounts
from pingme.adapters.accounts_sqlite import SqliteAccounts
from pingme.adapters.mysql_connection import Address
from pingme.adapters.mysql_start import IMPORTING, open_database, reach
from pingme.adapters.mysql_verify import verify as verify_mysql
from pingme.adapters.new_store_rows import NotEmpty
from pingme.adapters.sqlite_verify import Verified
from pingme.adapters.sqlite_verify import verify as verify_sqlite
from pingme.cli.doctor.mysql import check_mysql
from pingme.config import Settings
from pingme.config.models import DatabaseSettings
from pingme.domain.errors import StoreError, StoreUnavailable
from pingme.domain.events import Stored
from pingme.domain.model import RuleLimits
from pingme.services.moving import read_export
from pingme.wire.export import BadExport, LineReader, Record, RefusalRecord
from pingme.wire.export_check import ExportCheck
from tests.fakes.commands import ADA, BOB, CAI, DEE, GROUP, to_group, to_user
from tests.fakes.moving_world import PAIR, UUID, Engine, exported, furnish, imported, new_store, sqlite_world
from tests.fakes.store_worlds import MysqlWorld, SqliteWorld

MakeWorld = Callable[[], Engine]


@pytest.fixture(params=["sqlite", "mysql"])
async def make(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MakeWorld]:
    """Makes worlds of one engine that were not opened yet."""
    made: list[Engine] = []

    def make_one() -> Engine:
        number = len(made)
        if request.param == "sqlite":
            made.append(sqlite_world(tmp_path, f"store-{number}"))
        else:
            made.append(MysqlWorld(RuleLimits(), request.getfixturevalue("mariadb")))
        return made[-1]

    yield make_one
    for world in made:
        await world.drop()


@pytest.fixture
async def furnished(tmp_path: Path) -> bytes:
    """The export of a store that has everything in it."""
    world = sqlite_world(tmp_path, "furnished")
    await world.open()
    await furnish(world)
    file, _ = await exported(world)
    await world.close()
    return file


async def verified(world: Engine) -> Verified:
    if isinstance(world, SqliteWorld):
        return await asyncio.to_thread(verify_sqlite, world.path, report=lambda *_: None)
    return await verify_mysql(world.address, report=lambda *_: None)


async def test_there_and_back_the_file_is_the_same(make: MakeWorld, furnished: bytes, tmp_path: Path) -> None:
    """SQLite → this engine → SQLite: the same bytes each time, the same value of all heads, every digest right."""
    there, back = make(), sqlite_world(tmp_path, "back")

    first = await imported(furnished, there)
    from_there, _ = await exported(there)
    second = await imported(from_there, back)
    from_back, _ = await exported(back)

    assert furnished == from_there == from_back
    seen, seen_back = await verified(there), await verified(back)
    assert seen.faults == seen_back.faults == []
    assert {seen.heads, seen_back.heads} == {first.heads} == {second.heads}
    assert first.counts["event"] == seen.events == 30
    assert min(first.counts.values()) > 0, "every type of record was there"


async def test_a_store_of_this_engine_is_exported_like_any_other(
    make: MakeWorld, furnished: bytes, tmp_path: Path
) -> None:
    """What was written by this engine itself, edits and recalls included, comes back from SQLite as it went."""
    own, other = make(), sqlite_world(tmp_path, "other")
    await own.open()
    await furnish(own)

    from_own, _ = await exported(own)
    await imported(from_own, other)
    from_other, _ = await exported(other)
    await own.close()

    assert from_own == from_other
    # msg_ids are made anew for every command; but for those (and what hangs on them) the two were furnished alike.
    assert len(from_own.splitlines()) == len(furnished.splitlines())


async def test_life_goes_on_in_the_new_store(make: MakeWorld, furnished: bytes) -> None:
    """Old msg_ids are duplicates, old refusals stay refused, new events follow, and everybody syncs everything."""
    world = make()

    moved = await imported(furnished, world)
    await world.open()
    repeat = (await world.say(to_user(BOB, ADA, "another text", msg_id=UUID)))[0]
    refused = await world.refused(to_group(DEE, "from outside", msg_id="refused-1"))
    head = await world.store.head(PAIR)
    (stored,) = await world.stored(to_user(ADA, BOB, "after the move"))
    await world.stored(to_user(CAI, BOB, "in a new conversation"))
    newest = await world.store.changed(BOB, None)
    since = await world.store.change_numbers()
    await world.stored(to_group(ADA, "live"))
    heads = await world.store.heads_changed(since, 10)
    epoch = world.store.epoch
    await world.close()

    assert not isinstance(repeat, Stored), "the same msg_id for another text"
    assert refused == [40003]
    assert stored.seq == head + 1
    assert newest[0] not in {PAIR, GROUP}
    assert newest[1] == PAIR
    assert [change.conversation_id for change in heads.changes] == [GROUP]
    assert epoch == moved.epoch
    assert (await verified(world)).faults == []


async def test_positions_settings_and_accounts_arrive(make: MakeWorld, furnished: bytes) -> None:
    """Where people were, what they have set, who they are and where they are logged in."""
    world = make()

    await imported(furnished, world)
    await world.open()
    accounts = (
        SqliteAccounts(world.database) if isinstance(world, SqliteWorld) else MysqlAccounts(world.database)
    )
    ada, bob = await world.access(ADA, PAIR), await world.access(BOB, GROUP)
    removed = await world.access(DEE, GROUP)
    page = await world.page(PAIR)
    bob_user, dee_user = await accounts.user(BOB), await accounts.user(DEE)
    session = await accounts.session("family-1")
    found = await accounts.users_by_nickname("bób")
    await world.close()

    assert (ada.delivered_seq, ada.read_seq, ada.muted, ada.draft) == (7, 6, True, "half a\nsentence")
    assert bob.pinned
    assert removed.member.until_seq is not None
    assert page.events[1].recalled
    assert bob_user is not None
    assert dee_user is not None
    assert (bob_user.nickname, dee_user.disabled) == ("Bób ẞ", True)
    assert session is not None
    assert (session.user_id, session.device.generation) == (ADA, 3)
    assert [user.user_id for user in found] == [BOB]


async def test_an_export_is_one_moment_of_a_store_in_use(make: MakeWorld, tmp_path: Path) -> None:
    """Messages stored meanwhile are not in it, or whole with their conversation: it imports without a fault."""
    world, copy = make(), sqlite_world(tmp_path, "copy")
    await world.open()
    await furnish(world)
    before = await world.store.head(PAIR)

    async def write_on() -> int:
        count = 0
        while not done.is_set():
            await world.stored(to_user(ADA, BOB, f"meanwhile {count}"), to_group(ADA, "and here"))
            count += 1
        return count

    done = asyncio.Event()
    writing = asyncio.create_task(write_on())
    files = [(await exported(world))[0] for _ in range(3)]
    await world.stored(to_user(ADA, BOB, "the last one"))
    done.set()
    await writing
    head = await world.store.head(PAIR)
    await world.close()
    moved = await imported(files[-1], copy)

    assert (await verified(copy)).heads == moved.heads
    assert before < head
    assert b"the last one" not in files[-1]


async def test_a_store_with_something_in_it_is_left_alone(make: MakeWorld, furnished: bytes) -> None:
    """An import into it is refused, and nothing of it is changed."""
    world = make()
    await world.open()
    await world.stored(to_user(ADA, BOB, "mine"))
    before, _ = await exported(world)
    await world.close()

    with pytest.raises(NotEmpty, match="something in it"):
        await imported(furnished, world)

    assert (await exported(world))[0] == before


async def test_a_started_and_never_used_store_is_empty(make: MakeWorld, furnished: bytes) -> None:
    """A server that was started once is no reason to refuse; its epoch does not stay."""
    world = make()
    if isinstance(world, SqliteWorld):
        world.path.touch()  # so that nobody is added
    else:
        world._made = True
    await world.open()
    epoch = world.store.epoch
    await world.close()

    moved = await imported(furnished, world)

    assert moved.epoch != epoch
    assert (await exported(world))[0] == furnished


async def test_a_file_that_breaks_off_leaves_an_empty_place(make: MakeWorld, furnished: bytes) -> None:
    """What was filled until the fault is thrown away, and the next import finds an empty store."""
    world = make()
    lines = furnished.splitlines(keepends=True)

    with pytest.raises(BadExport, match=f"line {len(lines)}: the file ends before"):
        await imported(b"".join(lines[:-1]), world)
    await imported(furnished, world)

    assert (await exported(world))[0] == furnished


async def test_two_records_of_one_msg_id_are_refused(make: MakeWorld, furnished: bytes) -> None:
    """A file whose lines are all right, and which holds a msg_id twice, fills no store."""
    world = make()
    store = new_store(world)
    records = _records(furnished)
    refusals = [record for record in records if isinstance(record, RefusalRecord)]

    await store.begin()
    await store.write([*records, *refusals])
    with pytest.raises(StoreError, match="msg_id"):
        await store.finish()
    await store.abandon()

    await imported(furnished, world)


def _records(file: bytes) -> list[Record]:
    lines = file.splitlines(keepends=True)
    return [record for record, _ in read_export(lines, LineReader(), ExportCheck())]


async def test_a_process_that_died_leaves_no_store(furnished: bytes, tmp_path: Path) -> None:
    """SQLite: until the end there is no database at the place; the next import removes the draft."""
    world = sqlite_world(tmp_path, "died")
    store = new_store(world)
    await store.begin()
    await store.write(_records(furnished))
    store._connection.close()  # type: ignore[attr-defined]  # as a kill would
    left = {path.name for path in world.path.parent.iterdir()}

    await imported(furnished, world)

    assert left == {".pingme.db.importing"}
    assert {path.name for path in world.path.parent.iterdir()} == {"pingme.db"}
    assert (world.path.stat().st_mode & 0o777) == 0o600


async def test_a_process_that_died_leaves_a_mark_on_mysql(furnished: bytes, mariadb: dict[str, str]) -> None:
    """No node starts on it and nothing is exported; verify names it; the next import begins anew."""
    world = MysqlWorld(RuleLimits(), mariadb)
    store = new_store(world)
    await store.begin()
    await store.write(_records(furnished))
    await store._stack.aclose()  # type: ignore[attr-defined]  # as a kill would

    with pytest.raises(StoreUnavailable, match="pingme db import"):
        await open_database(world.address, statement_s=5, relaxed=False)
    with pytest.raises(StoreUnavailable, match="was not finished"):
        await exported(world)
    seen = await verified(world)
    found = await asyncio.to_thread(lambda: list(check_mysql(settings_of(world.address), world.address.host)))
    await imported(furnished, world)
    after = (await exported(world))[0]
    await world.drop()

    assert any("was not finished" in fault for fault in seen.faults)
    assert [each.check for each in found if each.status == "fail"] == ["database.import"]
    assert after == furnished


@pytest.mark.slow
async def test_a_running_node_stops_an_import_into_mysql(furnished: bytes, mariadb: dict[str, str]) -> None:
    """Other connections to the database are reason to refuse; without the mark nothing is changed."""
    world = MysqlWorld(RuleLimits(), mariadb)
    world._made = True
    await world.open()
    await world.store.head(PAIR)  # opens a connection that stays

    with pytest.raises(StoreUnavailable, match="stop all nodes"):
        await imported(furnished, world)

    await world.close()
    assert await _marks(world.address) == 0
    await world.drop()


def settings_of(address: Address) -> Settings:
    return Settings(
        database=DatabaseSettings(
            host=address.host,
            port=address.port,
            username=address.username,
            password=SecretStr(address.password),
            name=address.name,
        )
    )


async def _marks(address: Address) -> int:
    async with reach(address, statement_s=5) as connection:
        found = await connection.execute("SELECT COUNT(*) FROM meta WHERE name = %s", (IMPORTING,))
    return int(found.rows[0][0])
