"""Every scenario with its usual sizes, for `pingme bench all`."""

from __future__ import annotations

from dataclasses import replace

from pingme.cli.bench.job import Settings
from pingme.cli.bench.plans import (
    Plan,
    connect_plan,
    groups_plan,
    history_plan,
    idle_plan,
    mixed_plan,
    pairs_plan,
    start_plan,
    sync_plan,
)

CALM_RATE = 1_000.0  # messages a second: far from full, what people feel
STARTS = 3


def suite(settings: Settings, processes: int) -> list[Plan]:
    """Return the plans, from throughput to what connections cost."""
    calm = replace(settings, rate=CALM_RATE)
    group, groups = replace(settings, in_flight=16), replace(settings, in_flight=1)
    storm = replace(settings, in_flight=200)
    return [
        pairs_plan(settings, pairs=100, both=True, processes=processes),
        pairs_plan(calm, pairs=100, both=True, processes=processes),
        groups_plan(group, groups=1, members=200, senders=1, processes=processes),
        groups_plan(groups, groups=1000, members=4, senders=1, processes=processes),
        mixed_plan(calm, units=1, processes=processes),
        history_plan(settings, conversations=1000, depth=200, processes=processes),
        sync_plan(settings, users=10, conversations=1000, messages_each=20),
        start_plan(replace(settings, seconds=1.0), starts=STARTS, pairs=100, processes=processes),
        connect_plan(storm, connections=10_000, processes=processes),
        idle_plan(storm, connections=10_000, processes=processes),
    ]
