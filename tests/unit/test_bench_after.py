"""What a bench's open loop owes to those who read it: no stall is hidden, and a rate that was not reached is said."""

from __future__ import annotations

import asyncio
from typing import Any

from pingme.cli.bench.client import Load
from pingme.cli.bench.frames import now_us
from pingme.cli.bench.histogram import Histogram
from pingme.cli.bench.job import PartResult, Settings
from pingme.cli.bench.plans import mixed_plan, pairs_plan
from pingme.cli.bench.results import rate_record
from pingme.cli.bench.summary import rate_missed
from pingme.cli.bench.window import Window


def part(**changes: Any) -> PartResult:
    return PartResult(**({"elapsed_s": 3.0, "counts": {"acks": 900}} | changes))


async def test_a_stall_at_the_end_of_the_measured_time_is_seen():
    """What was due inside it counts whenever its answer comes; what was due before or after it does not."""
    load = Load(ordered_ids=True)
    begin_us = now_us()
    window = Window(load, begin_us, 0.3)
    result = await window.measure()
    counts = dict(result.counts)

    await asyncio.sleep(0.2)
    for due_us in (begin_us + 150_000, begin_us - 50_000, begin_us + 400_000):
        load.ack_us.record(now_us() - due_us)
    load.took("history", begin_us + 200_000)
    window.add_after(result)

    assert [len(Histogram(result.latency[name])) for name in ("ack", "history")] == [1, 1]
    assert Histogram(result.latency["ack"]).percentile(1.0) >= 300_000
    assert (result.after, result.counts) == (2, counts)


def test_a_rate_that_was_not_reached_is_said():
    """With how much was, and how many answers came too late for the measured time."""
    plan = pairs_plan(Settings(rate=300.0), pairs=10, both=True, processes=1)

    missed = rate_record(plan, [part(counts={"acks": 150}, after=750)], 3.0)

    assert (missed["rate_reached"], missed["reached_per_s"], missed["answered_after"]) == (False, 50.0, 750)
    text = rate_missed(missed)
    assert (
        text
        == "300 a second were wanted, 50 a second were answered in the measured time; 750 answers came after it"
    )
    assert rate_missed(rate_record(plan, [part(after=1)], 3.0)) is None


def test_of_a_mix_the_late_answers_tell():
    """Some of its requests have no answer, so its rate cannot be counted."""
    plan = mixed_plan(Settings(rate=300.0), units=1, processes=1)

    assert rate_record(plan, [part(after=2)], 3.0)["rate_reached"]
    assert (
        rate_missed(rate_record(plan, [part(after=500)], 3.0))
        == "300 a second were wanted; 500 answers came after it"
    )


def test_the_closed_loop_wants_no_rate():
    """There is nothing to reach."""
    assert rate_record(pairs_plan(Settings(), pairs=10, both=True, processes=1), [part()], 3.0) == {}
