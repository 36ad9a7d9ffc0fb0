"""The bench's page, its plots, and two documents side by side."""

from __future__ import annotations

import copy
import json
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pingme.cli.bench.compare import lines_of, read_document
from pingme.cli.bench.document import FORMAT
from pingme.cli.bench.histogram import Histogram
from pingme.cli.bench.plots import linear, logarithmic, nice_step, number, percentiles
from pingme.cli.bench.report import page_of
from pingme.cli.bench.results import latency_record
from pingme.cli.bench.starts import CLEAN, KILLED, combined, note_lost
from pingme.cli.bench.summary import lines_of as text_of
from pingme.domain.errors import PingMeError

VOID = {"meta", "br", "link", "img", "input", "hr"}


def record(**changes: Any) -> dict[str, Any]:
    """Return a run's record as `results.run_record` makes it."""
    histogram = Histogram()
    for value in range(1, 2_000):
        histogram.record(value * value)
    points = [
        {
            "at_s": at / 4,
            "acks_per_s": 10.0 * at,
            "completed_per_s": 9.0 * at,
            "ack_p50_ms": 1.0,
            "ack_p99_ms": 2.0,
        }
        for at in range(1, 9)
    ]
    series = [{"at_s": at / 4, "cpu_share": 0.5, "rss_bytes": 80 << 20} for at in range(9)]
    return {
        "scenario": "pairs", "label": "2 pairs <b>", "settings": {"pairs": 2, "in_flight": 8}, "counted": "counted & so",
        "unit": "messages/s", "loop": "closed", "elapsed_s": 2.0, "figure": 1000.0, "rates": {},
        "latency": {"ack": latency_record(histogram)},
        "server": {
            "cpu_s": 1.0, "cpu_share": 0.5, "cpu_us_each": 30.0, "rss_before_bytes": 70 << 20, "rss_peak_bytes": 80 << 20,
            "messages_per_commit": 12.0, "commit_mean_ms": 1.5, "loop_lag_under_ms": 5.0, "series": series,
        },
        "load": {"cpu_s": 0.5, "cpu_us_each": 10.0, "busiest_share": 0.25, "late_p99_ms": None},
        "verified": {
            "good": True, "sent": 10, "acked": 10, "conversations": 2, "recipients": 4, "refused": {}, "unknown": 0,
            "faults": {}, "listed": [],
        },
        "series": points,
    } | changes  # fmt: skip


def document(*runs: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "started_ts": 1_700_000_000_000,
        "command": "pingme bench pairs",
        "machine": {
            "cpu": "A <CPU>",
            "cores": 2,
            "memory_bytes": 8 << 30,
            "system": "Linux",
            "load_before": 0.5,
        },
        "versions": {"python": "3.11.7"},
        "conditions": "rate limits off",
        "disk": {"p50_ms": 0.3, "p99_ms": 1.0, "folder": "/tmp"},
        "runs": list(runs) or [record()],
    }


