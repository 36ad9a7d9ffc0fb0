"""What is SQLite's own: full disks, broken commits, other schemas, two processes on one file."""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest

from pingme.adapters import sqlite_database, store_sqlite
from pingme.adapters.accounts_sqlite import SqliteAccounts
from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.adapters.store_sqlite import SqliteStore
from pingme.domain.chain import first_hash, next_hash
from pingme.domain.errors import ErrorCode, StoreOutcomeUnknown, StoreRejected, StoreUnavailable
from pingme.domain.events import Command
from pingme.domain.model import RuleLimits
from pingme.domain.usernames import username_key
from pingme.ports.store import Position
from tests.fakes.commands import (
    ADA,
    BOB,
    CAI,
    DEE,
    GROUP,
    create_group,
    edit,
    join,
    private,
    profile,
    react,
    recall,
    to_group,
    to_user,
)
from tests.fakes.store_worlds import SqliteWorld, codes

PAIR = private(ADA, BOB)
ROOT = Path(__file__).parents[2]

NOBODY = 65_534  # a user id without rights, on Linux


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[SqliteWorld]:
    world = SqliteWorld(RuleLimits(), tmp_path)
    await world.open()
    yield world
    await world.close()


def writer(world: SqliteWorld) -> sqlite3.Connection:
    connection = world.database._writer
    assert connection is not None
    return connection


def dump(path: Path) -> str:
    """Return everything that stands in the tables of the file."""
    connection = sqlite3.connect(path)
    try:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
        return "\n".join(repr(connection.execute(f"SELECT * FROM {table}").fetchall()) for table in tables)
    finally:
        connection.close()


async def check_chain(world: SqliteWorld, conversation_id: str) -> None:
    """Insist on consecutive seqs and an unbroken chain."""
    views = await world.events(conversation_id)
    rolling = first_hash(conversation_id)
    for number, view in enumerate(views, start=1):
        rolling = next_hash(rolling, view.digest)
        assert (view.seq, view.hash) == (number, rolling)


class BreakingConnection:
    """A connection whose commit fails with an I/O error, before or after it has reached the disk."""

    def __init__(self, connection: sqlite3.Connection, *, when: Literal["before", "after"]) -> None:
        self._connection = connection
        self._when = when

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
        commits = sql == "COMMIT" or not self._connection.in_transaction
        if sql.lstrip().startswith(("BEGIN", "ROLLBACK", "SELECT", "WITH")) or not commits:
            return self._connection.execute(sql, *parameters)  # type: ignore[arg-type]
        if self._when == "after":
            self._connection.execute(sql, *parameters)  # type: ignore[arg-type]
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error


def break_next_commit(world: SqliteWorld, when: Literal["before", "after"]) -> None:
    world.database._writer = BreakingConnection(writer(world), when=when)  # type: ignore[assignment]


# A store that cannot write.


async def test_a_full_disk_refuses_writes_and_keeps_reads(world: SqliteWorld) -> None:
    """Writes say that nothing was written, reads go on, and with space again writes go on without a restart."""
    await world.stored(to_user(ADA, BOB, "before"))
    (pages,) = writer(world).execute("PRAGMA page_count").fetchone()
    writer(world).execute(f"PRAGMA max_page_count={pages}")
    refused = to_user(ADA, BOB, "x" * 8000, msg_id="refused")

    with pytest.raises(StoreUnavailable, match="full"):
        await world.store.save([refused])
    with pytest.raises(StoreUnavailable, match="full"):
        await world.store.save([create_group(ADA), *(to_group(ADA, "x" * 8000) for _ in range(9))])

    assert [view.msg_id for view in await world.events(PAIR)] != ["refused"]
    assert (await world.access(BOB, PAIR)).head_seq == 1
    assert await world.store.find(ADA, "refused") is None
    assert await world.store.access(ADA, GROUP) is None

    writer(world).execute("PRAGMA max_page_count=1000000")
    (stored,) = await world.stored(refused)
    assert (stored.seq, stored.duplicate) == (2, False)
    await world.stored(create_group(ADA), to_group(ADA))
    await check_chain(world, PAIR)
    await check_chain(world, GROUP)
    assert writer(world).execute("PRAGMA integrity_check").fetchone() == ("ok",)


