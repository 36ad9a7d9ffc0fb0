"""How long a server takes to be ready: after a clean stop, and after kill -9 with a log full of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pingme.adapters.data_lock import DataLock
from pingme.cli.bench.histogram import Histogram
from pingme.cli.bench.nodes import Nodes
from pingme.cli.bench.plans import Plan
from pingme.cli.bench.results import latency_record
from pingme.cli.bench.run import Place, load_nodes, open_place, prepare
from pingme.cli.bench.server import BenchServer
from pingme.cli.progress import Report

CLEAN, KILLED = "ready", "ready after kill"


def run_starts(plan: Plan, place: Place) -> dict[str, Any]:
    """Start, load, kill and start again, so many times, and return the record.

    Every message that was acknowledged before a kill must be in the store after it.

    Raises:
        PingMeError: it cannot run.
    """
    starts = int(plan.settings.extra["starts"])
    taken = {CLEAN: Histogram(), KILLED: Histogram()}
    records: list[dict[str, Any]] = []
    with open_place(plan, place) as (data_dir, report):
        for number in range(starts):
            report({"phase": "starting", "done": number, "total": starts})
            records.append(_cycle(plan, place, data_dir, taken, report))
    return combined(records, taken)


def _cycle(
    plan: Plan, place: Place, data_dir: Path, taken: Mapping[str, Histogram], report: Report
) -> dict[str, Any]:
    """Start after a clean stop, load, kill, start again, stop; return the record of the load."""
    with DataLock(data_dir):
        users, rooms = prepare(plan, data_dir)
    with BenchServer(data_dir, cores=place.cores, command=place.command) as server:
        taken[CLEAN].record(round(server.ready_s * 1e6))
        record = load_nodes(Nodes([server]), plan, users=users, rooms=rooms, place=place, report=report)
        server.kill()
    with BenchServer(data_dir, cores=place.cores, command=place.command) as server:
        taken[KILLED].record(round(server.ready_s * 1e6))
    with DataLock(data_dir):
        _, after = prepare(plan, data_dir)
    stored = sum(room.head for room in after) - sum(room.head for room in rooms)
    note_lost(record["verified"], stored)
    return record


def note_lost(verified: dict[str, Any], stored: int) -> None:
    """Add a fault where fewer messages are stored after a kill than were acknowledged before it."""
    lost = verified["acked"] - stored
    if lost > 0:
        verified["good"] = False
        verified["faults"]["lost by the kill"] = lost
        verified["listed"].append(f"{lost} acknowledged messages are not there after kill -9")


def combined(records: Sequence[dict[str, Any]], taken: Mapping[str, Histogram]) -> dict[str, Any]:
    """Return one record: the times to be ready, the checks of every load, the costs of the last one."""
    checks = [record["verified"] for record in records]
    faults = {name for check in checks for name in check["faults"]}
    refused = {code for check in checks for code in check["refused"]}
    latency = {name: latency_record(histogram) for name, histogram in taken.items()}
    return records[-1] | {
        "figure": latency[KILLED]["p50_ms"],
        "rates": {},
        "latency": latency,
        "series": [],
        "verified": checks[-1]
        | {
            "good": all(check["good"] for check in checks),
            "sent": sum(check["sent"] for check in checks),
            "acked": sum(check["acked"] for check in checks),
            "unknown": sum(check["unknown"] for check in checks),
            "refused": {code: sum(check["refused"].get(code, 0) for check in checks) for code in refused},
            "faults": {name: sum(check["faults"].get(name, 0) for check in checks) for name in faults},
            "listed": [line for check in checks for line in check["listed"]],
        },
    }
