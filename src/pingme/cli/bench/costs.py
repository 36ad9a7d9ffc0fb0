"""What a message costs each process and asks of each engine: of one run, and of groups of several sizes side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

HEADS = {
    "mysql": "statements",
    "redis": "commands",
    "kafka": "requests",
}  # engine -> the sum of what it was asked

Row = tuple[str, Sequence[str]]
"""A name, and a value for each run."""


def cost_lines(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (name, text): processes where there is more than one server's, then what the engines were asked."""
    processes = record.get("processes", {})
    if len(processes) > 1:
        for name, found in processes.items():
            each = (
                ""
                if found["cpu_us_message"] is None
                else f"{found['cpu_us_message']:.1f} µs of CPU a message, "
            )
            memory = f"memory {_mib(found['rss_before_bytes'])} → {_mib(found['rss_peak_bytes'])} MiB"
            yield name, f"{each}{found['cpu_share']:.0%} of a core, {memory}"
    for name, counts in record.get("requests", {}).items():
        parts = ", ".join(f"{what} {count:g}" for what, count in counts.items())
        yield f"asked of {name}", f"per 1 000 messages: {parts}"


def side_by_side(runs: Sequence[Mapping[str, Any]]) -> tuple[Sequence[str], Sequence[Row]]:
    """Return the heads and rows of a table over groups of several sizes; no rows where there are none to compare."""
    groups = [run for run in runs if run["scenario"] == "groups"]
    sizes = [int(run["settings"]["members"]) for run in groups]
    if len({*sizes}) < 2:
        return (), ()
    heads = [f"{size - 1} recipient{'s' * (size > 2)}" for size in sizes]
    rows: list[Row] = [("deliveries/s", [f"{run['figure']:,.0f}" for run in groups])]
    rows += [
        (f"{name}: µs of CPU a message", [_cpu(run, name) for run in groups])
        for name in _in_order(groups, "processes")
    ]
    for engine in _in_order(groups, "requests"):
        what = HEADS.get(engine, "")
        values = [f"{run['requests'].get(engine, {}).get(what, 0):,.0f}" for run in groups]
        rows.append((f"{engine}: {what} per 1 000 messages", values))
    return heads, rows


def side_by_side_lines(runs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield that table as text."""
    heads, rows = side_by_side(runs)
    if rows:
        yield ""
        yield "the cost of a message, by how many hear it"
        yield f"  {'':<40}" + "".join(f"{head:>16}" for head in heads)
        for name, values in rows:
            yield f"  {name:<40}" + "".join(f"{value:>16}" for value in values)


def _in_order(runs: Sequence[Mapping[str, Any]], part: str) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in run.get(part, {})))


def _cpu(run: Mapping[str, Any], name: str) -> str:
    found = run["processes"].get(name, {}).get("cpu_us_message")
    return "–" if found is None else f"{found:,.0f}"


def _mib(count: int) -> str:
    return f"{count / (1 << 20):.0f}"