FULL_DISK = """
import asyncio, sys
from pathlib import Path
from pingme.domain.errors import StoreUnavailable
from pingme.domain.model import RuleLimits
from tests.fakes.commands import ADA, BOB, private, to_user
from tests.fakes.store_worlds import SqliteWorld

async def main(folder):
    world = SqliteWorld(RuleLimits(), folder)
    await world.open()
    await world.stored(to_user(ADA, BOB))
    filler = (folder / "filler").open("wb", buffering=0)
    try:
        while filler.write(bytes(4096)):
            pass
    except OSError:
        pass
    acked = 1
    try:
        while True:
            command = to_user(ADA, BOB, "x" * 8000)
            await world.stored(command)
            acked += 1
    except StoreUnavailable:
        pass
    assert len(await world.events(private(ADA, BOB))) == acked
    filler.truncate(0)
    (stored,) = await world.stored(command)
    assert stored.seq == acked + 1
    assert not stored.duplicate
    filler.close()
    await world.close()
    print("well")

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.slow
def test_a_really_full_disk_is_survived(tmp_path: Path) -> None:
    """On a file system of 2 MiB: nothing acknowledged is lost, and writing goes on when there is space."""
    mount = f'mount -t tmpfs -o size=2m none "{tmp_path}" && exec "$@"'
    probe = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, "sh", "true"], check=False, capture_output=True
    )
    if probe.returncode != 0:
        pytest.skip("this machine does not let us mount a small file system")

    child = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, "sh", sys.executable, "-c", FULL_DISK, str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=50,
    )

    assert child.stdout == "well\n", child.stderr


async def test_a_store_that_became_read_only_refuses_writes(world: SqliteWorld) -> None:
    """Nothing was written, reads go on, and it recovers by itself."""
    await world.stored(to_user(ADA, BOB))
    writer(world).execute("PRAGMA query_only=ON")

    with pytest.raises(StoreUnavailable, match="readonly"):
        await world.store.save([to_user(ADA, BOB)])
    with pytest.raises(StoreUnavailable, match="readonly"):
        await world.store.save_positions([Position(PAIR, BOB, 1, 1)])
    assert (await world.access(BOB, PAIR)).head_seq == 1

    writer(world).execute("PRAGMA query_only=OFF")
    (stored,) = await world.stored(to_user(ADA, BOB))
    assert stored.seq == 2


async def test_another_writer_is_an_outage(world: SqliteWorld) -> None:
    """While somebody else holds the file for longer than the timeout nothing is written; later it goes on."""
    await world.stored(to_user(ADA, BOB))
    writer(world).execute("PRAGMA busy_timeout=10")
    other = sqlite3.connect(world.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailable, match="locked"):
        await world.store.save([to_user(ADA, BOB)])
    with pytest.raises(StoreUnavailable, match="locked"):
        await world.store.save([create_group(ADA)])

    other.execute("ROLLBACK")
    other.close()
    stored = await world.stored(to_user(ADA, BOB), create_group(ADA))
    assert [outcome.seq for outcome in stored] == [2, 1]


async def test_a_statement_waits_as_long_as_the_setting_says(tmp_path: Path) -> None:
    """`limits.store_statement_s` bounds the wait for a file that another program holds, for every connection."""
    database = SqliteDatabase(tmp_path / "pingme.db", busy_timeout_ms=20)
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        await database.write(lambda writer: writer.execute("BEGIN IMMEDIATE").fetchall())
    other.execute("ROLLBACK")

    assert database.reader.execute("PRAGMA busy_timeout").fetchone() == (20,)
    assert await database.read_large(lambda large: large.execute("PRAGMA busy_timeout").fetchone()) == (20,)
    other.close()
    await database.close()


async def test_one_attempt_to_write_waits_a_tenth_of_a_second(tmp_path: Path) -> None:
    """However long statements may wait: the pipeline has to answer within 1.5 s, and tries again until then."""
    database = SqliteDatabase(tmp_path / "pingme.db", busy_timeout_ms=5_000)

    waits = await database.write(lambda writer: writer.execute("PRAGMA busy_timeout").fetchone())

    assert waits == (100,)
    await database.close()


async def test_a_write_that_the_system_refuses_is_a_definite_no(world: SqliteWorld) -> None:
    """EFBIG, EDQUOT and the like (SQLITE_IOERR_WRITE) leave nothing behind: no unknown outcome; later it goes on."""
    await world.stored(to_user(ADA, BOB))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(StoreUnavailable, match="disk I/O error"):
            await world.store.save([to_user(ADA, BOB)])
        with pytest.raises(StoreUnavailable, match="disk I/O error"):
            await world.store.save([create_group(ADA)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    stored = await world.stored(to_user(ADA, BOB), create_group(ADA))
    assert [outcome.seq for outcome in stored] == [2, 1]


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_database_that_is_not_at_its_place_is_an_outage(world: SqliteWorld, replaced: bool) -> None:
    """Nothing is written into a file that was moved away, nor into another in its place; reads go on; back, all goes on."""
    await world.stored(to_user(ADA, BOB))
    away = world.path.with_name("away.db")
    world.path.rename(away)
    if replaced:
        world.path.touch()

    with pytest.raises(StoreUnavailable, match="put it back"):
        await world.store.save([to_user(ADA, BOB)])
    with pytest.raises(StoreUnavailable, match="put it back"):
        await world.database.checkpoint()
    assert (await world.access(BOB, PAIR)).head_seq == 1
    assert not replaced or world.path.stat().st_size == 0

    away.replace(world.path)
    (stored,) = await world.stored(to_user(ADA, BOB))
    assert stored.seq == 2


async def test_a_database_that_goes_away_under_a_write_leaves_its_outcome_unknown(world: SqliteWorld) -> None:
    """It stands in the file that went away: nobody is told that it is stored before that file is back."""
    away = world.path.with_name("away.db")

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO meta (key, value) VALUES ('written', 1)")
        world.path.rename(away)

    with pytest.raises(StoreOutcomeUnknown, match="put it back"):
        await world.database.write(write)

    away.rename(world.path)
    assert world.database.read("SELECT value FROM meta WHERE key = 'written'") == [(1,)]


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Every call raises StoreUnavailable; closing twice is closing once."""
    world = SqliteWorld(RuleLimits(), tmp_path)
    await world.open()
    await world.stored(to_user(ADA, BOB))
    access = await world.access(ADA, PAIR)
    await world.close()
    await world.close()
    store = world.store

    for call in (
        store.save([to_user(ADA, BOB)]),
        store.refuse(to_user(ADA, BOB), ErrorCode.PERSIST_FAILED, ""),
        store.save_positions([Position(PAIR, BOB, 1, 1)]),
        store.find(ADA, "m"),
        store.access(ADA, PAIR),
        store.channels(ADA),
        store.head(PAIR),
        store.members(PAIR),
        store.changed(ADA, None),
        store.accesses(ADA, [PAIR]),
        store.unread(BOB, [access]),
        store.share_conversation(ADA, [BOB]),
        store.page(PAIR, first_seq=1, last_seq=1, limit=1, newest=True, max_bytes=1),
    ):
        with pytest.raises(StoreUnavailable):
            await call


