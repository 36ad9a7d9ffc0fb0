"""From what came back to one record: plain data, the same in JSON, in the report and in `compare`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from pingme.cli.bench.histogram import Histogram
from pingme.cli.bench.job import Interval, PartResult
from pingme.cli.bench.observed import Observed, cpu_between
from pingme.cli.bench.plans import Plan
from pingme.cli.bench.probe import grown
from pingme.cli.bench.server import Sample
from pingme.cli.bench.verify import Faults, Seen, judge

SERIES_STEP_S = 0.25
SHORT = 0.05  # of the wanted rate: what may be missing
# To each request; in mixed some have none.
ANSWERS = {"pairs": "acks", "groups": "acks", "history": "history_answers", "connect": "connects"}
CURVE_POINTS_MAX = 200  # of a percentile curve in JSON
SERIES_POINTS_MAX = 240  # of the server's CPU and memory over time


def run_record(plan: Plan, parts: Sequence[PartResult], observed: Observed) -> dict[str, Any]:
    """Return the record of one run."""
    latency = merged_latency(parts)
    began_s = min(part.began_us for part in parts if part.began_us) / 1e6
    elapsed_s = max(part.elapsed_s for part in parts)
    rates = rates_of(parts)
    count = sum(part.counts[plan.unit_count] for part in parts)
    record: dict[str, Any] = {
        "scenario": plan.scenario,
        "label": plan.label,
        "settings": {
            **plan.facts,
            **{
                name: value for name, value in asdict(plan.settings).items() if name not in {"extra", "again"}
            },
            "processes": len(parts),
        },
        "counted": plan.counted,
        "unit": plan.unit,
        "loop": "open" if plan.settings.rate else "closed",
        "elapsed_s": round(elapsed_s, 3),
        "figure": round(rates[plan.unit_count], 1),
        "rates": {f"{name}_per_s": round(rate, 1) for name, rate in rates.items()},
        "latency": {name: latency_record(histogram) for name, histogram in latency.items()},
        "server": server_record(observed, began_s, elapsed_s, count),
        "processes": process_records(observed, began_s, elapsed_s, parts),
        "requests": {},
        "load": load_record(parts, count, latency) | rate_record(plan, parts, elapsed_s),
        "verified": verified(parts),
        "series": series_of(parts),
    }
    record["requests"] = requests_of(observed, record["verified"]["acked"])
    figures = {name: value for part in parts for name, value in part.figures.items()}
    if figures:
        record["figures"] = figures
    if plan.scenario == "idle":
        _idle(record, observed, count)
    return record


def rates_of(parts: Sequence[PartResult]) -> dict[str, float]:
    """Return what happened per second, all processes together."""
    names = {name for part in parts for name in part.counts}
    return {
        name: sum(part.counts.get(name, 0) / part.elapsed_s for part in parts if part.elapsed_s)
        for name in sorted(names)
    }


def merged_latency(parts: Iterable[PartResult | Interval]) -> dict[str, Histogram]:
    """Return the histograms of all processes, added up."""
    merged: dict[str, Histogram] = {}
    for part in parts:
        for name, counts in part.latency.items():
            merged.setdefault(name, Histogram()).add(Histogram(counts))
    return {name: histogram for name, histogram in merged.items() if len(histogram)}


def latency_record(histogram: Histogram) -> dict[str, Any]:
    """Return percentiles and the curve of one latency."""
    points = list(histogram.curve())
    step = -(-len(points) // CURVE_POINTS_MAX)
    kept = points[::step] + [point for point in points[-1:] if (len(points) - 1) % step]
    return {
        **histogram.summary_ms(),
        "curve": [[round(share, 7), value_us / 1000] for share, value_us in kept],
    }


def server_record(observed: Observed, began_s: float, elapsed_s: float, count: int) -> dict[str, Any]:
    """Return what the server cost."""
    cpu_s = observed.cpu_s(began_s, began_s + elapsed_s)
    ready = observed.marks["ready"]
    points = _thinned(observed.samples)
    batch = observed.mean_of("pingme_batch_records")
    commit_s = observed.mean_of("pingme_commit_seconds")
    return {
        "cpu_s": round(cpu_s, 3),
        "cpu_share": round(cpu_s / elapsed_s, 3),
        "cpu_us_each": round(cpu_s / count * 1e6, 2) if count else None,
        "rss_before_bytes": ready.rss_bytes,
        "rss_peak_bytes": max(observed.peak_rss_bytes, *(sample.rss_bytes for sample in observed.samples)),
        "messages_per_commit": None if batch is None else round(batch, 1),
        "commit_mean_ms": None if commit_s is None else round(commit_s * 1000, 3),
        "loop_lag_under_ms": observed.lag_under_ms(),
        "series": [
            {
                "at_s": round(sample.at_s - began_s, 3),
                "cpu_share": round((sample.cpu_s - earlier.cpu_s) / (sample.at_s - earlier.at_s), 3),
                "rss_bytes": sample.rss_bytes,
            }
            for earlier, sample in pairwise(points)
            if sample.at_s > earlier.at_s
        ],
    }


def process_records(
    observed: Observed, began_s: float, elapsed_s: float, parts: Sequence[PartResult]
) -> dict[str, Any]:
    """Return what each process cost in the measured time: nodes, and engines that run on this machine."""
    messages = sum(part.counts.get("acks", 0) for part in parts)
    records = {}
    for name, samples in observed.processes.items():
        cpu_s = cpu_between(samples, began_s, began_s + elapsed_s)
        records[name] = {
            "cpu_share": round(cpu_s / elapsed_s, 3),
            "cpu_us_message": round(cpu_s / messages * 1e6, 2) if messages else None,
            "rss_before_bytes": samples[0].rss_bytes,
            "rss_peak_bytes": max(sample.rss_bytes for sample in samples),
        }
    return records


def requests_of(observed: Observed, messages: int) -> dict[str, dict[str, float]]:
    """Return what each engine was asked per 1 000 acknowledged messages, from before the load to its end."""
    before, after = observed.counted()
    if not messages:
        return {}
    return {name: dict(grown(before.get(name, {}), counts, messages)) for name, counts in after.items()}


def _thinned(samples: Sequence[Sample]) -> list[Sample]:
    """Return samples far enough apart that a share of CPU is more than a few of the system's ticks."""
    step_s = max(SERIES_STEP_S, (samples[-1].at_s - samples[0].at_s) / SERIES_POINTS_MAX)
    kept = [samples[0]]
    for sample in samples:
        if sample.at_s - kept[-1].at_s >= step_s:
            kept.append(sample)
    return kept


