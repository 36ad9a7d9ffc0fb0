"""A set of runs as one document: what is printed, written as JSON, drawn as HTML and compared."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pingme.cli.bench.costs import side_by_side_lines
from pingme.cli.bench.engines import read_engines
from pingme.cli.bench.frames import USER_PREFIX
from pingme.cli.bench.machine import disk, machine, versions
from pingme.cli.bench.plans import Plan
from pingme.cli.bench.probe import Facts, Probe
from pingme.cli.bench.run import Place, run_plan
from pingme.cli.bench.starts import run_starts
from pingme.cli.bench.summary import heading, lines_of
from pingme.domain.errors import PingMeError

FORMAT = "pingme-bench/1"


def execute(plans: Sequence[Plan], place: Place, *, command: str, quiet: bool) -> dict[str, Any]:
    """Run plans one after the other and return the document.

    Args:
        plans: at least one.
        place: where and how.
        command: repeats all of it.
        quiet: True prints nothing on stdout.

    Raises:
        PingMeError: it cannot run.
    """
    folder = make_folder(place)
    facts = facts_of(place)
    document: dict[str, Any] = {
        "format": FORMAT,
        "started_ts": int(time.time() * 1000),
        "command": command,
        "machine": machine(),
        "versions": versions() | dict(facts.versions),
        "conditions": conditions(place, facts),
        "disk": disk(folder),
        "runs": [],
    }
    if not quiet:
        print("\n".join(heading(document)), flush=True)
    for plan in plans:
        record = run_starts(plan, place) if plan.scenario == "start" else run_plan(plan, place)
        document["runs"].append(record)
        if not quiet:
            print("\n" + "\n".join(lines_of(record)), flush=True)
    if not quiet:
        print("\n".join(side_by_side_lines(document["runs"])), flush=True)
    return document


def make_folder(place: Place) -> Path:
    """Return the folder that data goes to or below, made when it is missing; a data folder is for its owner alone.

    Raises:
        PingMeError: it cannot be made or written to, or what is there is somebody's.
    """
    option = "--data-dir" if place.data_dir is not None else "--dir"
    folder = place.data_dir or place.parent or Path(tempfile.gettempdir())
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700 if place.data_dir is not None else 0o777)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise PingMeError(f"{option}: cannot write to {folder}: {exc.strerror}") from exc
    if place.data_dir is not None and not place.add:
        check_store(place.data_dir)
    return folder


def check_store(data_dir: Path) -> None:
    """Raise `PingMeError` where a data folder has accounts that the bench has not made."""
    file = data_dir / "pingme.db"
    if not file.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as store:
            query = "SELECT count(*) FROM users WHERE user_id NOT LIKE ?"
            (others,) = store.execute(query, (f"{USER_PREFIX}%",)).fetchone()
    except sqlite3.Error as exc:
        raise PingMeError(f"--data-dir: cannot read {file}: {exc}") from exc
    if others:
        raise PingMeError(
            f"{data_dir} holds a store with {others} accounts that are not the bench's, and it would add users, who "
            "stay: say --add if that is what you want, or name another folder"
        )


def facts_of(place: Place) -> Facts:
    """Return what the engines of a place are.

    Raises:
        PingMeError: the configuration is wrong, or an engine does not answer.
    """
    if place.config is None:
        return Facts()
    with Probe(read_engines(place.config)) as probe:
        return probe.facts()


def conditions(place: Place, facts: Facts) -> str:
    """Return what holds for every run, in one line."""
    cores = place.cores
    pinned = (
        f"server on core {_list(cores.server)}, load on {_list(cores.load)}" if cores.server else "not pinned"
    )
    parts = [f"{name}: {text}" for name, text in facts.settings.items()]
    if "mysql" not in facts.settings:
        parts.insert(0, "SQLite, WAL, synchronous=FULL")
    if place.config is not None:
        parts.append(f"{place.nodes} node{'s' * (place.nodes > 1)}")
    return f"rate limits off, {'; '.join(parts)}, {pinned}" + (
        f", server: {place.command}" if place.command else ""
    )


def _list(cores: Sequence[int]) -> str:
    return ",".join(map(str, cores))


def is_good(document: dict[str, Any]) -> bool:
    """Tell whether nothing was lost, repeated or reordered in any run."""
    return all(run["verified"]["good"] for run in document["runs"])
