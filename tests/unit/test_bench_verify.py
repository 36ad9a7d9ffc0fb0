"""The bench's check, proved on sequences that are known to be right or wrong."""

from __future__ import annotations

import pytest

from pingme.cli.bench.frames import tag_of
from pingme.cli.bench.job import PartResult
from pingme.cli.bench.results import verified
from pingme.cli.bench.verify import FAULTS_LISTED, Faults, Ledger, Stream, judge, seen_of

SENDER = 7


def tags(*counts: int) -> list[int]:
    return [tag_of(SENDER, count) for count in counts]


def faults_of(
    pushes: list[tuple[int, int]], acks: list[tuple[int, int]], *, sent: int = 3, head: int = 0
) -> dict[str, int]:
    """Play what one sender heard (acks) and one recipient heard (pushes), as (seq, count); return the faults."""
    faults = Faults()
    ledger = Ledger("g1", head)
    recipient, sender = Stream("bob", ledger, faults), Stream("ann", ledger, faults)
    for seq, count in acks:
        sender.ack(seq)
        ledger.note_ack(seq, tag_of(SENDER, count), faults)
    for seq, count in pushes:
        recipient.push(seq)
        ledger.note_push(seq, tag_of(SENDER, count), faults)
    judge([seen_of(ledger, [recipient, sender])], {SENDER: sent}, faults)
    return faults.counts


GOOD = [(1, 1), (2, 2), (3, 3)]


def test_each_message_once_and_in_order_is_good() -> None:
    """A right run has no fault."""
    assert faults_of(GOOD, GOOD) == {}


def test_a_conversation_may_have_a_past() -> None:
    """On a folder with messages in it, seqs go on from the head."""
    later = [(11, 1), (12, 2), (13, 3)]

    assert faults_of(later, later, head=10) == {}


@pytest.mark.parametrize(
    ("pushes", "acks", "kind"),
    [
        ([(1, 1), (3, 3)], GOOD, "lost"),  # one in the middle
        ([(1, 1), (2, 2)], GOOD, "lost"),  # the last one
        ([], GOOD, "lost"),  # all of them
        ([(1, 1), (2, 2), (2, 2), (3, 3)], GOOD, "repeated"),
        ([(1, 1), (3, 3), (2, 2)], GOOD, "reordered"),  # swapped
        ([(1, 1), (2, 2), (3, 3), (4, 9)], GOOD, "phantom"),  # never sent
        ([(1, 1), (2, 3), (3, 2)], GOOD, "conflict"),  # another message under the seq
        ([(1, 1), (3, 2), (4, 3)], [(1, 1), (3, 2), (4, 3)], "gap"),  # a seq that nobody has
        ([(1, 1), (2, 2), (3, 3)], [(1, 1), (2, 2)], "unacknowledged"),
        ([(1, 2), (2, 1), (3, 3)], [(1, 2), (2, 1), (3, 3)], "reordered"),  # not as sent
        ([(1, 1), (2, 1), (3, 2)], [(1, 1), (2, 1), (3, 2)], "repeated"),  # stored twice
        ([(0, 1), *GOOD], GOOD, "phantom"),  # older than the run
        (GOOD, [(1, 1), (1, 2), (3, 3)], "conflict"),  # one seq acknowledged for two
    ],
)
def test_a_wrong_run_is_found(pushes: list[tuple[int, int]], acks: list[tuple[int, int]], kind: str) -> None:
    """Lost, repeated, swapped, phantom, skipped, exchanged: each is found and named."""
    assert kind in faults_of(pushes, acks)


def test_an_ack_may_come_after_later_pushes() -> None:
    """A client's own messages occupy their seq; their acks and others' pushes travel separately."""
    faults, ledger = Faults(), Ledger("g1")
    stream = Stream("ann", ledger, faults)

    for seq in (2, 3):
        stream.push(seq)
    stream.ack(1)

    assert stream.complete(3)
    assert faults.counts == {}


def test_ledgers_of_several_processes_are_one() -> None:
    """The sender's process has the acks, the recipient's has the pushes: together they are complete."""
    faults = Faults()
    sender, recipient = Ledger("g1"), Ledger("g1")
    stream = Stream("bob", recipient, faults)
    for seq, tag in enumerate(tags(1, 2, 3), start=1):
        sender.note_ack(seq, tag, faults)
        stream.push(seq)
        recipient.note_push(seq, tag, faults)

    acked = judge([seen_of(sender, []), seen_of(recipient, [stream])], {SENDER: 3}, faults)

    assert (acked, faults.counts) == (3, {})


def test_two_processes_cannot_have_the_same_seq() -> None:
    """A seq acknowledged to two senders in two processes is found when their ledgers meet."""
    faults = Faults()
    one, other = Ledger("g1"), Ledger("g1")
    one.note_ack(1, tag_of(1, 1), faults)
    other.note_ack(1, tag_of(2, 1), faults)

    judge([seen_of(one, []), seen_of(other, [])], {1: 1, 2: 1}, faults)

    assert "conflict" in faults.counts


def test_a_run_with_a_fault_is_not_good() -> None:
    """What a process found while it ran fails the run, and the list of faults is bounded."""
    part = PartResult()
    for number in range(FAULTS_LISTED + 5):
        part.faults.note("lost", f"message {number}")

    result = verified([part])

    assert not result["good"]
    assert result["faults"] == {"lost": FAULTS_LISTED + 5}
    assert len(result["listed"]) == FAULTS_LISTED
