"""What the chat screen knows: open conversations, typing, presence, ticks; and the rows that it draws from
that.
"""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict

from rich.text import Text

from pingme.cli.tui import text
from pingme.cli.tui.drafts import Draft
from pingme.cli.tui.feed import Feed
from pingme.cli.tui.names import Names
from pingme.cli.tui.receipts import GroupReceipts, tick_of
from pingme.cli.tui.widgets import Row
from pingme.domain.errors import PingMeError
from pingme.sdk import Client
from pingme.sdk import events as ev
from pingme.sdk.events import LogEvent, Message
from pingme.sdk.state import Snapshot

MAX_FEEDS = 20  # conversations whose loaded messages are kept
PAGE = 60  # messages loaded at once: three screens of a small terminal
TYPING_S = 5.0  # a sign of typing fades; it is repeated every three seconds
TITLE_LENGTH = 30  # columns; leaves room for the number of members
MAX_WATCHED = 500  # docs/protocol.md, "Limits"


class Desk:
    """The state behind the screen.

    Args:
        client: the user's client.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.names = Names(client)
        self._feeds: OrderedDict[str, Feed] = OrderedDict()
        self._receipts = GroupReceipts()
        self._typing: dict[str, dict[str, float]] = defaultdict(dict)
        self._present: set[str] = set()
        self._peers: dict[str, str] = {}
        self._watched: frozenset[str] = frozenset()

    # What happens

    def take(self, event: ev.Event) -> None:
        """Note what happened."""
        match event:
            case ev.LogEvent():
                self._take_log(event)
            case ev.Receipt():
                self._receipts.take(event)
            case ev.Typing():
                until = time.monotonic() + TYPING_S if event.active else 0.0
                self._typing[event.conversation_id][event.user_id] = until
            case ev.Presence(user_id=user_id, status=status):
                (self._present.add if status == "online" else self._present.discard)(user_id)
            case ev.Synced(reset=True):
                self._feeds.clear()
            case _:
                pass

    def _take_log(self, event: LogEvent) -> None:
        if isinstance(event, Message):
            self._typing[event.conversation_id].pop(event.sender_id, None)
        feed = self._feeds.get(event.conversation_id)
        if feed is not None:
            feed.add(event)

    async def watch_peers(self) -> None:
        """Ask for the presence of everybody in a private chat."""
        peers = [one.info.peer_id for one in self.client.conversations() if one.info.peer_id]
        wanted = frozenset(peers[:MAX_WATCHED])
        if wanted != self._watched:
            self._watched = wanted
            await self.client.watch(sorted(wanted))

    # Conversations

    def meet(self, user_id: str, conversation_id: str) -> None:
        """Remember with whom a conversation would be that has no message yet."""
        self._peers[conversation_id] = user_id

    def peer_of(self, conversation_id: str) -> str | None:
        """Return the other one of a private chat."""
        snapshot = self.client.conversation(conversation_id)
        return self._peers.get(conversation_id) or (snapshot.info.peer_id if snapshot else None)

    def order(self) -> list[Snapshot]:
        """Return the conversations as the list shows them: pinned ones first, then the newest."""
        return sorted(self.client.conversations(), key=lambda one: not one.info.pinned)

    def title(self, conversation_id: str) -> str:
        """Return a conversation's title."""
        snapshot = self.client.conversation(conversation_id)
        if snapshot is not None:
            return self.names.conversation(snapshot)
        peer = self._peers.get(conversation_id)
        return self.names.user(peer) if peer else conversation_id

    def heading(self, conversation_id: str | None) -> str:
        """Return the line above the messages: the title, and what one should know of the conversation."""
        if conversation_id is None:
            return "Ctrl+N finds somebody to write to; F1 shows the keys"
        title = text.one_line(self.title(conversation_id), TITLE_LENGTH)
        snapshot = self.client.conversation(conversation_id)
        if snapshot is None or snapshot.info.type != "group":
            return title
        if snapshot.info.former:
            return f"{title} · you are no longer a member"
        if snapshot.info.dissolved:
            return f"{title} · dissolved"
        return f"{title} · {snapshot.info.member_count or '?'} members"

    def conversation_rows(self, width: int) -> list[Row]:
        """Return the list of conversations.

        Args:
            width: columns.
        """
        return [
            Row(
                one.conversation_id,
                text.conversation_text(
                    one,
                    title=self.names.conversation(one),
                    name_of=self.names.user,
                    width=width,
                    present=one.info.type == "private" and one.info.peer_id in self._present,
                ),
            )
            for one in self.order()
        ]

    def typing(self, conversation_id: str) -> str:
        """Return the line about who is typing."""
        now = time.monotonic()
        typing = self._typing.get(conversation_id, {})
        return text.typing_text([self.names.user(one) for one, until in typing.items() if until > now])

    # Messages

    def feed(self, conversation_id: str) -> Feed:
        """Return what is loaded of a conversation."""
        feed = self._feeds.get(conversation_id)
        if feed is None:
            feed = self._feeds[conversation_id] = Feed(conversation_id)
            if len(self._feeds) > MAX_FEEDS:
                self._feeds.popitem(last=False)
        self._feeds.move_to_end(conversation_id)
        return feed

    async def load(self, conversation_id: str) -> bool:
        """Load the newest messages, or older ones; return whether there was something to load."""
        feed = self.feed(conversation_id)
        if feed.complete or feed.is_full:
            return False
        if not feed.loaded and self.client.conversation(conversation_id) is None:
            feed.add_page([], complete=True)  # begins with what is written now
            return True
        page = await self.client.history_page(conversation_id, before_seq=feed.oldest_seq, limit=PAGE)
        events = [ev.event_of(item, self.client.user_id) for item in page.events]
        feed.add_page(events, complete=not page.has_more)
        return True

    async def load_receipts(self, conversation_id: str) -> None:
        """Ask how far one's own newest message in a group got."""
        snapshot = self.client.conversation(conversation_id)
        message = self.feed(conversation_id).last_own()
        if snapshot is None or snapshot.info.type != "group" or message is None or snapshot.info.former:
            return
        try:
            known = await self.client.rest.receipts(conversation_id, message.seq)
        except PingMeError:
            return  # ticks begin with what is heard from now on
        self._receipts.note(conversation_id, message.seq, delivered=known.delivered, read=known.read)

    async def receipts_of(self, message: Message) -> str:
        """Return in words who got and who read a message."""
        known = await self.client.rest.receipts(message.conversation_id, message.seq)
        read = ", ".join(self.names.user(one) for one in known.read) or "nobody yet"
        got = ", ".join(self.names.user(one) for one in known.delivered if one not in known.read)
        return f"read by: {read}" + (f"\narrived at: {got}" if got else "")

    def mark_shown(self, conversation_id: str) -> bool:
        """Tell as read what is loaded, as it is shown; return whether that is news.

        What is known of a conversation but not loaded has not been seen.
        """
        snapshot, feed = self.client.conversation(conversation_id), self.feed(conversation_id)
        if snapshot is None or not snapshot.unread or not feed.loaded or feed.newest_seq <= snapshot.read_seq:
            return False
        self.client.mark_read(conversation_id, feed.newest_seq)
        return self.client.conversation(conversation_id) is not snapshot

    async def send(self, draft: Draft, msg_id: str) -> None:
        """Keep a message for sending; to whom a private one goes is said, so that it may be the first."""
        peer = self.peer_of(draft.conversation_id)
        conversation = draft.conversation_id if peer is None else None
        reply_to = draft.mode.seq or None
        await self.client.send(
            draft.text, to=peer, conversation=conversation, reply_to=reply_to, msg_id=msg_id, wait=False
        )

    def message_rows(self, conversation_id: str) -> list[Row]:
        """Return the messages of a conversation, its days, what happened in it, and what still waits to go
        out.
        """
        feed = self.feed(conversation_id)
        snapshot = self.client.conversation(conversation_id)
        rows = []
        day = ""
        for event in feed.entries():
            if (new_day := text.day_of(event.server_ts)) != day:
                day = new_day
                rows.append(
                    Row(f"day {event.seq}", Text(f"── {day} ──", style="dim", justify="center"), fixed=True)
                )
            row = self._row(event, feed, snapshot)
            if row is not None:
                rows.append(row)
        for msg_id, content in self.client.unsent(conversation_id):
            rows.append(Row(f"unsent {msg_id}", text.waiting_text(content, "you"), fixed=True))
        return rows

    def _row(self, event: LogEvent, feed: Feed, snapshot: Snapshot | None) -> Row | None:
        if isinstance(event, Message):
            quoted = feed.message(event.reply_to) if event.reply_to is not None else None
            tick = tick_of(event, snapshot, self._receipts)
            shown = text.message_text(event, name_of=self.names.user, tick=tick, quoted=quoted)
            return Row(str(event.seq), shown)
        line = text.event_text(event, name_of=self.names.user)
        return Row(f"event {event.seq}", line, fixed=True) if line is not None else None
