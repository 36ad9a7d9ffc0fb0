"""`pingme db verify` finds what it must find, and nothing where nothing is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import threading
from pathlib import Path

import pytest

from pingme.adapters import sqlite_verify
from pingme.adapters.sqlite_backup import BackupFailed
from pingme.adapters.sqlite_database import connect
from pingme.adapters.sqlite_verify import Verified, verify
from pingme.domain.model import RuleLimits
from tests.fakes.commands import (
    ADA,
    BOB,
    CAI,
    DEE,
    GROUP,
    create_group,
    edit,
    private,
    react,
    recall,
    to_group,
    to_user,
)
from tests.fakes.store_worlds import SqliteWorld

PRIVATE = private(ADA, BOB)


async def fill(world: SqliteWorld) -> None:
    """Store private messages, and a group with edits, recalls and reactions."""
    await world.stored(*(to_user(ADA, BOB, f"privately {number}") for number in range(5)))
    await world.stored(to_user(BOB, ADA, "with a uuid", msg_id="0192f0c1-2b3c-7d4e-8f50-112233445566"))
    await world.stored(create_group(ADA, BOB, CAI), to_group(BOB, "first"), to_group(CAI, "second"))
    await world.stored(
        edit(BOB, GROUP, 2, "first, corrected"), edit(BOB, GROUP, 2, "again"), react(CAI, GROUP, 2, "👍")
    )
    await world.stored(edit(CAI, GROUP, 3, "regretted"), recall(CAI, GROUP, 3))
    assert await world.refused(to_group(DEE, "from outside")) == [40002]


@pytest.fixture
async def world(tmp_path):
    made = SqliteWorld(RuleLimits(), tmp_path)
    await made.open()
    await fill(made)
    yield made
    await made.close()


@pytest.fixture
def path(tmp_path):
    """The file of a store that was filled and closed."""

    async def make() -> Path:
        world = SqliteWorld(RuleLimits(), tmp_path)
        await world.open()
        await fill(world)
        path = world.database.path
        await world.close()
        return path

    return asyncio.run(make())


def look(path: Path) -> Verified:
    return verify(path, report=lambda *_: None)


def change(path: Path, sql: str, *parameters: object) -> None:
    """Damage the file as no PingMe would."""
    with contextlib.closing(connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        assert connection.execute(sql, parameters).rowcount > 0


def key(conversation_id: str) -> str:
    return f"(SELECT id FROM conversations WHERE conversation_id = '{conversation_id}')"


def test_a_good_store_is_good(path):
    """Everything is looked at: refusals are no events, changed bodies have no digest to compare."""
    result = look(path)

    assert result.faults == []
    assert result.good
    assert (result.conversations, result.events) == (2, 14)
    # Not computed again: the edited message, the recalled one, and the edit of the recalled one.
    assert result.digests == 14 - 3
    assert len(result.epoch) == 16


async def test_a_store_in_use_is_verified(world):
    """The look is one moment of the file; messages stored meanwhile do not disturb it."""
    done = threading.Event()

    def work() -> Verified:
        try:
            return verify(world.database.path, report=lambda *_: None, considerate=True)
        finally:
            done.set()

    looking = asyncio.create_task(asyncio.to_thread(work))
    while not done.is_set():
        await world.stored(to_user(ADA, BOB, "meanwhile"))
    result = await looking

    assert result.good
    assert result.events >= 14


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_pages_of_any_size_give_the_same_answer(path, monkeypatch, rows):
    """Where a page ends is of no importance."""
    monkeypatch.setattr(sqlite_verify, "PAGE_ROWS", rows)

    assert look(path) == look(path)
    assert (look(path).good, look(path).events) == (True, 14)


@pytest.mark.parametrize(
    ("what", "sql", "fault"),
    [
        (
            "another content",
            f"UPDATE events SET body = replace(body, 'privately 2', 'privately 9') WHERE conversation = {key(PRIVATE)}",
            "seq 3: the message is not what was stored",
        ),
        (
            "another sender",
            f"UPDATE events SET sender = 3 WHERE conversation = {key(PRIVATE)} AND seq = 2",
            "seq 2: the message is not what was stored",
        ),
        (
            "another time",
            f"UPDATE events SET server_ts = server_ts + 1 WHERE conversation = {key(PRIVATE)} AND seq = 1",
            "seq 1: the message is not what was stored",
        ),
        (
            "another kind",
            f"UPDATE events SET kind = 2 WHERE conversation = {key(PRIVATE)} AND seq = 1",
            "seq 1: the recall is not what was stored",
        ),
        (
            "another msg_id",
            f"UPDATE events SET msg_id = 'other' WHERE conversation = {key(PRIVATE)} AND seq = 6",
            "seq 6: the message is not what was stored",
        ),
        (
            "an edit that is not the one that was stored",
            f"UPDATE events SET body = replace(body, 'again', 'never') WHERE conversation = {key(GROUP)} AND seq = 5",
            "seq 5: the edit is not what was stored",
        ),
        (
            "a kind that does not exist",
            f"UPDATE events SET kind = 99 WHERE conversation = {key(GROUP)} AND seq = 2",
            "seq 2: unknown kind 99",
        ),
        (
            "a missing event",
            f"DELETE FROM events WHERE conversation = {key(PRIVATE)} AND seq = 3",
            "seq 4: expected seq 3",
        ),
        (
            "a missing beginning",
            f"DELETE FROM events WHERE conversation = {key(PRIVATE)} AND seq = 1",
            "seq 2: expected seq 1",
        ),
        (
            "a hash that does not follow",
            f"UPDATE events SET hash = randomblob(16) WHERE conversation = {key(PRIVATE)} AND seq = 4",
            "seq 4: the rolling hash does not follow",
        ),
        (
            "a digest that was replaced, of a recalled message too",
            f"UPDATE events SET digest = randomblob(16) WHERE conversation = {key(GROUP)} AND seq = 3",
            "seq 3: the rolling hash does not follow",
        ),
        (
            "a conversation without its row",
            f"DELETE FROM conversations WHERE conversation_id = '{GROUP}'",
            "has events and no row of its own",
        ),
        (
            "a sender without an account",
            f"DELETE FROM users WHERE user_id = '{CAI}'",
            "its sender does not exist",
        ),
        (
            "bytes that are no UTF-8",
            f"UPDATE events SET body = cast(x'ff00fe' AS TEXT) WHERE conversation = {key(PRIVATE)} AND seq = 5",
            "seq 5: the message is not what was stored",
        ),
        (
            "a row of another shape",
            f"UPDATE events SET server_ts = 'soon' WHERE conversation = {key(PRIVATE)} AND seq = 5",
            "cannot be read any further: a row after conversation",
        ),
    ],
)
def test_a_corruption_is_found(path, what, sql, fault):
    """Each sort of damage has its line."""
    change(path, sql)

    result = look(path)

    assert not result.good
    assert any(fault in line for line in result.faults), result.faults


def test_two_events_that_changed_places_are_found(path):
    """Order is proved, not only content."""
    change(path, f"UPDATE events SET seq = -seq WHERE conversation = {key(PRIVATE)} AND seq IN (2, 3)")
    change(path, f"UPDATE events SET seq = 5 + seq WHERE conversation = {key(PRIVATE)} AND seq < 0")

    result = look(path)

    assert any("seq 2: the message is not what was stored" in line for line in result.faults)
    assert any("seq 3: the rolling hash does not follow" in line for line in result.faults)


def test_an_event_that_was_slipped_in_is_found(path):
    """A row added by hand, even with a digest of its own, does not continue the chain."""
    change(
        path,
        "INSERT INTO events (conversation, seq, change_no, kind, sender, msg_id, server_ts, digest, hash, body)"
        f" SELECT conversation, 7, change_no, kind, sender, 'forged', server_ts, digest, hash, body FROM events"
        f" WHERE conversation = {key(PRIVATE)} AND seq = 6",
    )

    result = look(path)

    assert any("seq 7: the rolling hash does not follow" in line for line in result.faults)


def test_one_fault_is_not_a_fault_for_every_event_after_it(path):
    """The walk goes on from what is kept."""
    change(path, f"UPDATE events SET hash = randomblob(16) WHERE conversation = {key(PRIVATE)} AND seq = 2")

    result = look(path)

    assert result.fault_count == 2  # the event itself, and the one that should follow from it


def test_damaged_pages_are_found(path):
    """Bytes overwritten in the middle of the file are a fault and not a crash."""
    content = bytearray(path.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xaa" * 64
    path.write_bytes(content)

    result = look(path)

    assert not result.good


def test_a_truncated_file_is_found(path):
    """So is half a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 8192 * 4096])

    result = look(path)

    assert not result.good


