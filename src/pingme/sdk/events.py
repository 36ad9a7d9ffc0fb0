"""What `Client.events()` and `Client.history()` yield: one frozen class per thing that can happen."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from pingme.domain.errors import PingMeError
from pingme.wire import server_frames as wire


@dataclass(frozen=True, slots=True)
class Reaction:
    """One emoji on a message: who put it (the first 50) and how many did."""

    emoji: str
    count: int
    user_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """An entry of a conversation's log.

    Attributes:
        seq: its place, from 1, without gaps; the only order that counts.
        server_ts: Unix milliseconds, for people to read.
        mine: True when the sender is this client's user, on whichever device.
    """

    conversation_id: str
    seq: int
    sender_id: str
    server_ts: int
    msg_id: str = ""
    mine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(LogEvent):
    """A message, as it stands now.

    Attributes:
        content: empty when recalled.
        edited_seq: the seq of its newest edit, None when never edited.
        to_user_id: in private chats, the one it was written to.
    """

    content: str = ""
    content_type: str = "text"
    to_user_id: str | None = None
    client_ts: int | None = None
    reply_to: int | None = None
    mentions: tuple[str, ...] = ()
    edited_seq: int | None = None
    recalled: bool = False
    reactions: tuple[Reaction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited(LogEvent):
    """The message at ``target_seq`` has new content."""

    target_seq: int = 0
    content: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled(LogEvent):
    """The message at ``target_seq`` was withdrawn; its content is gone."""

    target_seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted(LogEvent):
    """The sender put an emoji on the message at ``target_seq``, or took it back."""

    target_seq: int = 0
    emoji: str = ""
    removed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCreated(LogEvent):
    """The first event of a group; the creator stands first in ``user_ids``."""

    name: str = ""
    user_ids: tuple[str, ...] = ()
    history_policy: str = "from_join"
    join_policy: str = "invite"


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersJoined(LogEvent):
    """These users are members from here on."""

    user_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLeft(LogEvent):
    """The sender left the group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRemoved(LogEvent):
    """The sender removed ``user_id`` from the group."""

    user_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChanged(LogEvent):
    """``user_id`` is now owner, admin or member."""

    user_id: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupUpdated(LogEvent):
    """New values of the group's fields; None means unchanged."""

    name: str | None = None
    announcement: str | None = None
    avatar: str | None = None
    history_policy: str | None = None
    join_policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDissolved(LogEvent):
    """Nobody writes here any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChanged(LogEvent):
    """One's own settings of conversation ``about``; None means unchanged."""

    about: str = ""
    muted: bool | None = None
    pinned: bool | None = None
    draft: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChanged(LogEvent):
    """One's own profile; None means unchanged."""

    nickname: str | None = None
    avatar: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEvent(LogEvent):
    """A log entry of a kind that this version does not know."""

    kind: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far somebody got, or in large groups how many members reached ``seq``."""

    conversation_id: str
    user_id: str | None = None
    delivered_seq: int | None = None
    read_seq: int | None = None
    seq: int | None = None
    delivered: int | None = None
    read: int | None = None


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody is, or is no longer, typing."""

    conversation_id: str
    user_id: str
    active: bool


@dataclass(frozen=True, slots=True)
class Presence:
    """A watched user is ``online``, ``away``, ``offline`` or ``unknown``; last_seen_ts in Unix ms."""

    user_id: str
    status: str
    last_seen_ts: int | None = None


@dataclass(frozen=True, slots=True)
class ConnectionChanged:
    """The line to the server: ``connecting``, ``online``, ``waiting`` (then again in retry_in_ms) or
    ``stopped``.
    """

    state: str
    reason: str = ""
    retry_in_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SendFailed:
    """A send from the outbox was refused (or dead-lettered) and will not be tried again."""

    msg_id: str
    conversation_id: str
    error: PingMeError = field(compare=False)


@dataclass(frozen=True, slots=True)
class Synced:
    """A sync has ended; these conversations have changed. ``reset``, alone and before anything new: the store has a
    new epoch, forget what you drew and every seq that you keep.
    """

    conversation_ids: tuple[str, ...]
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Diverged:
    """The server's copy up to ``seq`` is not the one that this client saw: its rolling hash differs."""

    conversation_id: str
    seq: int


Event = LogEvent | Receipt | Typing | Presence | ConnectionChanged | SendFailed | Synced | Diverged


_CLASSES: dict[str, type[LogEvent]] = {
    "message": Message,
    "edit": Edited,
    "recall": Recalled,
    "reaction": Reacted,
    "group_created": GroupCreated,
    "member_joined": MembersJoined,
    "member_left": MemberLeft,
    "member_removed": MemberRemoved,
    "member_role": RoleChanged,
    "group_updated": GroupUpdated,
    "group_dissolved": GroupDissolved,
    "conversation_settings": SettingsChanged,
    "profile_updated": ProfileChanged,
}
_ITEM_NAMES = {"removed": "remove"}  # where the wire has another name than the class
_FIELDS = {
    kind: tuple(entry.name for entry in fields(kind) if entry.name != "mine")
    for kind in (*_CLASSES.values(), OtherEvent)
}


def event_of(item: wire.Item, me: str) -> LogEvent:
    """Return the typed event of a log entry; ``me`` is this client's user id."""
    kind = _CLASSES.get(item.kind, OtherEvent)
    found = {name: getattr(item, _ITEM_NAMES.get(name, name)) for name in _FIELDS[kind]}
    return kind(
        **{name: _plain(value) for name, value in found.items() if value is not None},
        mine=item.sender_id == me,
    )


def _plain(value: object) -> Any:  # of whatever type the field has: both are checked by tests for every kind
    """Return a value of the wire as the classes above hold it: lists as tuples, reactions as `Reaction`."""
    if not isinstance(value, list):
        return value
    return tuple(
        Reaction(entry.emoji, entry.count, tuple(entry.user_ids))
        if isinstance(entry, wire.Reaction)
        else entry
        for entry in value
    )
