"""A run as a few lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pingme.cli.bench.costs import cost_lines


def heading(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what all runs of a document share."""
    machine, versions, disk = document["machine"], document["versions"], document["disk"]
    memory = machine["memory_bytes"] / (1 << 30)
    yield f"machine   {machine['cpu']}, {machine['cores']} cores, {memory:.0f} GiB, {machine['system']}"
    yield "versions  " + ", ".join(f"{name} {version}" for name, version in versions.items())
    yield f"settings  {document['conditions']}"
    yield f"disk      fsync of 4 KiB: p50 {disk['p50_ms']:.2f} ms, p99 {disk['p99_ms']:.2f} ms, in {disk['folder']}"
    yield f"repeat    {document['command']}"


def lines_of(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield one run's figures."""
    yield f"{record['label']}  ({record['loop']} loop, {record['elapsed_s']:.1f} s)"
    yield f"  {record['figure']:>12,.0f} {record['unit']:<16} {record['counted']}"
    for name, latency in record["latency"].items():
        if latency["count"] and name != "late":
            yield (
                f"  {name:<19} p50 {latency['p50_ms']:.2f}  p90 {latency['p90_ms']:.2f}  "
                f"p99 {latency['p99_ms']:.2f}  p99.9 {latency['p999_ms']:.2f}  max {latency['max_ms']:.2f} ms"
            )
    yield from _costs(record)
    for name, text in cost_lines(record):
        yield f"  {name:<19} {text}"
    yield from _verdict(record["verified"])


def _costs(record: Mapping[str, Any]) -> Iterator[str]:
    server, load = record["server"], record["load"]
    each = "" if server["cpu_us_each"] is None else f"{server['cpu_us_each']:.1f} µs of CPU each, "
    lag = server["loop_lag_under_ms"]
    if lag is not None:
        each += f"loop late under {lag:g} ms, "
    rss = f"memory {_mib(server['rss_before_bytes'])} → peak {_mib(server['rss_peak_bytes'])} MiB"
    yield f"  server              {each}{server['cpu_share']:.0%} of a core, {rss}"
    if server.get("messages_per_commit"):
        commit = f"{server['messages_per_commit']:.0f} messages a transaction"
        yield f"  store               {commit}, {server['commit_mean_ms']:.2f} ms each"
    share = f"busiest process {load['busiest_share']:.0%} of a core"
    late = "" if load["late_p99_ms"] is None else f", itself late p99 {load['late_p99_ms']:.2f} ms"
    yield f"  load                {share}{late}"
    if (text := rate_missed(load)) is not None:
        yield f"  RATE NOT REACHED    {text}"


def rate_missed(load: Mapping[str, Any]) -> str | None:
    """Return what the open loop did not come to; None when it did, or in the closed loop."""
    if load.get("rate_reached", True):
        return None
    reached = load["reached_per_s"]
    came = "" if reached is None else f", {reached:,.0f} a second were answered in the measured time"
    after = f"; {load['answered_after']:,} answers came after it" if load["answered_after"] else ""
    return f"{load['wanted_per_s']:,.0f} a second were wanted{came}{after}"


def _verdict(verified: Mapping[str, Any]) -> Iterator[str]:
    refused = sum(verified["refused"].values())
    more = f"; {refused} refused {verified['refused']}" if refused else ""
    if verified.get("again"):
        more += f"; {verified['again']} pushes came again"
    if verified["good"]:
        what = (
            f"{verified['acked']} messages: each once and in order at {verified['recipients']} recipients"
            if verified["sent"]
            else "every connection stayed open, every answer was complete"
        )
        yield f"  checked             {what}{more}"
        return
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(verified["faults"].items()))
    yield f"  WRONG               {counts}{more}"
    for text in verified["listed"]:
        yield f"                      {text}"


def _mib(count: int) -> str:
    return f"{count / (1 << 20):.0f}"