def test_faults_are_listed_up_to_a_bound(path, monkeypatch):
    """All are counted."""
    monkeypatch.setattr(sqlite_verify, "FAULTS_MAX", 3)
    change(path, "UPDATE events SET server_ts = server_ts + 1 WHERE conversation > 0")

    result = look(path)

    assert len(result.faults) == 3
    assert result.fault_count == 11


def test_what_is_no_store_is_refused(tmp_path):
    """A missing file, another database, and a text are told apart from a damaged store."""
    other = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (a)")
    (tmp_path / "text").write_text("hello, " * 1000)

    with pytest.raises(BackupFailed, match="there is no database"):
        look(tmp_path / "missing.db")
    with pytest.raises(BackupFailed, match="no PingMe database"):
        look(other)
    assert "not a database" in look(tmp_path / "text").faults[0]


def test_progress_reaches_the_end(path):
    """The last report says that all events were looked at."""
    reports: list[tuple[str, int, int]] = []

    verify(path, report=lambda *report: reports.append(report))

    assert reports[0] == ("integrity", 0, 0)
    assert reports[-1] == ("events", 14, 14)


def test_verified_is_plain(path):
    """What the socket carries is JSON."""
    from dataclasses import asdict

    assert json.loads(json.dumps(asdict(look(path))))["events"] == 14