def load_record(parts: Sequence[PartResult], count: int, latency: Mapping[str, Histogram]) -> dict[str, Any]:
    """Return what the load itself cost: near a whole core per process, it is the load that is measured."""
    cpu_s = sum(part.cpu_s for part in parts)
    late = latency.get("late")
    return {
        "cpu_s": round(cpu_s, 3),
        "cpu_us_each": round(cpu_s / count * 1e6, 2) if count else None,
        "busiest_share": round(max(part.cpu_s / part.elapsed_s for part in parts if part.elapsed_s), 3),
        "late_p99_ms": None if late is None else late.percentile(0.99) / 1000,
    }


def rate_record(plan: Plan, parts: Sequence[PartResult], elapsed_s: float) -> dict[str, Any]:
    """Return what the open loop wanted and what it came to; ``reached_per_s`` is None where not everything is answered."""
    wanted = plan.settings.rate
    if not wanted:
        return {}
    after = sum(part.after for part in parts)
    answers = ANSWERS.get(plan.scenario)
    reached = None if answers is None else rates_of(parts).get(answers, 0.0)
    missing = after / elapsed_s if reached is None else wanted - reached
    return {
        "wanted_per_s": wanted,
        "reached_per_s": None if reached is None else round(reached, 1),
        "answered_after": after,
        "rate_reached": missing <= wanted * SHORT + 1 / elapsed_s,
    }


def verified(parts: Sequence[PartResult]) -> dict[str, Any]:
    """Check everything received, over all processes."""
    faults = Faults()
    sent: dict[int, int] = {}
    rooms: dict[str, list[Seen]] = {}
    refusals: dict[str, int] = {}
    for part in parts:
        faults.add(part.faults)
        sent |= part.sent
        for seen in part.seen:
            rooms.setdefault(seen.conversation_id, []).append(seen)
        for code, number in part.refusals.items():
            refusals[str(code)] = refusals.get(str(code), 0) + number
    acked = sum(judge(seen, sent, faults) for seen in rooms.values())
    return {
        "good": not faults.counts,
        "sent": sum(sent.values()),
        "acked": acked,
        "conversations": len(rooms),
        "recipients": sum(len(part.streams) for seen in rooms.values() for part in seen),
        "refused": refusals,
        "unknown": sum(part.unsettled for part in parts),
        "again": faults.again or 0,
        "faults": faults.counts,
        "listed": faults.listed,
    }


def series_of(parts: Sequence[PartResult]) -> list[dict[str, Any]]:
    """Return rates and latencies over time; intervals of all processes are put together by their place."""
    series = []
    for place in range(max(len(part.intervals) for part in parts)):
        here = [part.intervals[place] for part in parts if place < len(part.intervals)]
        point: dict[str, Any] = {"at_s": round(here[0].at_s + here[0].elapsed_s, 3)}
        for name in sorted({name for part in here for name in part.counts}):
            rate = sum(part.counts.get(name, 0) / part.elapsed_s for part in here if part.elapsed_s > 0)
            point[f"{name}_per_s"] = round(rate, 1)
        for name, histogram in merged_latency(here).items():
            for label, share in (("p50", 0.5), ("p99", 0.99)):
                point[f"{name}_{label}_ms"] = histogram.percentile(share) / 1000
        series.append(point)
    return series


def _idle(record: dict[str, Any], observed: Observed, connections: int) -> None:
    """An idle run's figure is memory, not a rate; CPU is that of the quiet second before the end."""
    ready, quiet = observed.marks["ready"], observed.marks["quiet"]
    grown = quiet.rss_bytes - ready.rss_bytes
    record["figure"] = round(grown / connections)
    record["server"] |= {
        "rss_after_bytes": quiet.rss_bytes,
        "bytes_per_connection": round(grown / connections),
    }
