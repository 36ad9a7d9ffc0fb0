"""The figures as a page for people (80 × 24 is enough), and as one line for a pipe."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from pingme.cli.doctor.findings import size
from pingme.cli.top.figures import sparkline

Shown = Mapping[str, Any]

LABEL, VALUE = 14, 11  # columns of a name, and of a number at its right edge
COLUMNS = ((LABEL, VALUE), (13, VALUE), (13, VALUE + 1))  # of the cells of a row: 78 in all
LAG_WARN_MS = 200.0  # as the alerts of docs/operations.md
COMMIT_WARN_MS = 500.0
COLOURS = {"healthy": "green", "degraded": "yellow", "unhealthy": "red"}
CODES = 4  # as many codes as a line of 80 columns holds


def page(
    shown: Shown | None,
    history: Sequence[float],
    *,
    width: int,
    height: int = 0,
    away: str = "",
    hint: str = "",
) -> Text:
    """Return the whole page; 80 columns and 24 lines hold all of it.

    Args:
        shown: of `Figures.add`; None before the first answer.
        history: messages per second, the newest last.
        width: columns; longer lines are cut off.
        height: lines, of which the last is the hint; 0 = as many as there are.
        away: why the server does not answer; "" while it does. The last figures stay below it.
        hint: the last line: keys and the like.
    """
    text = Text()
    if shown is None:
        text.append(f"{away or 'asking …'}\n\n", style="yellow")
    else:
        _head(text, shown, away)
        _traffic(text, shown, history, width)
        _people(text, shown)
        _latency(text, shown)
        _queues(text, shown)
    lines = list(text.split("\n"))
    if height:
        lines = lines[: height - 1]
    whole = Text("\n").join([*lines, Text(hint, style="dim")])
    whole.no_wrap, whole.overflow = True, "crop"
    return whole


def _head(text: Text, shown: Shown, away: str) -> None:
    text.append(f"{shown['name']} {shown['version']}", style="bold")
    text.append(f"  {shown['env']}, pid {shown['pid']}, up {duration(shown['uptime_s'])}  ")
    state = shown["not_ready"] or shown["status"]
    text.append(state, style=COLOURS.get(state, "yellow"))
    text.append(f"  {clock(shown['now_ms'])}\n")
    if away:
        text.append(f"{away}; these are its last figures\n", style="bold red")
    else:
        text.append(
            "; ".join(f"{name}: {detail}" for name, detail in shown["troubles"].items()) + "\n", style="red"
        )


def _traffic(text: Text, shown: Shown, history: Sequence[float], width: int) -> None:
    rates = shown["rates"]
    room = max(8, width - LABEL - VALUE - 16)
    top = max(list(history)[-room:], default=0.0)
    label(text, "messages/s", rate(rates, "messages"))
    text.append(f"  {sparkline(history, room)} ", style="cyan")
    text.append(f"top {number(top)}\n", style="dim")
    row(
        text,
        ("acks/s", rate(rates, "acks")),
        ("deliveries/s", rate(rates, "deliveries")),
        ("in/s", rate(rates, "frames_in")),
    )
    out = "…" if rates is None else f"{size(rates['bytes_out'])}/s"
    row(
        text,
        ("repeats/s", rate(rates, "duplicates")),
        ("written", out),
        ("commits/s", rate(rates, "commits")),
    )
    codes(text, "refused/s", shown["refused"])
    text.append("\n")


def _people(text: Text, shown: Shown) -> None:
    gauges, rates = shown["gauges"], shown["rates"]
    row(
        text,
        ("connections", number(gauges["connections"])),
        ("users", number(gauges["users"])),
        ("connects/s", rate(rates, "connects")),
    )
    row(text, ("conversations", number(gauges["conversations"])), ("closes/s", rate(rates, "closes")))
    codes(text, "closed with", shown["closes"])
    codes(text, "logins/s", shown["logins"])
    text.append("\n")


def _latency(text: Text, shown: Shown) -> None:
    text.append(f"{'last 10 s, ms':<{LABEL}}{'p50':>{VALUE}}{'p99':>{VALUE}}\n", style="dim")
    limits = {"commit": COMMIT_WARN_MS, "ack": COMMIT_WARN_MS, "loop_lag": LAG_WARN_MS}
    names = {"commit": "commit", "ack": "send to ack", "loop_lag": "loop is late"}
    for key, name in names.items():
        times = shown["latency_ms"][key]
        high = (times["p99"] or 0) > limits[key]
        text.append(f"{name:<{LABEL}}{ms(times['p50']):>{VALUE}}")
        text.append(f"{ms(times['p99']):>{VALUE}}\n", style="red" if high else "")
    text.append("\n")


def _queues(text: Text, shown: Shown) -> None:
    gauges = shown["gauges"]
    away = gauges["store_away_ms"]
    row(
        text,
        ("log queue", number(gauges["log_depth"])),
        ("unanswered", number(gauges["pending_answers"])),
        ("outboxes", size(gauges["outbox_bytes"])),
    )
    row(
        text,
        ("in retry", number(gauges["waiting_for_retry"])),
        ("retries/s", rate(shown["rates"], "retries")),
        ("dead letters", number(gauges["dead_letters"])),
    )
    store = "answers" if away is None else f"away for {away / 1000:.0f} s"
    row(text, ("store", store), ("its log", size(gauges["wal_bytes"])))
    cpu = "…" if shown["cpu_percent"] is None else f"{shown['cpu_percent']:.0f} %"
    files = "?" if shown["open_files"] is None else number(shown["open_files"])
    row(text, ("CPU", cpu), ("memory", size(shown["rss_bytes"])), ("open files", files))
    text.append("\n")


# The pieces.


def label(text: Text, name: str, value: str, *, columns: tuple[int, int] = (LABEL, VALUE)) -> None:
    """Append a name, and a value at its right edge."""
    text.append(f"{name:<{columns[0]}}", style="dim")
    text.append(f"{value:>{columns[1]}}", style="bold")


def row(text: Text, *cells: tuple[str, str]) -> None:
    """Append a line of up to three cells."""
    for place, (name, value) in enumerate(cells):
        text.append("  " if place else "")
        label(text, name, value, columns=COLUMNS[place])
    text.append("\n")


def codes(text: Text, name: str, rates: Mapping[str, float] | None) -> None:
    """Append a line of rates by code, the most frequent first."""
    text.append(f"{name:<{LABEL}}", style="dim")
    if rates is None:
        text.append("…\n")
        return
    first = [f"{code}: {number(rates[code])}" for code in list(rates)[:CODES]]
    more = len(rates) - CODES
    text.append("   ".join(first) + (f"   and {more} more" if more > 0 else "") if first else "none")
    text.append("\n")


def line(shown: Shown | None, *, away: str, at_s: float) -> str:
    """Return one line: time, state, and ``name=value`` pairs for awk and people."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))
    if away or shown is None:
        return f"{stamp} away ({away})"
    rates, gauges, times = shown["rates"], shown["gauges"], shown["latency_ms"]
    refused = None if shown["refused"] is None else sum(shown["refused"].values())
    pairs = {
        "messages": plain(rates and rates["messages"]),
        "acks": plain(rates and rates["acks"]),
        "deliveries": plain(rates and rates["deliveries"]),
        "refused": plain(refused),
        "connections": gauges["connections"],
        "users": gauges["users"],
        "commit_p99_ms": plain(times["commit"]["p99"]),
        "lag_p99_ms": plain(times["loop_lag"]["p99"]),
        "log": gauges["log_depth"],
        "outbox_bytes": gauges["outbox_bytes"],
        "dead_letters": gauges["dead_letters"],
        "cpu": plain(shown["cpu_percent"]),
        "rss_bytes": shown["rss_bytes"],
    }
    state = shown["not_ready"] or shown["status"]
    return f"{stamp} {state} " + " ".join(f"{name}={value}" for name, value in pairs.items())


def plain(value: float | None) -> str:
    """Return a number with at most one digit behind the point, ``-`` for none."""
    return "-" if value is None else f"{value:.1f}".removesuffix(".0")


def rate(rates: Mapping[str, float] | None, name: str) -> str:
    """Return a rate for people; … before there are two answers."""
    return "…" if rates is None else number(rates[name])


def number(value: float) -> str:
    """Return a number with its thousands apart; one digit behind the point below ten, unless it is a whole one."""
    return f"{value:,.1f}" if value < 10 and value != int(value) else f"{value:,.0f}"


def ms(value: float | None) -> str:
    """Return milliseconds with two or three digits that count."""
    if value is None:
        return "–"
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Return days, hours, minutes and seconds, without those that are 0 in front."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return (f"{days} d " if days else "") + f"{hour:02}:{minute:02}:{second:02}"


def clock(now_ms: int) -> str:
    """Return the time of day of the server, in UTC."""
    return time.strftime("%H:%M:%S UTC", time.gmtime(now_ms / 1000))
