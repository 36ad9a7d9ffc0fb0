"""Backup and restore of the embedded store, and `pingme db` in front of them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pingme.adapters.data_lock import DataFolderInUse, DataLock
from pingme.adapters.export_file import ExportFileFailed, written
from pingme.adapters.sqlite_admin import database_handlers, run_in_thread
from pingme.adapters.sqlite_backup import BackupFailed, back_up, check_backup, restore
from pingme.adapters.sqlite_database import connect
from pingme.adapters.sqlite_schema import STEPS
from pingme.adapters.sqlite_verify import verify
from pingme.cli import db
from pingme.config import AppSettings, DatabaseSettings, Settings
from pingme.domain.errors import PingMeError, Refused
from pingme.domain.model import RuleLimits
from pingme.edge.admin import AdminServer
from tests.fakes.commands import ADA, BOB, private, to_user
from tests.fakes.store_worlds import SqliteWorld

ASIDE = "before-restore-x"


def quiet(*_report: object) -> None:
    """Nobody watches."""


@pytest.fixture
async def world(tmp_path):
    """A store with ten messages, in use."""
    made = SqliteWorld(RuleLimits(), tmp_path)
    await made.open()
    await made.stored(*(to_user(ADA, BOB, f"message {number}") for number in range(10)))
    yield made
    await made.close()


@pytest.fixture
def closed(tmp_path):
    """The same, closed."""

    async def make() -> Path:
        world = SqliteWorld(RuleLimits(), tmp_path)
        await world.open()
        await world.stored(*(to_user(ADA, BOB, f"message {number}") for number in range(10)))
        await world.close()
        return world.path

    return asyncio.run(make())


def one(path: Path, sql: str) -> object:
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchone()[0]


def events_in(path: Path) -> object:
    return one(path, "SELECT count(*) FROM events WHERE conversation > 0")


def epoch_of(path: Path) -> object:
    return one(path, "SELECT value FROM meta WHERE key = 'epoch'")


def names(folder: Path) -> set[str]:
    """What is in a folder, but for the (empty) log that readers of a store leave beside it."""
    return {path.name for path in folder.iterdir()} - {"pingme.db-wal", "pingme.db-shm"}


# Backup.


async def test_a_backup_is_one_whole_file_with_its_checksum(world, tmp_path):
    """What was committed is in it, though it may still stand in the log; nothing else is left in the folder."""
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "copy.db"

    result = await asyncio.to_thread(back_up, world.path, target, force=False, report=quiet)

    assert names(target.parent) == {"copy.db", "copy.db.sha256"}
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    assert (tmp_path / "out" / "copy.db.sha256").read_text() == f"{digest}  copy.db\n"
    assert (result.sha256, result.size_bytes) == (digest, target.stat().st_size)
    assert events_in(target) == 10
    assert result.epoch == epoch_of(target) == epoch_of(world.path)
    assert verify(target, report=quiet).good
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


async def test_a_backup_is_one_moment_while_writers_go_on(world, tmp_path, monkeypatch):
    """Messages stored during the copy neither wait, nor break it, nor make it begin again."""
    monkeypatch.setattr("pingme.adapters.sqlite_backup.PAGES_PER_STEP", 1)
    target = tmp_path / "copy.db"
    copied: list[int] = []
    stored: list[int] = []
    step = threading.Semaphore(0)

    def report(phase: str, done: int, total: int) -> None:
        if phase == "copy":
            copied.append(done)
            step.acquire(timeout=5)

    copying = asyncio.create_task(asyncio.to_thread(back_up, world.path, target, force=False, report=report))
    while not copying.done():
        await world.stored(to_user(ADA, BOB, "meanwhile"))
        stored.append(1)
        step.release()
        await asyncio.sleep(0)
    await copying

    assert copied == sorted(set(copied))
    assert len(stored) > 5
    assert 10 <= int(str(events_in(target))) < 10 + len(stored)
    assert verify(target, report=quiet).good


def test_a_backup_never_takes_the_place_of_a_file_unasked(closed, tmp_path):
    """Without force the file that is there stays as it is; with force it is replaced."""
    target = tmp_path / "copy.db"
    target.write_text("precious")

    with pytest.raises(BackupFailed, match="--force"):
        back_up(closed, target, force=False, report=quiet)
    assert target.read_text() == "precious"

    back_up(closed, target, force=True, report=quiet)
    assert events_in(target) == 10
    assert names(tmp_path) == {"pingme.db", "copy.db", "copy.db.sha256"}


def test_a_file_that_comes_meanwhile_is_not_replaced(closed, tmp_path):
    """Also when it appears between the check and the end."""
    target = tmp_path / "copy.db"

    def report(phase: str, done: int, total: int) -> None:
        target.write_text("precious")

    with pytest.raises(BackupFailed, match="exists"):
        back_up(closed, target, force=False, report=report)

    assert target.read_text() == "precious"
    assert names(tmp_path) == {"pingme.db", "copy.db"}


@pytest.mark.parametrize("force", [False, True])
def test_a_backup_never_overwrites_its_source(closed, tmp_path, force):
    """Neither by its name nor by another name of the same file."""
    (tmp_path / "link.db").symlink_to(closed)

    for target in (closed, tmp_path / "link.db"):
        with pytest.raises(BackupFailed, match="the database itself"):
            back_up(closed, target, force=force, report=quiet)


def test_a_backup_that_is_ended_leaves_nothing(closed, tmp_path):
    """A report that raises ends the work; an earlier backup stays."""
    (tmp_path / "copy.db").write_text("earlier")

    def report(phase: str, done: int, total: int) -> None:
        if phase == "checksum":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(closed, tmp_path / "copy.db", force=True, report=report)

    assert names(tmp_path) == {"pingme.db", "copy.db"}
    assert (tmp_path / "copy.db").read_text() == "earlier"


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("missing.db", "copy.db", "there is no database"),
        ("pingme.db", "missing/copy.db", "there is no folder"),
        ("pingme.db", ".", "is a folder"),
        ("text", "copy.db", "cannot back up"),
    ],
)
def test_what_cannot_be_backed_up_is_explained(closed, tmp_path, source, target, message):
    """One line says what is in the way."""
    (tmp_path / "text").write_text("hello, " * 1000)
    before = names(tmp_path)

    with pytest.raises(BackupFailed, match=message):
        back_up(tmp_path / source, tmp_path / target, force=False, report=quiet)

    assert names(tmp_path) == before


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_an_error_and_leaves_nothing(closed, tmp_path, monkeypatch):
    """A copy that does not fit is not a backup."""

    def refuse(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pingme.adapters.sqlite_backup.flush", refuse)

    with pytest.raises(BackupFailed, match="No space left on device"):
        back_up(closed, tmp_path / "copy.db", force=False, report=quiet)
    assert names(tmp_path) == {"pingme.db"}


# Restore.


@pytest.fixture
def saved(closed, tmp_path):
    """A backup of ten messages; the store has one more by now."""
    (tmp_path / "safe").mkdir()
    target = tmp_path / "safe" / "copy.db"
    back_up(closed, target, force=False, report=quiet)

    async def go_on() -> None:
        world = SqliteWorld(RuleLimits(), tmp_path)
        await world.open()
        await world.stored(to_user(ADA, BOB, "after the backup"))
        await world.close()

    asyncio.run(go_on())
    return target


def test_a_restore_brings_the_backup_back_with_a_new_epoch(saved, closed, tmp_path):
    """The store is the backup's but for the epoch, works on, and the previous file is kept."""
    before = epoch_of(closed)

    result = restore(saved, closed, checksum=True, aside=ASIDE, report=quiet)

    assert names(tmp_path) == {"pingme.db", "pingme.db.before-restore-x", "safe"}
    assert events_in(closed) == 10
    assert result.epoch == epoch_of(closed) != before
    assert result.previous == str(tmp_path / "pingme.db.before-restore-x")
    assert events_in(Path(result.previous)) == 11
    assert epoch_of(Path(result.previous)) == before
    assert verify(closed, report=quiet).good
    assert stat.S_IMODE(closed.stat().st_mode) == 0o600


