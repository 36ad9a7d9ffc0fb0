"""``/groups``: groups, their members and roles."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from pingme.domain.errors import ErrorCode
from pingme.edge.http.auth import NEEDS_TOKEN
from pingme.edge.http.chat_bodies import (
    AckData,
    CreateGroupBody,
    Cursor,
    GroupBody,
    ItemLimit,
    MembersBody,
    PathId,
    QueryMsgId,
    RoleBody,
    UpdateGroupBody,
)
from pingme.edge.http.deps import Services, WhoAsks
from pingme.edge.http.envelope import Envelope, errors, reply
from pingme.edge.http.group_views import (
    GroupData,
    GroupList,
    GroupView,
    MemberList,
    NewGroupData,
    NewGroupView,
    PresenceList,
    PresenceView,
)

router = APIRouter(prefix="/groups", tags=["groups"])

READ = (*NEEDS_TOKEN, ErrorCode.GROUP_NOT_FOUND, ErrorCode.NOT_A_MEMBER)
CHANGE = (
    *READ,
    ErrorCode.FORBIDDEN,
    ErrorCode.TOO_MANY_REQUESTS,
    ErrorCode.OUTCOME_UNKNOWN,
    ErrorCode.MSG_ID_CONFLICT,
    ErrorCode.NOT_ALLOWED_TO_WRITE,
    ErrorCode.DEAD_LETTERED,
    ErrorCode.PERSIST_FAILED,
)
JOINING = (*CHANGE, ErrorCode.USER_NOT_FOUND, ErrorCode.LIMIT_REACHED)


@router.post("", status_code=201, responses=errors(*JOINING))
async def create(
    request: Request, body: CreateGroupBody, who: WhoAsks, services: Services
) -> Envelope[NewGroupData]:
    """Create a group. A repeat of the msg_id returns the first one, as it was created."""
    msg_id = body.msg_id or services.messages.new_msg_id()
    stored = await services.groups.create(
        who.user_id,
        name=body.name,
        member_ids=body.member_ids,
        history_policy=body.history_policy,
        join_policy=body.join_policy,
        msg_id=msg_id,
    )
    ack = AckData.of(msg_id, stored)
    group = NewGroupView.made(stored, who.user_id, body)
    return reply(request, NewGroupData(**ack.model_dump(), group=group))


@router.get("", responses=errors(*NEEDS_TOKEN), response_model_exclude_none=True)
async def groups(
    request: Request, who: WhoAsks, services: Services, cursor: Cursor = None, limit: ItemLimit = 50
) -> Envelope[GroupList]:
    """List the groups in which one is, oldest first."""
    page = await services.conversations.groups.mine(who.user_id, cursor, limit)
    return reply(request, GroupList.of(page.items, page.next_cursor))


@router.post("/join", responses=errors(*JOINING))
async def join(request: Request, body: GroupBody, who: WhoAsks, services: Services) -> Envelope[AckData]:
    """Join an open group."""
    msg_id = body.msg_id or services.messages.new_msg_id()
    return reply(request, AckData.of(msg_id, await services.groups.join(who.user_id, body.group_id, msg_id)))


@router.post("/leave", responses=errors(*CHANGE))
async def leave(request: Request, body: GroupBody, who: WhoAsks, services: Services) -> Envelope[AckData]:
    """Leave a group; an owner hands it over first."""
    msg_id = body.msg_id or services.messages.new_msg_id()
    return reply(request, AckData.of(msg_id, await services.groups.leave(who.user_id, body.group_id, msg_id)))


@router.get("/{group_id}", responses=errors(*READ))
async def group(request: Request, group_id: PathId, who: WhoAsks, services: Services) -> Envelope[GroupData]:
    """Show a group to its member."""
    access = await services.conversations.groups.get(who.user_id, group_id)
    return reply(request, GroupData(group=GroupView.of(access)))


@router.patch("/{group_id}", responses=errors(*CHANGE))
async def update(
    request: Request, group_id: PathId, body: UpdateGroupBody, who: WhoAsks, services: Services
) -> Envelope[AckData]:
    """Change the group: its owner and admins may."""
    msg_id = body.msg_id or services.messages.new_msg_id()
    stored = await services.groups.update(
        who.user_id,
        group_id,
        name=body.name,
        announcement=body.announcement,
        avatar=body.avatar,
        join_policy=body.join_policy,
        history_policy=body.history_policy,
        msg_id=msg_id,
    )
    return reply(request, AckData.of(msg_id, stored))


@router.delete("/{group_id}", responses=errors(*CHANGE))
async def dissolve(
    request: Request, group_id: PathId, who: WhoAsks, services: Services, msg_id: QueryMsgId = None
) -> Envelope[AckData]:
    """Dissolve the group: its members keep reading, nobody writes. Its owner may."""
    msg_id = msg_id or services.messages.new_msg_id()
    return reply(request, AckData.of(msg_id, await services.groups.dissolve(who.user_id, group_id, msg_id)))


@router.get("/{group_id}/members", responses=errors(*READ), response_model_exclude_none=True)
async def members(
    request: Request,
    group_id: PathId,
    who: WhoAsks,
    services: Services,
    cursor: Cursor = None,
    limit: ItemLimit = 200,
) -> Envelope[MemberList]:
    """List the members, with their names, in the order of joining."""
    page = await services.conversations.groups.members(who.user_id, group_id, cursor, limit)
    user_ids = [each.member.user_id for each in page.items]
    users = await services.people.by_ids(user_ids, limit=limit) if user_ids else []
    return reply(request, MemberList.of(page, users))


@router.post("/{group_id}/members", responses=errors(*JOINING))
async def add_members(
    request: Request, group_id: PathId, body: MembersBody, who: WhoAsks, services: Services
) -> Envelope[AckData]:
    """Invite users; those who are members already stay as they are."""
    msg_id = body.msg_id or services.messages.new_msg_id()
    stored = await services.groups.add_members(who.user_id, group_id, body.user_ids, msg_id)
    return reply(request, AckData.of(msg_id, stored))


@router.get("/{group_id}/members/status", responses=errors(*READ), response_model_exclude_none=True)
async def members_status(
    request: Request,
    group_id: PathId,
    who: WhoAsks,
    services: Services,
    cursor: Cursor = None,
    limit: ItemLimit = 200,
) -> Envelope[PresenceList]:
    """List the presence of the members in the order of joining."""
    page = await services.conversations.groups.members(who.user_id, group_id, cursor, limit)
    entries = await services.presence.states([each.member.user_id for each in page.items])
    items = [PresenceView.of(entry) for entry in entries]
    return reply(request, PresenceList(items=items, next_cursor=page.next_cursor))


@router.delete("/{group_id}/members/{user_id}", responses=errors(*CHANGE, ErrorCode.USER_NOT_FOUND))
async def remove_member(
    request: Request,
    group_id: PathId,
    user_id: PathId,
    who: WhoAsks,
    services: Services,
    msg_id: QueryMsgId = None,
) -> Envelope[AckData]:
    """Remove a member of a lower role; removing oneself is leaving."""
    msg_id = msg_id or services.messages.new_msg_id()
    stored = await services.groups.remove_member(who.user_id, group_id, user_id, msg_id)
    return reply(request, AckData.of(msg_id, stored))


@router.patch("/{group_id}/members/{user_id}", responses=errors(*CHANGE, ErrorCode.USER_NOT_FOUND))
async def set_role(
    request: Request, group_id: PathId, user_id: PathId, body: RoleBody, who: WhoAsks, services: Services
) -> Envelope[AckData]:
    """Give a member a role: the owner may; `owner` hands the group over."""
    msg_id = body.msg_id or services.messages.new_msg_id()
    stored = await services.groups.set_role(who.user_id, group_id, user_id, body.role, msg_id)
    return reply(request, AckData.of(msg_id, stored))