# Rows that SQLite does not take.


async def test_a_row_that_is_not_taken_is_rejected(world: SqliteWorld) -> None:
    """Nothing of the batch is written; without that row the rest is stored, and later the row, too."""
    await world.stored(to_user(ADA, BOB))
    writer(world).execute(
        "CREATE TRIGGER poison BEFORE INSERT ON events WHEN NEW.msg_id = 'bad'"
        " BEGIN SELECT RAISE(ABORT, 'poison'); END"
    )
    bad, good = to_user(ADA, BOB, msg_id="bad"), to_user(ADA, BOB, msg_id="good")

    for batch in ([good, bad], [bad], [create_group(ADA), bad], [to_group(CAI), bad, good]):
        with pytest.raises(StoreRejected, match="poison"):
            await world.store.save(batch)

    assert await world.store.head(PAIR) == 1
    assert await world.store.find(ADA, "good") is None
    assert await world.store.access(ADA, GROUP) is None
    (stored,) = await world.stored(good)
    assert stored.seq == 2
    writer(world).execute("DROP TRIGGER poison")
    (later,) = await world.stored(bad)
    assert later.seq == 3
    await check_chain(world, PAIR)


# Commits whose end is unknown.


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["messages", "group", "refusal", "mixed"])
async def test_a_broken_commit_is_unknown_and_saving_again_tells(
    world: SqliteWorld, when: Literal["before", "after"], kind: str
) -> None:
    """The same batch gives right answers, stores nothing twice, and the store goes on as before."""
    await world.stored(to_user(ADA, BOB))
    late = to_group(CAI, msg_id="late")
    batches: dict[str, list[Command]] = {
        "messages": [to_user(ADA, BOB), to_user(BOB, ADA)],
        "group": [create_group(ADA, BOB), to_group(BOB)],
        "refusal": [late],
        "mixed": [late, create_group(ADA, BOB), to_user(ADA, CAI), edit(ADA, PAIR, 1, "new"), late],
    }
    batch = batches[kind]
    break_next_commit(world, when)

    with pytest.raises(StoreOutcomeUnknown):
        await world.store.save(batch)
    outcomes = await world.say(*batch)

    missing = ErrorCode.GROUP_NOT_FOUND
    assert codes(outcomes) == [missing if command is late else 0 for command in batch]
    assert {outcome.duplicate for outcome in outcomes if hasattr(outcome, "duplicate")} <= {when == "after"}
    # Whatever came next has its place: rows, refusals, conversations, change numbers.
    since = await world.store.change_numbers()
    assert await world.refused(to_group(DEE)) == [missing]
    await world.stored(to_user(DEE, ADA), to_user(DEE, BOB), create_group(DEE, group="g-9"))
    await world.stored(to_user(ADA, BOB))
    assert await world.store.changed(CAI, since) == []
    await world.reopen()
    for conversation_id in (PAIR, GROUP, private(ADA, CAI), private(DEE, ADA)):
        await check_chain(world, conversation_id)
    views = await world.events(PAIR)
    assert len({(view.sender_id, view.msg_id) for view in views}) == len(views)
    assert codes(await world.say(*batch)) == codes(outcomes)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_nothing_counts_as_changed_after_a_broken_commit(
    world: SqliteWorld, when: Literal["before", "after"]
) -> None:
    """The numbers told after it cover whatever it has written."""
    await world.stored(to_user(ADA, BOB))
    break_next_commit(world, when)

    with pytest.raises(StoreOutcomeUnknown):
        await world.store.save([to_user(ADA, BOB)])

    assert await world.store.changed(ADA, await world.store.change_numbers()) == []


