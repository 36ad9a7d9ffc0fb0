"""What `pingme db …` asks of a running server, done in a thread beside its work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pingme.adapters.sqlite_backup import Report, back_up
from pingme.adapters.sqlite_verify import verify
from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.admin import AdminHandler, Progress

T = TypeVar("T")


class _Backup(msgspec.Struct, forbid_unknown_fields=True):
    path: str
    force: bool = False


class _Verify(msgspec.Struct, forbid_unknown_fields=True):
    path: str | None = None


class _Left(Exception):
    """Whoever asked has left."""


def _read(arguments: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(arguments, kind)
    except msgspec.ValidationError as exc:
        raise Refused(ErrorCode.INVALID_PARAMETERS, str(exc)) from exc


async def run_in_thread(work: Callable[[Report], T], progress: Progress) -> T:
    """Run blocking work in a thread of its own; its reports arrive on the loop.

    When the caller is cancelled the work ends at its next report, and only then does this raise.
    """
    loop = asyncio.get_running_loop()
    left = threading.Event()

    def report(phase: str, done: int, total: int) -> None:
        if left.is_set():
            raise _Left
        loop.call_soon_threadsafe(progress, {"phase": phase, "done": done, "total": total})

    working = loop.run_in_executor(None, work, report)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        left.set()
        await asyncio.gather(working, return_exceptions=True)
        raise


def database_handlers(path: Path) -> Mapping[str, AdminHandler]:
    """Return ``db.backup`` and ``db.verify`` for the database at this path.

    - ``db.backup``: ``path`` (absolute), ``force?`` → ``{path, size_bytes, sha256, epoch}``.
    - ``db.verify``: ``path?`` (absolute; the database itself without) → the fields of `Verified`, and ``good``.
    """

    async def back_up_database(arguments: dict[str, Any], progress: Progress) -> object:
        asked = _read(arguments, _Backup)
        target = _absolute(asked.path)

        def work(report: Report) -> object:
            return asdict(back_up(path, target, force=asked.force, report=report))

        return await run_in_thread(work, progress)

    async def verify_database(arguments: dict[str, Any], progress: Progress) -> object:
        asked = _read(arguments, _Verify)
        target = path if asked.path is None else _absolute(asked.path)

        def work(report: Report) -> object:
            result = verify(target, report=report, considerate=True)
            return asdict(result) | {"good": result.good}

        return await run_in_thread(work, progress)

    return {"db.backup": back_up_database, "db.verify": verify_database}


def _absolute(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise Refused(ErrorCode.INVALID_PARAMETERS, f"path: expected an absolute path, got {text!r}")
    return path