async def test_a_restored_store_goes_on_where_the_backup_stood(tmp_path):
    """The next message gets the seq after the backup's last, and the chain holds."""
    world = SqliteWorld(RuleLimits(), tmp_path)
    await world.open()
    await world.stored(to_user(ADA, BOB, "one"), to_user(ADA, BOB, "two"))
    await asyncio.to_thread(back_up, world.path, tmp_path / "copy.db", force=False, report=quiet)
    await world.stored(to_user(ADA, BOB, "lost"))
    await world.close()
    await asyncio.to_thread(
        restore, tmp_path / "copy.db", world.path, checksum=True, aside=ASIDE, report=quiet
    )
    await world.open()

    (outcome,) = await world.stored(to_user(BOB, ADA, "three"))

    assert outcome.seq == 3
    assert [event.seq for event in await world.events(private(ADA, BOB))] == [1, 2, 3]
    await world.close()
    assert verify(world.path, report=quiet).good


def test_a_restore_without_a_store_makes_one(saved, tmp_path):
    """On a new machine there is nothing to keep aside."""
    database = tmp_path / "new" / "pingme.db"

    result = restore(saved, database, checksum=True, aside=ASIDE, report=quiet)

    assert result.previous is None
    assert events_in(database) == 10
    assert names(database.parent) == {"pingme.db"}