@pytest.mark.parametrize("when", ["before", "after"])
async def test_no_token_is_ahead_of_the_file_after_a_broken_commit(
    world: SqliteWorld, when: Literal["before", "after"]
) -> None:
    """The first commit of a process broke, and the process ended: whatever the next one stores comes after every token."""
    await world.stored(to_user(ADA, BOB))
    await world.reopen()
    break_next_commit(world, when)
    with pytest.raises(StoreOutcomeUnknown):
        await world.store.save([to_user(ADA, BOB)])
    token = await world.store.change_numbers()

    await world.reopen()
    await world.stored(to_user(BOB, ADA))

    assert await world.store.changed(ADA, token) == [PAIR]


async def test_commits_do_not_wait_for_the_large_reads_of_clients(world: SqliteWorld) -> None:
    """Somebody's long question is under way: a message whose conversation has to be read first is stored meanwhile."""
    asked, answered = threading.Event(), threading.Event()

    def long_read(_: sqlite3.Connection) -> None:
        asked.set()
        answered.wait(20)

    reading = asyncio.create_task(world.database.read_large(long_read))
    await asyncio.to_thread(asked.wait, 20)

    async with asyncio.timeout(10):
        (first,) = await world.stored(to_user(ADA, BOB, msg_id="m"))
        world.store._forget()
        again, _ = await world.say(to_user(ADA, BOB, msg_id="m"), to_user(CAI, DEE))

    assert not reading.done()
    assert (first.seq, again.seq, again.duplicate) == (1, 1, True)
    answered.set()
    await reading


