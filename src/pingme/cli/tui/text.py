"""How things look: pure functions from events to styled text. What people wrote is never taken as markup or
control.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import datetime
from enum import Enum

from rich.text import Text

from pingme.sdk import events as ev
from pingme.sdk.events import LogEvent, Message
from pingme.sdk.state import MAX_UNREAD, Snapshot

NameOf = Callable[[str], str]
COLOURS = (
    "cyan",
    "green",
    "yellow",
    "magenta",
    "bright_blue",
    "bright_red",
    "bright_green",
    "bright_magenta",
)
QUOTE_LENGTH = 60  # characters of a quoted message
# Bidirectional overrides and isolates would let a message rearrange the line around it (Unicode TR 9).
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Tick(Enum):
    """How far one's own message got."""

    WAITING = "…"
    SENT = "✓"
    DELIVERED = "✓✓"
    READ = "✓✓ "


def clean(text: str) -> str:
    """Return a text without anything that would move the cursor, colour the screen or turn lines around."""
    return "".join(
        one if one == "\n" or (unicodedata.category(one) != "Cc" and one not in _BIDI) else "·"
        for one in text.replace("\r\n", "\n").replace("\t", "    ")
    )


def one_line(text: str, length: int) -> str:
    """Return the beginning of a text in one line of at most ``length`` characters."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= length else flat[: length - 1] + "…"


def colour_of(user_id: str) -> str:
    """Return a user's colour, the same everywhere."""
    return COLOURS[sum(user_id.encode()) % len(COLOURS)]


def time_of(server_ts: int) -> str:
    """Return the time of day, as this computer's clock has it."""
    return datetime.fromtimestamp(server_ts / 1000).astimezone().strftime("%H:%M")


def day_of(server_ts: int) -> str:
    """Return the day for a line between days."""
    return datetime.fromtimestamp(server_ts / 1000).astimezone().strftime("%A, %d %B %Y")


def tick_text(tick: Tick | None) -> Text:
    """Return the ticks behind a message."""
    if tick is None:
        return Text()
    return Text(f" {tick.value.strip()}", style="bold cyan" if tick is Tick.READ else "dim")


def message_text(
    message: Message, *, name_of: NameOf, tick: Tick | None, quoted: Message | None = None
) -> Text:
    """Return a message: the quoted one above it, time, sender and content, reactions below."""
    text = Text(overflow="fold")
    if message.reply_to is not None:
        text.append(f"      ┌ {_quote(quoted, name_of)}\n", style="dim italic")
    text.append(f"{time_of(message.server_ts)} ", style="dim")
    text.append(name_of(message.sender_id), style=f"bold {colour_of(message.sender_id)}")
    text.append("  ")
    if message.recalled:
        text.append("this message was recalled", style="dim italic")
    else:
        text.append(clean(message.content))
        if message.edited_seq is not None:
            text.append(" (edited)", style="dim")
    text.append_text(tick_text(tick))
    if message.reactions and not message.recalled:
        marks = "  ".join(f"{clean(one.emoji)} {one.count}" for one in message.reactions)
        text.append(f"\n      {marks}", style="yellow")
    return text


def waiting_text(content: str, name: str) -> Text:
    """Return one's own message that the server has not confirmed yet."""
    text = Text(overflow="fold")
    text.append(f"{Tick.WAITING.value:>5} ", style="dim")
    text.append(name, style="bold dim")
    text.append(f"  {clean(content)}", style="dim")
    return text


def _quote(quoted: Message | None, name_of: NameOf) -> str:
    if quoted is None:
        return "an earlier message"
    content = "recalled" if quoted.recalled else one_line(quoted.content, QUOTE_LENGTH)
    return f"{name_of(quoted.sender_id)}: {content}"


def event_text(event: LogEvent, *, name_of: NameOf) -> Text | None:
    """Return the line for what happened in a group, None for what has no line."""
    who = name_of(event.sender_id)
    match event:
        case ev.GroupCreated(name=name):
            words = f"{who} made the group {one_line(name, QUOTE_LENGTH)}"
        case ev.MembersJoined(user_ids=(only,)) if only == event.sender_id:
            words = f"{who} joined"
        case ev.MembersJoined(user_ids=user_ids):
            words = f"{who} added {', '.join(name_of(one) for one in user_ids)}"
        case ev.MemberLeft():
            words = f"{who} left"
        case ev.MemberRemoved(user_id=user_id):
            words = f"{who} removed {name_of(user_id)}"
        case ev.RoleChanged(user_id=user_id, role=role):
            words = f"{who} made {name_of(user_id)} {role}"
        case ev.GroupUpdated(name=name) if name is not None:
            words = f"{who} named the group {one_line(name, QUOTE_LENGTH)}"
        case ev.GroupUpdated():
            words = f"{who} changed the group"
        case ev.GroupDissolved():
            words = f"{who} dissolved the group"
        case _:
            return None
    return Text(f"      {words}", style="dim italic")


def unread_text(count: int) -> str:
    """Return a count as people read it."""
    return "999+" if count >= MAX_UNREAD else str(count)


def conversation_text(
    snapshot: Snapshot, *, title: str, name_of: NameOf, width: int, present: bool = False
) -> Text:
    """Return a conversation's two lines in the list: title and unread, then the last message.

    Args:
        snapshot: the conversation.
        title: its name.
        name_of: names of users.
        width: columns of the list.
        present: whether the other one is online.
    """
    count = f" {unread_text(snapshot.unread)}" if snapshot.unread else ""
    marks = f"{'● ' if present else ''}{'◦ ' if snapshot.info.muted else ''}"
    room = max(width - len(count) - len(marks), 4)
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(marks, style="green")
    text.append(f"{one_line(title, room):<{room}}", style="bold" if snapshot.unread else "")
    text.append(count, style="bold reverse cyan" if count else "")
    text.append(f"\n{one_line(last_line(snapshot, name_of), width)}", style="dim")
    return text


def last_line(snapshot: Snapshot, name_of: NameOf) -> str:
    """Return the last message in short."""
    message = snapshot.last_message
    if message is None:
        return "no messages yet"
    if message.recalled:
        return "recalled"
    if message.mine:
        return f"you: {message.content}"
    prefix = f"{name_of(message.sender_id)}: " if snapshot.info.type == "group" else ""
    return prefix + message.content


def typing_text(names: list[str]) -> str:
    """Return who is typing."""
    if not names:
        return ""
    if len(names) > 2:  # more names than a line is worth
        return f"{len(names)} people are typing …"
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} typing …"
