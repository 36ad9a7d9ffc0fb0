"""What the parent does while the load runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pingme.cli.bench.frames import now_us
from pingme.cli.bench.nodes import Nodes
from pingme.cli.bench.observed import ENDS, Observed
from pingme.cli.bench.plans import Plan
from pingme.cli.bench.probe import Counts
from pingme.cli.bench.server import Sample
from pingme.cli.progress import Report

START_IN_US = 100_000  # between the word and the first message, so that all processes begin together
QUIET_SHARE = 0.02  # of a core: a server below it has nothing left to do
QUIET_WITHIN_S = 30.0
QUIET_STEP_S = 1.0
STATISTICS_S = 1.3  # the nodes' counts of requests to Kafka are up to a second old


class Watch:
    """The parent's part while the load runs: it answers barriers, samples the processes and moves the bar."""

    def __init__(self, nodes: Nodes, plan: Plan, report: Report) -> None:
        self._nodes = nodes
        self._plan = plan
        self._report = report
        self._samples: list[Sample] = []
        self._processes: dict[str, list[Sample]] = {}
        self._counts: dict[str, Counts] = {}
        self._marks: dict[str, Sample] = {}
        self._metrics: dict[str, Mapping[str, float]] = {}
        self._start_us = 0
        self._peak = 0

    def poll(self) -> None:
        """Look at the processes once more."""
        self._look()
        if self._start_us and self._plan.scenario not in {"connect", "idle", "sync"}:
            settings = self._plan.settings
            total = settings.warmup_s + settings.seconds
            done = min(total, (now_us() - self._start_us) / 1e6)
            self._report({"phase": self._plan.label, "done": done, "total": total})

    def _look(self) -> Sample:
        found = self._nodes.samples()
        for name, sample in found.items():
            self._processes.setdefault(name, []).append(sample)
        together = self._nodes.together(found)
        self._samples.append(together)
        return together

    def progress(self, done: int, total: int) -> None:
        """Connections are being opened."""
        self._report({"phase": "connecting", "done": done, "total": total})

    def barrier(self, name: str, payloads: Sequence[Any]) -> Any:
        """Answer what all processes have come to."""
        self._marks[name] = self._look()
        if name in ENDS and "kafka" in self._counts.get("ready", {}):
            time.sleep(STATISTICS_S)
        self._metrics[name] = metrics = self._nodes.metrics()
        self._counts[name] = self._nodes.counts(metrics)
        match name:
            case "ready":
                self._start_us = now_us() + START_IN_US
                return self._start_us
            case "heads":
                return highest(payloads)
            case "open":
                self._wait_quiet()
        return None

    def _wait_quiet(self) -> None:
        """Sample until the server has nothing left to do; what it holds then is what idle connections cost."""
        deadline = time.monotonic() + QUIET_WITHIN_S
        before = self._look()
        while time.monotonic() < deadline:
            time.sleep(QUIET_STEP_S)
            now = self._look()
            if (now.cpu_s - before.cpu_s) / (now.at_s - before.at_s) < QUIET_SHARE:
                break
            before = now

    def finish(self) -> None:
        """Remember what can only be asked while the server runs."""
        self._peak = self._nodes.peak_rss_bytes()

    def observed(self) -> Observed:
        """Return everything seen."""
        return Observed(
            self._samples,
            self._marks,
            self._metrics,
            self._start_us,
            self._peak,
            processes=self._processes,
            counts=self._counts,
        )


def highest(payloads: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return the highest head of every conversation that a process knows."""
    heads: dict[str, int] = {}
    for payload in payloads:
        for room, head in payload.items():
            heads[room] = max(head, heads.get(room, 0))
    return heads