async def test_a_storm_of_repeats_is_told_from_what_is_new(world: SqliteWorld) -> None:
    """More than are asked about at once, mixed, messages and refusals, also after a restart."""
    old = [to_user(ADA, BOB, msg_id=f"old-{number}") for number in range(150)]
    refused = to_group(CAI, msg_id="refused")
    await world.stored(*old)
    assert codes(await world.say(refused)) == [ErrorCode.GROUP_NOT_FOUND]
    await world.reopen()
    world.store._forget()
    new = [
        to_user(BOB, ADA, msg_id=f"old-{number}") for number in range(70)
    ]  # the same ids of another sender

    outcomes = await world.say(*new, refused, *old)

    assert codes(outcomes) == [0] * 70 + [ErrorCode.GROUP_NOT_FOUND] + [0] * 150
    assert [outcome.seq for outcome in outcomes[:70]] == list(range(151, 221))
    assert [(outcome.seq, outcome.duplicate) for outcome in outcomes[71:]] == [
        (n, True) for n in range(1, 151)
    ]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_broken_commit_of_positions_is_unknown(
    world: SqliteWorld, when: Literal["before", "after"]
) -> None:
    """The same positions may be saved again."""
    await world.stored(to_user(ADA, BOB))
    break_next_commit(world, when)

    with pytest.raises(StoreOutcomeUnknown):
        await world.store.save_positions([Position(PAIR, BOB, 1, 1)])
    await world.store.save_positions([Position(PAIR, BOB, 1, 1)])

    access = await world.access(BOB, PAIR)
    assert (access.delivered_seq, access.read_seq) == (1, 1)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_broken_refusal_is_unknown_and_refusing_again_tells(
    world: SqliteWorld, when: Literal["before", "after"]
) -> None:
    """The refusal is written once."""
    command = to_user(ADA, BOB)
    break_next_commit(world, when)

    with pytest.raises(StoreOutcomeUnknown):
        await world.store.refuse(command, ErrorCode.PERSIST_FAILED, "no")
    await world.store.refuse(command, ErrorCode.PERSIST_FAILED, "no")
    await world.store.refuse(to_user(ADA, BOB), ErrorCode.PERSIST_FAILED, "no")

    assert await world.refused(command) == [ErrorCode.PERSIST_FAILED]


