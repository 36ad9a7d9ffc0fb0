"""What the terminal client shows of a conversation is without holes, whatever comes while it loads."""

from __future__ import annotations

from pingme.cli.tui.feed import Feed
from pingme.sdk.events import Edited, Message


def said(seq: int, content: str = "text") -> Message:
    return Message(conversation_id="ga", seq=seq, sender_id="ua", server_ts=seq, content=content)


def shown(feed: Feed) -> list[tuple[int, str]]:
    return [(entry.seq, entry.content) for entry in feed.entries() if isinstance(entry, Message)]


def test_what_happens_while_the_first_page_is_on_its_way_is_shown() -> None:
    """A message after the page, and an edit of one in it; what the page has already is not taken twice."""
    feed = Feed("ga")
    feed.add(said(2))
    feed.add(said(3, "new"))
    feed.add(Edited(conversation_id="ga", seq=4, sender_id="ua", server_ts=4, target_seq=1, content="edited"))

    feed.add_page([said(1), said(2, "as the page has it")], complete=True)

    assert shown(feed) == [(1, "edited"), (2, "as the page has it"), (3, "new")]
    assert (feed.oldest_seq, feed.newest_seq) == (1, 4)


def test_before_the_first_page_nothing_is_shown() -> None:
    """One message alone would stand before a hole."""
    feed = Feed("ga")
    feed.add(said(7))

    assert (shown(feed), feed.oldest_seq, feed.loaded) == ([], None, False)
