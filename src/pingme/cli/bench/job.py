"""What the parent tells a load process to do, and what comes back; both go through a pipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pingme.cli.bench.verify import Faults, Seen
from pingme.cli.bench.world import BenchUser

Sparse = list[tuple[int, int]]
"""A histogram's (bucket, count) pairs."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What every scenario takes.

    Attributes:
        seconds, warmup_s: the measured time, and the load before it that is not counted.
        in_flight: unanswered requests (closed loop); what it is counted on depends on the scenario.
        rate: requests per second of all processes together (open loop); 0 = closed loop.
        payload_bytes: of each message's content.
        ordered_ids: msg_ids by time (UUIDv7), or random.
        again: a push may come again, as it came before.
        extra: what only this scenario takes.
    """

    seconds: float = 5.0
    warmup_s: float = 1.5
    in_flight: int = 8
    rate: float = 0.0
    payload_bytes: int = 64
    ordered_ids: bool = True
    again: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """A conversation of the load.

    Attributes:
        target: the field of ``send`` that names it, ``to_user_id`` or ``group_id``; for private ones each side has
            its own value, the other one.
        members, senders: users' numbers.
        head: its newest seq before the run.
    """

    conversation_id: str
    target: str
    members: tuple[int, ...]
    senders: tuple[int, ...]
    head: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One process's part of a scenario.

    Attributes:
        users: who connects from this process.
        rooms: every conversation that one of them is in.
        index, processes: which part of how many this is.
        share: this process's part of the rate, 0 … 1.
    """

    scenario: str
    settings: Settings
    users: tuple[BenchUser, ...]
    rooms: tuple[RoomPlan, ...] = ()
    index: int = 0
    processes: int = 1
    share: float = 1.0


@dataclass(slots=True)
class Interval:
    """What was counted between two moments; ``at_s`` from the start of the measured time."""

    at_s: float
    elapsed_s: float
    counts: dict[str, int]
    latency: dict[str, Sparse]


@dataclass(slots=True)
class PartResult:
    """What a load process brings back.

    Attributes:
        counts: sums over the measured time, such as ``acks`` and ``deliveries``.
        latency: by what was timed, such as ``ack``.
        after: answers that came after the measured time, to requests that were due inside it (open loop).
        began_us, elapsed_s, cpu_s: of the measured time; 0 in a process that only looks on.
        seen: per conversation, for `verify.judge`.
        sent: by sender's number, how many messages were sent in all.
        refusals: ``error`` answers by code.
        figures: what only this scenario knows.
    """

    counts: dict[str, int] = field(default_factory=dict)
    latency: dict[str, Sparse] = field(default_factory=dict)
    after: int = 0
    began_us: int = 0
    elapsed_s: float = 0.0
    cpu_s: float = 0.0
    intervals: list[Interval] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    refusals: dict[int, int] = field(default_factory=dict)
    unsettled: int = 0
    seen: list[Seen] = field(default_factory=list)
    sent: dict[int, int] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
