"""A document as one HTML page that needs nothing from elsewhere and looks right in light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from pingme.cli.bench.costs import cost_lines, side_by_side
from pingme.cli.bench.plots import Series, line_plot, linear, logarithmic, percentiles
from pingme.cli.bench.summary import heading, rate_missed

LOG_FROM = 30.0  # times: a curve whose ends are further apart is drawn on a logarithmic axis
FIGURES = {"bytes/connection": "memory", "ms": "to be ready"}  # by unit; the others are rates
NOT_DRAWN = ("late",)  # the load's own lateness stands in the table


def write_report(document: Mapping[str, Any], file: Path) -> None:
    """Write the page."""
    file.write_text(page_of(document), encoding="utf-8")


def page_of(document: Mapping[str, Any]) -> str:
    """Return the page."""
    style = resources.files("pingme.cli.bench").joinpath("report.css").read_text(encoding="utf-8")
    started = datetime.fromtimestamp(document["started_ts"] / 1000, tz=UTC)
    facts = (line.partition(" ") for line in heading(document))
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text.strip())}</dd>" for name, _, text in facts)
    runs = "".join(_run(record) for record in document["runs"])
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>PingMe benchmark</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<style>{style}</style></head><body><main><header><h1>PingMe benchmark</h1>"
        f"<time>{started:%Y-%m-%d %H:%M} UTC</time></header><dl>{rows}</dl>{_by_size(document['runs'])}{runs}"
        "</main></body></html>\n"
    )


def _by_size(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return what a message costs in groups of several sizes, side by side."""
    heads, rows = side_by_side(runs)
    if not rows:
        return ""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(
        f"<tr><th>{escape(name)}</th>{''.join(f'<td>{escape(value)}</td>' for value in values)}</tr>"
        for name, values in rows
    )
    return (
        "<section><h2>The cost of a message, by how many hear it</h2>"
        f'<div class="scroll"><table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div></section>'
    )


def _costs(record: Mapping[str, Any]) -> str:
    """Return what each process cost and each engine was asked."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in cost_lines(record))
    return f"<dl>{rows}</dl>" if rows else ""


def _run(record: Mapping[str, Any]) -> str:
    tiles = "".join(
        f'<div class="tile"><b>{value}</b><small>{escape(unit)}</small><span>{escape(name)}</span></div>'
        for name, value, unit in _tiles(record)
    )
    loop = f"{record['loop'].capitalize()} loop, {record['elapsed_s']:.1f} s measured"
    text = rate_missed(record["load"])
    missed = "" if text is None else f'<p class="bad"><b>✗ Rate not reached</b> {escape(text)}.</p>'
    return (
        f"<section><h2>{escape(record['label'])}</h2><p>{loop}: {escape(record['counted'])}.</p>"
        f'<div class="tiles">{tiles}</div>{_verdict(record["verified"])}{missed}'
        f'<div class="plots">{"".join(_plots(record))}{_table(record)}</div>{_costs(record)}</section>'
    )


def _tiles(record: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (name, value, unit) of the figures that stand out."""
    unit = record["unit"]
    yield FIGURES.get(unit, "throughput"), f"{record['figure']:,.0f}", unit
    drawn = [(name, latency) for name, latency in record["latency"].items() if name not in NOT_DRAWN]
    for name, latency in drawn[:1]:
        for label, key in (("p50", "p50_ms"), ("p99", "p99_ms"), ("p99.9", "p999_ms")):
            yield f"{name} {label}", f"{latency[key]:.3g}", "ms"
    server = record["server"]
    if server["cpu_us_each"] is not None:
        yield "server CPU each", f"{server['cpu_us_each']:.3g}", "µs"
    yield "server memory, peak", f"{server['rss_peak_bytes'] / (1 << 20):.0f}", "MiB"


def _verdict(verified: Mapping[str, Any]) -> str:
    refused = sum(verified["refused"].values())
    more = f" {refused:,} refused." if refused else ""
    if verified["good"]:
        text = (
            f"{verified['acked']:,} messages in {verified['conversations']:,} conversations: each arrived once and in "
            f"order at {verified['recipients']:,} recipients."
            if verified["sent"]
            else "Every connection stayed open, every answer was complete."
        )
        return f'<p class="good"><b>✓ Checked</b> {text}{more}</p>'
    counts = ", ".join(f"{count:,} {escape(kind)}" for kind, count in sorted(verified["faults"].items()))
    listed = "".join(f"<li>{escape(text)}</li>" for text in verified["listed"])
    return f'<div class="bad"><b>✗ Wrong</b> {counts}.{more}<ul>{listed}</ul></div>'