async def test_change_numbers_never_come_again(world: SqliteWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over failures, broken commits and restarts every transaction has a later number than those before it."""
    monkeypatch.setattr(store_sqlite, "CHANGE_BLOCK", 4)
    await world.reopen()
    writer(world).execute(
        "CREATE TRIGGER poison BEFORE INSERT ON events WHEN NEW.msg_id = 'bad'"
        " BEGIN SELECT RAISE(ABORT, 'poison'); END"
    )
    await world.stored(to_user(ADA, BOB))
    for step in range(40):
        match step % 8:
            case 1 | 4:
                with pytest.raises(StoreRejected):
                    await world.store.save([to_user(ADA, BOB, msg_id="bad")])
            case 3:
                await world.reopen()
            case 5:
                break_next_commit(world, "before" if step % 16 < 8 else "after")
                with pytest.raises(StoreOutcomeUnknown):
                    await world.store.save([to_user(ADA, BOB)])
            case 6:
                await world.store.save_positions([Position(PAIR, BOB, step, step)])
            case _:
                pass
        before = await world.store.change_numbers()
        await world.stored(to_user(ADA, BOB))
        assert await world.store.change_numbers() > before

    rows = (
        writer(world).execute("SELECT change_no FROM events WHERE conversation > 0 ORDER BY seq").fetchall()
    )
    assert rows == sorted(set(rows))


# Erasure.


async def test_recalled_content_stands_nowhere_in_the_tables(world: SqliteWorld) -> None:
    """Neither the message, nor its edits, nor its mentions, nor its reactions."""
    await world.stored(
        to_user(ADA, BOB, "secret-one", msg_id="a", mentions=("u-secret",)),
        edit(ADA, PAIR, 1, "secret-two"),
        edit(ADA, PAIR, 1, "secret-three"),
        react(BOB, PAIR, 1, "secret-emoji", msg_id="r"),
        to_user(ADA, BOB, "kept"),
    )
    assert "secret-one" not in dump(world.path)  # an edit has replaced it
    assert "secret-two" in dump(world.path)

    await world.stored(recall(ADA, PAIR, 1))

    text = dump(world.path).replace('"emoji":"secret-emoji"', "")  # the reaction's own event stays
    assert "secret" not in text
    assert "kept" in text
    await check_chain(world, PAIR)


async def test_content_recalled_in_its_own_batch_stands_nowhere(world: SqliteWorld) -> None:
    """Also when message, edit and recall are one transaction."""
    await world.stored(
        to_user(ADA, BOB, "secret-one"), edit(ADA, PAIR, 1, "secret-two"), recall(ADA, PAIR, 1)
    )

    assert "secret" not in dump(world.path)


# The file.


async def test_a_profile_event_changes_what_a_search_finds(world: SqliteWorld) -> None:
    """The key of the nickname follows the nickname; absent fields stay."""
    await world.stored(profile(ADA, nickname="LOVELACE", email="ada@example.org"))
    await world.stored(profile(ADA, avatar="https://example.org/a.png"))

    user = await SqliteAccounts(world.database).user(ADA)
    (key,) = writer(world).execute("SELECT nickname_key FROM users WHERE user_id = ?", (ADA,)).fetchone()

    assert user is not None
    assert (user.nickname, user.email, user.avatar) == (
        "LOVELACE",
        "ada@example.org",
        "https://example.org/a.png",
    )
    assert key == username_key("LOVELACE")


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """With a sentence that says what to do, and the file is left alone."""
    path = tmp_path / "newer.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=999")
    connection.close()

    with pytest.raises(StoreUnavailable, match=r"schema 999.*newer PingMe"):
        SqliteDatabase(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """With its path in the message."""
    path = tmp_path / "text.db"
    path.write_text("this is a text, not a database" * 100, encoding="utf-8")

    with pytest.raises(StoreUnavailable, match=r"text\.db"):
        SqliteDatabase(path)


def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    """With the path in the message."""
    with pytest.raises(StoreUnavailable, match="cannot open the database"):
        SqliteDatabase(tmp_path / "missing" / "pingme.db")


def test_a_folder_that_is_read_only_is_refused() -> None:
    """With the path in the message; root, whom permissions do not bind, becomes nobody for a moment."""
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to others
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)

    try:
        with pytest.raises(StoreUnavailable, match="cannot open the database"):
            SqliteDatabase(folder / "pingme.db")
        assert os.access(folder, os.R_OK | os.X_OK)
    finally:
        if root:
            os.seteuid(0)
        folder.rmdir()


async def test_a_path_may_hold_any_characters(tmp_path: Path) -> None:
    """Also those that mean something in a URI."""
    folder = tmp_path / "a?b=c#d %41 é"
    folder.mkdir()
    world = SqliteWorld(RuleLimits(), folder)

    await world.open()
    await world.stored(to_user(ADA, BOB))
    await world.reopen()

    assert await world.store.head(PAIR) == 1
    assert world.path.is_file()
    await world.close()


async def test_memory_is_bounded_and_nothing_depends_on_it(
    world: SqliteWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With caches of two entries every answer is the same."""
    for name in ("MAX_LOGS", "MAX_USERS", "MAX_RECENT"):
        monkeypatch.setattr(store_sqlite, name, 2)
    users = [f"u-{number}" for number in range(10)]
    await world.add_users(*users)
    commands = [to_user(ADA, user) for user in users]

    for _ in range(2):
        for command in commands:
            await world.stored(command)
    await world.stored(create_group(ADA, *users), *(to_group(user) for user in users))
    await world.stored(*(join(ADA, user) for user in users))

    for user in users:
        assert await world.store.head(private(ADA, user)) == 1
    assert await world.store.head(GROUP) == 21
    assert len(world.store._logs) <= 4


async def test_checkpoints_fold_the_log_into_the_file(
    world: SqliteWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside running commits, and one that fails disturbs nobody."""
    monkeypatch.setattr(store_sqlite, "CHECKPOINT_BYTES", 1)
    before = world.path.stat().st_size

    for _ in range(300):
        await world.stored(to_user(ADA, BOB, "x" * 1000))
    assert world.store._checkpoint is not None
    await world.store._checkpoint

    assert world.path.stat().st_size > before + 200_000
    assert await world.store.head(PAIR) == 300


@pytest.mark.slow
async def test_the_log_begins_again_under_unbroken_load(
    world: SqliteWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commits that never pause would keep every checkpoint from copying all of the log, and it would grow for ever."""
    monkeypatch.setattr(store_sqlite, "CHECKPOINT_BYTES", 1)
    monkeypatch.setattr(sqlite_database, "WHOLE_CHECKPOINT_BYTES", 2 << 20)
    sizes: list[int] = []

    for _ in range(8):
        for _ in range(260):  # a checkpoint is due after 256
            await world.stored(to_user(ADA, BOB, "x" * 4000))
        sizes.append(world.database.wal_bytes())

    assert max(sizes) < 8 * 260 * 4000, sizes  # all that was written


async def test_a_log_that_began_again_holds_up_no_commit(
    world: SqliteWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file keeps the size of a busy hour; what counts is how much of it is in use."""
    monkeypatch.setattr(sqlite_database, "WHOLE_CHECKPOINT_BYTES", 1 << 20)
    for _ in range(200):
        await world.stored(to_user(ADA, BOB, "x" * 8000))
    await world.database.checkpoint()
    await world.stored(to_user(ADA, BOB))
    assert world.database.wal_bytes() > 1 << 20

    before = world.database.writes_since_checkpoint()
    await world.database.checkpoint()

    assert before == 2  # the end of the first checkpoint, and the message
    assert world.database.writes_since_checkpoint() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a niceness for each thread")
async def test_checkpoints_yield_to_everything_else(world: SqliteWorld) -> None:
    """Their thread alone is nice: commits and the event loop do not wait for it on a busy core."""
    loop = asyncio.get_running_loop()

    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    mine = niceness()
    nice = [
        await loop.run_in_executor(pool, niceness)
        for pool in (world.database._checkpoint_thread, world.database._writer_thread)
    ]

    assert nice == [max(mine, sqlite_database.CHECKPOINT_NICE), mine]


async def test_what_was_committed_during_a_checkpoint_is_copied_before_a_commit_is_held_up(
    world: SqliteWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow passes are followed by others beside the commits; one short pass is enough."""
    monkeypatch.setattr(sqlite_database, "WHOLE_CHECKPOINT_BYTES", 1)
    passes: list[str] = []
    copy = sqlite_database._copy_log

    def noted(connection: sqlite3.Connection) -> int:
        passes.append(threading.current_thread().name.rpartition("_")[0])
        return copy(connection)

    monkeypatch.setattr(sqlite_database, "_copy_log", noted)
    await world.stored(to_user(ADA, BOB))
    monkeypatch.setattr(sqlite_database, "CAUGHT_UP_S", 60.0)
    await world.database.checkpoint()
    short, passes[:] = list(passes), []
    monkeypatch.setattr(sqlite_database, "CAUGHT_UP_S", 0.0)
    await world.stored(to_user(ADA, BOB))
    await world.database.checkpoint()

    assert short == ["sqlite-checkpoint"] * 2 + ["sqlite-writer"]
    assert passes == ["sqlite-checkpoint"] * 3 + ["sqlite-writer"]


async def test_a_batch_of_any_size_is_stored_whole(world: SqliteWorld) -> None:
    """Large ones are several statements of one transaction, small ones are padded; each row is there once."""
    head = 0
    for count in (1, 7, 9, 63, 255, 256, 257, 511, 512, 513, 1000):
        outcomes = await world.stored(*(to_user(ADA, BOB) for _ in range(count)))
        assert [outcome.seq for outcome in outcomes] == list(range(head + 1, head + count + 1))
        head += count

    assert await world.store.head(PAIR) == head
    assert world.database.read("SELECT count(*), max(seq) FROM events") == [(head, head)]


async def test_a_large_batch_with_a_taken_id_is_stored_whole(world: SqliteWorld) -> None:
    """The statement that fails undoes those before it; then all is planned anew and stored once."""
    await world.stored(to_user(ADA, BOB, msg_id="once-0"))
    world.store._recent.clear()  # so that only the file knows it

    batch = [to_user(ADA, BOB, msg_id=f"new-{number}") for number in range(400)]
    outcomes = await world.stored(*batch, to_user(ADA, BOB, msg_id="once-0"))

    assert outcomes[-1].duplicate
    assert outcomes[-1].seq == 1
    assert await world.store.head(PAIR) == 401
    assert world.database.read("SELECT count(*) FROM events") == [(401,)]


# Two processes.

WRITER = """
import asyncio, sys
from pathlib import Path
from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.adapters.store_sqlite import SqliteStore
from pingme.domain.errors import StoreError
from pingme.domain.model import RuleLimits
from tests.fakes.clock import FakeClock
from tests.fakes.commands import create_group, to_group, to_user

async def save(store, batch):
    while True:
        try:
            return await store.save(batch)
        except StoreError:
            await asyncio.sleep(0)

async def main(path, me, peer):
    database = SqliteDatabase(path)
    store = SqliteStore(database, FakeClock(), RuleLimits())
    for number in range(60):
        text = f"{me}-{number}"
        batch = [to_user(me, peer, text, msg_id=text), to_group(me, msg_id=f"refused-{number}")]
        if number % 10 == 0:
            batch.append(create_group(me, group=f"g-{me}-{number}", msg_id=f"group-{number}"))
        await save(store, batch)
    await database.close()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
"""


async def test_two_processes_on_one_file_break_nothing(world: SqliteWorld) -> None:
    """It is not meant to be; still every message is there once, in one gapless chain, and no refusal is lost."""
    children = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, world.path, me, peer, cwd=ROOT)
        for me, peer in ((ADA, BOB), (BOB, ADA))
    ]
    returned = [await child.wait() for child in children]
    await world.reopen()

    assert returned == [0, 0]
    views = await world.events(PAIR)
    assert len(views) == 120
    await check_chain(world, PAIR)
    for user in (ADA, BOB):
        own = [view.msg_id for view in views if view.sender_id == user]
        assert own == [f"{user}-{number}" for number in range(60)]
        assert len(await world.store.channels(user)) == 6
        for number in range(60):
            found = await world.store.find(user, f"refused-{number}")
            assert found is not None
            assert found.refusal == ErrorCode.GROUP_NOT_FOUND


async def test_a_second_store_reads_what_the_first_has_saved(world: SqliteWorld) -> None:
    """A save that returned is seen by every connection at once."""
    database = SqliteDatabase(world.path)
    other = SqliteStore(database, world.clock, RuleLimits())

    await world.stored(to_user(ADA, BOB))

    assert await other.head(PAIR) == 1
    assert other.epoch == world.store.epoch
    await database.close()
