"""One SQLite file with one writer: the embedded database.

Rules of this file:
- There is one writing connection, used only by the writer thread; jobs run there one after the other. What a write has to
  know first is read there, too: clients' large reads may take long, and commits do not wait behind them.
- There is one reading connection for the event loop's own thread: short indexed reads (at most 200 rows) run inline.
- Larger reads run in a reader thread and return ONE aggregated value: every row step gives up the GIL, and beside a
  busy loop each of them waits for it (docs/adr/0003).
- WAL and synchronous=FULL: a commit that returned is on disk. Checkpoints run PASSIVE, outside commits.
- What is written goes to the file that stands at the path, or it is not called written: a folder that was moved away or
  replaced under the server is an outage, until it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from pingme.adapters.sqlite_schema import new_epoch, upgrade_schema
from pingme.domain.errors import StoreError, StoreOutcomeUnknown, StoreRejected, StoreUnavailable

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5000  # an operator's tool may hold the file for a moment
WRITER_BUSY_MS = 100  # of one attempt to write: the pipeline tries again, and has to answer after 1.5 s
CACHE_KIB = 65_536  # page cache of the writer; 64 MiB keeps the inner pages of the indices of 5 million rows
STATEMENTS = 128  # prepared statements kept per connection; the batch INSERT has 56 texts of up to 256 rows
PAGE_BYTES = 4096  # SQLite's default, which the schema keeps
WHOLE_CHECKPOINT_BYTES = (
    32 << 20
)  # of write-ahead log in use, from which the end of a checkpoint holds up the next commit
CHECKPOINT_NICE = 10  # a checkpoint is in no hurry, and takes the processor from nobody who is
CATCH_UPS = 2  # passes over what was committed during the one before: little is left to hold up a commit
CAUGHT_UP_S = 0.01  # a pass as short as this has left little


def connect(
    path: Path, *, read_only: bool = False, busy_timeout_ms: int = BUSY_TIMEOUT_MS
) -> sqlite3.Connection:
    """Open the file in autocommit mode with PingMe's pragmas.

    Raises:
        sqlite3.Error: the file cannot be opened, or is not a database.
    """
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS
    )
    try:
        connection.execute(f"PRAGMA busy_timeout={busy_timeout_ms}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA temp_store=MEMORY")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
        else:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            connection.execute("PRAGMA secure_delete=FAST")  # what a recall erases is overwritten
    except BaseException:
        connection.close()
        raise
    return connection


def translate(error: sqlite3.Error, *, wrote: bool) -> StoreError:
    """Return the port's error for SQLite's.

    Args:
        error: what sqlite3 raised.
        wrote: True when a commit may have been under way and the connection cannot tell how it ended.
    """
    if wrote:
        return StoreOutcomeUnknown(f"commit broke: {error}")
    if isinstance(error, (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError)):
        return StoreRejected(str(error))
    return StoreUnavailable(str(error))


def _be_nice() -> None:
    """Let the calling thread yield to all others; Linux alone has a niceness for each thread (setpriority(2), Notes)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            thread = threading.get_native_id()
            now = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, max(now, CHECKPOINT_NICE))


def _copy_log(connection: sqlite3.Connection) -> int:
    """Copy what no reader holds back; return the pages that the log has, copied or not."""
    return int(connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])


