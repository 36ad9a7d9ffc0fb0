"""The report of a run: report.json, and report.html with a timeline, which loads nothing from anywhere."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.chaos.run import Mark, Outcome

WIDTH, HEIGHT, LEFT, GAP = 960, 130, 56, 34
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1060px; padding: 0 1rem; color: #1d2330 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .2rem .8rem .2rem 0; text-align: left }
.good { color: #176b3a } .bad { color: #b3261e } td.n { text-align: right; font-variant-numeric: tabular-nums }
svg { width: 100%; height: auto } svg text { font: 11px system-ui, sans-serif; fill: #5b6472 }
.axis { stroke: #c9ced6 } .line { fill: none; stroke: #2557d6; stroke-width: 1.5 }
.fault { fill: #b3261e; fill-opacity: .13 } .edge { stroke: #b3261e; stroke-opacity: .6 }
"""

Points = Sequence[tuple[float, float]]


def write(outcome: Outcome, folder: Path) -> None:
    """Write both files."""
    text = json.dumps(outcome.to_json(), ensure_ascii=False, indent=1)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    (folder / "report.html").write_text(page(outcome), encoding="utf-8")


def page(outcome: Outcome) -> str:
    """Return the HTML."""
    word, mood = ("every promise was kept", "good") if outcome.is_good else ("a promise was broken", "bad")
    found = outcome.to_json()
    counts: dict[str, Any] = {**outcome.verdict.counts} | outcome.verdict.looked_at
    faults = [f"{fault.kind}: {fault.text}" for fault in outcome.verdict.faults[:200]] + outcome.faults
    listed = "".join(f"<li>{html.escape(text)}</li>" for text in faults)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>PingMe chaos</title>'
        f"<style>{STYLE}</style><h1>Chaos run, seed {outcome.schedule.seed}: "
        f'<span class="{mood}">{word}</span></h1>{timeline(outcome)}<ul>{listed}</ul>'
        f"<h2>Faults that were made</h2>{_marks(outcome.marks)}"
        f"<h2>Figures</h2>{_table(found['figures'])}<h2>What the checker found and looked at</h2>{_table(counts)}"
        f"<h2>Schedule</h2><pre>{html.escape(json.dumps(found['schedule'], indent=1))}</pre></html>\n"
    )


def timeline(outcome: Outcome) -> str:
    """Return the plot: acks and deliveries a second, sends that wait, and the faults as spans."""
    ends = [outcome.schedule.duration_s, *(at for at, _ in outcome.acks[-1:]), *outcome.deliveries[-1:]]
    until_s = max(ends)
    rows: list[tuple[str, Points]] = [
        ("acks/s", per_second([at for at, _ in outcome.acks], until_s)),
        ("deliveries/s", per_second(outcome.deliveries, until_s)),
        ("unanswered", [(at, float(count)) for at, count in outcome.unanswered if at <= until_s]),
    ]
    height = len(rows) * (HEIGHT + GAP) + 20
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="What happened when">']
    parts += [_span(mark, number, until_s, height) for number, mark in enumerate(outcome.marks)]
    for number, (name, points) in enumerate(rows):
        parts.append(_row(name, points, GAP + number * (HEIGHT + GAP), until_s))
    return "".join([*parts, "</svg>"])


def per_second(times: Sequence[float], until_s: float) -> list[tuple[float, float]]:
    """Return how many fell into each second, at its middle."""
    counts = [0] * (int(until_s) + 1)
    for at_s in times:
        if 0 <= at_s <= until_s:
            counts[int(at_s)] += 1
    return [(second + 0.5, float(count)) for second, count in enumerate(counts)]


def _x(at_s: float, until_s: float) -> float:
    return LEFT + (WIDTH - LEFT - 8) * min(max(at_s, 0.0) / until_s, 1.0)


def _row(name: str, points: Points, top: float, until_s: float) -> str:
    most = max([value for _, value in points], default=0.0) or 1.0
    floor = top + HEIGHT
    path = " ".join(f"{_x(at, until_s):.1f},{floor - value / most * HEIGHT:.1f}" for at, value in points)
    ticks = "".join(
        f'<text x="{_x(second, until_s):.1f}" y="{floor + 13}">{second}</text>'
        for second in range(0, int(until_s) + 1, max(1, int(until_s) // 12))
    )
    return (
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - 8}" y1="{floor}" y2="{floor}"/>'
        f'<text x="{LEFT}" y="{top - 6}">{html.escape(name)}</text><text x="4" y="{top + 8}">{most:.0f}</text>'
        f'<text x="4" y="{floor}">0</text>{ticks}<polyline class="line" points="{path}"/>'
    )


def _span(mark: Mark, number: int, until_s: float, height: float) -> str:
    left, right = _x(mark.began_s, until_s), _x(mark.ended_s, until_s)
    label = html.escape(f"{mark.entry.target} {mark.entry.action}")
    return (
        f'<rect class="fault" x="{left:.1f}" y="0" width="{max(right - left, 1.0):.1f}" height="{height}">'
        f"<title>{label}, {mark.began_s:.1f} to {mark.ended_s:.1f} s</title></rect>"
        f'<line class="edge" x1="{left:.1f}" x2="{left:.1f}" y1="0" y2="{height}"/>'
        f'<text x="{left + 3:.1f}" y="{10 + 11 * (number % 2)}">{label}</text>'
    )


def _marks(marks: Sequence[Mark]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(mark.entry.target)}</td><td>{html.escape(mark.entry.action)}</td>"
        f'<td class="n">{mark.began_s:.2f}</td><td class="n">{mark.ended_s:.2f}</td>'
        f'<td class="n">{"–" if mark.recovered_s is None else f"{mark.recovered_s:.2f}"}</td></tr>'
        for mark in marks
    )
    head = "<th>target</th><th>action</th><th>from, s</th><th>to, s</th><th>next ack after, s</th>"
    return f"<table><tr>{head}</tr>{rows}</table>"


def _table(values: dict[str, Any]) -> str:
    rows = "".join(
        f'<tr><td>{html.escape(name)}</td><td class="n">'
        f"{f'{value:.2f}' if isinstance(value, float) else value}</td></tr>"
        for name, value in values.items()
    )
    return f"<table>{rows}</table>"
