"""What the parent saw of the server during a run."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pingme.cli.bench.probe import Counts
from pingme.cli.bench.server import Sample

ENDS = ("heads", "together", "measured", "quiet")  # the barriers that come right after a load
LAG = 'pingme_loop_lag_seconds_bucket{le="'


@dataclass(frozen=True, slots=True)
class Observed:
    """Samples of the server, and its state at the barriers.

    Attributes:
        samples: in the order of time.
        marks: by barrier; ``ready`` is before the load.
        metrics: what ``/metrics`` said then.
        start_us: when the load began, on the machine's monotonic clock.
        peak_rss_bytes: of the server's whole life.
        processes: samples of each process by itself, the engines' among them; ``samples`` are of all nodes together.
        counts: what the engines had counted at the barriers.
    """

    samples: Sequence[Sample]
    marks: Mapping[str, Sample]
    metrics: Mapping[str, Mapping[str, float]]
    start_us: int
    peak_rss_bytes: int
    processes: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    counts: Mapping[str, Counts] = field(default_factory=dict)

    def cpu_s(self, from_s: float, to_s: float) -> float:
        """Return the CPU time of the nodes between two moments; see `cpu_between`."""
        return cpu_between(self.samples, from_s, to_s)

    def counted(self) -> tuple[Counts, Counts]:
        """Return what the engines had counted before the load and at the end of it."""
        end = next((name for name in ENDS if name in self.counts), "ready")
        return self.counts.get("ready", {}), self.counts.get(end, {})

    def _grown(self) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Return ``/metrics`` before the load and at the end of it."""
        end = next((name for name in ENDS if name in self.metrics), "ready")
        return self.metrics.get("ready", {}), self.metrics.get(end, {})

    def lag_under_ms(self) -> float | None:
        """Return the bound that no lateness of the server's loop passed (a bucket of ``/metrics``); None = unknown.

        The loop is looked at four times a second, so a short stall between two looks is not seen.
        """
        before, after = self._grown()
        seen, bound = 0.0, ""
        for name, count in after.items():
            if name.startswith(LAG) and count - before.get(name, 0) > seen:
                seen, bound = count - before.get(name, 0), name[len(LAG) : -2]
        return float(bound) * 1000 if seen and bound != "+Inf" else None

    def mean_of(self, name: str) -> float | None:
        """Return the mean of a histogram of ``/metrics`` during the load; None where nothing was observed."""
        before, after = self._grown()
        count = after.get(f"{name}_count", 0) - before.get(f"{name}_count", 0)
        total = after.get(f"{name}_sum", 0) - before.get(f"{name}_sum", 0)
        return total / count if count > 0 else None


def cpu_between(samples: Sequence[Sample], from_s: float, to_s: float) -> float:
    """Return the CPU time used between two moments of the monotonic clock, from the samples around them."""
    return _cpu_at(samples, to_s) - _cpu_at(samples, from_s)


def _cpu_at(samples: Sequence[Sample], at_s: float) -> float:
    place = bisect_left(samples, at_s, key=lambda sample: sample.at_s)
    if place == 0 or place == len(samples):
        return samples[min(place, len(samples) - 1)].cpu_s
    before, after = samples[place - 1], samples[place]
    share = (at_s - before.at_s) / (after.at_s - before.at_s)
    return before.cpu_s + share * (after.cpu_s - before.cpu_s)
