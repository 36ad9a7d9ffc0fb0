"""Two documents side by side: ratios of what they measured, and what makes them hard to compare."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pingme.cli.bench.document import FORMAT
from pingme.domain.errors import PingMeError

NOISE = 0.05  # a change below is not marked: runs of one machine differ by more

# What is compared, and whether more of it is better.
_COSTS = (
    ("server µs each", ("server", "cpu_us_each"), False),
    ("server peak MiB", ("server", "rss_peak_bytes"), False),
)
_LATENCIES = (("p50", "p50_ms"), ("p99", "p99_ms"), ("p99.9", "p999_ms"))


def read_document(file: Path) -> dict[str, Any]:
    """Return a document that ``--out`` wrote.

    Raises:
        PingMeError: the file cannot be read, or is something else.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise PingMeError(f"cannot read {file}: {exc.strerror}") from exc
    except ValueError as exc:
        raise PingMeError(f"{file} is no JSON: {exc}") from exc
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT:
        raise PingMeError(f'{file}: expected the format "{FORMAT}", got {json.dumps(found)}')
    return dict(document)


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Yield everything, besides the program, in which two documents differ."""
    for part in ("machine", "versions"):
        for name in sorted(one[part].keys() | other[part].keys()):
            a, b = one[part].get(name), other[part].get(name)
            if a != b and name != "load_before":
                yield f"{part}: {name} {a} → {b}"
    if one["conditions"] != other["conditions"]:
        yield f"conditions: {one['conditions']} → {other['conditions']}"
    slow, fast = sorted((one["disk"]["p50_ms"], other["disk"]["p50_ms"]))[::-1]
    if slow > 2 * fast:
        yield f"disk: fsync p50 {one['disk']['p50_ms']:.2f} → {other['disk']['p50_ms']:.2f} ms"


def paired(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> tuple[list[tuple[Mapping[str, Any], Mapping[str, Any]]], list[str]]:
    """Return the runs to compare, and the labels of those that stand in one document only.

    Runs belong together by label, or where each document has a single run of the scenario.
    """
    pairs, alone = [], []
    rest = list(other["runs"])
    for run in one["runs"]:
        same = [found for found in rest if found["label"] == run["label"]] or [
            found
            for found in rest
            if found["scenario"] == run["scenario"] and _single(one, run) and _single(other, run)
        ]
        if same:
            rest.remove(same[0])
            pairs.append((run, same[0]))
        else:
            alone.append(run["label"])
    return pairs, alone + [run["label"] for run in rest]


def _single(document: Mapping[str, Any], run: Mapping[str, Any]) -> bool:
    return [found["scenario"] for found in document["runs"]].count(run["scenario"]) == 1


def settings_changed(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Yield the settings in which two runs differ."""
    for name in sorted(one["settings"].keys() | other["settings"].keys()):
        a, b = one["settings"].get(name), other["settings"].get(name)
        if a != b:
            yield f"{name} {a} → {b}"


def rows_of(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, float, float, bool]]:
    """Yield (name, before, after, whether more is better) of two runs; what one of them lacks is left out."""
    yield one["unit"], one["figure"], other["figure"], one["unit"].endswith("/s")
    for name, latency in one["latency"].items():
        again = other["latency"].get(name)
        if again is not None and name != "late":
            for label, key in _LATENCIES:
                yield f"{name} {label} ms", latency[key], again[key], False
    for name, (part, key), more in _COSTS:
        before, after = one[part].get(key), other[part].get(key)
        if before is not None and after is not None:
            scale = 1 << 20 if key.endswith("bytes") else 1
            yield name, before / scale, after / scale, more


def lines_of(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Yield the comparison of two documents as text."""
    for text in differences(one, other):
        yield f"differs   {text}"
    pairs, alone = paired(one, other)
    for before, after in pairs:
        yield ""
        yield (
            before["label"] if before["label"] == after["label"] else f"{before['label']} → {after['label']}"
        )
        for text in settings_changed(before, after):
            yield f"  differs   {text}"
        for run, name in ((before, "the first"), (after, "the second")):
            if not run["verified"]["good"]:
                yield f"  WRONG     {name} run lost, repeated or reordered messages"
        for name, first, second, more_is_better in rows_of(before, after):
            yield f"  {name:<28} {first:>12,.4g} {second:>12,.4g}   {_ratio(first, second, more_is_better)}"
    for label in alone:
        yield f"alone     {label}"


def _ratio(before: float, after: float, more_is_better: bool) -> str:  # a column
    if not before:
        return "–"
    ratio = after / before
    if abs(ratio - 1) < NOISE:
        return f"× {ratio:.2f}"
    return f"× {ratio:.2f}  {'better' if (ratio > 1) == more_is_better else 'worse'}"