def _plots(record: Mapping[str, Any]) -> Iterator[str]:
    latency = {name: found for name, found in record["latency"].items() if name not in NOT_DRAWN}
    if latency:
        yield _curve(latency)
    series = record["series"]
    if len(series) > 1:
        yield _rates(record["unit"], series)
        yield from _over_time(series)
    until_s = math.inf if record["scenario"] == "idle" else record["elapsed_s"]
    points = [point for point in record["server"]["series"] if 0 <= point["at_s"] <= until_s + 0.1]
    if len(points) > 1:
        cpu = [(point["at_s"], 100 * point["cpu_share"]) for point in points]
        rss = [(point["at_s"], point["rss_bytes"] / (1 << 20)) for point in points]
        yield _timed("Server CPU", "% of a core", [Series("CPU", cpu)])
        yield _timed("Server memory", "MiB", [Series("resident", rss)])


def _curve(latency: Mapping[str, Any]) -> str:
    series = [Series(name, [(share, ms) for share, ms in found["curve"]]) for name, found in latency.items()]
    # The curve begins where its first value does, not at the share that the first bucket holds.
    series = [Series(line.name, [(0.0, line.points[0][1]), *line.points]) for line in series]
    values = [ms for line in series for _, ms in line.points]
    low, high = max(min(values), 0.001), max(values)
    y = logarithmic(low, high) if high / low > LOG_FROM else linear(0.0, high)
    return line_plot("Latency by percentile", "ms", series, x=percentiles(), y=y, x_unit="%")


def _rates(unit: str, series: Sequence[Mapping[str, Any]]) -> str:
    found = {key for point in series for key in point if key.endswith("_per_s")}
    largest = {name: max(point.get(name, 0.0) for point in series) for name in found}
    names = [name for name in sorted(found) if largest[name]] or sorted(found)[:1]
    if unit.startswith("deliveries"):  # acks of a group are too few to be seen beside its deliveries
        names = [name for name in names if name == "deliveries_per_s"]
    elif "completed_per_s" in names:
        names = ["completed_per_s"]
    names.sort(key=lambda name: -largest[name])
    lines = [
        Series(name.removesuffix("_per_s"), [(point["at_s"], point.get(name, 0.0)) for point in series])
        for name in names
    ]
    return _timed("Throughput", unit, lines)


def _over_time(series: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    keys = {key.rsplit("_", 2)[0] for point in series for key in point if key.endswith("_p99_ms")}
    name = next((name for name in ("ack", "connect", "history") if name in keys), None)
    if name is None:
        return
    lines = [
        Series(label, [(point["at_s"], point[key]) for point in series if key in point])
        for label, key in (("p50", f"{name}_p50_ms"), ("p99", f"{name}_p99_ms"))
    ]
    yield _timed(f"Latency over time, {name}", "ms", lines)


def _timed(title: str, unit: str, lines: Sequence[Series]) -> str:
    end = max(at for line in lines for at, _ in line.points)
    high = max(value for line in lines for _, value in line.points)
    return line_plot(title, unit, lines, x=linear(0.0, end, whole=True), y=linear(0.0, high or 1.0))


def _table(record: Mapping[str, Any]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("", "count", "mean", "p50", "p90", "p99", "p99.9", "max"))
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{found['count']:,}</td>"
        + "".join(
            f"<td>{found[key]:.3g}</td>"
            for key in ("mean_ms", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms")
        )
        + "</tr>"
        for name, found in record["latency"].items()
    )
    server, load = record["server"], record["load"]
    costs = [f"server {server['cpu_share']:.0%} of a core", f"load {load['busiest_share']:.0%} of a core"]
    if server["messages_per_commit"]:
        costs.append(
            f"{server['messages_per_commit']:.0f} messages a transaction, {server['commit_mean_ms']:.2f} ms each"
        )
    if server["loop_lag_under_ms"] is not None:
        costs.append(f"event loop late by under {server['loop_lag_under_ms']:g} ms")
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
    return f'<div class="scroll">{table}<p class="small">Times in ms. {escape("; ".join(costs))}.</p></div>'
