"""Backup and restore of the embedded store.

Rules of this file:
- A backup is one file and its checksum beside it. It appears whole and flushed, or not at all, and it never takes the
  place of another file unasked.
- The copy holds a read transaction on its own connection: it is one moment of the store, and writers go on.
- A restore changes nothing before it has proved the backup; the previous file is kept aside; the epoch is new, so every
  client notices and syncs anew.
- Everything here blocks: servers call it in a thread. A `report` that raises ends the work and leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pingme.adapters.sqlite_database import connect
from pingme.adapters.sqlite_schema import STEPS, new_epoch
from pingme.domain.errors import ErrorCode, PingMeError

Report = Callable[[str, int, int], None]
"""Called with the name of the phase, what is done, and how much there is (0: not known)."""

PAGES_PER_STEP = 256  # 1 MiB: often enough for a smooth bar, rare enough to cost nothing
CHUNK_BYTES = 1 << 20
OWNER_ONLY = 0o600  # the file holds password hashes and every message
INTEGRITY_FAULTS_MAX = 20
NEVER_REPLACED = {  # in a data folder; elsewhere these names would only mislead
    "pingme.lock": "the lock of a data folder",
    "jwt.secret": "the key that signs tokens",
    "admin.sock": "the admin socket of a server",
    "admin.path": "the place of a server's admin socket",
}


class BackupFailed(PingMeError):
    """Nothing was changed; the text says what was in the way."""

    code = ErrorCode.DATABASE_ERROR


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup."""

    path: str
    size_bytes: int
    sha256: str
    epoch: str


@dataclass(frozen=True, slots=True)
class Restored:
    """A finished restore; ``previous`` is where the former database lies now, None when there was none."""

    path: str
    epoch: str
    previous: str | None


def checksum_path(path: Path) -> Path:
    """Return where the checksum of a backup stands."""
    return path.with_name(path.name + ".sha256")


def back_up(source: Path, target: Path, *, force: bool, report: Report) -> Backup:
    """Copy the database, which may be in use, to one new file and write its SHA-256 beside it.

    Args:
        source: the database.
        target: the file to make; its folder exists.
        force: True replaces an earlier backup of that name, once the new one is complete.
        report: phases ``copy`` (pages) and ``checksum`` (bytes).

    Raises:
        BackupFailed: the target exists, the disk is full, the source cannot be read …
    """
    target = target.absolute()
    with _explained(f"cannot back up to {target}"):
        _check_target(source, target, force=force)
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        sums = checksum_path(partial)
        try:
            partial.touch(OWNER_ONLY)
            epoch = _copy_pages(source, partial, report)
            flush(partial)
            digest, size = hash_file(partial, report)
            sums.touch(OWNER_ONLY)
            sums.write_text(f"{digest}  {target.name}\n", encoding="utf-8")
            flush(sums)
            _publish(partial, target, force=force)
            sums.replace(checksum_path(target))
            flush(target.parent)
        finally:
            for path in (partial, *_beside(partial)):
                path.unlink(missing_ok=True)
            sums.unlink(missing_ok=True)
    return Backup(str(target), size, digest, epoch)


def _check_target(source: Path, target: Path, *, force: bool) -> None:
    if not source.is_file():
        raise BackupFailed(f"there is no database at {source}")
    if not target.parent.is_dir():
        raise BackupFailed(f"there is no folder {target.parent}")
    kept = what_is_kept(target, store=source)
    if kept:
        raise BackupFailed(f"{target} is {kept}; choose another name")
    if not target.exists():
        return
    if target.is_dir():
        raise BackupFailed(f"{target} is a folder; name a file")
    if not force:
        raise BackupFailed(f"{target} exists; choose another name, or --force to replace it")


def what_is_kept(target: Path, *, store: Path | None) -> str:
    """Return what a file is that no backup and no export may replace, not even by force; "" for any other.

    Args:
        target: the file to make.
        store: the embedded store, which a server may be using; None where there is none.
    """
    if target.name in NEVER_REPLACED:
        return NEVER_REPLACED[target.name]
    if store is None:
        return ""
    place = target.resolve()
    if place == store.resolve() or (target.exists() and store.exists() and target.samefile(store)):
        return "the database itself"
    if place in _beside(store.resolve()):
        return "a part of the database"
    return ""


