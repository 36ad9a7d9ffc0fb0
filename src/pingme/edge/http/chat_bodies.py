"""What clients send about messages, groups and conversations, and what they get for an operation.

The rules of each field are those of the frames (`pingme.wire.frames`): both doors take the same.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from fastapi import Path, Query
from pydantic import BaseModel, Field, StrictBool

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.events import HistoryPolicy, JoinPolicy, Role, Stored
from pingme.domain.ids import MAX_SEQ
from pingme.edge.http.envelope import ApiModel
from pingme.wire.frames import MAX_EMOJI_BYTES, MAX_MENTIONS, MAX_WATCH, Payload

P = TypeVar("P", bound=Payload)

MAX_MEMBERS = 1_000  # user ids in one body; how many a group may have is `limits.group_members`
CURSOR_MAX = 4_096  # characters; the cursor of an offline walk holds two tokens
TEXT_MAX = 65_536  # characters: the body's own bound; the rules proper are in the services

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Seq = Annotated[int, Field(ge=1, le=MAX_SEQ, strict=True)]
Timestamp = Annotated[int, Field(ge=0, le=MAX_SEQ, strict=True)]
Text = Annotated[str, Field(max_length=TEXT_MAX)]
MsgId = Annotated[
    Id, Field(description="Chosen by the client, a UUIDv7 by preference; a repeat does nothing twice.")
]
OptionalMsgId = Annotated[
    Id | None,
    Field(description="As for messages; made by the server when absent, and then a repeat is a new one."),
]
PathId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
QueryMsgId = Annotated[
    str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="As in the bodies of other operations.")
]
Cursor = Annotated[str | None, Query(max_length=CURSOR_MAX, description="next_cursor of the page before.")]
ItemLimit = Annotated[int, Query(ge=1, le=200)]


class SendBody(ApiModel):
    """A message to one of `conversation_id`, `to_user_id` and `group_id`."""

    msg_id: MsgId
    conversation_id: Id | None = None
    to_user_id: Id | None = None
    group_id: Id | None = None
    content: Text
    content_type: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+/_-]{0,63}$")] = "text"
    client_ts: Timestamp | None = None
    reply_to: Seq | None = Field(None, description="A seq of the same conversation.")
    mentions: Annotated[list[Id], Field(max_length=MAX_MENTIONS)] | None = None


class EditBody(ApiModel):
    """New content for one's own message."""

    msg_id: MsgId
    conversation_id: Id
    seq: Seq
    content: Text


class RecallBody(ApiModel):
    """A message that shall be withdrawn."""

    msg_id: MsgId
    conversation_id: Id
    seq: Seq


class ReactBody(ApiModel):
    """An emoji on a message."""

    msg_id: MsgId
    conversation_id: Id
    seq: Seq
    emoji: Annotated[str, Field(min_length=1, max_length=MAX_EMOJI_BYTES)]
    remove: StrictBool = False


class AckBody(ApiModel):
    """One's own position: everything up to `seq`."""

    conversation_id: Id
    seq: Seq
    ack_type: Literal["delivered", "read"]


class SettingsBody(ApiModel):
    """What shall change; absent fields stay."""

    muted: StrictBool | None = None
    pinned: StrictBool | None = None
    draft: Text | None = Field(None, description="At most 8192 bytes of UTF-8; empty takes it away.")
    msg_id: OptionalMsgId = None


class CreateGroupBody(ApiModel):
    """A new group; its creator is the owner and need not be among the members."""

    name: Text = Field(description="1 to 100 characters.", examples=["Friday lunch"])
    member_ids: Annotated[list[Id], Field(max_length=MAX_MEMBERS, default_factory=list)]
    history_policy: HistoryPolicy = "from_join"
    join_policy: JoinPolicy = "invite"
    msg_id: OptionalMsgId = None


class UpdateGroupBody(ApiModel):
    """What shall change; absent fields stay."""

    name: Text | None = Field(None, description="1 to 100 characters.")
    announcement: Text | None = None
    avatar: Text | None = None
    join_policy: JoinPolicy | None = None
    history_policy: HistoryPolicy | None = Field(None, description="For those who join from now on.")
    msg_id: OptionalMsgId = None


class GroupBody(ApiModel):
    """A group to join or leave."""

    group_id: Id
    msg_id: OptionalMsgId = None


class MembersBody(ApiModel):
    """Users to invite."""

    user_ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_MEMBERS)]
    msg_id: OptionalMsgId = None


class RoleBody(ApiModel):
    """A member's new role; `owner` hands the group over."""

    role: Role
    msg_id: OptionalMsgId = None


class PresenceBody(ApiModel):
    """Whose presence is asked for."""

    user_ids: Annotated[list[Id], Field(max_length=MAX_WATCH)]


class AckData(BaseModel):
    """What was stored; `duplicate` when this msg_id had stored it before."""

    msg_id: str
    conversation_id: str
    seq: int
    server_ts: int = Field(description="Unix milliseconds.")
    duplicate: bool

    @classmethod
    def of(cls, msg_id: str, stored: Stored) -> AckData:
        """Show the outcome of an operation."""
        return cls(
            msg_id=msg_id,
            conversation_id=stored.conversation_id,
            seq=stored.seq,
            server_ts=stored.server_ts,
            duplicate=stored.duplicate,
        )


def wire_payload(body: ApiModel, kind: type[P]) -> P:
    """Return the frame's payload for a body; the frame's own rules are checked again.

    Raises:
        Refused: 10002.
    """
    try:
        return msgspec.convert(body.model_dump(exclude_none=True), kind)
    except msgspec.ValidationError as exc:
        raise Refused(ErrorCode.INVALID_PARAMETERS, str(exc)) from exc
