"""What the HTTP API answers with, as structs; a newer server may add fields."""

from __future__ import annotations

from typing import Any

import msgspec

from pingme.wire.server_frames import Conversation, Item


class Model(msgspec.Struct, kw_only=True):
    """The base of answers; unknown fields are ignored."""


class User(Model, kw_only=True):
    """An account. ``email`` is visible to its owner only; last_seen_ts in Unix ms."""

    user_id: str
    username: str
    nickname: str = ""
    avatar: str = ""
    email: str | None = None
    last_seen_ts: int | None = None

    @property
    def name(self) -> str:
        """What to call the user: the nickname, else the username."""
        return self.nickname or self.username


class Login(Model, kw_only=True):
    """The answer to login and refresh; expires_in in seconds."""

    token: str
    expires_in: int
    refresh_token: str
    device_id: str | None = None
    user: User | None = None


class Device(Model, kw_only=True):
    """One session of the user."""

    device_id: str
    name: str = ""
    current: bool = False


class Group(Model, kw_only=True):
    """A group as a member sees it."""

    group_id: str
    name: str = ""
    announcement: str = ""
    avatar: str = ""
    role: str | None = None
    member_count: int | None = None
    history_policy: str | None = None
    join_policy: str | None = None
    dissolved: bool = False


class Member(Model, kw_only=True):
    """A member of a group; role is owner, admin or member."""

    user_id: str
    role: str = "member"
    username: str = ""
    nickname: str = ""
    avatar: str = ""

    @property
    def name(self) -> str:
        """What to call the member: the nickname, else the username."""
        return self.nickname or self.username


class Settings(Model, kw_only=True):
    """One's own settings of a conversation; None leaves a value unchanged."""

    muted: bool | None = None
    pinned: bool | None = None
    draft: str | None = None


class Ack(Model, kw_only=True):
    """An operation is stored at ``seq``."""

    msg_id: str = ""
    conversation_id: str
    seq: int
    server_ts: int
    duplicate: bool


class Receipts(Model, kw_only=True):
    """Who got and who read an event; whoever read it got it, too."""

    delivered: list[str] = []
    read: list[str] = []


class Summary(Model, kw_only=True):
    """A line of the conversation list."""

    conversation: Conversation
    last_seq: int = 0
    delivered_seq: int = 0
    read_seq: int = 0
    unread: int = 0
    last_message: Item | None = None


class Page(Model, kw_only=True):
    """One page of a list."""

    items: list[Any]
    next_cursor: str | None = None


class Envelope(Model, kw_only=True):
    """What every answer is wrapped in; code 0 is success."""

    code: int
    message: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    request_id: str = ""


class Failure(Model, kw_only=True):
    """The ``data`` of an answer that is not a success."""

    retryable: bool = False
    retry_after_ms: int | None = None
    outcome: str = "refused"
