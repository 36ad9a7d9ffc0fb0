"""How groups, members and presence look from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from pingme.domain.events import Stored
from pingme.domain.model import ROLE_NAMES, RoleRank
from pingme.edge.http.chat_bodies import AckData, CreateGroupBody
from pingme.edge.http.views import PublicUser
from pingme.ports.accounts import User
from pingme.ports.presence import PresenceEntry
from pingme.ports.store import Access, MemberPosition
from pingme.services.group_reads import MemberPage


class MemberView(BaseModel):
    """A member."""

    user_id: str
    role: str = Field(description="`owner`, `admin` or `member`.")
    joined_seq: int = Field(description="The event that made this membership.")

    @classmethod
    def of(cls, each: MemberPosition) -> MemberView:
        """Show a member to another."""
        member = each.member
        return cls(user_id=member.user_id, role=ROLE_NAMES[member.role], joined_seq=member.joined_seq)


class NamedMemberView(MemberView):
    """A member, and how others see the account."""

    username: str
    nickname: str = Field(description="The username where the user has none.")
    avatar: str = Field(description="Address of a picture, or empty.")


class MemberList(BaseModel):
    """A page of members; without ``next_cursor`` it is the last one."""

    items: list[NamedMemberView]
    next_cursor: str | None = None

    @classmethod
    def of(cls, page: MemberPage, users: Sequence[User]) -> MemberList:
        """Show a page of members to another.

        Args:
            page: the members.
            users: their accounts.
        """
        named = {user.user_id: PublicUser.of(user) for user in users}
        items = [
            NamedMemberView(**MemberView.of(each).model_dump(), **_name(named, each.member.user_id))
            for each in page.items
        ]
        return cls(items=items, next_cursor=page.next_cursor)


def _name(named: Mapping[str, PublicUser], user_id: str) -> dict[str, Any]:
    user = named.get(user_id)
    if user is None:  # accounts are never removed, but a list of members does not hang on it
        return {"username": "", "nickname": "", "avatar": ""}
    return user.model_dump(exclude={"user_id"})


class GroupView(BaseModel):
    """A group as one of its members sees it."""

    group_id: str
    name: str
    announcement: str = ""
    avatar: str = ""
    history_policy: str = Field(description="What members see who join from now on: `from_join` or `full`.")
    join_policy: str = Field(description="`invite` or `open`.")
    member_count: int
    role: str = Field(description="One's own.")
    dissolved: bool = False
    created_ts: int = Field(description="Unix milliseconds.")

    @classmethod
    def of(cls, access: Access) -> GroupView:
        """Show a group to its member."""
        known = access.conversation
        return cls(
            group_id=known.conversation_id,
            name=known.name,
            announcement=known.announcement,
            avatar=known.avatar,
            history_policy=known.history_policy,
            join_policy=known.join_policy,
            member_count=known.member_count,
            role=ROLE_NAMES[access.member.role],
            dissolved=known.dissolved,
            created_ts=known.created_ts,
        )


class NewGroupView(GroupView):
    """A group that was just created, with its first members."""

    members: list[MemberView]

    @classmethod
    def made(cls, stored: Stored, owner_id: str, body: CreateGroupBody) -> NewGroupView:
        """Show what was stored; nothing is read again, because a read that fails would hide that it is stored."""
        user_ids = list(dict.fromkeys([owner_id, *body.member_ids]))
        return cls(
            group_id=stored.conversation_id,
            name=body.name.strip(),
            history_policy=body.history_policy,
            join_policy=body.join_policy,
            member_count=len(user_ids),
            role=ROLE_NAMES[RoleRank.OWNER],
            created_ts=stored.server_ts,
            members=[
                MemberView(user_id=each, role="owner" if each == owner_id else "member", joined_seq=1)
                for each in user_ids
            ],
        )


class GroupData(BaseModel):
    """One group."""

    group: GroupView


class NewGroupData(AckData):
    """The group that was created, and where its first event stands."""

    group: NewGroupView


class GroupList(BaseModel):
    """A page of groups; without ``next_cursor`` it is the last one."""

    items: list[GroupView]
    next_cursor: str | None = None

    @classmethod
    def of(cls, accesses: Sequence[Access], next_cursor: str | None) -> GroupList:
        """Show a page of groups to their member."""
        return cls(items=[GroupView.of(access) for access in accesses], next_cursor=next_cursor)


class PresenceView(BaseModel):
    """Where a user is."""

    user_id: str
    status: str = Field(description="`online`, `away`, `offline` or `unknown`.")
    last_seen_ts: int | None = Field(None, description="Of a user who is offline, Unix milliseconds.")

    @classmethod
    def of(cls, entry: PresenceEntry) -> PresenceView:
        """Show the state of a user to somebody who may know."""
        return cls(user_id=entry.user_id, status=entry.status, last_seen_ts=entry.last_seen_ts)


class PresenceList(BaseModel):
    """The presence of some users; without ``next_cursor`` there are no more."""

    items: list[PresenceView]
    next_cursor: str | None = None
