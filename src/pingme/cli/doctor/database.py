"""SQLite itself, and the store: looked at without changing either."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from pingme.adapters.sqlite_schema import STEPS
from pingme.cli.doctor.findings import Finding, fail, ok, size, warn
from pingme.config import Settings

CHECK_BUDGET_S = 5.0  # of the quick check; `pingme db verify` takes the time that it needs
OPCODES = 100_000  # of SQLite's machine between two looks at the budget: some milliseconds
WAL_WARN = 256 << 20  # sixteen times what a checkpoint waits for: something holds it up
CLOCK_SLACK_MS = 60_000

# Each feature by a statement that needs it.
FEATURES: tuple[tuple[str, str], ...] = (
    ("UPSERT", "INSERT INTO t VALUES (1, 'x', 1) ON CONFLICT (a) DO NOTHING"),
    ("RETURNING", "INSERT INTO t VALUES (2, 'y', 2) RETURNING a"),
    ("JSON", "SELECT json_group_array(json_extract(j.value, '$[0]')) FROM json_each('[[1],[2]]') j"),
    ("UPDATE FROM", "UPDATE t SET c = x.value FROM json_each('[3]') x WHERE t.a = x.value"),
    ("window functions", "SELECT row_number() OVER (ORDER BY a) FROM t"),
    ("row values", "SELECT * FROM t WHERE (a, b) IN (VALUES (1, 'x'))"),
)
# A commit that resets the log while a checkpoint runs could lose pages: https://sqlite.org/wal.html#walresetbug
RESET_FIXED = (3, 51, 3)
RESET_BACKPORTS = {(3, 44): 6, (3, 50): 7}  # the first good patch of older lines
DAMAGED_FIX = (
    "keep the file, restore the newest backup that verifies: pingme db restore FILE (docs/operations.md)"
)


def check_sqlite() -> Iterator[Finding]:
    """Tell whether this SQLite can do what the store asks of it."""
    version = sqlite3.sqlite_version
    missing = missing_features()
    if missing:
        text = f"SQLite {version} lacks {', '.join(missing)}"
        yield fail("sqlite.features", text, "use a Python that is linked with SQLite 3.35 or newer")
        return
    names = ", ".join(name for name, _ in FEATURES)
    yield ok("sqlite.features", f"SQLite {version} has WAL, {names}")
    if has_reset_bug(sqlite3.sqlite_version_info):
        text = f"SQLite {version} has the WAL-reset bug: very rarely a commit beside a checkpoint damages the file"
        fix = "use a Python that is linked with SQLite 3.51.3 or newer (or 3.50.7, 3.44.6); keep backups verified"
        yield warn("sqlite.version", text, fix)


def missing_features() -> list[str]:
    """Return what the store needs and this SQLite has not."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c INTEGER)")
        options = {row[0] for row in database.execute("PRAGMA compile_options")}
        missing = ["WAL"] if "OMIT_WAL" in options else []
        missing += ["threads"] if sqlite3.threadsafety == 0 else []
        for name, statement in FEATURES:
            try:
                database.execute(statement).fetchall()
            except sqlite3.Error:
                missing.append(name)
    return missing


def has_reset_bug(version: tuple[int, ...]) -> bool:
    """Return True for versions 3.7.0 to 3.51.2 but for the repaired patches of 3.44 and 3.50."""
    backport = RESET_BACKPORTS.get((version[0], version[1]))
    if backport is not None and version[2] >= backport:
        return False
    return (3, 7, 0) <= version < RESET_FIXED


# The store.


