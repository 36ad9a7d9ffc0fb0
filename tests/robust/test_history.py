"""The check of the drills' histories finds what it shall find: one bad history of each kind, and a good one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.robust.history import ANSWERED_WITHIN_S, SLACK_S, History, Sent, check, count_faults

GROUP = "g1"
MEMBERS = {GROUP: ["uada", "uben"]}


def good() -> tuple[History, History]:
    """Ada wrote two messages, Ben one; both have seen all of them."""
    ada, ben = History("ada", "uada"), History("ben", "uben")
    for history, names in ((ada, ("m-ada-1", "m-ada-2")), (ben, ("m-ben-1",))):
        for msg_id in names:
            history.sent[msg_id] = Sent(msg_id, GROUP, attempts=1)
    ada.acked("m-ada-1", 1)
    ada.acked("m-ada-2", 2)
    ben.acked("m-ben-1", 3)
    ada.see(GROUP, 3, "m-ben-1", "uben")
    ben.see(GROUP, 1, "m-ada-1", "uada")
    ben.see(GROUP, 2, "m-ada-2", "uada")
    return ada, ben


def test_a_good_history_has_no_faults():
    """All counts are 0."""
    faults = check(good(), MEMBERS)

    assert faults == []
    assert set(count_faults(faults).values()) == {0}


def missing_at_a_member(ada: History, ben: History) -> None:
    del ben.seen[GROUP][2]


def acked_and_not_there(ada: History, ben: History) -> None:
    ada.sent["m-ada-2"].seq = 4


def twice_in_the_log(ada: History, ben: History) -> None:
    for history in (ada, ben):
        history.see(GROUP, 4, "m-ada-1", "uada")


def out_of_order(ada: History, ben: History) -> None:
    for history in (ada, ben):
        history.seen[GROUP] |= {1: ("m-ada-2", "uada"), 2: ("m-ada-1", "uada")}
    ada.sent["m-ada-1"].seq, ada.sent["m-ada-2"].seq = 2, 1


def never_sent(ada: History, ben: History) -> None:
    for history in (ada, ben):
        history.see(GROUP, 4, "m-ada-9", "uada")


def refused_and_there(ada: History, ben: History) -> None:
    ada.sent["m-ada-2"].seq, ada.sent["m-ada-2"].refused = None, 40005


def two_truths(ada: History, ben: History) -> None:
    ben.seen[GROUP][3] = ("m-else-1", "uelse")
    ben.sent.clear()


def acked_twice(ada: History, ben: History) -> None:
    ada.acked("m-ada-1", 3)


def a_hole_in_a_live_stream(ada: History, ben: History) -> None:
    ben.hole_count = 1


def no_answer(ada: History, ben: History) -> None:
    ada.sent["m-ada-9"] = Sent("m-ada-9", GROUP, attempts=2)


def a_late_answer(ada: History, ben: History) -> None:
    ada.longest_answer_s = ANSWERED_WITHIN_S + SLACK_S + 1


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (missing_at_a_member, "lost"),
        (acked_and_not_there, "lost"),
        (twice_in_the_log, "doubled"),
        (out_of_order, "reordered"),
        (never_sent, "phantom"),
        (refused_and_there, "phantom"),
        (two_truths, "conflicting"),
        (acked_twice, "conflicting"),
        (a_hole_in_a_live_stream, "skipped"),
        (no_answer, "unanswered"),
        (a_late_answer, "unanswered"),
    ],
)
def test_a_bad_history_is_found_out(spoil: Callable[[History, History], None], kind: str):
    """The fault is counted as what it is."""
    ada, ben = good()
    spoil(ada, ben)

    assert count_faults(check((ada, ben), MEMBERS))[kind] > 0
