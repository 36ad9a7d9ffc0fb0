"""``/presence``: who is there."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from pingme.edge.http.auth import NEEDS_TOKEN
from pingme.edge.http.chat_bodies import PresenceBody
from pingme.edge.http.deps import Services, WhoAsks
from pingme.edge.http.envelope import Envelope, errors, reply
from pingme.edge.http.group_views import PresenceList, PresenceView

router = APIRouter(prefix="/presence", tags=["presence"])


@router.post("/query", responses=errors(*NEEDS_TOKEN), response_model_exclude_none=True)
async def query(
    request: Request, body: PresenceBody, who: WhoAsks, services: Services
) -> Envelope[PresenceList]:
    """Show the presence of users, in the order of the question; `unknown` where no conversation is shared."""
    entries = await services.presence.query(who.user_id, body.user_ids)
    return reply(request, PresenceList(items=[PresenceView.of(entry) for entry in entries]))
