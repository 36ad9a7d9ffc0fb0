"""Conversations and members as the rules see them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ConversationType(IntEnum):
    """What kind of log it is; the numbers are those of the store."""

    REFUSALS = 0
    PRIVATE = 1
    GROUP = 2
    SELF = 3  # a user's own log


class RoleRank(IntEnum):
    """Roles in ascending order of what they may do; the numbers are those of the store."""

    MEMBER = 0
    ADMIN = 1
    OWNER = 2


ROLE_NAMES: tuple[str, ...] = ("member", "admin", "owner")
ROLE_RANKS: dict[str, RoleRank] = {name: RoleRank(rank) for rank, name in enumerate(ROLE_NAMES)}


@dataclass(frozen=True, slots=True)
class Conversation:
    """The fields of a conversation without its head.

    ``member_count`` counts present members. ``history_policy`` binds members who join from now on. ``peers`` are the
    users who hear a private conversation (two, or one talking to oneself) or a user's own log; () for groups.
    """

    conversation_id: str
    type: ConversationType
    name: str = ""
    announcement: str = ""
    avatar: str = ""
    history_policy: str = "from_join"
    join_policy: str = "invite"
    dissolved: bool = False
    member_count: int = 0
    created_ts: int = 0
    peers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One user's membership, present or former.

    Attributes:
        from_seq: the first seq this member may read.
        until_seq: the last one, for a former member; None while a member.
    """

    user_id: str
    role: RoleRank
    joined_seq: int
    from_seq: int
    until_seq: int | None = None

    @property
    def present(self) -> bool:
        """True while this user is a member."""
        return self.until_seq is None


@dataclass(frozen=True, slots=True)
class Target:
    """The message that an edit, recall or reaction is about.

    ``reactors`` are the reactions that stand on it: (emoji, user id).
    """

    seq: int
    kind: str
    sender_id: str
    server_ts: int
    recalled: bool
    reactors: frozenset[tuple[str, str]] = frozenset()

    @property
    def emojis(self) -> set[str]:
        """The kinds of reactions that stand on it."""
        return {emoji for emoji, _ in self.reactors}


@dataclass(frozen=True, slots=True)
class RuleLimits:
    """The configured bounds that the rules check; 0 seconds means no limit."""

    group_members: int = 1000
    groups_per_user: int = 1000
    edit_window_s: int = 86_400
    recall_window_s: int = 86_400
    reaction_kinds: int = 20
