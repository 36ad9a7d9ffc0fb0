"""One run: processes, people, faults, and the checker's verdict."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.account import Nodes
from tests.chaos.cluster import Cluster
from tests.chaos.extras import Extra, Finding
from tests.chaos.health import NotWell, Recovery
from tests.chaos.load import Crowd
from tests.chaos.play import Mark, Note, play
from tests.chaos.schedule import Schedule, check_targets
from tests.checker.judge import judge, read_folder
from tests.checker.verdict import Verdict

SAMPLE_S = 0.1
HELD_UP_S = 1.0  # a sample that is later than this: the clients themselves did not run
SILENT = frozenset({"pause", "black_hole", "throttle"})
"""Faults in which a server cannot answer while its connections stay open: waits may be longer by them."""


@dataclass(slots=True)
class Outcome:
    """What a run found. Times are seconds after the load began.

    Attributes:
        acks: when each ack came, and how long after the first send.
        unanswered: samples of how many sends waited.
        silences: of each group of the crowd, the longest time without an ack in it while people wrote.
        well_after_s: from the end of the last fault until all that runs said that it was healthy.
        figures: of whoever watched, by name.
    """

    schedule: Schedule
    verdict: Verdict
    marks: list[Mark]
    acks: list[tuple[float, float]]
    deliveries: list[float]
    unanswered: list[tuple[float, int]]
    closes: dict[int, int]
    faults: list[str] = field(default_factory=list)
    silences: Mapping[str, float] = field(default_factory=dict)
    well_after_s: float | None = None
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """True when the checker found nothing, something was acked, and everybody came to an end."""
        return self.verdict.is_good and not self.faults and bool(self.acks)

    @property
    def longest_gap_s(self) -> float:
        """The longest time without any ack while people wrote."""
        times = sorted(at_s for at_s, _ in self.acks)
        return max((after - before for before, after in itertools.pairwise(times)), default=0.0)

    @property
    def longest_silence_s(self) -> float:
        """The longest time without an ack in any group of the crowd while people wrote."""
        return max(self.silences.values(), default=0.0)

    @property
    def longest_wait_s(self) -> float:
        """The longest time from the first send of anything to its ack, on whichever connection that came."""
        return max((took_s for _, took_s in self.acks), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """Return it for the report."""
        waits = sorted(took_s for _, took_s in self.acks)
        return {
            "good": self.is_good,
            "faults": self.faults,
            "verdict": self.verdict.to_json(),
            "schedule": self.schedule.to_json(),
            "figures": {
                "acked": len(self.acks),
                "delivered": len(self.deliveries),
                "ack_p50_ms": _share(waits, 0.5) * 1000,
                "ack_p99_ms": _share(waits, 0.99) * 1000,
                "longest_wait_s": self.longest_wait_s,
                "longest_gap_s": self.longest_gap_s,
                "longest_silence_s": self.longest_silence_s,
                "well_after_s": self.well_after_s,
                **self.figures,
                "most_unanswered": max((count for _, count in self.unanswered), default=0),
            },
            "closes": {str(code): count for code, count in sorted(self.closes.items())},
            "marks": [asdict(mark) for mark in self.marks],
        }


async def run(
    cluster: Cluster, schedule: Schedule, folder: Path, *, per_s: float = 10, note: Note
) -> Outcome:
    """Start the cluster, let people talk through all faults, and judge what they saw.

    Args:
        cluster: not started; it is stopped in the end.
        schedule: what goes wrong, and for how long people talk.
        folder: the histories go to ``folder/histories``, which must not exist yet.
        per_s: messages a second of each writer.
        note: is told what happens, for people who watch.

    Raises:
        BadSchedule: a fault is for something that is not part of the cluster.
        Missing: an engine cannot be started here.
    """
    check_targets(schedule, cluster.targets)
    try:
        await cluster.start()
        return await drill(cluster, schedule, folder, per_s=per_s, note=note)
    finally:
        await cluster.stop()


async def drill(
    cluster: Cluster,
    schedule: Schedule,
    folder: Path,
    *,
    per_s: float = 10,
    suffix: str = "",
    extras: Sequence[Extra] = (),
    note: Note,
) -> Outcome:
    """Do what `run` does in a cluster that runs already, and go on running.

    Args:
        cluster: started.
        schedule: as for `run`.
        folder: as for `run`, another one for each drill.
        per_s: as for `run`.
        suffix: of the usernames, new for each drill of a cluster: what earlier people said is not in these histories.
        extras: who else takes part.
        note: as for `run`.

    Raises:
        BadSchedule: a fault is for something that is not part of the cluster.
    """
    check_targets(schedule, cluster.targets)
    chance = random.Random(schedule.seed)
    crowd = Crowd(folder / "histories", Nodes(cluster.urls), chance, suffix)
    try:
        return await _drill(cluster, schedule, crowd, per_s, extras, note)
    finally:
        await crowd.nodes.close()


async def _drill(
    cluster: Cluster, schedule: Schedule, crowd: Crowd, per_s: float, extras: Sequence[Extra], note: Note
) -> Outcome:
    troubles: list[str] = []
    marks: list[Mark] = []
    findings: list[Finding] = []
    recovery = Recovery(cluster.urls)
    await crowd.arrive()
    for extra in extras:
        await extra.begin(cluster, crowd)
    began_s = time.monotonic()  # the clock of the histories
    unanswered: list[tuple[float, int]] = []
    sampler = asyncio.create_task(_sample(crowd, began_s, unanswered))
    until_s = asyncio.get_running_loop().time() + schedule.duration_s
    talk = asyncio.create_task(crowd.talk(per_s, until_s))
    try:
        marks = await play(cluster, schedule, began_s, note)
        recovery.begin()
        await talk
        note("the load has ended; everybody catches up and reads everything once more")
        await crowd.settle()
        findings = [await extra.end() for extra in extras]
    except* TimeoutError as late:  # anything else is a fault of the drill itself and ends it
        troubles.append(f"somebody was not answered, or did not catch up, in time: {late.exceptions}")
    finally:
        for task in (talk, sampler):
            task.cancel()
        await asyncio.gather(talk, sampler, return_exceptions=True)
        await crowd.leave()
    well_after_s = None
    try:
        well_after_s = await recovery.end()
    except NotWell as late:
        troubles.append(str(late))
    halts = held_up([at_s for at_s, _ in unanswered])
    silent = [(mark.began_s, mark.ended_s) for mark in marks if mark.entry.action in SILENT]
    allowances, ours = (
        [(began_s + from_s, began_s + to_s) for from_s, to_s in spans] for spans in (silent, halts)
    )
    verdict = await asyncio.to_thread(lambda: judge(read_folder(crowd.folder), allowances, ours))
    figures = [device.figures for device in crowd.devices.values()]
    acks = sorted((at - began_s, took) for each in figures for at, took in each.acks)
    closes: dict[int, int] = {}
    for each in figures:
        for code, count in each.closes.items():
            closes[code] = closes.get(code, 0) + count
    return Outcome(
        schedule,
        verdict,
        [_recovered(mark, acks) for mark in marks],
        acks,
        sorted(at - began_s for each in figures for at in each.deliveries),
        unanswered,
        closes,
        troubles + [fault for finding in findings for fault in finding.faults],
        _silences(crowd, began_s, schedule.duration_s, halts),
        well_after_s,
        {name: value for finding in findings for name, value in finding.figures.items()},
    )


def _silences(
    crowd: Crowd, began_s: float, until_s: float, halts: Sequence[tuple[float, float]]
) -> dict[str, float]:
    """Return how long each group was without an ack at most; while the clients stood still does not count."""
    acked = [pair for device in crowd.devices.values() for pair in device.figures.acked_in]
    return {
        name: longest_silence_s((at - began_s for at, where in acked if where == group_id), until_s, halts)
        for name, group_id in crowd.groups.items()
    }


def longest_silence_s(
    acks_s: Iterable[float], until_s: float, halts: Sequence[tuple[float, float]] = ()
) -> float:
    """Return the longest time without an ack, from the beginning (0) to ``until_s``, less the halts in it."""
    moments = [0.0, *sorted(at_s for at_s in acks_s if 0 < at_s < until_s), until_s]
    return max(
        after - before - sum(max(0.0, min(after, to_s) - max(before, from_s)) for from_s, to_s in halts)
        for before, after in itertools.pairwise(moments)
    )


async def _sample(crowd: Crowd, began_s: float, into: list[tuple[float, int]]) -> None:
    while True:
        count = sum(len(device.waiting) for device in crowd.devices.values())
        into.append((time.monotonic() - began_s, count))
        await asyncio.sleep(SAMPLE_S)


def held_up(samples_s: Sequence[float]) -> list[tuple[float, float]]:
    """Return when this process stood still, which says nothing about the server."""
    return [(before, after) for before, after in itertools.pairwise(samples_s) if after - before > HELD_UP_S]


def _recovered(mark: Mark, acks: Sequence[tuple[float, float]]) -> Mark:
    after = next((at_s for at_s, _ in acks if at_s > mark.ended_s), None)
    recovered_s = None if after is None else after - mark.ended_s
    return Mark(mark.entry, mark.began_s, mark.ended_s, recovered_s)


def _share(ordered: Sequence[float], share: float) -> float:
    """Return the value below which this share lies; 0 of nothing."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
