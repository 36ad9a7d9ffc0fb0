"""When what goes wrong where: a JSON document, made from a seed or by hand. docs/chaos.md describes it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PARTS = ("server:1", "server:2", "mysql", "redis", "kafka")
LINKS = ("server:1>mysql", "server:2>mysql", "server:1>redis", "server:2>redis")
"""The network between one server and an engine. Kafka has one for all: a broker tells its clients one address."""
TARGETS = (*PARTS, *LINKS)
PROCESS_ACTIONS = ("kill", "pause")
NETWORK_ACTIONS = ("cut", "refuse", "black_hole", "delay", "throttle", "cut_after")
OWN_ACTIONS: Mapping[str, Sequence[str]] = {
    "server:1": ("restart",),
    "server:2": ("restart",),
    "mysql": ("lock",),
    "redis": ("empty",),
    "kafka": ("lose_records", "lose_segments", "rebalance"),
}
"""What only this target has."""
MOMENTS = ("cut", "empty", "lose_records")  # over at once: they have no for_s
DIRECTIONS = ("up", "down", "both")
MAX_S = 3600.0


class BadSchedule(ValueError):
    """The schedule is not of the format, or names what is not part of the run; the text says which entry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One fault.

    Attributes:
        at_s: seconds after the load began.
        target: of `TARGETS`. A server's network is that between its clients and it, an engine's that to the servers.
        action: of `actions_of` the target.
        for_s: until it is undone (a killed process is started again).
        direction: for what the network does: ``up`` to the target, ``down`` from it, or ``both``.
        delay_ms, jitter_ms: of ``delay``.
        bytes_per_s: of ``throttle``.
        after_bytes: of ``cut_after``.
    """

    at_s: float
    target: str
    action: str
    for_s: float = 0.0
    direction: str = "both"
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    bytes_per_s: float = 0.0
    after_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """All faults of a run, by time; two faults of one target do not overlap."""

    seed: int
    duration_s: float
    faults: tuple[Entry, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def actions_of(target: str) -> Sequence[str]:
    """Return what may happen to a target."""
    if target in LINKS:
        return NETWORK_ACTIONS
    return (*PROCESS_ACTIONS, *NETWORK_ACTIONS, *OWN_ACTIONS[target])


def read(path: Path) -> Schedule:
    """Return the schedule in a file.

    Raises:
        BadSchedule: it is not of the format.
        OSError: it cannot be read.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as exc:
        raise BadSchedule(f"{path}: {exc}") from exc
    return parse(raw)


def parse(raw: Any) -> Schedule:
    """Return the schedule that a JSON value is.

    Raises:
        BadSchedule: it is not one.
    """
    try:
        entries = [Entry(**entry) for entry in raw["faults"]]
        schedule = Schedule(int(raw["seed"]), float(raw["duration_s"]), tuple(entries))
    except (KeyError, TypeError, ValueError) as exc:
        raise BadSchedule(f"expected seed, duration_s and faults: {exc}") from exc
    check(schedule)
    return schedule


def check(schedule: Schedule) -> None:
    """Raise BadSchedule when an entry makes no sense."""
    free_s: dict[str, float] = {}
    last_s = 0.0
    for number, entry in enumerate(schedule.faults, 1):
        where = f"fault {number}"
        _expect(entry.target in TARGETS, f"{where}: target: expected one of {TARGETS}, got {entry.target!r}")
        actions = actions_of(entry.target)
        _expect(entry.action in actions, f"{where}: action: expected one of {actions}, got {entry.action!r}")
        _expect(entry.direction in DIRECTIONS, f"{where}: direction: expected one of {DIRECTIONS}")
        _expect(
            last_s <= entry.at_s <= MAX_S, f"{where}: at_s: expected {last_s} to {MAX_S}, got {entry.at_s}"
        )
        if entry.action in MOMENTS:
            _expect(entry.for_s == 0, f"{where}: for_s: {entry.action} is over at once")
        else:
            _expect(0 < entry.for_s <= MAX_S, f"{where}: for_s: expected more than 0, got {entry.for_s}")
        part = entry.target.rpartition(">")[
            2
        ]  # the network of one server to an engine is a piece of the engine's
        busy = free_s.get(part, 0.0)
        _expect(entry.at_s >= busy, f"{where}: {part} still has a fault until {busy} s")
        free_s[part] = entry.at_s + entry.for_s
        last_s = entry.at_s
        _expect(free_s[part] <= schedule.duration_s, f"{where}: ends after duration_s")


