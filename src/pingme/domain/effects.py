"""What an event changes besides the log: the decisions of `pingme.domain.rules`, for a store to write down."""

from __future__ import annotations

from dataclasses import dataclass

from pingme.domain.model import Conversation, Member


@dataclass(frozen=True, slots=True)
class ConversationMade:
    """A conversation begins with this event."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class ConversationChanged:
    """The conversation's own fields are now these."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class MemberSet:
    """This membership is new, or is now this."""

    member: Member


@dataclass(frozen=True, slots=True)
class MessageEdited:
    """The message at ``target_seq`` has new content."""

    target_seq: int
    content: str


@dataclass(frozen=True, slots=True)
class MessageRecalled:
    """The message at ``target_seq``, and every edit of it, loses its content."""

    target_seq: int


@dataclass(frozen=True, slots=True)
class ReactionSet:
    """``user_id`` has put, or taken back, an emoji."""

    target_seq: int
    user_id: str
    emoji: str
    present: bool


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """The sender's settings of another conversation; None leaves a field as it is."""

    user_id: str
    about: str
    muted: bool | None
    pinned: bool | None
    draft: str | None


@dataclass(frozen=True, slots=True)
class ProfileChanged:
    """The sender's profile; None leaves a field as it is."""

    user_id: str
    nickname: str | None
    email: str | None
    avatar: str | None


Effect = (
    ConversationMade
    | ConversationChanged
    | MemberSet
    | MessageEdited
    | MessageRecalled
    | ReactionSet
    | SettingsChanged
    | ProfileChanged
)
