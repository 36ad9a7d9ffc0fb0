"""What the message view shows of one conversation: loaded history and what has happened since. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pingme.sdk import events as ev
from pingme.sdk.events import LogEvent, Message
from pingme.sdk.state import change_message

MAX_ENTRIES = 2_000  # loaded per conversation; who reads further back has `pingme.sdk` and the web client
MAX_EARLY = 200  # more do not happen between the making of a page and its arrival
_SILENT = (ev.Edited, ev.Recalled, ev.Reacted, ev.OtherEvent, ev.SettingsChanged, ev.ProfileChanged)


class Feed:
    """The loaded part of a conversation, without holes.

    Args:
        conversation_id: whose.

    Attributes:
        complete: True when nothing older is visible to this user.
        newest_seq: the highest seq that was loaded or has happened since, 0 before the first.
    """

    def __init__(self, conversation_id: str) -> None:
        self.conversation_id = conversation_id
        self.complete = False
        self.loaded = False
        self._entries: dict[int, LogEvent] = {}
        self._early: list[LogEvent] = []  # happened while the first page was on its way
        self._oldest: int | None = None
        self.newest_seq = 0

    @property
    def oldest_seq(self) -> int | None:
        """The lowest seq that was loaded, None before the first page."""
        return self._oldest

    @property
    def is_full(self) -> bool:
        """True when nothing older is loaded any more."""
        return len(self._entries) >= MAX_ENTRIES

    def add(self, event: LogEvent) -> None:
        """Take one entry, old or new; changes of messages are applied to them."""
        if not self.loaded:
            self._early = [*self._early[1 - MAX_EARLY :], event]
            return
        self._reach(event.seq)
        if isinstance(event, ev.Edited | ev.Recalled | ev.Reacted):
            target = self._entries.get(event.target_seq)
            if isinstance(target, Message):
                self._entries[event.target_seq] = change_message(target, event)
        if not isinstance(event, _SILENT):
            self._entries.setdefault(event.seq, event)

    def add_page(self, events: Iterable[LogEvent], *, complete: bool) -> None:
        """Take a page of history: its messages stand as they are now, so the changes in it are done
        already.
        """
        for event in events:
            self._reach(event.seq)
            if not isinstance(event, _SILENT):
                self._entries.setdefault(event.seq, event)
        self.loaded = True
        self.complete = complete
        early, self._early = self._early, []
        for event in early:
            if event.seq > self.newest_seq:  # the page was asked for before it happened
                self.add(event)

    def _reach(self, seq: int) -> None:
        self._oldest = seq if self._oldest is None else min(self._oldest, seq)
        self.newest_seq = max(self.newest_seq, seq)

    def entries(self) -> list[LogEvent]:
        """Return what is to be shown, oldest first."""
        return [self._entries[seq] for seq in sorted(self._entries)]

    def message(self, seq: int) -> Message | None:
        """Return a loaded message."""
        found = self._entries.get(seq)
        return found if isinstance(found, Message) else None

    def last_own(self) -> Message | None:
        """Return one's own newest message that was not recalled."""
        mine = (one for one in reversed(self.entries()) if isinstance(one, Message) and one.mine)
        return next((one for one in mine if not one.recalled), None)
