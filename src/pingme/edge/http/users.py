"""``/user`` and ``/users``: one's own profile, and other people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.usernames import NICKNAME_MAX
from pingme.edge.http.auth import NEEDS_TOKEN, Id, Text
from pingme.edge.http.deps import LOGGED_IN, Services, WhoAsks
from pingme.edge.http.envelope import ApiModel, Envelope, errors, reply
from pingme.edge.http.views import OwnUser, PublicUser, PublicUserData, UserData, UserList
from pingme.services.people import MAX_IDS
from pingme.services.user_search import SEARCH_LIMIT

IDS_MAX = MAX_IDS * 65  # characters: ids of at most 64, each with a comma

router = APIRouter(tags=["users"])


class ProfileBody(ApiModel):
    """What shall change; absent fields stay, empty ones are taken away."""

    nickname: Text | None = Field(None, description="At most 64 characters.", examples=["Ada"])
    email: Text | None = Field(None, description="At most 254 characters.", examples=["ada@example.org"])
    avatar: Text | None = Field(
        None,
        description="https://, http:// or a path; at most 512 characters.",
        examples=["https://example.org/ada.png"],
    )
    msg_id: Id | None = Field(
        None,
        description="Chosen by the client: a repeat with it does nothing twice.",
        examples=["0192f0c1-7f3e-7c3a-9b1e-0242ac120002"],
    )


@router.get("/user/profile", responses=errors(*NEEDS_TOKEN))
async def profile(request: Request, who: WhoAsks, services: Services) -> Envelope[UserData]:
    """Show one's own account."""
    return reply(request, UserData(user=OwnUser.of(await services.accounts.user(who.user_id))))


@router.put(
    "/user/profile",
    responses=errors(*NEEDS_TOKEN, ErrorCode.MSG_ID_CONFLICT, ErrorCode.OUTCOME_UNKNOWN),
)
async def update_profile(
    request: Request, body: ProfileBody, who: WhoAsks, services: Services
) -> Envelope[UserData]:
    """Change one's profile; one's other devices hear of it by an event."""
    user = await services.accounts.update_profile(
        who.user_id, nickname=body.nickname, email=body.email, avatar=body.avatar, msg_id=body.msg_id
    )
    return reply(request, UserData(user=OwnUser.of(user)))


@router.get(
    "/users/{user_id}",
    dependencies=LOGGED_IN,
    responses=errors(*NEEDS_TOKEN, ErrorCode.USER_NOT_FOUND),
)
async def user(
    request: Request, user_id: Annotated[str, Path(max_length=64)], services: Services
) -> Envelope[PublicUserData]:
    """Show somebody's account."""
    return reply(request, PublicUserData(user=PublicUser.of(await services.accounts.user(user_id))))


@router.get("/users", dependencies=LOGGED_IN, responses=errors(*NEEDS_TOKEN))
async def users(
    request: Request,
    services: Services,
    query: Annotated[str | None, Query(min_length=1, max_length=NICKNAME_MAX)] = None,
    ids: Annotated[
        list[Annotated[str, Field(max_length=IDS_MAX)]] | None,
        Query(description=f"At most {MAX_IDS} user ids, with commas or repeated.", max_length=MAX_IDS),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=SEARCH_LIMIT)] = 20,
    cursor: Annotated[str | None, Query(max_length=1_024)] = None,
) -> Envelope[UserList]:
    """Find people by the beginning of their username or nickname (``query``), or show those with these ``ids``.

    One of the two is needed. ``limit`` and ``cursor`` belong to ``query``; ids that nobody has are left out.
    """
    if (query is None) == (ids is None):
        raise Refused(ErrorCode.INVALID_PARAMETERS, "expected query or ids")
    if query is None:
        asked = [user_id for part in ids or () for user_id in part.split(",")]
        found = await services.people.by_ids(asked)
        return reply(request, UserList(items=[PublicUser.of(user) for user in found]))
    page = await services.people.search(query, cursor=cursor, limit=limit)
    items = [PublicUser.of(found) for found in page.items]
    return reply(request, UserList(items=items, next_cursor=page.next_cursor))
