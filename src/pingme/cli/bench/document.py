"""A set of runs as one document: what is printed, written as JSON, drawn as HTML and compared."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pingme.cli.bench.costs import side_by_side_lines
from pingme.cli.bench.engines import read_engines
from pingme.cli.bench.machine import disk, machine, versions
from pingme.cli.bench.plans import Plan
from pingme.cli.bench.probe import Facts, Probe
from pingme.cli.bench.run import Place, run_plan
from pingme.cli.bench.starts import run_starts
from pingme.cli.bench.summary import heading, lines_of

FORMAT = "pingme-bench/1"


def execute(plans: Sequence[Plan], place: Place, *, command: str, quiet: bool) -> dict[str, Any]:
    """Run plans one after the other and return the document.

    Args:
        plans: at least one.
        place: where and how.
        command: repeats all of it.
        quiet: True prints nothing on stdout.
    """
    folder = place.data_dir or place.parent or Path(tempfile.gettempdir())
    folder.mkdir(parents=True, exist_ok=True)
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


def write_json(document: dict[str, Any], file: Path) -> None:
    """Write the document to a file."""
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def print_json(document: dict[str, Any]) -> None:
    """Print the document on stdout."""
    json.dump(document, sys.stdout, indent=1)
    print()