def _copy_pages(source: Path, partial: Path, report: Report) -> str:
    """Copy one moment of the database; return its epoch."""
    with contextlib.closing(connect(source, read_only=True)) as reading:
        # Without this transaction the copy would begin again after every commit of somebody else.
        reading.execute("BEGIN")
        (epoch,) = reading.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone() or ("",)
        with contextlib.closing(sqlite3.connect(partial, isolation_level=None)) as writing:
            writing.execute("PRAGMA synchronous=OFF")  # flushed as a whole afterwards
            reading.backup(
                writing,
                pages=PAGES_PER_STEP,
                progress=lambda _status, remaining, total: report("copy", total - remaining, total),
            )
            writing.execute(
                "PRAGMA journal_mode=DELETE"
            ).fetchall()  # one file, readable without a log beside it
    return str(epoch)


def _publish(partial: Path, target: Path, *, force: bool) -> None:
    """Give the complete file its name."""
    if force:
        partial.replace(target)
        return
    try:
        target.hardlink_to(partial)  # unlike a rename it never replaces a file that came meanwhile
    except FileExistsError as exc:
        raise BackupFailed(f"{target} exists; choose another name, or --force to replace it") from exc
    except OSError:  # a file system without links
        partial.rename(target)


def hash_file(path: Path, report: Report) -> tuple[str, int]:
    """Return the SHA-256 in hex and the size in bytes. Never for a database that this process has open.

    Closing any handle of such a file would drop SQLite's locks on it (POSIX advisory locks).
    """
    total, done, digest = path.stat().st_size, 0, hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            report("checksum", done, total)
    return digest.hexdigest(), done


