"""Drills by name: faults that belong together, who else takes part, and within which bounds all must be well again.

Each has a long form, and a short one for `make test`: the same faults, as short as the time-outs of nodes and clients allow.
The bounds are those of docs/guarantees.md, with room for a busy machine where they are about time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.cluster import Cluster
from tests.chaos.extras import Extra
from tests.chaos.play import Note
from tests.chaos.run import Outcome, drill
from tests.chaos.schedule import DIRECTIONS, Schedule, parse
from tests.chaos.sdk_people import SdkPeople
from tests.chaos.watchers import PresenceIsRight, Revocations

FIRST_S, CALM_S = 2.0, 3.0  # calm before the first fault, and after the last one
SHORTER = 0.6  # the calm of short forms, as a share
SERVERS = ("server:1", "server:2")
Faults = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One drill.

    Attributes:
        about: what happens, for people.
        faults: made of chance and whether the short form is wanted; in order of time.
        extras: who else takes part, given the schedule.
        silent_s: for how long a group in which people write may be without an ack.
        well_s: from the end of the last fault until every node says that all is well.
    """

    about: str
    faults: Callable[[random.Random, bool], Faults]
    extras: Callable[[Schedule], Sequence[Extra]] = lambda _: ()
    silent_s: float
    well_s: float

    def schedule(self, seed: int, *, short: bool = False) -> Schedule:
        """Return the schedule that a seed decides."""
        faults = self.faults(random.Random(seed), short)
        ends_s = max(fault["at_s"] + fault.get("for_s", 0.0) for fault in faults)
        calm_s = CALM_S * (SHORTER if short else 1)
        return parse({"seed": seed, "duration_s": round(ends_s + calm_s, 2), "faults": faults})

    def judge(self, outcome: Outcome) -> list[str]:
        """Return which bounds were not kept."""
        faults = []
        if outcome.longest_silence_s > self.silent_s:
            faults.append(
                f"a group had no ack for {outcome.longest_silence_s:.1f} s, allowed are {self.silent_s} s: "
                f"{dict(outcome.silences)}"
            )
        if outcome.well_after_s is not None and outcome.well_after_s > self.well_s:
            faults.append(f"well again only after {outcome.well_after_s:.1f} s, allowed are {self.well_s} s")
        return faults


def _in_turn(short: bool, *steps: tuple[dict[str, Any], float]) -> Faults:
    """Return faults one after the other, each with the pause after its end."""
    share = SHORTER if short else 1.0
    at_s, faults = FIRST_S * share, []
    for fault, pause_s in steps:
        faults.append({"at_s": round(at_s, 2), **fault})
        at_s += fault.get("for_s", 0.0) + pause_s * share
    return faults


def _fault(target: str, action: str, for_s: float = 0.0, **more: Any) -> dict[str, Any]:
    return {"target": target, "action": action, **({"for_s": round(for_s, 2)} if for_s else {}), **more}


def _zombie(chance: random.Random, short: bool) -> Faults:
    """Twelve seconds: the broker takes the node for dead after 6 s, its locks end after 5 s, clients leave after 6 s."""
    return _in_turn(short, (_fault(chance.choice(SERVERS), "pause", 12 if short else 60), 0))


def _cut_off(chance: random.Random, short: bool) -> Faults:
    link = f"{chance.choice(SERVERS)}>mysql"
    hole_s, refused_s, locked_s = (3, 1.5, 2.5) if short else (20, 8, 20)
    return _in_turn(
        short,
        (_fault(link, "black_hole", hole_s), 2),
        (_fault(link, "refuse", refused_s), 2),
        (_fault("mysql", "lock", locked_s), 0),
    )


def _store(chance: random.Random, short: bool) -> Faults:
    cuts = [
        (_fault("mysql", "cut_after", 1.0, direction=way, after_bytes=chance.randint(100, 3_000)), 0.5)
        for _ in range(1 if short else 6)
        for way in ("up", "down")
    ]
    kills = [(_fault("mysql", "kill", chance.uniform(0.2, 1 if short else 3)), 4.0)] * (1 if short else 3)
    hole = (_fault("mysql", "black_hole", 2 if short else 8, direction=chance.choice(DIRECTIONS)), 2.0)
    return _in_turn(short, *kills, *cuts, hole)


