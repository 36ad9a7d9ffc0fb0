"""The report of a chaos run, from figures that were made up."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.chaos import report
from tests.chaos.run import Mark, Outcome, held_up
from tests.chaos.schedule import Entry, Schedule
from tests.checker.verdict import Fault, Verdict

KILL = Entry(2, "server:1", "kill", 1)


def outcome(*faults: Fault) -> Outcome:
    acks = [(0.5, 0.002), (1.5, 0.004), (1.6, 0.1), (4.0, 0.002)]
    schedule = Schedule(7, 10, (KILL,))
    mark = Mark(KILL, 2.0, 3.0, 1.0)
    return Outcome(
        schedule, Verdict(faults, {"acks": 4}), [mark], acks, [0.6, 1.7], [(0.5, 3), (9.0, 0)], {1006: 2}
    )


def test_the_page_has_a_timeline_with_every_fault():
    """The plot is well-formed; a kill is a marked span with its name and times."""
    svg = ET.fromstring(report.timeline(outcome()))

    spans = [rect.find("title") for rect in svg.iter("rect")]
    assert [span.text for span in spans if span is not None] == ["server:1 kill, 2.0 to 3.0 s"]
    assert [
        text.text for text in svg.iter("text") if text.text in ("acks/s", "deliveries/s", "unanswered")
    ] == [
        "acks/s",
        "deliveries/s",
        "unanswered",
    ]
    assert len(list(svg.iter("polyline"))) == 3


def test_the_page_loads_nothing(tmp_path: Path):
    """It is one file: no script, no address of anything else."""
    report.write(outcome(), tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")

    assert "every promise was kept" in page
    assert not re.search(r"https?:|<script|<link|src=|@import", page)


def test_what_is_wrong_is_told_and_escaped(tmp_path: Path):
    """A fault stands in both files, as text and not as markup."""
    report.write(outcome(Fault("lost", "<b>ada</b>: 3")), tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))

    assert "a promise was broken" in page
    assert "&lt;b&gt;ada&lt;/b&gt;: 3" in page
    assert found["good"] is False
    assert found["verdict"]["counts"]["lost"] == 1
    assert found["figures"]["longest_gap_s"] == 2.4


def test_seconds_are_counted():
    """Each moment falls into its second; what lies outside does not count."""
    assert report.per_second([0.1, 0.9, 2.0, 99], 2.5) == [(0.5, 2), (1.5, 0), (2.5, 1)]


def test_a_run_without_an_ack_is_not_good():
    """Nothing lost of nothing proves nothing."""
    empty = Outcome(Schedule(1, 1, ()), Verdict([]), [], [], [], [], {})

    assert not empty.is_good
    assert empty.to_json()["figures"]["ack_p99_ms"] == 0


def test_a_time_in_which_the_clients_stood_still_is_known():
    """Samples come ten times a second; where they did not, nobody could have heard an answer."""
    assert held_up([0.1, 0.2, 0.3, 33.2, 33.3]) == [(0.3, 33.2)]
    assert held_up([0.1, 0.2, 0.9]) == []