def test_restores_on_the_same_second_keep_every_previous_file(saved, closed, tmp_path):
    """Nothing that was kept aside is replaced."""
    first = restore(saved, closed, checksum=True, aside=ASIDE, report=quiet)
    second = restore(saved, closed, checksum=True, aside=ASIDE, report=quiet)

    assert first.previous != second.previous
    assert events_in(Path(first.previous)) == 11


def test_a_database_with_a_log_is_kept_with_it(saved, closed, tmp_path):
    """After a crash the newest messages stand in the log; they are kept, and never reach the restored file."""
    crashed = connect(closed)
    crashed.execute("UPDATE meta SET value = 'in the log' WHERE key = 'epoch'")
    log = closed.with_name("pingme.db-wal")
    content, rest = closed.read_bytes(), log.read_bytes()
    crashed.close()
    closed.write_bytes(content)
    log.write_bytes(rest)

    result = restore(saved, closed, checksum=True, aside=ASIDE, report=quiet)

    assert epoch_of(closed) == result.epoch
    assert epoch_of(Path(result.previous)) == "in the log"


def test_a_broken_database_is_kept_with_its_log(saved, closed):
    """What SQLite cannot open is kept as it is; its log is not replayed into the restored file."""
    closed.write_bytes(b"broken" * 1000)
    closed.with_name("pingme.db-wal").write_bytes(b"log")

    result = restore(saved, closed, checksum=True, aside=ASIDE, report=quiet)

    kept = Path(result.previous)
    assert kept.read_bytes() == b"broken" * 1000
    assert not closed.with_name("pingme.db-wal").exists()
    assert events_in(closed) == 10


def damage_bytes(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[len(content) // 2] ^= 0xFF
    saved.write_bytes(content)


def lose_checksum(saved: Path) -> None:
    saved.with_name("copy.db.sha256").unlink()


def cut(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-4096])


def lose_file(saved: Path) -> None:
    saved.unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_bytes, "expected SHA-256"),
        (cut, "expected SHA-256"),
        (lose_checksum, "--no-checksum"),
        (lose_file, "there is no backup"),
    ],
)
def test_a_restore_proves_the_backup_first(saved, closed, tmp_path, damage, message):
    """What is not the backup changes nothing."""
    damage(saved)
    before = closed.read_bytes()

    with pytest.raises(BackupFailed, match=message):
        restore(saved, closed, checksum=True, aside=ASIDE, report=quiet)

    assert closed.read_bytes() == before
    assert names(tmp_path) == {"pingme.db", "safe"}


