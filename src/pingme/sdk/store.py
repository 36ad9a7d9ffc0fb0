"""What a client keeps across restarts, in its data_dir: the outbox, its place in every log, small values.

One SQLite file, flushed at every commit (synchronous=FULL), held exclusively while the client lives.
Writes are joined: whatever was asked while one transaction ran is the next one. Where that fails, each is written
for itself, so that one that cannot be written does not take others with it.
Without a data_dir nothing is kept.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pingme.sdk.errors import DataDirInUse, StorageFailed

FILE_NAME = "client.sqlite3"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    place INTEGER PRIMARY KEY, msg_id TEXT NOT NULL UNIQUE, operation BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS conversation (
    conversation_id TEXT PRIMARY KEY, consumed_seq INTEGER NOT NULL, rolling TEXT NOT NULL, snapshot BLOB
    NOT NULL
) WITHOUT ROWID;
"""

Value = str | int | bytes
Statement = tuple[str, tuple[Value, ...]]
Asked = tuple[Sequence[Statement], asyncio.Future[None] | None]  # None: nobody waits


class LocalStore:
    """The data_dir's database; one event loop uses it.

    Args:
        data_dir: made when it is missing; None keeps nothing.

    Raises:
        DataDirInUse: another client holds it.
        StorageFailed: it cannot be made or is damaged.
    """

    def __init__(self, data_dir: Path | None) -> None:
        self._database = _open(data_dir) if data_dir is not None else None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pingme-store")
        self._asked: list[Asked] = []  # bounded by the outbox and the number of conversations
        self._writer: asyncio.Task[None] | None = None

    @property
    def keeps(self) -> bool:
        """True when there is a data_dir."""
        return self._database is not None

    def rows(self, sql: str) -> list[tuple[Value, ...]]:
        """Return the rows of a query; used at start, before anything is written."""
        return self._database.execute(sql).fetchall() if self._database is not None else []

    def meta(self) -> dict[str, str]:
        """Return the small values."""
        return {str(key): str(value) for key, value in self.rows("SELECT key, value FROM meta")}

    async def write(self, statements: Sequence[Statement]) -> None:
        """Commit these statements together; returns when they are on disk.

        Raises:
            StorageFailed: they were not written.
        """
        if self._database is None:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked.append((statements, done))
        self._start_writer(self._database)
        await done

    def post(self, statements: Sequence[Statement]) -> None:
        """Write these statements soon, after everything asked before; nobody hears of a failure."""
        if self._database is None:
            return
        self._asked.append((statements, None))
        self._start_writer(self._database)

    async def set_meta(self, key: str, value: str) -> None:
        """Keep a small value."""
        await self.write([("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))])

    async def close(self) -> None:
        """Finish what was asked and let go of the file. Calling it again does nothing."""
        if self._writer is not None:
            await asyncio.wait([self._writer])
        if self._database is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._database.close)
            self._database = None
        self._thread.shutdown(wait=False)

    def _start_writer(self, database: sqlite3.Connection) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(database))

    async def _write_all(self, database: sqlite3.Connection) -> None:
        loop = asyncio.get_running_loop()
        while self._asked:
            asked, self._asked = self._asked, []
            writes = [statements for statements, _ in asked]
            errors = await loop.run_in_executor(self._thread, _commit_all, database, writes)
            for (_, done), error in zip(asked, errors, strict=True):
                if done is None or done.done():
                    continue  # nobody waits, or no longer
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(StorageFailed(f"the client's data_dir cannot be written: {error}"))


def _commit_all(
    database: sqlite3.Connection, writes: Sequence[Sequence[Statement]]
) -> list[sqlite3.Error | None]:
    error = _commit(database, [statement for statements in writes for statement in statements])
    if error is None or len(writes) == 1:
        return [error] * len(writes)
    return [_commit(database, statements) for statements in writes]


def _commit(database: sqlite3.Connection, statements: Sequence[Statement]) -> sqlite3.Error | None:
    try:
        with database:
            for sql, values in statements:
                database.execute(sql, values)
    except sqlite3.Error as exc:
        return exc
    return None


def _open(data_dir: Path) -> sqlite3.Connection:
    database = None
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = sqlite3.connect(data_dir / FILE_NAME, timeout=0, check_same_thread=False)
        (data_dir / FILE_NAME).chmod(0o600)
        database.execute("PRAGMA locking_mode=EXCLUSIVE")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("BEGIN EXCLUSIVE")  # takes the lock now, not at the first write
        database.execute("COMMIT")
        database.executescript(_SCHEMA)
    except (sqlite3.Error, OSError) as exc:
        if database is not None:
            database.close()
        if "locked" in str(exc):
            raise DataDirInUse(f"{data_dir} is in use by another client") from exc
        raise StorageFailed(f"the client's data_dir {data_dir} cannot be used: {exc}") from exc
    return database