class Page(HTMLParser):
    """Checks that tags are closed in order, and keeps attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, name, value or "") for name, value in attrs] or [(tag, "", "")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_from_elsewhere():
    """Tags are balanced; no script, no link, no address but those of the text."""
    text = page_of(document())

    page = Page()
    page.feed(text)

    assert page.open == []
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _, _ in page.found}
    assert not {"src", "href"} & {name for _, name, _ in page.found}
    assert "url(" not in text
    assert "@import" not in text
    assert "http" not in text


def test_the_page_tells_costs_of_processes_and_engines():
    """Every process, what each engine was asked, and groups of several sizes beside each other."""
    process = {
        "cpu_share": 0.5,
        "cpu_us_message": 120.0,
        "rss_before_bytes": 1 << 20,
        "rss_peak_bytes": 2 << 20,
    }
    costs = {"processes": {"node 1": process, "Redis": process}, "requests": {"redis": {"commands": 12.5}}}
    runs = [record(scenario="groups", settings={"members": size}, **costs) for size in (2, 20)]

    text = page_of(document(*runs))

    assert "<dt>asked of redis</dt><dd>per 1 000 messages: commands 12.5</dd>" in text
    assert "<th>19 recipients</th>" in text
    assert "Redis: µs of CPU a message" in text


def test_the_plots_are_well_formed():
    """Each drawing is XML, with a line for each series and a value under each point."""
    text = page_of(document())

    drawings = [ET.fromstring(part.split("</svg>")[0] + "</svg>") for part in text.split("<figcaption>")[1:]
                for part in ["<svg" + part.split("<svg", 1)[1]]]  # fmt: skip

    assert len(drawings) == 5
    assert all(drawing.findall("polyline") for drawing in drawings)
    assert all(circle.findtext("title") for drawing in drawings for circle in drawing.findall("circle"))


def test_text_from_outside_is_escaped():
    """Labels and machine names are text, never markup."""
    text = page_of(document())

    assert "2 pairs &lt;b&gt;" in text
    assert "A &lt;CPU&gt;" in text


def test_a_wrong_run_is_told_in_the_page_and_in_the_text():
    """The faults stand where the figures are."""
    wrong = record()
    wrong["verified"] |= {"good": False, "faults": {"lost": 3}, "listed": ["lost: somebody <did not>"]}

    text = page_of(document(wrong))

    assert "3 lost" in text
    assert "somebody &lt;did not&gt;" in text
    assert any("WRONG" in line and "3 lost" in line for line in text_of(wrong))


def test_compare_gives_ratios_and_says_which_way_is_better():
    """Twice the rate is better, twice the latency is worse, a little is noise."""
    faster = record(figure=2000.0)
    faster["latency"]["ack"] |= {"p50_ms": 2 * faster["latency"]["ack"]["p50_ms"]}

    lines = list(lines_of(document(), document(faster)))

    assert any("messages/s" in line and line.endswith("× 2.00  better") for line in lines)
    assert any("ack p50" in line and line.endswith("× 2.00  worse") for line in lines)
    assert any("ack p99 ms" in line and line.endswith("× 1.00") for line in lines)


def test_compare_flags_machine_settings_and_disk():
    """Whatever differs besides the program is listed first."""
    other = copy.deepcopy(document(record(settings={"pairs": 2, "in_flight": 16})))
    other["machine"]["cores"] = 8
    other["machine"]["load_before"] = 3.0
    other["conditions"] = "not pinned"
    other["disk"]["p50_ms"] = 3.0

    lines = [line.strip() for line in lines_of(document(), other)]

    assert "differs   machine: cores 2 → 8" in lines
    assert "differs   conditions: rate limits off → not pinned" in lines
    assert "differs   disk: fsync p50 0.30 → 3.00 ms" in lines
    assert "differs   in_flight 8 → 16" in lines
    assert not any("load_before" in line for line in lines)


def test_compare_names_runs_without_a_partner():
    """A scenario that only one document has is listed, not dropped."""
    lines = list(lines_of(document(), document(record(scenario="idle", label="idle ones"))))

    assert "alone     2 pairs <b>" in lines
    assert "alone     idle ones" in lines


def test_compare_says_when_a_run_was_wrong():
    """Figures of a run that lost messages are no figures."""
    wrong = record()
    wrong["verified"] |= {"good": False, "faults": {"lost": 1}}

    assert any("WRONG" in line for line in lines_of(document(), document(wrong)))


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "is no JSON"), ('{"format": "x"}', 'got "x"'), ("[]", "got null"), (None, "cannot read")],
)
def test_compare_refuses_other_files(tmp_path: Path, text: str | None, says: str):
    """What is not a document of the bench is refused with a reason."""
    file = tmp_path / "a.json"
    if text is not None:
        file.write_text(text)

    with pytest.raises(PingMeError, match=says):
        read_document(file)


def test_a_document_survives_its_file(tmp_path: Path):
    """What was written is read back."""
    file = tmp_path / "a.json"
    file.write_text(json.dumps(document()))

    assert read_document(file) == json.loads(json.dumps(document()))


def test_axes_have_round_marks():
    """Steps are 1, 2 or 5 times a power of ten, and the ends are shown."""
    assert [nice_step(rough) for rough in (0.3, 1.0, 3.0, 7.0)] == [0.5, 1.0, 5.0, 10.0]
    assert [text for _, text in linear(0, 9).ticks] == ["0", "2", "4", "6", "8", "10"]
    assert [text for _, text in logarithmic(1, 900).ticks] == ["1", "10", "100", "1k"]
    assert [number(value) for value in (0.25, 40, 1_200, 3e6)] == ["0.25", "40", "1.2k", "3M"]


def test_every_nine_takes_the_same_room():
    """The axis of percentiles is logarithmic in what is left."""
    axis = percentiles()

    assert [round(axis.place(share), 6) for share in (0, 0.9, 0.99, 0.999, 0.9999, 1.0)] == [
        0,
        0.25,
        0.5,
        0.75,
        1,
        1,
    ]


def start_record(*, acked: int = 10, good: bool = True) -> dict[str, Any]:
    """Return the record of the load between two starts."""
    found = record(scenario="start", unit="ms")
    return found | {
        "verified": {**found["verified"], "acked": acked, "faults": {}, "listed": [], "good": good}
    }


def starts(*milliseconds: int) -> Histogram:
    histogram = Histogram()
    for ms in milliseconds:
        histogram.record(ms * 1000)
    return histogram


def test_starts_are_one_record():
    """The figure is the median after kill -9; the checks of all loads are added up."""
    taken = {CLEAN: starts(700, 710, 720), KILLED: starts(800, 810, 820)}

    found = combined([start_record(), start_record(), start_record(good=False)], taken)

    assert 810 <= found["figure"] <= 817
    assert set(found["latency"]) == {CLEAN, KILLED}
    assert (found["verified"]["acked"], found["verified"]["good"]) == (30, False)
    assert "to be ready" in page_of(document(found))
    assert any("ready after kill" in line for line in text_of(found))


@pytest.mark.parametrize(("stored", "good"), [(10, True), (11, True), (9, False)])
def test_a_message_that_a_kill_has_taken_is_a_fault(stored: int, good: bool):
    """Fewer stored messages than acknowledged ones: the run is wrong and says so."""
    verified = start_record()["verified"]

    note_lost(verified, stored)

    assert verified["good"] is good
    assert verified["faults"] == ({} if good else {"lost by the kill": 1})
