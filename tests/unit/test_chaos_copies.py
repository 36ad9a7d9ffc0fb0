"""What the independent client keeps: contiguous seqs, each shown once, and a rolling hash of its own."""

from __future__ import annotations

from typing import Any

from tests.chaos.copies import Copies
from tests.fakes.tale import Tale

GROUP = "gall"


class Notes:
    """What the copies said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, what: str, /, **fields: Any) -> None:
        self.lines.append((what, fields))

    def seqs(self, what: str) -> list[int]:
        return [fields.get("seq", 0) for kind, fields in self.lines if kind == what]


def world() -> tuple[Tale, Copies, Notes]:
    """A group of six events, and an empty copy."""
    tale = Tale()
    tale.device("uada/d1")
    tale.create("uada/d1", GROUP, "uada")
    for number in range(5):
        tale.say("uada/d1", GROUP, f"number {number}")
    notes = Notes()
    return tale, Copies(notes), notes


def page(tale: Tale, first: int, last: int) -> dict[str, Any]:
    head = len(tale.logs[GROUP])
    found = {"prev_hash": tale.hash(GROUP, first - 1), "events": tale.logs[GROUP][first - 1 : last]}
    return found | ({"last_seq": head, "last_hash": tale.hash(GROUP, head)} if last == head else {})


def test_early_events_wait_and_everything_is_shown_once():
    """In whatever order and however often they come."""
    tale, copies, notes = world()
    copies.begin(GROUP, 1)

    for seq in (2, 1, 1, 4, 2, 3):
        copies.take(tale.logs[GROUP][seq - 1])

    assert notes.seqs("shown") == [1, 2, 3, 4]
    assert not copies.by_id[GROUP].has_hole


def test_a_hole_is_known_until_it_is_filled():
    """A head that was named, or an event that came early, makes a hole."""
    tale, copies, notes = world()
    copy = copies.begin(GROUP, 1)

    copies.take_page(GROUP, page(tale, 5, 6))
    assert copy.has_hole
    copies.take_page(GROUP, page(tale, 1, 4))

    assert not copy.has_hole
    assert notes.seqs("shown") == [1, 2, 3, 4, 5, 6]
    assert copy.rolling is not None
    assert copy.rolling.hex() == tale.hash(GROUP, 6)
    assert not notes.seqs("diverged")


def test_another_hash_than_its_own_is_noted():
    """A head hash that does not follow from the events is a divergence, with both values."""
    tale, copies, notes = world()
    copies.begin(GROUP, 1)

    copies.take_page(GROUP, page(tale, 1, 6) | {"last_hash": "00" * 16})

    assert notes.seqs("diverged") == [6]
    assert notes.lines[-1][1]["mine"] == tale.hash(GROUP, 6)


def test_what_may_be_read_later_than_before_is_begun_anew():
    """Who joined again with from_join forgets what was there, and starts at the joining."""
    tale, copies, notes = world()
    copies.begin(GROUP, 1)
    copies.take_page(GROUP, page(tale, 1, 2))

    copy = copies.begin(GROUP, 5)
    copies.take_page(GROUP, page(tale, 5, 6))

    assert [what for what, _ in notes.lines] == ["shown", "shown", "forgot", "shown", "shown"]
    assert copy.known == 6
    assert copies.begin(GROUP, 5) is copy
