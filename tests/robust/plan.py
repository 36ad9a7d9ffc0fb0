"""The drills by name, each in a long form (`make robust`) and a short one (`make test`)."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.robust.drill import SEED, Report, Result
from tests.robust.drills import churn, clock, disk, floods, kill, slow_readers, stop

__all__ = ["DRILLS", "SEED", "Drill", "cores", "run"]


@dataclasses.dataclass(frozen=True, slots=True)
class Drill:
    """One drill: its parameters may have a ``seed``."""

    run: Callable[[Any, Path, Report], Awaitable[Result]]
    long: Any
    short: Any


DRILLS: dict[str, Drill] = {
    "kill": Drill(kill.run, kill.Params(), kill.SHORT),
    "slow_readers": Drill(slow_readers.run, slow_readers.Params(), slow_readers.SHORT),
    "floods": Drill(floods.run, floods.Params(), floods.SHORT),
    "disk": Drill(disk.run, disk.Params(), disk.SHORT),
    "clock": Drill(clock.run, clock.Params(), clock.SHORT),
    "stop": Drill(stop.run, stop.Params(), stop.SHORT),
    "churn": Drill(churn.run, churn.Params(), churn.SHORT),
}


async def run(name: str, folder: Path, report: Report, *, long: bool, seed: int = SEED) -> Result:
    """Run one drill in an empty folder."""
    drill = DRILLS[name]
    params = drill.long if long else drill.short
    if any(each.name == "seed" for each in dataclasses.fields(params)):
        params = dataclasses.replace(params, seed=seed)
    result = await drill.run(params, folder, report)
    result.note(seed=seed)
    return result


def cores() -> set[int]:
    """Return the processor's cores that this process may use."""
    return os.sched_getaffinity(0)