def check_targets(schedule: Schedule, present: Sequence[str]) -> None:
    """Raise BadSchedule when a fault is for something that does not run."""
    for number, entry in enumerate(schedule.faults, 1):
        ask = f"fault {number}: {entry.target} is not part of this run; there are {', '.join(present)}"
        _expect(entry.target in present, ask)


def generate(
    seed: int, targets: Sequence[str], duration_s: float, *, pause_s: float = 2.0, calm_s: float = 2.0
) -> Schedule:
    """Return a schedule that a seed decides: every action comes once before one comes again.

    Args:
        seed: the same one gives the same schedule.
        targets: what may fail.
        duration_s: of the load; the last fault ends ``calm_s`` before it.
        pause_s: between two faults, about.
        calm_s: before the first fault, and after the last.
    """
    chance = random.Random(seed)
    kinds = [(target, action) for target in targets for action in actions_of(target)]
    faults: list[Entry] = []
    at_s = calm_s
    while True:
        if len(faults) % len(kinds) == 0:
            chance.shuffle(kinds)
        target, action = kinds[len(faults) % len(kinds)]
        entry = _MAKE[action](chance, round(at_s, 2), target)
        at_s += entry.for_s + pause_s * chance.uniform(0.5, 1.5)
        if entry.at_s + entry.for_s > duration_s - calm_s:
            return Schedule(seed, duration_s, tuple(faults))
        faults.append(entry)


Make = Callable[[random.Random, float, str], Entry]
_MAKE: dict[str, Make] = {
    "kill": lambda chance, at_s, target: Entry(at_s, target, "kill", round(chance.uniform(0.1, 1.5), 2)),
    "pause": lambda chance, at_s, target: Entry(at_s, target, "pause", round(chance.uniform(0.5, 5), 2)),
    "restart": lambda chance, at_s, target: Entry(
        at_s, target, "restart", round(chance.uniform(0.1, 1.5), 2)
    ),
    "lock": lambda chance, at_s, target: Entry(at_s, target, "lock", round(chance.uniform(2, 6), 2)),
    "empty": lambda _, at_s, target: Entry(at_s, target, "empty"),
    "lose_records": lambda _, at_s, target: Entry(at_s, target, "lose_records"),
    "lose_segments": lambda chance, at_s, target: Entry(
        at_s, target, "lose_segments", round(chance.uniform(0.1, 2), 2)
    ),
    "rebalance": lambda chance, at_s, target: Entry(
        at_s, target, "rebalance", round(chance.uniform(3, 8), 2)
    ),
    "cut": lambda _, at_s, target: Entry(at_s, target, "cut"),
    "refuse": lambda chance, at_s, target: Entry(at_s, target, "refuse", round(chance.uniform(0.5, 3), 2)),
    "black_hole": lambda chance, at_s, target: Entry(
        at_s, target, "black_hole", round(chance.uniform(0.5, 5), 2), chance.choice(DIRECTIONS)
    ),
    "delay": lambda chance, at_s, target: Entry(
        at_s, target, "delay", round(chance.uniform(1, 4), 2), delay_ms=chance.randint(20, 300), jitter_ms=100
    ),
    "throttle": lambda chance, at_s, target: Entry(
        at_s, target, "throttle", round(chance.uniform(1, 4), 2), bytes_per_s=chance.randint(10_000, 50_000)
    ),
    "cut_after": lambda chance, at_s, target: Entry(
        at_s, target, "cut_after", round(chance.uniform(1, 3), 2), after_bytes=chance.randint(1, 4_000)
    ),
}


def _expect(truth: bool, otherwise: str) -> None:
    if not truth:
        raise BadSchedule(otherwise)
