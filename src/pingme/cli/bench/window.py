"""The measured time of a load process: counts and latencies, cut into intervals for the plots.

What was due inside it and answered after it belongs to it too in the open loop (`Window.add_after`): else a stall at the end
would be seen by nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from pingme.cli.bench.client import Load
from pingme.cli.bench.frames import now_us
from pingme.cli.bench.histogram import Histogram
from pingme.cli.bench.job import Interval, PartResult

INTERVALS_MAX = 120  # points of a plot; each has two histograms
INTERVAL_MIN_S = 0.25
TIMED = ("ack", "delivery", "late")
COUNTS = ("acks", "deliveries", "completed")


class After(Histogram):
    """Takes only durations, ending now, that began from ``begin_us`` on and before ``end_us``."""

    __slots__ = ("_begin_us", "_end_us")

    def __init__(self, begin_us: int, end_us: int) -> None:
        super().__init__()
        self._begin_us, self._end_us = begin_us, end_us

    def record(self, value_us: int) -> None:
        """Count one duration, if it began in time."""
        if self._begin_us <= now_us() - value_us < self._end_us:
            super().record(value_us)


class Window:
    """Measures a load from ``start_us`` on.

    Args:
        load: what is counted.
        start_us: of the machine's monotonic clock, when the measured time begins.
        seconds: how long it is.
    """

    def __init__(self, load: Load, start_us: int, seconds: float) -> None:
        self._load = load
        self._start_us = start_us
        self._seconds = seconds
        self._step_s = max(INTERVAL_MIN_S, seconds / INTERVALS_MAX)

    async def measure(self) -> PartResult:
        """Wait for the beginning, measure, and return what was counted."""
        load = self._load
        await self._until(0)
        self._reset()
        result = PartResult()
        total: dict[str, Histogram] = {}
        before = self._counts()
        cpu_s, began_us = time.process_time(), now_us()
        at_us, last = began_us, before
        step = 1
        while (at_us - self._start_us) / 1e6 < self._seconds - 1e-3:
            await self._until(min(step * self._step_s, self._seconds))
            step += 1
            ended_us, counts = now_us(), self._counts()
            more = load.more
            taken = {"ack": load.ack_us, "delivery": load.delivery_us, "late": load.late_us, **more}
            self._reset()
            for name, histogram in taken.items():
                total.setdefault(name, Histogram()).add(histogram)
            result.intervals.append(
                Interval(
                    (at_us - self._start_us) / 1e6,
                    (ended_us - at_us) / 1e6,
                    {name: counts[name] - last[name] for name in COUNTS} | answers(more),
                    {name: histogram.sparse() for name, histogram in taken.items() if name != "late"},
                )
            )
            at_us, last = ended_us, counts
        result.cpu_s = time.process_time() - cpu_s
        result.began_us = began_us
        result.elapsed_s = (at_us - began_us) / 1e6
        result.counts = {name: last[name] - before[name] for name in COUNTS}
        result.counts |= answers({name: found for name, found in total.items() if name not in TIMED})
        result.latency = {name: histogram.sparse() for name, histogram in total.items() if len(histogram)}
        load.new_histogram = lambda: After(began_us, at_us)
        self._reset()
        return result

    def add_after(self, result: PartResult) -> None:
        """Add the latencies of what was due in the measured time and answered since; its counts stay as they are."""
        load = self._load
        for name, late in {"ack": load.ack_us, "delivery": load.delivery_us, **load.more}.items():
            if len(late):
                total = Histogram(result.latency.get(name, ()))
                total.add(late)
                result.latency[name] = total.sparse()
                result.after += 0 if name == "delivery" else len(late)

    async def _until(self, offset_s: float) -> None:
        wait_s = (self._start_us - now_us()) / 1e6 + offset_s
        await asyncio.sleep(max(0.0, wait_s))

    def _counts(self) -> dict[str, int]:
        return {name: getattr(self._load, name) for name in COUNTS}

    def _reset(self) -> None:
        new = self._load.new_histogram
        self._load.ack_us, self._load.delivery_us = new(), new()
        self._load.late_us, self._load.more = Histogram(), {}


def answers(more: Mapping[str, Histogram]) -> dict[str, int]:
    """Return how many of everything else were answered."""
    return {f"{name}_answers": len(histogram) for name, histogram in more.items()}