def _log(chance: random.Random, short: bool) -> Faults:
    deleted = [(_fault("kafka", "lose_records"), chance.uniform(0.5, 1.5)) for _ in range(2 if short else 20)]
    segments = [
        (_fault("kafka", "lose_segments", chance.uniform(0.1, 1)), 3.0) for _ in range(1 if short else 3)
    ]
    hole = (_fault("kafka", "black_hole", 2 if short else 10, direction=chance.choice(DIRECTIONS)), 2.0)
    storm = (_fault("kafka", "rebalance", 4 if short else 20), 0.0)
    return _in_turn(short, *deleted, *segments, hole, storm)


def _redis(chance: random.Random, short: bool) -> Faults:
    times = 1 if short else 4
    steps = []
    for _ in range(times):
        steps += [
            (_fault("redis", "empty"), 1.0),
            (_fault("redis", "kill", chance.uniform(0.5, 1 if short else 5)), 1.5),
            (_fault("redis", "black_hole", 2.5 if short else 8, direction=chance.choice(DIRECTIONS)), 1.5),
            (_fault("server:2>redis", "refuse", 4 if short else 12), 2.0),
        ]
    return _in_turn(short, *steps)


def _revocations(schedule: Schedule) -> Sequence[Extra]:
    """Sessions end on a node that has just lost Redis, alone: the other one hears nothing of it there."""
    alone = [fault for fault in schedule.faults if fault.target == "server:2>redis"]
    moments = [fault.at_s + after_s for fault in alone for after_s in (0.5, 2.0, 3.5)]
    return (Revocations(moments), PresenceIsRight())


def _rolling(chance: random.Random, short: bool) -> Faults:
    rounds = 1 if short else 2
    return _in_turn(
        False,  # the next node goes only when the one before is back: this pause may not be shorter
        *((_fault(server, "restart", chance.uniform(0.1, 0.5)), 6.0) for server in SERVERS * rounds),
    )


DRILLS: Mapping[str, Drill] = {
    "zombie": Drill(
        about="a node is stopped (SIGSTOP) and goes on a minute later",
        faults=_zombie,
        extras=lambda _: (PresenceIsRight(),),
        silent_s=7.5,  # a lock of its transaction lasts up to 5 s, and who waited for it tries again
        well_s=15,
    ),
    "cut-off": Drill(
        about="one node loses the store, the other does not; then somebody locks rows that writers need",
        faults=_cut_off,
        silent_s=7.5,
        well_s=10,
    ),
    "store": Drill(
        about="MariaDB is killed, its connections break in the middle, also of COMMIT, and it answers nothing",
        faults=_store,
        silent_s=20,
        well_s=10,
    ),
    "log": Drill(
        about="Kafka loses records, then whole segments; it answers nothing; the consumer group finds no peace",
        faults=_log,
        silent_s=5,
        well_s=45,  # what a node gives itself to find back into the group before it begins anew
    ),
    "redis": Drill(
        about="Redis is emptied, killed, answers nothing; one node alone loses it while sessions end there",
        faults=_redis,
        extras=_revocations,
        silent_s=2.5,
        well_s=10,
    ),
    "rolling": Drill(
        about="both nodes are restarted, one after the other, twice; people with the SDK notice nothing",
        faults=_rolling,
        extras=lambda _: (SdkPeople(silent_s=5.0),),
        silent_s=5.0,
        well_s=20,
    ),
}


async def perform(
    name: str, cluster: Cluster, schedule: Schedule, folder: Path, *, per_s: float, note: Note
) -> Outcome:
    """Do a drill in a cluster that runs, with people of its own; what breaks its bounds is among the outcome's faults.

    Args:
        name: of `DRILLS`.
        cluster: started.
        schedule: of the drill.
        folder: see `drill`.
        per_s: see `drill`.
        note: see `drill`.
    """
    wanted = DRILLS[name]
    suffix = "_" + name.replace("-", "_")
    outcome = await drill(
        cluster, schedule, folder, per_s=per_s, suffix=suffix, extras=wanted.extras(schedule), note=note
    )
    outcome.faults += wanted.judge(outcome)
    return outcome
