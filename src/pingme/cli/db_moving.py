"""`pingme db export`, `import` and `verify` of such a file: a store moves to another machine or engine (docs/moving.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pingme.adapters.data_lock import DataLock
from pingme.adapters.export_file import STREAM, read_lines, written
from pingme.cli.progress import Report, progress_bar
from pingme.domain.errors import PingMeError
from pingme.services.moving import Moved, export_store, import_store, verify_export

if TYPE_CHECKING:
    from pingme.config import Settings
    from pingme.ports.new_store import NewStore
    from pingme.ports.snapshot import Snapshot

WORDS = {
    "user": "accounts",
    "device": "sessions",
    "conversation": "conversations",
    "event": "events",
    "dead_letter": "dead letters",
}


def export_to(settings: Settings, file: Path, *, force: bool) -> dict[str, Any]:
    """Write the store that the settings select, in use or not, to a file."""
    store = settings.sqlite_path if settings.database.host is None else None
    with progress_bar("Exporting") as report, written(file, force=force, store=store) as write:
        moved = asyncio.run(_export(settings, write, report))
    return {"path": str(file) if file == STREAM else str(file.absolute())} | answer_of(moved)


async def _export(settings: Settings, write: Any, report: Report) -> Moved:
    async with AsyncExitStack() as stack:
        snapshot = await _snapshot(settings, stack)
        return await export_store(snapshot, write, report=_three(report))


async def _snapshot(settings: Settings, stack: AsyncExitStack) -> Snapshot:
    host = settings.database.host
    if host is None:
        from pingme.adapters.snapshot_sqlite import sqlite_snapshot  # noqa: PLC0415  # one engine of two

        return stack.enter_context(sqlite_snapshot(settings.sqlite_path.absolute()))
    from pingme.adapters.snapshot_mysql import mysql_snapshot  # noqa: PLC0415  # its driver
    from pingme.bootstrap.mysql import address_of  # noqa: PLC0415

    return await stack.enter_async_context(mysql_snapshot(address_of(settings, host)))


def import_from(settings: Settings, file: Path) -> dict[str, Any]:
    """Fill the store that the settings select, which is empty and which no server uses, from a file."""
    with (
        DataLock(settings.data_dir),
        progress_bar("Importing") as report,
        read_lines(file, report=_three(report)) as lines,
    ):
        store = _new_store(settings)
        moved = asyncio.run(import_store(lines, store))
    return {"path": store.place, "epoch": moved.epoch} | answer_of(moved)


def _new_store(settings: Settings) -> NewStore:
    host = settings.database.host
    if host is None:
        from pingme.adapters.new_store_sqlite import SqliteNewStore  # noqa: PLC0415  # one engine of two

        return SqliteNewStore(settings.sqlite_path.absolute())
    from pingme.adapters.new_store_mysql import MysqlNewStore  # noqa: PLC0415  # its driver
    from pingme.bootstrap.mysql import address_of  # noqa: PLC0415

    return MysqlNewStore(address_of(settings, host))


def verify_file_of_export(file: Path) -> dict[str, Any]:
    """Read a file as an import would, and keep nothing; the answer has the fields of every verify."""
    faults: list[str] = []
    moved = Moved()
    with progress_bar("Verifying") as report, read_lines(file, report=_three(report)) as lines:
        try:
            moved = verify_export(lines)
        except PingMeError as exc:
            faults.append(exc.message)
    counts = moved.counts
    return {
        "path": str(file.absolute()),
        "epoch": "",
        "conversations": counts.get("conversation", 0),
        "events": counts.get("event", 0),
        "digests": moved.digests,
        "heads": moved.heads,
        "sha256": moved.sha256,
        "fault_count": len(faults),
        "faults": faults,
        "good": not faults,
    }


def answer_of(moved: Moved) -> dict[str, Any]:
    """Return what commands print of a move."""
    return {key: value for key, value in asdict(moved).items() if key != "epoch"}


def in_words(answer: Mapping[str, Any]) -> str:
    """Return what went by, for people."""
    counts = answer["counts"]
    return ", ".join(
        f"{counts[name]} {words}" for name, words in WORDS.items() if counts[name] or name == "event"
    )


def _three(report: Report) -> Any:
    """Return a function of (phase, done, total)."""
    return lambda phase, done, total: report({"phase": phase, "done": done, "total": total})
