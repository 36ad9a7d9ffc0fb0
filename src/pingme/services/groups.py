"""Groups: who is in, who may what, what they are called."""

from __future__ import annotations

from collections.abc import Sequence

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.events import (
    Body,
    GroupCreatedBody,
    GroupDissolvedBody,
    GroupUpdatedBody,
    HistoryPolicy,
    JoinPolicy,
    MemberJoinedBody,
    MemberLeftBody,
    MemberRemovedBody,
    MemberRoleBody,
    Role,
    Stored,
    make_command,
)
from pingme.domain.ids import time_ordered_id
from pingme.ports.clock import Clock
from pingme.ports.store import Store
from pingme.services.access import access_group
from pingme.services.messages import Messages

MAX_NAME = 100  # characters of a group's name
MAX_ANNOUNCEMENT = 2000
MAX_AVATAR = 512  # characters of a URL or an emoji


class Groups:
    """Operations on groups; each is an event of the group's log. All raise as `Messages.execute`.

    Args:
        messages: appends commands and waits.
        store: answers who is a member, for a quick no.
        clock: makes group ids.
    """

    def __init__(self, messages: Messages, store: Store, clock: Clock) -> None:
        self._messages = messages
        self._store = store
        self._clock = clock

    async def create(
        self,
        user_id: str,
        *,
        name: str,
        member_ids: Sequence[str],
        history_policy: HistoryPolicy = "from_join",
        join_policy: JoinPolicy = "invite",
        msg_id: str | None = None,
    ) -> Stored:
        """Create a group whose owner is the user; a repeat of the msg_id returns the first group.

        Args:
            user_id: who creates it.
            name: 1 to 100 characters.
            member_ids: the other first members; the owner may be among them.
            history_policy: what later members see: ``from_join`` or ``full``.
            join_policy: ``invite`` or ``open``.
            msg_id: chosen by the client.
        """
        user_ids = tuple(dict.fromkeys([user_id, *member_ids]))
        body = GroupCreatedBody(
            history_policy=history_policy, join_policy=join_policy, name=check_name(name), user_ids=user_ids
        )
        group_id = time_ordered_id("g", self._clock.now_ms(), self._clock.entropy(10))
        return await self._execute("group_created", user_id, group_id, body, msg_id)

    async def join(self, user_id: str, group_id: str, msg_id: str | None = None) -> Stored:
        """Join an open group."""
        return await self._execute(
            "member_joined", user_id, group_id, MemberJoinedBody(user_ids=(user_id,)), msg_id
        )

    async def leave(self, user_id: str, group_id: str, msg_id: str | None = None) -> Stored:
        """Leave; an owner with other members must hand the group over first."""
        await self._check(user_id, group_id, msg_id)
        return await self._execute("member_left", user_id, group_id, MemberLeftBody(), msg_id)

    async def add_members(
        self, user_id: str, group_id: str, user_ids: Sequence[str], msg_id: str | None = None
    ) -> Stored:
        """Invite users; those who are members already are left as they are."""
        if not user_ids:
            raise Refused(ErrorCode.INVALID_PARAMETERS, "user_ids: must not be empty")
        await self._check(user_id, group_id, msg_id)
        body = MemberJoinedBody(user_ids=tuple(dict.fromkeys(user_ids)))
        return await self._execute("member_joined", user_id, group_id, body, msg_id)

    async def remove_member(
        self, user_id: str, group_id: str, member_id: str, msg_id: str | None = None
    ) -> Stored:
        """Remove a member of a lower role; removing oneself is leaving."""
        if member_id == user_id:
            return await self.leave(user_id, group_id, msg_id)
        await self._check(user_id, group_id, msg_id)
        return await self._execute(
            "member_removed", user_id, group_id, MemberRemovedBody(user_id=member_id), msg_id
        )

    async def set_role(
        self, user_id: str, group_id: str, member_id: str, role: Role, msg_id: str | None = None
    ) -> Stored:
        """Give a member a role; ``owner`` hands the group over."""
        await self._check(user_id, group_id, msg_id)
        body = MemberRoleBody(role=role, user_id=member_id)
        return await self._execute("member_role", user_id, group_id, body, msg_id)

    async def update(
        self,
        user_id: str,
        group_id: str,
        *,
        name: str | None = None,
        announcement: str | None = None,
        avatar: str | None = None,
        join_policy: JoinPolicy | None = None,
        history_policy: HistoryPolicy | None = None,
        msg_id: str | None = None,
    ) -> Stored:
        """Change the fields that are given."""
        body = GroupUpdatedBody(
            announcement=check_length("announcement", announcement, MAX_ANNOUNCEMENT),
            avatar=check_length("avatar", avatar, MAX_AVATAR),
            history_policy=history_policy,
            join_policy=join_policy,
            name=None if name is None else check_name(name),
        )
        if body == GroupUpdatedBody():
            raise Refused(ErrorCode.INVALID_PARAMETERS, "expected at least one field to change")
        await self._check(user_id, group_id, msg_id)
        return await self._execute("group_updated", user_id, group_id, body, msg_id)

    async def dissolve(self, user_id: str, group_id: str, msg_id: str | None = None) -> Stored:
        """End the group: its members keep reading, nobody writes."""
        await self._check(user_id, group_id, msg_id)
        return await self._execute("group_dissolved", user_id, group_id, GroupDissolvedBody(), msg_id)

    async def _check(self, user_id: str, group_id: str, msg_id: str | None) -> None:
        """Keep strangers out of the log; a repeat of something stored passes, whoever the sender is now."""
        try:
            await access_group(self._store, user_id, group_id)
        except Refused:
            if msg_id is None or await self._store.find(user_id, msg_id) is None:
                raise

    async def _execute(
        self, kind: str, user_id: str, group_id: str, body: Body, msg_id: str | None
    ) -> Stored:
        command = make_command(
            kind,
            sender_id=user_id,
            msg_id=msg_id or self._messages.new_msg_id(),
            conversation_id=group_id,
            body=body,
        )
        return await self._messages.execute(command)


def check_name(name: str) -> str:
    """Return a group's name without outer space.

    Raises:
        Refused: 10002, empty or above 100 characters.
    """
    trimmed = name.strip()
    if not 1 <= len(trimmed) <= MAX_NAME:
        raise Refused(ErrorCode.INVALID_PARAMETERS, f"name: expected 1 to {MAX_NAME} characters")
    return trimmed


def check_length(field: str, text: str | None, limit: int) -> str | None:
    """Return the text if it has at most ``limit`` characters.

    Raises:
        Refused: 10002.
    """
    if text is not None and len(text) > limit:
        raise Refused(ErrorCode.INVALID_PARAMETERS, f"{field}: at most {limit} characters")
    return text
