"""``/messages``: send, change, acknowledge, read; the same services as the socket's frames."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from pingme.domain.errors import ErrorCode
from pingme.domain.ids import MAX_SEQ
from pingme.edge.http.auth import NEEDS_TOKEN
from pingme.edge.http.chat_bodies import (
    AckBody,
    AckData,
    Cursor,
    EditBody,
    ItemLimit,
    ReactBody,
    RecallBody,
    SendBody,
    wire_payload,
)
from pingme.edge.http.deps import Services, WhoAsks
from pingme.edge.http.envelope import Envelope, errors, reply
from pingme.edge.http.raw import raw_envelope, wire_answer
from pingme.wire.frames import EditPayload, ReactPayload, RecallPayload, SendPayload
from pingme.wire.server_frames import AckResponse, HistoryPage, SyncEntry

router = APIRouter(prefix="/messages", tags=["messages"])

STRANGER = (ErrorCode.CONVERSATION_NOT_FOUND, ErrorCode.GROUP_NOT_FOUND)
OPERATION = (
    *NEEDS_TOKEN,
    *STRANGER,
    ErrorCode.FORBIDDEN,
    ErrorCode.TOO_MANY_REQUESTS,
    ErrorCode.OUTCOME_UNKNOWN,
    ErrorCode.NOT_A_MEMBER,
    ErrorCode.MSG_ID_CONFLICT,
    ErrorCode.NOT_ALLOWED_TO_WRITE,
    ErrorCode.MESSAGE_TOO_LARGE,
    ErrorCode.DEAD_LETTERED,
    ErrorCode.PERSIST_FAILED,
)
ON_A_MESSAGE = (*OPERATION, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.TOO_LATE)


class OfflinePage(msgspec.Struct, omit_defaults=True):
    """Some of the conversations that changed; without ``next_cursor`` it is the last page."""

    conversations: list[SyncEntry]
    since: str
    epoch: str
    next_cursor: str | None = None


def answers(data: type[msgspec.Struct], *codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of a route that answers with stored bytes or one of these codes."""
    return {**wire_answer(data), **errors(*codes)}


@router.post("", responses=errors(*OPERATION, ErrorCode.USER_NOT_FOUND, ErrorCode.CONFLICT))
async def send(request: Request, body: SendBody, who: WhoAsks, services: Services) -> Envelope[AckData]:
    """Send a message; the answer means that it is stored. 504 with 10009: send again with the same msg_id."""
    stored = await services.messages.send(who.user_id, wire_payload(body, SendPayload))
    return reply(request, AckData.of(body.msg_id, stored))


@router.post("/edit", responses=errors(*ON_A_MESSAGE))
async def edit(request: Request, body: EditBody, who: WhoAsks, services: Services) -> Envelope[AckData]:
    """Give one's own message another content."""
    stored = await services.messages.edit(who.user_id, wire_payload(body, EditPayload))
    return reply(request, AckData.of(body.msg_id, stored))


@router.post("/recall", responses=errors(*ON_A_MESSAGE))
async def recall(request: Request, body: RecallBody, who: WhoAsks, services: Services) -> Envelope[AckData]:
    """Withdraw a message: its content is erased everywhere."""
    stored = await services.messages.recall(who.user_id, wire_payload(body, RecallPayload))
    return reply(request, AckData.of(body.msg_id, stored))


@router.post("/react", responses=errors(*ON_A_MESSAGE, ErrorCode.LIMIT_REACHED))
async def react(request: Request, body: ReactBody, who: WhoAsks, services: Services) -> Envelope[AckData]:
    """Put an emoji on a message, or take it back."""
    stored = await services.messages.react(who.user_id, wire_payload(body, ReactPayload))
    return reply(request, AckData.of(body.msg_id, stored))


@router.post("/ack", response_class=Response, responses=answers(AckResponse, *NEEDS_TOKEN, *STRANGER))
async def ack(request: Request, body: AckBody, who: WhoAsks, services: Services) -> Response:
    """Say how far one has got or read. Positions only grow; they are stored within 500 ms."""
    data = await services.receipts.ack(who.user_id, body.conversation_id, body.seq, body.ack_type)
    return raw_envelope(request, data)


@router.get("/history", response_class=Response, responses=answers(HistoryPage, *NEEDS_TOKEN, *STRANGER))
async def history(
    request: Request,
    who: WhoAsks,
    services: Services,
    conversation_id: Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{1,64}$")],
    before_seq: Annotated[int | None, Query(ge=1, le=MAX_SEQ)] = None,
    after_seq: Annotated[int | None, Query(ge=0, le=MAX_SEQ)] = None,
    limit: ItemLimit = 50,
) -> Response:
    """Read a range of a conversation, ascending: below, above, between, or the newest."""
    data = await services.history.page(who.user_id, conversation_id, before_seq, after_seq, limit)
    return raw_envelope(request, data)


@router.get("/offline", response_class=Response, responses=answers(OfflinePage, *NEEDS_TOKEN))
async def offline(
    request: Request,
    who: WhoAsks,
    services: Services,
    since: Annotated[str | None, Query(max_length=1_024)] = None,
    limit: Annotated[int, Query(ge=0, le=200)] = 20,
    cursor: Cursor = None,
) -> Response:
    """Catch up: what changed after `since`, page by page; keep the `since` of the answer for the next time."""
    return raw_envelope(request, await services.sync.offline(who.user_id, since, limit, cursor))
