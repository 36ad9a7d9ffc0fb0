"""Known-bad histories: the checker must reject every one, for its reason. Each begins as a good one."""

from __future__ import annotations

import pytest

from tests.checker.judge import judge
from tests.checker.verdict import KINDS
from tests.fakes import bad_logs, bad_words
from tests.fakes.spoiling import GROUP, Spoil, good_tale

BAD = bad_logs.BAD_LOGS | bad_words.BAD_WORDS
BEFORE_THE_LAST_READING = {
    bad_logs.pipelined_sends_change_places,
    bad_words.what_was_sent_after_an_ack_stands_before_it,
    bad_words.somebody_elses_own_log,
    bad_words.silence_until_the_client_gave_up,
    bad_words.a_removed_member_learns_the_new_head,
}
SYNCS_LAST = {bad_logs.a_sync_page_that_ends_before_its_head, bad_words.a_head_hash_of_another_history}


def test_the_tale_is_good_before_anybody_tampers_with_it():
    """What follows is rejected for what is done to it and for nothing else."""
    tale = good_tale()
    tale.finish()

    verdict = judge(tale.histories())

    assert verdict.is_good, str(verdict)


def test_every_kind_of_fault_is_tried():
    """There is a known-bad history for every kind, and at least thirty in all."""
    assert set(BAD) == set(KINDS)
    assert sum(map(len, BAD.values())) >= 30


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        pytest.param(kind, spoil, id=f"{kind}-{spoil.__name__}")
        for kind, each in BAD.items()
        for spoil in each
    ],
)
def test_a_known_bad_history_is_rejected(kind: str, spoil: Spoil):
    """It is rejected, and the kind of the fault is named."""
    tale = good_tale()
    if spoil in SYNCS_LAST:  # a device that was away and catches up
        tale.disconnect("uada/d2")
        tale.say("uben/d1", GROUP, "while she was away")
        tale.say("uben/d1", GROUP, "and again")
    if spoil in BEFORE_THE_LAST_READING:
        spoil(tale)
    tale.finish()
    if spoil not in BEFORE_THE_LAST_READING:
        spoil(tale)

    verdict = judge(tale.histories())

    assert verdict.counts[kind] > 0, str(verdict)  # type: ignore[index]  # a Kind: see the test above