def test_a_backup_with_a_log_beside_it_is_refused(saved, closed):
    """The log holds messages that the file lacks: nothing is restored without them."""
    with contextlib.closing(sqlite3.connect(saved)) as connection:
        assert connection.execute("PRAGMA journal_mode=WAL").fetchall() == [("wal",)]
        connection.execute("INSERT INTO meta (key, value) VALUES ('later', '1')")
        connection.commit()
        with pytest.raises(BackupFailed, match="wal_checkpoint"):
            restore(saved, closed, checksum=False, aside=ASIDE, report=quiet)

    restore(saved, closed, checksum=False, aside=ASIDE, report=quiet)  # closing has folded it in


def make_newer(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA user_version={len(STEPS) + 1}")


def make_foreign(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TABLE events")


@pytest.mark.parametrize(
    ("change", "message"), [(make_newer, "install a newer PingMe"), (make_foreign, "no PingMe database")]
)
def test_a_database_of_another_program_is_refused(saved, closed, change, message):
    """The checksum alone does not make a file fit."""
    with contextlib.closing(sqlite3.connect(saved, isolation_level=None)) as connection:
        change(connection)

    with pytest.raises(BackupFailed, match=message):
        restore(saved, closed, checksum=False, aside=ASIDE, report=quiet)
    assert events_in(closed) == 11


def test_a_damaged_file_is_refused_without_a_checksum_too(saved):
    """SQLite's own check finds what nobody has hashed."""
    content = bytearray(saved.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xaa" * 64
    saved.write_bytes(content)

    with pytest.raises(BackupFailed):
        check_backup(saved, checksum=False, report=quiet)


def test_a_restore_that_is_ended_changes_nothing(saved, closed, tmp_path):
    """Until the last step the store is the old one."""

    def report(phase: str, done: int, total: int) -> None:
        if phase == "copy":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(saved, closed, checksum=True, aside=ASIDE, report=report)

    assert events_in(closed) == 11
    assert names(tmp_path) == {"pingme.db", "safe"}


# The running server.


async def test_a_caller_that_leaves_ends_the_work():
    """The thread stops at its next report, before the call is over."""
    started = threading.Event()
    ended = threading.Event()

    def work(report):
        try:
            while True:
                report("copy", 0, 0)
                started.set()
        finally:
            ended.set()

    call = asyncio.create_task(run_in_thread(work, quiet))
    await asyncio.to_thread(started.wait, 5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert ended.is_set()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("db.backup", {}),
        ("db.backup", {"path": "relative.db"}),
        ("db.backup", {"path": 7}),
        ("db.verify", {"file": "/x"}),
    ],
)
async def test_wrong_arguments_are_refused(world, name, arguments):
    """Paths are absolute: the server stands in another folder than its caller."""
    with pytest.raises(Refused):
        await database_handlers(world.path)[name](arguments, quiet)


# The command line.


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run `pingme db` on the store of this test's folder; return (exit code, output)."""
    settings = Settings(app=AppSettings(data_dir=tmp_path))
    monkeypatch.setattr("pingme.config.load_settings", lambda: settings)
    monkeypatch.setattr("pingme.cli.admin.configure_logging", quiet)

    def call(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(db.app, list(arguments))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return call


def test_backup_verify_and_restore_without_a_server(closed, tmp_path, run):
    """The way through all three, as the documentation shows it."""
    copy = str(tmp_path / "copy.db")

    made = run("backup", copy)
    good = run("verify")
    also_good = run("verify", copy)
    back = run("restore", copy)

    assert made[0] == good[0] == also_good[0] == back[0] == 0
    assert "sha256" in made[1]
    assert "10 events in 1 conversations" in good[1]
    assert good[1].endswith("good\n")
    assert "the previous database is" in back[1]


def test_every_command_speaks_json(closed, tmp_path, run):
    """One object each."""
    copy = str(tmp_path / "copy.db")

    made = json.loads(run("backup", copy, "--json")[1])
    looked = json.loads(run("verify", "--json")[1])
    looked_file = json.loads(run("verify", copy, "--json")[1])
    back = json.loads(run("restore", copy, "--json")[1])

    assert made["path"] == copy
    assert looked["good"] is looked_file["good"] is True
    assert looked["epoch"] == made["epoch"] != back["epoch"]


def test_faults_are_listed_and_fail_the_command(closed, tmp_path, run):
    """Exit code 1, a line for each fault."""
    with contextlib.closing(connect(closed)) as connection:
        connection.execute("UPDATE events SET body = replace(body, 'message 3', 'massage 3')")

    code, out = run("verify")
    json_code, text = run("verify", "--json")

    assert code == json_code == 1
    assert "seq 4: the message is not what was stored" in out
    assert "1 faults" in out
    assert json.loads(text)["fault_count"] == 1


def test_a_broken_store_can_still_be_looked_at(closed, run):
    """No server, and no App, needs to be able to open it."""
    closed.write_bytes(b"broken" * 1000)

    code, out = run("verify")

    assert code == 1
    assert "cannot be read any further" in out


def test_a_restore_needs_the_folder_to_itself(closed, tmp_path, run):
    """While a server runs it is refused, and names the server."""
    run("backup", str(tmp_path / "copy.db"))

    with DataLock(tmp_path), pytest.raises(DataFolderInUse, match=f"process {os.getpid()}"):
        run("restore", str(tmp_path / "copy.db"))


def test_mysql_has_its_own_tools(monkeypatch, run):
    """The command says which."""
    settings = Settings(database=DatabaseSettings(host="db.example.org"))
    monkeypatch.setattr("pingme.config.load_settings", lambda: settings)

    for arguments in (("backup", "x"), ("restore", "x")):
        with pytest.raises(PingMeError, match="mysqldump"):
            run(*arguments)


async def test_a_running_server_backs_up_and_verifies(world, tmp_path, run):
    """The same commands through the admin socket, while messages are stored."""
    server = AdminServer(tmp_path / "admin.sock", database_handlers(world.path))
    await server.start()
    with DataLock(tmp_path):
        made = await asyncio.to_thread(run, "backup", str(tmp_path / "copy.db"))
        good = await asyncio.to_thread(run, "verify")
        await world.stored(to_user(ADA, BOB, "goes on"))
    await server.stop()

    assert made[0] == good[0] == 0
    assert events_in(tmp_path / "copy.db") == 10
    assert "10 events" in good[1]


def test_sizes_are_for_people():
    """Bytes as they are, more in binary units."""
    assert [db.size(count) for count in (0, 1023, 1024, 1536, 5 << 30)] == [
        "0 bytes", "1023 bytes", "1.0 KiB", "1.5 KiB", "5.0 GiB",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["pingme.db", "pingme.db-wal", "pingme.db-shm", "pingme.db-journal"])
@pytest.mark.parametrize("force", [False, True])
def test_the_store_is_never_replaced(closed, name, force):
    """Not by a backup and not by an export, with force or without, whether the file is there or not."""
    before = closed.read_bytes()
    target = closed.parent / name

    with pytest.raises(BackupFailed, match="the database"):
        back_up(closed, target, force=force, report=quiet)
    with pytest.raises(ExportFileFailed, match="the database"), written(target, force=force, store=closed):
        pass

    assert closed.read_bytes() == before
    assert not list(closed.parent.glob(".*"))


@pytest.mark.parametrize("name", ["pingme.lock", "jwt.secret", "admin.sock", "admin.path"])
def test_the_files_of_a_data_folder_are_never_replaced(closed, name):
    """A lock that is replaced is no lock, and a secret that is gone ends every session."""
    (closed.parent / name).write_text("kept")

    with pytest.raises(BackupFailed, match="choose another name"):
        back_up(closed, closed.parent / name, force=True, report=quiet)
    with pytest.raises(ExportFileFailed), written(closed.parent / name, force=True, store=closed):
        pass

    assert (closed.parent / name).read_text() == "kept"


def test_the_store_is_known_by_any_name(closed):
    """Another way to the file is no other file."""
    (closed.parent / "link").symlink_to(closed.parent)

    with pytest.raises(BackupFailed, match="the database itself"):
        back_up(closed, closed.parent / "link" / closed.name, force=True, report=quiet)


def test_a_backup_with_another_checksum_does_not_verify(closed, tmp_path):
    """The checksum beside a file counts for `pingme db verify`, too; without one the rows alone count."""
    saved = tmp_path / "saved.db"
    back_up(closed, saved, force=False, report=quiet)
    good = db.verify_file(saved)
    saved.with_name("saved.db.sha256").write_text(f"{'0' * 64}  saved.db\n")
    other = db.verify_file(saved)
    saved.with_name("saved.db.sha256").unlink()

    assert good["good"]
    assert db.verify_file(saved)["good"]
    assert not other["good"]
    assert (other["fault_count"], len(other["faults"])) == (1, 1)
    assert "expected SHA-256 0000" in other["faults"][0]


def test_a_newer_schema_does_not_verify(closed, monkeypatch):
    """Neither the store nor a copy of it: this program cannot tell what it means."""
    with contextlib.closing(sqlite3.connect(closed)) as connection:
        connection.execute(f"PRAGMA user_version={len(STEPS) + 1}")
    monkeypatch.setenv("PINGME_APP__DATA_DIR", str(closed.parent))
    monkeypatch.setenv("PINGME_DATABASE__PATH", str(closed))

    for answer in (db.verify_file(closed), db.verify_store()):
        assert not answer["good"]
        assert any("install a newer PingMe" in fault for fault in answer["faults"])


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
@pytest.mark.parametrize("kind", ["damaged", "folder"])
def test_a_store_that_cannot_be_upgraded_is_one_line(tmp_path, monkeypatch, kind, options):
    """A damaged file, or a folder in its place, is told of and no traceback."""
    store = tmp_path / "pingme.db"
    if kind == "folder":
        store.mkdir()
    else:
        store.write_bytes(b"no database at all" * 1_000)
    monkeypatch.setenv("PINGME_APP__DATA_DIR", str(tmp_path))

    result = CliRunner().invoke(db.app, ["upgrade", *options])

    assert isinstance(result.exception, PingMeError)
    assert str(store) in str(result.exception)


def test_sigterm_ends_a_command_as_an_interrupt_does():
    """Also where SIGINT is ignored, as in the background of a script; afterwards all is as before."""
    before = signal.getsignal(signal.SIGTERM), signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), db.sigterm_interrupts():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before[1])
    with pytest.raises(KeyboardInterrupt), db.sigterm_interrupts():
        signal.raise_signal(signal.SIGTERM)

    assert signal.getsignal(signal.SIGTERM) == before[0]


def test_a_draft_leaves_no_journal(closed, tmp_path):
    """What was interrupted leaves nothing, whatever SQLite made beside it."""
    saved = tmp_path / "saved.db"

    def stops(phase, done, total):
        if phase == "checksum":
            partial = next(tmp_path.glob(".saved.db.*.partial"))
            partial.with_name(f"{partial.name}-journal").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(closed, saved, force=False, report=stops)

    assert not list(tmp_path.glob(".saved*"))
