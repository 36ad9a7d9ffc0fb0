"""One run: processes, people, faults, and the checker's verdict."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.account import Nodes
from tests.chaos.cluster import Cluster, Part
from tests.chaos.load import Crowd
from tests.chaos.proxy import BOTH, Direction, Proxy
from tests.chaos.schedule import Entry, Schedule, check_targets
from tests.checker.judge import judge, read_folder
from tests.checker.verdict import Verdict

SAMPLE_S = 0.1
HELD_UP_S = 1.0  # a sample that is later than this: the clients themselves did not run
SILENT = frozenset({"pause", "black_hole", "throttle"})
"""Faults in which a server cannot answer while its connections stay open: waits may be longer by them."""

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Mark:
    """A fault as it happened, in seconds after the load began; recovered_s: from its end to the next ack."""

    entry: Entry
    began_s: float
    ended_s: float
    recovered_s: float | None = None


@dataclass(slots=True)
class Outcome:
    """What a run found. Times are seconds after the load began.

    Attributes:
        acks: when each ack came, and how long after the first send.
        unanswered: samples of how many sends waited.
    """

    schedule: Schedule
    verdict: Verdict
    marks: list[Mark]
    acks: list[tuple[float, float]]
    deliveries: list[float]
    unanswered: list[tuple[float, int]]
    closes: dict[int, int]
    faults: list[str] = field(default_factory=list)

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
                "longest_gap_s": self.longest_gap_s,
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
    cluster: Cluster, schedule: Schedule, folder: Path, *, per_s: float = 10, suffix: str = "", note: Note
) -> Outcome:
    """Do what `run` does in a cluster that runs already, and go on running.

    Args:
        cluster: started.
        schedule: as for `run`.
        folder: as for `run`, another one for each drill.
        per_s: as for `run`.
        suffix: of the usernames, new for each drill of a cluster: what earlier people said is not in these histories.
        note: as for `run`.

    Raises:
        BadSchedule: a fault is for something that is not part of the cluster.
    """
    check_targets(schedule, cluster.targets)
    chance = random.Random(schedule.seed)
    crowd = Crowd(folder / "histories", Nodes(cluster.urls), chance, suffix)
    try:
        return await _drill(cluster, schedule, crowd, per_s, note)
    finally:
        await crowd.nodes.close()


async def _drill(cluster: Cluster, schedule: Schedule, crowd: Crowd, per_s: float, note: Note) -> Outcome:
    troubles: list[str] = []
    marks: list[Mark] = []
    await crowd.arrive()
    began_s = time.monotonic()  # the clock of the histories
    unanswered: list[tuple[float, int]] = []
    sampler = asyncio.create_task(_sample(crowd, began_s, unanswered))
    until_s = asyncio.get_running_loop().time() + schedule.duration_s
    talk = asyncio.create_task(crowd.talk(per_s, until_s))
    try:
        marks = await _play(cluster, schedule, began_s, note)
        await talk
        note("the load has ended; everybody catches up and reads everything once more")
        await crowd.settle()
    except* TimeoutError as late:  # anything else is a fault of the drill itself and ends it
        troubles.append(f"somebody was not answered, or did not catch up, in time: {late.exceptions}")
    finally:
        for task in (talk, sampler):
            task.cancel()
        await asyncio.gather(talk, sampler, return_exceptions=True)
        await crowd.leave()
    spans = [(mark.began_s, mark.ended_s) for mark in marks if mark.entry.action in SILENT]
    spans += held_up([at_s for at_s, _ in unanswered])
    allowances = [(began_s + from_s, began_s + to_s) for from_s, to_s in spans]
    verdict = await asyncio.to_thread(lambda: judge(read_folder(crowd.folder), allowances))
    figures = [device.figures for device in crowd.devices.values()]
    acks = sorted((at - began_s, took) for each in figures for at, took in each.acks)
    closes: dict[int, int] = {}
    for each in figures:
        for code, count in each.closes.items():
            closes[code] = closes.get(code, 0) + count
    delivered = sorted(at - began_s for each in figures for at in each.deliveries)
    marks = [_recovered(mark, acks) for mark in marks]
    return Outcome(schedule, verdict, marks, acks, delivered, unanswered, closes, troubles)


async def _sample(crowd: Crowd, began_s: float, into: list[tuple[float, int]]) -> None:
    while True:
        count = sum(len(device.waiting) for device in crowd.devices.values())
        into.append((time.monotonic() - began_s, count))
        await asyncio.sleep(SAMPLE_S)


def held_up(samples_s: Sequence[float]) -> list[tuple[float, float]]:
    """Return when this process stood still, which says nothing about the server."""
    return [(before, after) for before, after in itertools.pairwise(samples_s) if after - before > HELD_UP_S]


async def _play(cluster: Cluster, schedule: Schedule, began_s: float, note: Note) -> list[Mark]:
    """Let every fault happen at its time; those of different targets may overlap."""
    async with asyncio.TaskGroup() as tasks:
        playing = [
            tasks.create_task(_fail(cluster.parts[entry.target], entry, began_s, note))
            for entry in schedule.faults
        ]
    return [task.result() for task in playing]


async def _fail(part: Part, entry: Entry, began_s: float, note: Note) -> Mark:
    await asyncio.sleep(max(0.0, began_s + entry.at_s - time.monotonic()))
    async with part.failing:  # on a slow machine the start after a kill may last until the next fault is due
        note(
            f"{entry.at_s:6.1f} s  {entry.target} {entry.action}"
            + (f" for {entry.for_s} s" if entry.for_s else "")
        )
        from_s = time.monotonic() - began_s
        await _fail_now(part, entry)
        return Mark(entry, from_s, time.monotonic() - began_s)


async def _fail_now(part: Part, entry: Entry) -> None:
    """Make a fault, let it last, undo it."""
    if entry.action == "kill":
        await part.kill()
        await asyncio.sleep(entry.for_s)
        await part.start_again()
    elif entry.action == "pause":
        part.signal(signal.SIGSTOP)
        await asyncio.sleep(entry.for_s)
        part.signal(signal.SIGCONT)
    elif entry.action == "cut":
        part.proxy.cut()
    else:
        await _break(part.proxy, entry)
        await asyncio.sleep(entry.for_s)
        await part.proxy.heal()


async def _break(proxy: Proxy, entry: Entry) -> None:
    ways: Sequence[Direction] = BOTH if entry.direction == "both" else (Direction(entry.direction),)
    match entry.action:
        case "refuse":
            await proxy.refuse()
            proxy.cut()  # what is open would hide it
        case "black_hole":
            proxy.black_hole(ways)
        case "delay":
            proxy.delay(entry.delay_ms / 1000, entry.jitter_ms / 1000, ways)
        case "throttle":
            proxy.throttle(entry.bytes_per_s, ways)
        case "cut_after":
            proxy.cut_after(entry.after_bytes, ways)


def _recovered(mark: Mark, acks: Sequence[tuple[float, float]]) -> Mark:
    after = next((at_s for at_s, _ in acks if at_s > mark.ended_s), None)
    recovered_s = None if after is None else after - mark.ended_s
    return Mark(mark.entry, mark.began_s, mark.ended_s, recovered_s)


def _share(ordered: Sequence[float], share: float) -> float:
    """Return the value below which this share lies; 0 of nothing."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