def check_database(settings: Settings, *, server_runs: bool) -> Iterator[Finding]:
    """Tell whether the store can be read, is of a known schema, and is whole as far as a few seconds show."""
    if settings.database.host is not None:
        from pingme.cli.doctor.mysql import check_mysql  # noqa: PLC0415  # its driver takes 0.1 s to import

        yield from check_mysql(settings, settings.database.host)
        return
    path = settings.sqlite_path
    if not path.exists():
        yield ok("database.exists", f"{path} is not there yet; the first start makes it")
        return
    wal = path.with_name(f"{path.name}-wal")
    wal_bytes = wal.stat().st_size if wal.exists() else 0
    yield from _sizes(path, wal_bytes)
    uri = uri_to_read(path, wal_bytes=wal_bytes, server_runs=server_runs)
    if not uri:
        text = f"{path} was left in the middle of its work; it is repaired by the next start"
        yield ok("database.schema", text)
        return
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as database:
            yield from _look_into(database, path)
    except sqlite3.Error as exc:
        yield fail("database.readable", f"{path} cannot be read: {exc}", DAMAGED_FIX)


def _sizes(path: Path, wal_bytes: int) -> Iterator[Finding]:
    text = f"{path} has {size(path.stat().st_size)}, its write-ahead log {size(wal_bytes)}"
    if wal_bytes > WAL_WARN:
        fix = "see which program keeps the file open (lsof), and whether the disk is slow"
        yield warn("database.size", f"{text}: checkpoints do not get through", fix)
    else:
        yield ok("database.size", text)


def uri_to_read(path: Path, *, wal_bytes: int, server_runs: bool) -> str:
    """Return how to open the file without making another beside it, "" when that cannot be done.

    A reader of a WAL database makes the shared-memory file where it is missing; with ``immutable`` it does not,
    which is right only while nobody writes and the log is empty.
    """
    if not wal_bytes and not server_runs:
        return f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    if path.with_name(f"{path.name}-shm").exists():
        return f"{path.absolute().as_uri()}?mode=ro"
    return ""


def _look_into(database: sqlite3.Connection, path: Path) -> Iterator[Finding]:
    database.execute("PRAGMA query_only=ON")
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    if version > len(STEPS):
        text = f"{path} has schema {version}, this program knows {len(STEPS)}"
        yield fail("database.schema", text, "install the PingMe that wrote it, or restore an older backup")
        return
    if version < len(STEPS):
        text = f"schema {version} of {len(STEPS)}: the next start brings it up"
        yield warn("database.schema", text, "first: pingme db backup before-upgrade.db")
    else:
        epoch = database.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        yield ok("database.schema", f"schema {version}, epoch {epoch[0] if epoch else 'not made yet'}")
    yield _quick_check(database, path)
    if version:
        yield from _newest(database)


def _quick_check(database: sqlite3.Connection, path: Path) -> Finding:
    """Check as much of the structure as the budget allows."""
    deadline = time.monotonic() + CHECK_BUDGET_S
    database.set_progress_handler(lambda: time.monotonic() > deadline, OPCODES)
    try:
        problems = [str(row[0]) for row in database.execute("PRAGMA quick_check(3)")]
    except sqlite3.OperationalError as exc:
        if "interrupted" not in str(exc):
            raise
        text = (
            f"nothing wrong in the first {CHECK_BUDGET_S:.0f} s of a quick check; all of it: pingme db verify"
        )
        return ok("database.integrity", text)
    finally:
        database.set_progress_handler(None, 0)
    if problems == ["ok"]:
        return ok("database.integrity", "the quick check found nothing wrong; every digest: pingme db verify")
    return fail("database.integrity", f"{path} is damaged: {'; '.join(problems)}", DAMAGED_FIX)


def _newest(database: sqlite3.Connection) -> Iterator[Finding]:
    """Compare the clock with the newest event: one that was set back makes times on messages wrong."""
    row = database.execute("SELECT server_ts FROM events ORDER BY rowid DESC LIMIT 1").fetchone()
    behind_ms = (row[0] if row else 0) - time.time_ns() // 1_000_000
    if behind_ms > CLOCK_SLACK_MS:
        text = f"the clock is {behind_ms / 1000:,.0f} s behind the newest event: it was set back, or was ahead then"
        yield warn("machine.clock", text, "sudo timedatectl set-ntp true")
