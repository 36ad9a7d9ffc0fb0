"""``/conversations``: the list, one of them, one's settings, and who got what."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from pingme.domain.errors import ErrorCode
from pingme.domain.ids import MAX_SEQ
from pingme.edge.http.auth import NEEDS_TOKEN
from pingme.edge.http.chat_bodies import AckData, Cursor, ItemLimit, PathId, SettingsBody
from pingme.edge.http.deps import Services, WhoAsks
from pingme.edge.http.envelope import Envelope, errors, reply
from pingme.edge.http.messages import OPERATION, STRANGER, answers
from pingme.edge.http.raw import raw_envelope
from pingme.wire.server_frames import Conversation, Item

router = APIRouter(prefix="/conversations", tags=["conversations"])


class ConversationItem(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A conversation in the list; ``unread`` is exact up to 999, then 1000."""

    conversation: Conversation
    last_seq: int
    last_hash: str
    delivered_seq: int
    read_seq: int
    unread: int
    peer_delivered_seq: int | None = None
    peer_read_seq: int | None = None
    last_message: Item | None


class ConversationList(msgspec.Struct, omit_defaults=True):
    """A page of conversations; without ``next_cursor`` it is the last one."""

    items: list[ConversationItem]
    next_cursor: str | None = None


class ReceiptsData(BaseModel):
    """Who got and who read an event: present members besides its sender, in the order of joining."""

    conversation_id: str
    seq: int
    delivered: list[str] = Field(description="User ids; those who read it are among them.")
    read: list[str] = Field(description="User ids.")


@router.get("", response_class=Response, responses=answers(ConversationList, *NEEDS_TOKEN))
async def conversations(
    request: Request, who: WhoAsks, services: Services, cursor: Cursor = None, limit: ItemLimit = 50
) -> Response:
    """List one's conversations, newest first."""
    await services.receipts.flush(who.user_id)
    return raw_envelope(request, await services.conversations.list(who.user_id, cursor, limit))


@router.get(
    "/{conversation_id}",
    response_class=Response,
    responses=answers(ConversationItem, *NEEDS_TOKEN, *STRANGER),
)
async def conversation(
    request: Request, conversation_id: PathId, who: WhoAsks, services: Services
) -> Response:
    """Show one conversation as in the list."""
    await services.receipts.flush(who.user_id)
    return raw_envelope(request, await services.conversations.get(who.user_id, conversation_id))


@router.patch("/{conversation_id}/settings", responses=errors(*OPERATION))
async def settings(
    request: Request, conversation_id: PathId, body: SettingsBody, who: WhoAsks, services: Services
) -> Envelope[AckData]:
    """Mute, pin, or keep a draft; one's other devices hear of it by an event of one's own log."""
    msg_id = body.msg_id or services.messages.new_msg_id()
    stored = await services.conversations.settings(
        who.user_id,
        conversation_id,
        muted=body.muted,
        pinned=body.pinned,
        draft=body.draft,
        msg_id=msg_id,
    )
    return reply(request, AckData.of(msg_id, stored))


@router.get(
    "/{conversation_id}/receipts",
    responses=errors(*NEEDS_TOKEN, *STRANGER, ErrorCode.NOT_A_MEMBER, ErrorCode.NOT_FOUND),
)
async def receipts(
    request: Request,
    conversation_id: PathId,
    who: WhoAsks,
    services: Services,
    seq: Annotated[int, Query(ge=1, le=MAX_SEQ)],
) -> Envelope[ReceiptsData]:
    """Show who got and who read an event."""
    return reply(request, ReceiptsData(**await services.receipts.of(who.user_id, conversation_id, seq)))