def flush(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_backup(path: Path, *, checksum: bool, report: Report) -> None:
    """Prove that a file is a whole PingMe database that this program can use.

    Args:
        path: the backup.
        checksum: False accepts a file without (or with another) checksum.
        report: phases ``checksum`` and ``integrity``.

    Raises:
        BackupFailed: it is not.
    """
    with _explained(f"cannot use {path}"):
        if not path.is_file():
            raise BackupFailed(f"there is no backup {path}")
        _, log, _ = _with_logs(path)
        if log.exists() and log.stat().st_size:
            raise BackupFailed(
                f"{log} holds what {path.name} lacks: fold it in first (sqlite3 {path} 'PRAGMA wal_checkpoint(TRUNCATE)'), "
                "or make a backup of it"
            )
        if checksum:
            _check_sum(path, report)
        report("integrity", 0, 0)
        with contextlib.closing(_open_backup(path)) as connection:
            _check_schema(connection, path)
            faults = integrity_faults(connection)
        if faults:
            raise BackupFailed(f"{path} is damaged: {'; '.join(faults[:3])}")


def faults_beside_rows(path: Path, report: Report) -> list[str]:
    """Return what is wrong with a backup that its rows do not tell: another checksum, a schema of a newer program.

    Args:
        path: a database that nobody writes.
        report: phase ``checksum``, where there is one beside it.

    Raises:
        BackupFailed: it cannot be read.
    """
    faults = []
    with _explained(f"cannot read {path}"):
        try:
            check_version(path)
        except BackupFailed as exc:
            faults.append(exc.message)
        try:
            if checksum_path(path).is_file():
                _check_sum(path, report)
        except BackupFailed as exc:
            faults.append(exc.message)
    return faults


def check_version(path: Path) -> None:
    """Read the schema's version of a database, which may be in use.

    Raises:
        BackupFailed: it cannot be read, or a newer program has written it.
    """
    with _explained(f"cannot read {path}"), contextlib.closing(connect(path, read_only=True)) as connection:
        _known_version(connection, path)


def _check_sum(path: Path, report: Report) -> None:
    sums = checksum_path(path)
    if not sums.is_file():
        raise BackupFailed(f"{sums} is missing; copy it too, or restore with --no-checksum")
    wanted = (sums.read_text(encoding="utf-8").split() or [""])[0].lower()
    found, _ = hash_file(path, report)
    if wanted != found:
        raise BackupFailed(f"{path} is not what was backed up: expected SHA-256 {wanted}, got {found}")


def _open_backup(path: Path) -> sqlite3.Connection:
    """Open a file that nobody writes, without making files beside it."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, isolation_level=None)


def _check_schema(connection: sqlite3.Connection, path: Path) -> None:
    version = _known_version(connection, path)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if version < 1 or not {"meta", "events", "users"} <= tables:
        raise BackupFailed(f"{path} is no PingMe database")


def _known_version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(STEPS):
        raise BackupFailed(
            f"{path} has schema {version}, this program knows {len(STEPS)}: install a newer PingMe"
        )
    return version


def integrity_faults(connection: sqlite3.Connection) -> list[str]:
    """Return what SQLite itself finds wrong with a file, at most `INTEGRITY_FAULTS_MAX` lines."""
    rows = connection.execute(f"PRAGMA integrity_check({INTEGRITY_FAULTS_MAX})").fetchall()
    return [str(text) for (text,) in rows if text != "ok"]


def restore(backup: Path, database: Path, *, checksum: bool, aside: str, report: Report) -> Restored:
    """Put a backup in the place of the database, with a new epoch. The caller holds the data folder's lock.

    Args:
        backup: the file to restore.
        database: where it goes; what is there is kept beside it.
        checksum: False accepts a file without (or with another) checksum.
        aside: what the previous file's name gets at its end, such as ``before-restore-20260131-120000``.
        report: phases ``checksum``, ``integrity`` and ``copy``.

    Raises:
        BackupFailed: nothing was changed.
    """
    check_backup(backup, checksum=checksum, report=report)
    with _explained(f"cannot restore {database}"):
        if database.exists() and database.samefile(backup):
            raise BackupFailed(f"{backup} is the database itself")
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = database.with_name(f".{database.name}.{os.getpid()}.restoring")
        try:
            _copy_bytes(backup, draft, report)
            epoch = _stamp(draft)
            flush(draft)
            previous = _set_aside(database, aside)
            draft.replace(database)
            flush(database.parent)
        finally:
            for path in (draft, *_beside(draft)):
                path.unlink(missing_ok=True)
    return Restored(str(database), epoch, None if previous is None else str(previous))


def _copy_bytes(source: Path, target: Path, report: Report) -> None:
    total, done = source.stat().st_size, 0
    target.touch(OWNER_ONLY)
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := reading.read(CHUNK_BYTES):
            writing.write(chunk)
            done += len(chunk)
            report("copy", done, total)


def _stamp(path: Path) -> str:
    """Give a copy its new epoch; return it."""
    with contextlib.closing(connect(path)) as connection:
        new_epoch(connection, keep=False)
        (epoch,) = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
    return str(epoch)


def _set_aside(database: Path, suffix: str) -> Path | None:
    """Keep the previous database under another name, so that its place can be taken in one step.

    Its log is folded in first. One that is too broken for that keeps its log under the new name: a log that is left
    behind would be replayed into the restored file.
    """
    if not database.exists():
        return None
    with contextlib.suppress(sqlite3.Error, PingMeError), contextlib.closing(connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    kept = _free_name(database, suffix)
    try:
        kept.hardlink_to(database)
    except OSError:  # a file system without links
        database.rename(kept)
    _, wal, shm = _with_logs(database)
    if wal.exists():
        wal.rename(_with_logs(kept)[1])
    shm.unlink(missing_ok=True)
    flush(database.parent)
    return kept


def _free_name(database: Path, suffix: str) -> Path:
    kept, number = database.with_name(f"{database.name}.{suffix}"), 1
    while kept.exists():
        number += 1
        kept = database.with_name(f"{database.name}.{suffix}-{number}")
    return kept


def _with_logs(path: Path) -> tuple[Path, Path, Path]:
    """Return a database, its write-ahead log and the log's index."""
    return path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


def _beside(path: Path) -> tuple[Path, ...]:
    """Return every file that SQLite may make beside a database."""
    return tuple(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn errors of the system and of SQLite into `BackupFailed`."""
    try:
        yield
    except (OSError, sqlite3.Error, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise BackupFailed(f"{what}: {reason}") from exc
