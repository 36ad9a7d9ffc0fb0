"""Lets the faults of a schedule happen, each at its time, and undoes them."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.chaos.cluster import Cluster, Part
from tests.chaos.engine_faults import ENGINE_FAULTS
from tests.chaos.proxy import BOTH, Direction, Proxy
from tests.chaos.schedule import Entry, Schedule

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Mark:
    """A fault as it happened, in seconds after the load began; recovered_s: from its end to the next ack."""

    entry: Entry
    began_s: float
    ended_s: float
    recovered_s: float | None = None


async def play(cluster: Cluster, schedule: Schedule, began_s: float, note: Note) -> list[Mark]:
    """Let every fault happen at its time; those of different targets may overlap."""
    async with asyncio.TaskGroup() as tasks:
        playing = [
            tasks.create_task(
                _fail(cluster.parts[entry.target], entry, began_s, random.Random(schedule.seed + place), note)
            )
            for place, entry in enumerate(schedule.faults)
        ]
    return [task.result() for task in playing]


async def _fail(part: Part, entry: Entry, began_s: float, chance: random.Random, note: Note) -> Mark:
    await asyncio.sleep(max(0.0, began_s + entry.at_s - time.monotonic()))
    async with part.failing:  # on a slow machine the start after a kill may last until the next fault is due
        lasts = f" for {entry.for_s} s" if entry.for_s else ""
        note(f"{entry.at_s:6.1f} s  {entry.target} {entry.action}{lasts}")
        from_s = time.monotonic() - began_s
        await _fail_now(part, entry, chance)
        return Mark(entry, from_s, time.monotonic() - began_s)


async def _fail_now(part: Part, entry: Entry, chance: random.Random) -> None:
    """Make a fault, let it last, undo it."""
    match entry.action:
        case "kill" | "restart":
            await (part.kill() if entry.action == "kill" else part.end())
            await asyncio.sleep(entry.for_s)
            await part.start_again()
        case "pause":
            part.signal(signal.SIGSTOP)
            await asyncio.sleep(entry.for_s)
            part.signal(signal.SIGCONT)
        case "cut":
            for proxy in part.proxies:
                proxy.cut()
        case action if action in ENGINE_FAULTS:
            await ENGINE_FAULTS[action](part, entry.for_s, chance)
        case _:
            await asyncio.gather(*(_break(proxy, entry) for proxy in part.proxies))
            await asyncio.sleep(entry.for_s)
            await asyncio.gather(*(proxy.heal() for proxy in part.proxies))


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