def _place(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from others, wherever it stands; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class SqliteDatabase:
    """The file, its writer thread and its readers.

    Args:
        path: the file; its folder exists. Made when missing.
        busy_timeout_ms: `limits.store_statement_s`: how long opening and reading wait while another program holds the
            file; one attempt to write waits `WRITER_BUSY_MS` at most.
    """

    def __init__(self, path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
        self.path = path
        self._busy_timeout_ms = busy_timeout_ms
        self._writer_busy_ms = min(busy_timeout_ms, WRITER_BUSY_MS)
        self._writer_thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._reader_thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-reader")
        self._checkpoint_thread = ThreadPoolExecutor(
            1, thread_name_prefix="sqlite-checkpoint", initializer=_be_nice
        )
        self._writer: sqlite3.Connection | None = None
        self._large: sqlite3.Connection | None = None
        self._checkpointer: sqlite3.Connection | None = None
        self._checkpointing = False
        self._closed = False
        self._writes = 0
        self.reader: sqlite3.Connection = self._open()

    def _connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        return connect(self.path, read_only=read_only, busy_timeout_ms=self._busy_timeout_ms)

    def _open(self) -> sqlite3.Connection:
        """Upgrade the schema and open the connections; the reader is the event loop's."""
        try:
            with contextlib.suppress(OSError):  # sqlite3 says it better
                self.path.touch(mode=0o600)  # password hashes are in it; -wal and -shm get the same mode
            self._writer = self._connect()
            upgrade_schema(self._writer)
            new_epoch(self._writer, keep=True)
            self._writer.execute(f"PRAGMA busy_timeout={self._writer_busy_ms}")
            self._place = _place(self.path)
            self._large = self._connect(read_only=True)
            return self._connect(read_only=True)
        except BaseException as exc:
            for connection in (self._writer, self._large):
                if connection is not None:
                    connection.close()
            if not isinstance(exc, sqlite3.Error):
                raise
            message = f"cannot open the database {self.path}: {exc}"
            raise StoreUnavailable(message) from exc

    def prepare(self, statements: Iterable[str]) -> None:
        """Compile statements for the writing connection ahead of their first use; call it before the first `write`.

        Raises:
            StoreUnavailable: the file cannot be read.
        """
        try:
            if self._writer is not None:
                for sql in statements:
                    self._writer.executemany(sql, ())
        except sqlite3.Error as exc:
            raise translate(exc, wrote=False) from exc

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job on the writing connection, after the jobs before it.

        The connection is in autocommit mode: one statement is one transaction; a job with more of them says
        ``BEGIN IMMEDIATE`` and ``COMMIT``. A job that raises is rolled back.

        Raises:
            StoreUnavailable: nothing was written.
            StoreOutcomeUnknown: a commit broke; the connection has been opened anew, read back.
            StoreRejected: SQLite refuses these rows (constraint, type); nothing was written.
        """
        self._check_open()
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(self._writer_thread, self._run_job, job)
        self._writes += 1
        return result

    def _run_job(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._check_place()
            if self._writer is None:
                self._writer = connect(self.path, busy_timeout_ms=self._writer_busy_ms)
            done = job(self._writer)
        except sqlite3.Error as exc:
            raise translate(exc, wrote=self._recover(exc)) from exc
        except BaseException:
            self._recover(None)
            raise
        self._check_written()
        return done

    def _check_place(self) -> None:
        """Raise unless the file that was opened still stands at its path: what is written elsewhere is lost."""
        if _place(self.path) != self._place:
            raise StoreUnavailable(
                f"{self.path} is gone, or another file than was opened: put it back, or restart"
            )

    def _check_written(self) -> None:
        """Raise when the file went away while it was written to: what becomes of it is not known."""
        try:
            self._check_place()
        except StoreUnavailable as exc:
            raise StoreOutcomeUnknown(exc.message) from exc

    def _recover(self, error: sqlite3.Error | None) -> bool:
        """Bring the writing connection back to autocommit; return True when a commit's end is unknown.

        SQLite either leaves the transaction open (then it is rolled back here: nothing was written) or has ended it
        by itself. After an I/O error of a COMMIT nobody knows what reached the disk until the file is opened again;
        but for one of writing (a quota, a limit on the file's size, a disk that refuses): the frame that commits is the
        last to be written (nothing pads it: SQLITE_POWERSAFE_OVERWRITE), so the transaction did not get that far.
        """
        writer = self._writer
        if writer is None:
            return False
        extended = getattr(error, "sqlite_errorcode", 0)
        code = extended & 0xFF
        try:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
        except sqlite3.Error:
            code = sqlite3.SQLITE_IOERR
        if code != sqlite3.SQLITE_IOERR:
            return False
        self._writer = None
        with contextlib.suppress(sqlite3.Error):
            writer.close()
        return extended != sqlite3.SQLITE_IOERR_WRITE

    async def read_to_write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a read that a write waits for: in the writer's thread, so that no read of a client stands before it.

        Raises:
            StoreUnavailable: the read failed.
        """
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._writer_thread, self._run_read, job)

    def _run_read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._writer is None:
                self._check_place()
                self._writer = connect(self.path, busy_timeout_ms=self._writer_busy_ms)
            return job(self._writer)
        except sqlite3.Error as exc:
            raise translate(exc, wrote=False) from exc

    async def read_large(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a read that may touch many rows in the reader thread; it should fetch one aggregated value.

        Raises:
            StoreUnavailable: the read failed.
        """
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._reader_thread, self._run_large, job)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the database is closed")

    def _run_large(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._large is None:
                self._large = self._connect(read_only=True)
            return job(self._large)
        except sqlite3.Error as exc:
            raise translate(exc, wrote=False) from exc

    def read(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Run a short read inline on the event loop's thread: indexed, at most 200 rows.

        Raises:
            StoreUnavailable: the read failed.
        """
        try:
            return self.reader.execute(sql, parameters).fetchall()
        except sqlite3.Error as exc:
            raise translate(exc, wrote=False) from exc

    async def checkpoint(self) -> None:
        """Copy the log back into the file, beside running commits (PASSIVE never blocks a writer).

        What is committed meanwhile is copied between two commits, where the log has grown too long: only a log that is
        copied whole begins again, and under load that would never happen. How long it is, the checkpoint tells: the
        file keeps the size that it once had.
        """
        if self._checkpointing or self._closed:
            return
        self._checkpointing = True
        self._writes = 0
        try:
            loop = asyncio.get_running_loop()
            pages = await loop.run_in_executor(self._checkpoint_thread, self._checkpoint)
            if pages * PAGE_BYTES > WHOLE_CHECKPOINT_BYTES:
                await loop.run_in_executor(self._checkpoint_thread, self._catch_up)
                await self.write(_copy_log)
        finally:
            self._checkpointing = False

    def _checkpoint(self) -> int:
        self._check_place()
        try:
            if self._checkpointer is None:
                self._checkpointer = self._connect()
            return _copy_log(self._checkpointer)
        except sqlite3.Error as exc:
            raise translate(exc, wrote=False) from exc

    def _catch_up(self) -> None:
        for _ in range(CATCH_UPS):
            began_s = perf_counter()
            self._checkpoint()
            if perf_counter() - began_s < CAUGHT_UP_S:
                return

    def writes_since_checkpoint(self) -> int:
        """Return how many jobs were written since the last checkpoint began: cheaper to ask than the file's size."""
        return self._writes

    def wal_bytes(self) -> int:
        """Return the size of the write-ahead log's file in bytes; it never shrinks while it is open."""
        try:
            return self.path.with_name(self.path.name + "-wal").stat().st_size
        except OSError:
            return 0

    async def close(self) -> None:
        """Finish the running job, fold the log into the file and close everything."""
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        for pool in (self._reader_thread, self._checkpoint_thread, self._writer_thread):
            await loop.run_in_executor(None, pool.shutdown)
        for connection in (self.reader, self._large, self._checkpointer, self._writer):
            if connection is not None:
                connection.close()
