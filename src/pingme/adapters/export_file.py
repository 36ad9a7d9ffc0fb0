"""The file of an export on disk: whole or not there, compressed where its name ends in ``.gz``.

``-`` is standard output and input, for a pipe from one machine to another; it is never compressed.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, cast

from pingme.adapters.sqlite_backup import flush, what_is_kept
from pingme.domain.errors import ErrorCode, PingMeError
from pingme.wire.export import LINE_MAX, BadExport

Write = Callable[[bytes], object]
Report = Callable[[str, int, int], None]

STREAM = Path("-")
GZIP_LEVEL = 3  # 6 gives files that are a tenth smaller and takes twice the time
BUFFER_BYTES = 1 << 20
OWNER_ONLY = 0o600  # the file holds password hashes and every message
REPORT_LINES = 2_000
_GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952 §2.3.1
_SQLITE_MAGIC = b"SQLite format 3\0"


class ExportFileFailed(PingMeError):
    """The file cannot be written or read; the text says what was in the way."""

    code = ErrorCode.DATABASE_ERROR


@contextlib.contextmanager
def written(path: Path, *, force: bool, store: Path | None = None) -> Iterator[Write]:
    """Lend what writes a new file, which appears under its name when the block has ended well.

    Args:
        path: of the file, or `STREAM`.
        force: True replaces a file of that name.
        store: the embedded store, which is never replaced.

    Raises:
        ExportFileFailed: there is one, the folder is missing, the disk is full …
    """
    if path == STREAM:
        with _explained("cannot write to standard output"):
            yield sys.stdout.buffer.write
            sys.stdout.buffer.flush()
        return
    path = path.absolute()
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with _explained(f"cannot write {path}"):
        _check_target(path, force=force, store=store)
        try:
            with _opened(partial, compress=path.suffix == ".gz") as file:
                yield file.write
            flush(partial)
            _check_target(path, force=force, store=store)  # it may have come meanwhile
            partial.replace(path)
            flush(path.parent)
        finally:
            partial.unlink(missing_ok=True)


def _check_target(path: Path, *, force: bool, store: Path | None) -> None:
    if not path.parent.is_dir():
        raise ExportFileFailed(f"there is no folder {path.parent}")
    kept = what_is_kept(path, store=store)
    if kept:
        raise ExportFileFailed(f"{path} is {kept}; choose another name")
    if path.is_dir():
        raise ExportFileFailed(f"{path} is a folder; name a file")
    if path.exists() and not force:
        raise ExportFileFailed(f"{path} exists; choose another name, or --force to replace it")


@contextlib.contextmanager
def _opened(partial: Path, *, compress: bool) -> Iterator[IO[bytes]]:
    partial.touch(OWNER_ONLY)
    with partial.open("wb", buffering=BUFFER_BYTES) as plain:
        if not compress:
            yield plain
            return
        # Without name and time in it, equal stores give equal files.
        with gzip.GzipFile("", "wb", GZIP_LEVEL, plain, mtime=0) as packed:
            yield cast("IO[bytes]", packed)


@contextlib.contextmanager
def read_lines(path: Path, *, report: Report) -> Iterator[Iterator[bytes]]:
    """Lend the lines of a file, compressed or not, one after the other.

    Args:
        path: of the file, or `STREAM`.
        report: phase ``read``, in bytes of the file as it lies on the disk.

    Raises:
        ExportFileFailed: it cannot be read.
        BadExport: it is damaged so that it cannot be unpacked; or a line is longer than any can be.
    """
    with _explained(f"cannot read {path}"):
        if path == STREAM:
            yield _lines(sys.stdin.buffer, lambda: None)
            return
        if not path.is_file():
            raise ExportFileFailed(f"there is no file {path}")
        with path.open("rb", buffering=BUFFER_BYTES) as plain:
            size = path.stat().st_size

            def tell() -> None:
                report("read", plain.tell(), size)

            if not _is_gzip(plain):
                yield _lines(plain, tell)
                return
            with gzip.GzipFile(fileobj=plain) as packed:
                yield _lines(cast("IO[bytes]", packed), tell)


def _is_gzip(file: BinaryIO) -> bool:
    magic = file.read(len(_GZIP_MAGIC))
    file.seek(0)
    return magic == _GZIP_MAGIC


def _lines(file: IO[bytes], tell: Callable[[], None]) -> Iterator[bytes]:
    number = 0
    while True:
        try:
            line = file.readline(LINE_MAX + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as exc:
            raise BadExport(
                f"line {number + 1}: the file cannot be unpacked any further: {exc}; copy it again"
            ) from exc
        if not line:
            return
        number += 1
        if len(line) > LINE_MAX:
            raise BadExport(f"line {number}: it is longer than {LINE_MAX} bytes: this is no export of PingMe")
        if number % REPORT_LINES == 0:
            tell()
        yield line


def is_database(path: Path) -> bool:
    """Tell a SQLite file, such as a backup, from everything else.

    Raises:
        ExportFileFailed: it cannot be read.
    """
    with _explained(f"cannot read {path}"), path.open("rb") as file:
        return file.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise ExportFileFailed(f"{what}: {exc.strerror or exc}") from exc
