"""Named drills: their schedules, their bounds, and how times are taken on a machine that stands still now and then."""

from __future__ import annotations

import time

import pytest

from tests.chaos import health
from tests.chaos.cluster import Cluster
from tests.chaos.drills import DRILLS
from tests.chaos.health import Stopwatch
from tests.chaos.run import Outcome, longest_silence_s
from tests.chaos.schedule import TARGETS, Schedule, check, check_targets
from tests.checker.rules_device import due
from tests.checker.verdict import Verdict


def outcome(silence_s: float, well_after_s: float) -> Outcome:
    made = Outcome(Schedule(1, 1, ()), Verdict([]), [], [], [], [], {})
    made.silences, made.well_after_s = {"team": silence_s, "open": 0.1}, well_after_s
    return made


@pytest.mark.parametrize("short", [True, False], ids=["short", "long"])
@pytest.mark.parametrize("name", DRILLS)
def test_a_drill_makes_a_valid_schedule_of_every_seed(name: str, short: bool):
    """The same seed the same one; only of what a cluster has; the short forms are short."""
    for seed in range(20):
        made = DRILLS[name].schedule(seed, short=short)
        check(made)
        check_targets(made, TARGETS)
        assert made == DRILLS[name].schedule(seed, short=short)
        assert made.faults
        assert made.duration_s < 25 or not short
        assert all(extra is not None for extra in DRILLS[name].extras(made))


def test_bounds_that_are_not_kept_are_told():
    """A group without an ack for too long, and nodes that are not well in time; within the bounds nothing is said."""
    drill = DRILLS["redis"]

    assert drill.judge(outcome(drill.silent_s, drill.well_s)) == []
    told = drill.judge(outcome(drill.silent_s + 1, drill.well_s + 1))
    assert ["a group had no ack for" in told[0], "well again only after" in told[1]] == [True, True]


def test_a_silence_counts_from_the_first_moment_to_the_last():
    """Between acks, before the first and after the last; not while the clients stood still."""
    assert longest_silence_s([1.0, 2.0, 5.0], 6.0) == 3.0
    assert longest_silence_s([4.0], 6.0) == 4.0
    assert longest_silence_s([1.0], 6.0) == 5.0
    assert longest_silence_s([], 6.0) == 6.0
    assert longest_silence_s([1.0, 2.0, 5.0], 6.0, [(2.5, 4.5)]) == 1.0


def test_a_stopwatch_does_not_count_while_its_process_stands_still(monkeypatch: pytest.MonkeyPatch):
    """A step of more than a second counts as one second."""
    now_s = [100.0]
    monkeypatch.setattr(health.time, "monotonic", lambda: now_s[0])
    watch = Stopwatch()

    for step_s in (0.5, 70.0, 0.25):
        now_s[0] += step_s
        total_s = watch.read()

    assert total_s == 1.75
    assert time.monotonic() == 170.75


def test_a_cluster_of_one_has_no_links(tmp_path):  # type: ignore[no-untyped-def]
    """Drills are for several servers; without engines there is one target."""
    assert Cluster(tmp_path).targets == ["server:1"]


def test_what_is_due_while_the_clients_stood_still_may_come_later_by_as_much():
    """A halt in the middle, one that had begun before, and one that comes after."""
    assert due(10.0, 2.0, []) == 12.0
    assert due(10.0, 2.0, [(11.0, 51.0)]) == 52.0
    assert due(10.0, 2.0, [(5.0, 11.0), (12.5, 13.5), (90.0, 91.0)]) == 14.0
