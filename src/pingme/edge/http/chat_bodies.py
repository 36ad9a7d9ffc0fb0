"""What clients send about messages, groups and conversations, and what they get for an operation.

The rules of each field are those of the frames (`pingme.wire.frames`): both doors take the same.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec
from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.events import HistoryPolicy, JoinPolicy, Role, Stored
from pingme.domain.ids import MAX_SEQ
from pingme.edge.http.auth import characters
from pingme.edge.http.envelope import ApiModel
from pingme.edge.http.views import EXAMPLE_USER
from pingme.services.groups import MAX_ANNOUNCEMENT, MAX_AVATAR, MAX_NAME
from pingme.wire.frames import MAX_EMOJI_BYTES, MAX_MENTIONS, MAX_WATCH, Payload

P = TypeVar("P", bound=Payload)

MAX_MEMBERS = 1_000  # user ids in one body; how many a group may have is `limits.group_members`
CURSOR_MAX = 4_096  # characters; the cursor of an offline walk holds two tokens
TEXT_MAX = 16_777_216  # characters: the greatest `limits.body_bytes`; the rules proper are in the services

EXAMPLE_GROUP = "g06b1p0v4k8d2m6r0t5h3c7ns9g"
EXAMPLE_PRIVATE = "p3u7c5b2k6q4z7h5v2m3x4n6w5q"
EXAMPLE_MSG_ID = "0192f0c1-7f3e-7c3a-9b1e-0242ac120002"

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
UserId = Annotated[Id, Field(examples=[EXAMPLE_USER])]
GroupId = Annotated[Id, Field(examples=[EXAMPLE_GROUP])]
ConversationId = Annotated[Id, Field(examples=[EXAMPLE_PRIVATE])]
Seq = Annotated[int, Field(ge=1, le=MAX_SEQ, strict=True, examples=[7])]
Epoch = Annotated[
    str | None,
    Field(
        max_length=64,
        description="Of `auth_ok`: the store that the seq is of.",
        examples=["7c5bf1233ce2f877"],
    ),
]
Timestamp = Annotated[int, Field(ge=0, le=MAX_SEQ, strict=True, examples=[1_735_689_600_000])]
Text = Annotated[str, Field(max_length=TEXT_MAX)]
Content = Annotated[
    str,
    Field(
        min_length=1,
        max_length=TEXT_MAX,
        description="At most `websocket.max_message_size` bytes of UTF-8 (40006 beyond).",
        examples=["Lunch at one?"],
    ),
]
MsgId = Annotated[
    Id,
    Field(
        description="Chosen by the client, a UUIDv7 by preference; a repeat does nothing twice.",
        examples=[EXAMPLE_MSG_ID],
    ),
]
OptionalMsgId = Annotated[
    Id | None,
    Field(
        description="As for messages; made by the server when absent, and then a repeat is a new one.",
        examples=[EXAMPLE_MSG_ID],
    ),
]
PathId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
QueryMsgId = Annotated[
    str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="As in the bodies of other operations.")
]
Cursor = Annotated[str | None, Query(max_length=CURSOR_MAX, description="next_cursor of the page before.")]
ItemLimit = Annotated[int, Query(ge=1, le=200)]


class SendBody(ApiModel):
    """A message to one of `conversation_id`, `to_user_id` and `group_id`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"msg_id": EXAMPLE_MSG_ID, "to_user_id": EXAMPLE_USER, "content": "Lunch at one?"}]
        }
    )

    msg_id: MsgId
    conversation_id: ConversationId | None = None
    to_user_id: UserId | None = None
    group_id: GroupId | None = None
    content: Content
    content_type: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+/_-]{0,63}$", examples=["text"])] = "text"
    client_ts: Timestamp | None = None
    reply_to: Seq | None = Field(None, description="A seq of the same conversation.")
    mentions: Annotated[list[UserId], Field(max_length=MAX_MENTIONS)] | None = Field(
        None, description="User ids, or `all` by admins."
    )
    epoch: Epoch = None


class EditBody(ApiModel):
    """New content for one's own message."""

    msg_id: MsgId
    conversation_id: ConversationId
    seq: Seq
    content: Content
    epoch: Epoch = None


class RecallBody(ApiModel):
    """A message that shall be withdrawn."""

    msg_id: MsgId
    conversation_id: ConversationId
    seq: Seq
    epoch: Epoch = None


class ReactBody(ApiModel):
    """An emoji on a message."""

    msg_id: MsgId
    conversation_id: ConversationId
    seq: Seq
    emoji: Annotated[str, Field(min_length=1, max_length=MAX_EMOJI_BYTES, examples=["👍"])]
    remove: StrictBool = False
    epoch: Epoch = None


class AckBody(ApiModel):
    """One's own position: everything up to `seq`."""

    conversation_id: ConversationId
    seq: Seq
    ack_type: Literal["delivered", "read"]


class SettingsBody(ApiModel):
    """What shall change; absent fields stay."""

    muted: StrictBool | None = None
    pinned: StrictBool | None = None
    draft: Text | None = Field(
        None, description="At most 8192 bytes of UTF-8 (40006); empty takes it away.", examples=["See you"]
    )
    msg_id: OptionalMsgId = None


class CreateGroupBody(ApiModel):
    """A new group; its creator is the owner and need not be among the members."""

    name: Text = Field(
        description="1 to 100 characters.",
        examples=["Friday lunch"],
        json_schema_extra=characters(1, MAX_NAME),
    )
    member_ids: Annotated[list[UserId], Field(max_length=MAX_MEMBERS, default_factory=list)]
    history_policy: HistoryPolicy = "from_join"
    join_policy: JoinPolicy = "invite"
    msg_id: OptionalMsgId = None


class UpdateGroupBody(ApiModel):
    """What shall change; absent fields stay."""

    name: Text | None = Field(None, description="1 to 100 characters.", examples=["Friday lunch"])
    announcement: Annotated[str, Field(max_length=MAX_ANNOUNCEMENT, examples=["Bring cake."])] | None = None
    avatar: Annotated[str, Field(max_length=MAX_AVATAR, examples=["🍕"])] | None = None
    join_policy: JoinPolicy | None = None
    history_policy: HistoryPolicy | None = Field(None, description="For those who join from now on.")
    msg_id: OptionalMsgId = None


class GroupBody(ApiModel):
    """A group to join or leave."""

    group_id: GroupId
    msg_id: OptionalMsgId = None


class MembersBody(ApiModel):
    """Users to invite."""

    user_ids: Annotated[list[UserId], Field(min_length=1, max_length=MAX_MEMBERS)]
    msg_id: OptionalMsgId = None


class RoleBody(ApiModel):
    """A member's new role; `owner` hands the group over."""

    role: Role
    msg_id: OptionalMsgId = None


class PresenceBody(ApiModel):
    """Whose presence is asked for."""

    user_ids: Annotated[list[UserId], Field(max_length=MAX_WATCH)]


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
