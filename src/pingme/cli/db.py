"""`pingme db`: back up, restore, verify, move and upgrade the store.

Exit codes: 0 done, or nothing wrong found; 1 not done, or something is wrong; 2 the command line is wrong.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from pingme.domain.errors import PingMeError

if TYPE_CHECKING:
    from pingme.config import Settings

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Back up, restore, verify, move and upgrade the store.",
)


@app.callback()
def interruptible(context: typer.Context) -> None:
    """End as Ctrl-C does when a supervisor ends the command: no draft stays behind."""
    context.with_resource(sigterm_interrupts())


@contextlib.contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM do what SIGINT does, also where that is ignored."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        handler = signal.getsignal(signal.SIGINT)  # asyncio has one of its own
        if not callable(handler):
            raise KeyboardInterrupt
        handler(number, frame)

    if threading.current_thread() is not threading.main_thread():  # only there signals arrive
        yield
        return
    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to make; FILE.sha256 is written beside it.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier backup of that name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the store, while the server runs or not, to one file with a checksum."""
    answer = ask("db.backup", {"path": str(file.absolute()), "force": force}, label="Backing up")
    if as_json:
        print_json(answer)
    else:
        print(f"{answer['path']}  {size(answer['size_bytes'])}  sha256 {answer['sha256']}")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file made by `pingme db backup`.")],
    *,
    no_checksum: Annotated[
        bool, typer.Option("--no-checksum", help="Accept a file whose FILE.sha256 is missing or differs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of the store; the server must not run, the previous file is kept.

    Clients notice (the store's epoch is new) and sync anew. What was stored after the backup is not in it.
    """
    from pingme.adapters.data_lock import DataLock  # noqa: PLC0415  # --help needs none of these
    from pingme.adapters.sqlite_backup import restore as restore_file  # noqa: PLC0415
    from pingme.cli.progress import progress_bar  # noqa: PLC0415

    settings = embedded_settings()
    aside = f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    with DataLock(settings.data_dir), progress_bar("Restoring") as report:
        restored = restore_file(
            file.absolute(),
            settings.sqlite_path.absolute(),
            checksum=not no_checksum,
            aside=aside,
            report=lambda phase, done, total: report({"phase": phase, "done": done, "total": total}),
        )
    if as_json:
        print_json(asdict(restored))
        return
    print(f"restored {restored.path}, epoch {restored.epoch}")
    if restored.previous:
        print(f"the previous database is {restored.previous}")


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="A backup or an export; without it the store itself.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check every page, every seq, every digest and every rolling hash."""
    answer = verify_store() if file is None else verify_file(file)
    if as_json:
        print_json(answer)
    else:
        print_verified(answer)
    if not answer["good"]:
        raise typer.Exit(1)


@app.command(name="export")
def export_command(
    file: Annotated[
        Path, typer.Argument(help="The file to make: compressed when it ends in .gz; - is stdout.")
    ],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier file of that name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the store, while servers use it or not, to one file that any engine's store can be made of."""
    from pingme.adapters.export_file import STREAM  # noqa: PLC0415
    from pingme.cli.db_moving import export_to, in_words  # noqa: PLC0415  # --help needs none of these
    from pingme.config import load_settings  # noqa: PLC0415

    answer = export_to(load_settings(), file, force=force)
    out = sys.stderr if file == STREAM else sys.stdout
    if as_json:
        print_json(answer, out)
        return
    print(f"{answer['path']}: {in_words(answer)}", file=out)
    print(f"heads {answer['heads']}, sha256 {answer['sha256']}", file=out)


@app.command(name="import")
def import_command(
    file: Annotated[Path, typer.Argument(help="A file made by `pingme db export`; - is stdin.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Fill an empty store from an export; no server may run on it.

    The store's epoch is new: clients notice and sync anew.
    """
    from pingme.cli.db_moving import import_from, in_words  # noqa: PLC0415  # --help needs none of these
    from pingme.config import load_settings  # noqa: PLC0415

    answer = import_from(load_settings(), file)
    if as_json:
        print_json(answer)
        return
    print(f"{answer['path']}, epoch {answer['epoch']}: {in_words(answer)}")
    print(f"heads {answer['heads']}, sha256 {answer['sha256']}")


@app.command()
def upgrade(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")] = False,
) -> None:
    """Bring the store's tables up to this program's; every start does the same."""
    from pingme.config import load_settings  # noqa: PLC0415  # --help needs none of these

    settings = load_settings()
    host = settings.database.host
    if host is not None:
        from pingme.cli.db_mysql import upgrade_mysql  # noqa: PLC0415  # its driver

        count, statements = upgrade_mysql(settings, host, dry_run=dry_run)
    else:
        count, statements = upgrade_sqlite(settings, dry_run=dry_run)
    for statement in statements:
        print(statement.strip())
    if not count:
        print("nothing to do: the store has this program's schema")
    else:
        print(f"{count} {'step' if count == 1 else 'steps'} {'to apply' if dry_run else 'applied'}")


def upgrade_sqlite(settings: Settings, *, dry_run: bool) -> tuple[int, list[str]]:
    """Upgrade the embedded store, which no server may be using; return as `upgrade_mysql`.

    Raises:
        PingMeError: it cannot be read or written, or is no database.
    """
    import sqlite3  # noqa: PLC0415  # --help needs none of these

    path = settings.sqlite_path
    try:
        return _upgrade_sqlite(settings, path, dry_run=dry_run)
    except (OSError, sqlite3.Error) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise PingMeError(f"cannot {'read' if dry_run else 'upgrade'} {path}: {reason}") from exc


def _upgrade_sqlite(settings: Settings, path: Path, *, dry_run: bool) -> tuple[int, list[str]]:
    from pingme.adapters.data_lock import DataLock  # noqa: PLC0415  # --help needs none of these
    from pingme.adapters.sqlite_database import connect  # noqa: PLC0415
    from pingme.adapters.sqlite_schema import STEPS, pending_steps, upgrade_schema  # noqa: PLC0415

    if dry_run and not path.exists():
        return len(STEPS), list(STEPS)
    if dry_run:
        with contextlib.closing(connect(path, read_only=True)) as connection:
            steps = pending_steps(connection)
        return len(steps), list(steps)
    with DataLock(settings.data_dir), contextlib.closing(connect(path)) as connection:
        return upgrade_schema(connection), []


def verify_store() -> dict[str, Any]:
    """Verify the store itself, whichever it is."""
    from pingme.config import load_settings  # noqa: PLC0415  # --help needs neither

    settings = load_settings()
    if settings.database.host is not None:
        from pingme.cli.db_mysql import verify_mysql  # noqa: PLC0415  # its driver

        return verify_mysql(settings, settings.database.host)
    from pingme.adapters.sqlite_backup import BackupFailed, check_version  # noqa: PLC0415

    answer = ask("db.verify", {}, label="Verifying")
    try:
        check_version(settings.sqlite_path)
    except BackupFailed as exc:
        answer["faults"].append(exc.message)
        answer["fault_count"] += 1
        answer["good"] = False
    return answer


def verify_file(file: Path) -> dict[str, Any]:
    """Verify a file that no server uses, here: a database, or an export."""
    from pingme.adapters.export_file import is_database  # noqa: PLC0415  # --help needs none

    if file.is_file() and not is_database(file):
        from pingme.cli.db_moving import verify_file_of_export  # noqa: PLC0415

        return verify_file_of_export(file)
    from pingme.adapters.sqlite_backup import faults_beside_rows  # noqa: PLC0415
    from pingme.adapters.sqlite_verify import verify as verify_database  # noqa: PLC0415  # --help needs none
    from pingme.cli.progress import progress_bar  # noqa: PLC0415

    with progress_bar("Verifying") as bar:

        def report(phase: str, done: int, total: int) -> None:
            bar({"phase": phase, "done": done, "total": total})

        result = verify_database(file.absolute(), report=report)
        for fault in faults_beside_rows(file.absolute(), report):
            result.note(fault)
    return asdict(result) | {"good": result.good}


def embedded_settings() -> Settings:
    """Return the settings, when the store is the embedded one.

    Raises:
        PingMeError: the store is MySQL, which has its own tools for all of this.
    """
    from pingme.config import load_settings  # noqa: PLC0415  # --help does not need it

    settings = load_settings()
    if settings.database.host is not None:
        raise PingMeError(
            f"the store is MySQL on {settings.database.host}: back it up with its own tools, such as "
            f"mysqldump --single-transaction {settings.database.name}"
        )
    return settings


def ask(command: str, arguments: dict[str, Any], *, label: str) -> dict[str, Any]:
    """Run one call in the running server, or here when none runs, with a bar on stderr."""
    from pingme.adapters.sqlite_admin import database_handlers  # noqa: PLC0415  # --help needs none of these
    from pingme.cli.admin import call  # noqa: PLC0415
    from pingme.cli.progress import progress_bar  # noqa: PLC0415

    settings = embedded_settings()
    offline = database_handlers(settings.sqlite_path.absolute())
    with progress_bar(label) as report:
        return call(settings, command, arguments, on_progress=report, offline=offline)


def print_json(answer: dict[str, Any], out: TextIO | None = None) -> None:
    """Print an answer as it came, on standard output or elsewhere."""
    print(json.dumps(answer, indent=2, ensure_ascii=False), file=out)


def size(count: int) -> str:
    """Return a number of bytes for people."""
    value, units = float(count), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "bytes" else f"{value:.1f} {units[0]}"


def print_verified(answer: dict[str, Any]) -> None:
    """Print what was looked at, then each fault."""
    epoch = f", epoch {answer['epoch']}" if answer["epoch"] else ""  # an export has none
    print(
        f"{answer['path']}{epoch}: {answer['events']} events in {answer['conversations']} "
        f"conversations, {answer['digests']} digests computed again"
    )
    if answer["heads"]:
        print(f"heads {answer['heads']}")
    for fault in answer["faults"]:
        print(f"  {fault}")
    unlisted = answer["fault_count"] - len(answer["faults"])
    if unlisted:
        print(f"  … and {unlisted} more")
    print(
        "good"
        if answer["good"]
        else f"{answer['fault_count']} faults: do not trust this file; see docs/operations.md"
    )
