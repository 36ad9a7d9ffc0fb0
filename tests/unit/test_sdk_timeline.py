"""The timeline: whatever happens to pushes, what comes out is the log, each event once, in order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pingme.domain.chain import first_hash, next_hash
from pingme.sdk.timeline import HOLD_MS, MAX_EARLY, Timeline, digest_of_item
from pingme.wire.server_frames import Item

NAME = "gtest"


def item(seq: int) -> Item:
    return Item(
        conversation_id=NAME,
        seq=seq,
        sender_id="ua",
        server_ts=seq,
        msg_id=f"m{seq}",
        content=f"{seq}",
        content_type="text",
    )


def hash_at(seq: int) -> bytes:
    rolling = first_hash(NAME)
    for number in range(1, seq + 1):
        digest = digest_of_item(item(number))
        assert digest is not None
        rolling = next_hash(rolling, digest)
    return rolling


def fill(timeline: Timeline, after: int, upto: int, *, now_ms: int, has_more: bool = False) -> list[Item]:
    items = [item(seq) for seq in range(after + 1, upto + 1)]
    return timeline.fill(after, items, prev_hash=hash_at(after).hex(), has_more=has_more, now_ms=now_ms)


@settings(max_examples=300)
@given(
    head=st.integers(1, 30),
    start=st.integers(0, 10),
    data=st.data(),
)
def test_any_order_loss_and_repetition_of_pushes_gives_the_log_once_in_order(
    head: int, start: int, data: st.DataObject
):
    """Pushes come shuffled, twice or not at all; holes are fetched in pages of any size; nothing else comes
    out.
    """
    start = min(start, head)
    timeline = Timeline(NAME, known=start, rolling=hash_at(start))
    pushes = data.draw(st.lists(st.integers(1, head), max_size=60))
    told: list[int] = []
    now_ms = 0

    for seq in pushes:
        now_ms += data.draw(st.integers(0, 150))
        told += [one.seq for one in timeline.offer(item(seq), now_ms)]
        after = timeline.due(now_ms)
        if after is not None and data.draw(st.booleans()):
            upto = data.draw(st.integers(after, head))
            told += [one.seq for one in fill(timeline, after, upto, now_ms=now_ms, has_more=upto < head)]
    timeline.announce(head, now_ms)
    while (moment := timeline.due_at_ms) is not None:
        after = timeline.due(moment)
        assert after is not None
        upto = min(head, after + data.draw(st.integers(1, 7)))
        told += [one.seq for one in fill(timeline, after, upto, now_ms=moment, has_more=upto < head)]

    assert told == list(range(start + 1, head + 1))
    assert timeline.rolling == hash_at(head)
    assert not timeline.diverged


def test_what_comes_early_waits_and_then_the_hole_is_fetched():
    """An early event is held; 200 ms later the hole before it is due."""
    timeline = Timeline(NAME, known=1)

    held = timeline.offer(item(3), 1_000)

    assert held == []
    assert timeline.due(1_000 + HOLD_MS - 1) is None
    assert timeline.due(1_000 + HOLD_MS) == 1
    assert [one.seq for one in timeline.offer(item(2), 1_100)] == [2, 3]
    assert timeline.due_at_ms is None


def test_a_page_that_begins_later_shows_where_the_visible_log_begins():
    """A member who may not read the beginning goes on with the first event that the server shows."""
    timeline = Timeline(NAME)
    timeline.offer(item(9), 0)

    after = timeline.due(HOLD_MS)
    assert after == 0
    new = timeline.fill(0, [item(7), item(8)], prev_hash=hash_at(6).hex(), has_more=True, now_ms=HOLD_MS)

    assert [one.seq for one in new] == [7, 8, 9]
    assert timeline.rolling == hash_at(9)


def test_another_hash_is_a_divergence():
    """A copy that differs from the server's is noticed at the next hash that the server names."""
    timeline = Timeline(NAME, known=2, rolling=hash_at(2))
    other = item(3)
    other.content = "something else"

    timeline.offer(other, 0)
    timeline.check_hash(3, hash_at(3).hex())

    assert timeline.diverged


def test_held_events_are_bounded():
    """However much comes early, at most MAX_EARLY wait; the rest is fetched when its turn comes."""
    timeline = Timeline(NAME, known=0)

    for seq in range(2, MAX_EARLY + 102):
        timeline.offer(item(seq), 0)

    assert len(timeline._early) == MAX_EARLY
    assert len(timeline.offer(item(1), 0)) == MAX_EARLY
    assert timeline.due(HOLD_MS) == MAX_EARLY


def test_answers_that_show_nothing_are_asked_for_ever_more_slowly():
    """A head that the server does not show yet is asked for again, with growing waits, never skipped."""
    timeline = Timeline(NAME, known=0)
    timeline.announce(1, 0)
    moments = []

    for _ in range(4):
        moment = timeline.due_at_ms
        assert moment is not None
        moments.append(moment)
        fill(timeline, 0, 0, now_ms=moment)

    assert moments == [0, 1_000, 3_000, 7_000]
    assert [one.seq for one in timeline.offer(item(1), 8_000)] == [1]
