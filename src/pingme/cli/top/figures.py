"""From what a server says of itself (`server.status`) to rates and percentiles; no clock, no terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

Status = Mapping[str, Any]
Codes = Mapping[str, float]

WINDOW_S = 10.0  # of the percentiles: a second alone has too few values
HISTORY = 600  # rates kept for the sparkline: wider than any terminal
COUNTED = (
    "messages_stored",
    "duplicates",
    "deliveries",
    "frames_in",
    "bytes_out",
    "batches",
    "connects",
    "retries",
)
BARS = "▁▂▃▄▅▆▇█"


class Figures:
    """The answers of one server in order, and what follows from them."""

    def __init__(self) -> None:
        self._answers: deque[Status] = deque()
        self.history: deque[float] = deque(maxlen=HISTORY)

    def add(self, status: Status) -> dict[str, Any]:
        """Take the next answer and return what is shown; another process, or a younger one, begins anew.

        Returns:
            What stands in docs/operations.md, "Live figures"; ``rates``, ``refused``, ``closes``, ``logins`` and
            ``cpu_percent`` are None for the first answer. All of it is per second, or in milliseconds where the name
            says so.
        """
        last = self._answers[-1] if self._answers else None
        if last is not None and (last["pid"] != status["pid"] or status["uptime_s"] <= last["uptime_s"]):
            self._answers.clear()
            last = None
        self._answers.append(status)
        while status["uptime_s"] - self._answers[0]["uptime_s"] > WINDOW_S and len(self._answers) > 2:
            self._answers.popleft()
        shown = _show(last, self._answers[0], status)
        if shown["rates"] is not None:
            self.history.append(shown["rates"]["messages"])
        return shown


def _show(last: Status | None, oldest: Status, now: Status) -> dict[str, Any]:
    elapsed_s = now["uptime_s"] - last["uptime_s"] if last is not None else 0.0
    process = now["process"]
    return {
        **{name: now[name] for name in ("name", "version", "pid", "env", "uptime_s", "status", "not_ready")},
        "now_ms": now["now_ms"],
        "troubles": {
            name: part["detail"] for name, part in now["components"].items() if part["status"] != "healthy"
        },
        "rates": _rates(last, now, elapsed_s) if last else None,
        **{
            name: _by_code(last, now, name, elapsed_s) if last else None
            for name in ("refused", "closes", "logins")
        },
        "latency_ms": {
            "commit": _latency(oldest, now, "commit_seconds"),
            "ack": _latency(oldest, now, "ack_seconds"),
            "loop_lag": _latency(oldest, now, "loop_lag_seconds"),
        },
        "gauges": dict(now["gauges"]),
        "cpu_percent": 100 * (process["cpu_s"] - last["process"]["cpu_s"]) / elapsed_s if last else None,
        "rss_bytes": process["rss_bytes"],
        "open_files": process["open_files"],
        "open_files_limit": process["open_files_limit"],
    }


def _rates(last: Status, now: Status, elapsed_s: float) -> dict[str, float]:
    before, after = last["counters"], now["counters"]
    rates = {name: (after[name] - before[name]) / elapsed_s for name in COUNTED}
    messages, commits = rates.pop("messages_stored"), rates.pop("batches")
    closes = sum(after["closes"].values()) - sum(before["closes"].values())
    return {
        "messages": messages,
        "acks": messages + rates["duplicates"],
        **rates,
        "commits": commits,
        "closes": closes / elapsed_s,
    }


def _by_code(last: Status, now: Status, name: str, elapsed_s: float) -> dict[str, float]:
    """Return what happened since the last answer, per second, the most frequent first."""
    before, after = last["counters"][name], now["counters"][name]
    grown = {code: (count - before.get(code, 0)) / elapsed_s for code, count in after.items()}
    return dict(sorted(((code, rate) for code, rate in grown.items() if rate > 0), key=lambda each: -each[1]))


def _latency(oldest: Status, now: Status, name: str) -> dict[str, float | None]:
    """Return percentiles of the window; of everything since the start where there is only one answer."""
    histogram = now["histograms"][name]
    counts = list(histogram["counts"])
    if oldest is not now:
        earlier = oldest["histograms"][name]["counts"]
        counts = [count - before for count, before in zip(counts, earlier, strict=True)]
    return {
        "p50": quantile(histogram["bounds"], counts, 0.5),
        "p99": quantile(histogram["bounds"], counts, 0.99),
    }


def quantile(bounds: Sequence[float], counts: Sequence[float], share: float) -> float | None:
    """Return the milliseconds below which a share of the values lies, as Prometheus' histogram_quantile has it.

    Args:
        bounds: upper bounds of the buckets, in seconds.
        counts: cumulative, one more than bounds.
        share: 0 to 1.

    Returns:
        None without values; the last bound for values above it.
    """
    if not counts or not counts[-1]:
        return None
    wanted, lower, below = share * counts[-1], 0.0, 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count >= wanted:
            inside = (wanted - below) / (count - below) if count > below else 1.0
            return 1_000 * (lower + (bound - lower) * inside)
        lower, below = bound, count
    return 1_000 * bounds[-1]


def sparkline(values: Sequence[float], width: int) -> str:
    """Return the newest values as a line of bars, each as high as its share of the largest of them."""
    shown = list(values)[-width:]
    top = max(shown, default=0.0)
    if top <= 0:
        return BARS[0] * len(shown)
    # Whatever is not nothing is seen.
    return "".join(BARS[min(7, int(value / top * 7 + (0.999 if value else 0)))] for value in shown)
