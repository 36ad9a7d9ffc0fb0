"""A server under load that is killed twice and cut off once; then its clients' histories are judged, and tampered with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chaos.cluster import Cluster
from tests.chaos.run import run
from tests.chaos.schedule import parse
from tests.checker.judge import judge, read_folder
from tests.checker.verdict import KINDS

FAULTS = [
    {"at_s": 1.0, "target": "server:1", "action": "kill", "for_s": 0.1},
    {"at_s": 3.0, "target": "server:1", "action": "cut"},
    {"at_s": 4.0, "target": "server:1", "action": "kill", "for_s": 0.1},
]


DROPS_PUSHES = """
from pingme.edge.hub import Hub
whole = Hub._push
def push(hub, event, *rest):
    if event.kind != "message" or event.seq % 5:
        whole(hub, event, *rest)
Hub._push = push
"""
FORGETS_REMOVALS = """
from pingme.edge.hub import Hub
Hub._remove = lambda hub, user_id, group_id: None
"""


def tamper(path: Path, spoil: str) -> None:
    """Take one event out of the last reading, or let two change places."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        record = json.loads(line)
        if record["e"] == "page" and record["of"] == "final" and len(record["events"]) > 4:
            events = record["events"]
            if spoil == "drop":
                del events[-1]
            else:
                events[2], events[3] = events[3], events[2]
            lines[number] = json.dumps(record)
            break
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_two_kills_and_a_cut_under_load_break_no_promise(tmp_path: Path):
    """The checker finds nothing; of the same histories it rejects those with one event dropped, or two swapped."""
    schedule = parse({"seed": 7, "duration_s": 6.5, "faults": FAULTS})

    outcome = await run(Cluster(tmp_path / "data"), schedule, tmp_path, per_s=8, note=print)

    assert outcome.is_good, f"{outcome.verdict}\n{outcome.faults}"
    assert outcome.verdict.counts == dict.fromkeys(KINDS, 0)
    assert outcome.verdict.looked_at["devices"] == 6
    assert outcome.verdict.looked_at["connections"] >= 6 * 2  # all were thrown out and came back
    assert len(outcome.marks) == 3
    histories = tmp_path / "histories"
    assert judge(read_folder(histories)).is_good
    victim = histories / "ben-d1.ndjson"
    as_it_was = victim.read_text(encoding="utf-8")
    for spoil, kind in (("drop", "lost"), ("swap", "reordered")):
        tamper(victim, spoil)
        assert judge(read_folder(histories)).counts[kind] >= 1  # type: ignore[index]  # a Kind
        victim.write_text(as_it_was, encoding="utf-8")
    assert judge(read_folder(histories)).is_good


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("prelude", "kind"),
    [pytest.param(DROPS_PUSHES, "skipped", id="drops"), pytest.param(FORGETS_REMOVALS, "leaked", id="leaks")],
)
async def test_a_server_that_breaks_a_promise_is_caught(prelude: str, kind: str, tmp_path: Path):
    """One that leaves pushes out, and one whose removed members hear on: the real clients' histories show it."""
    schedule = parse({"seed": 3, "duration_s": 4, "faults": []})

    outcome = await run(Cluster(tmp_path / "data", prelude=prelude), schedule, tmp_path, per_s=8, note=print)

    assert not outcome.is_good
    assert {name for name, count in outcome.verdict.counts.items() if count} == {kind}, str(outcome.verdict)
