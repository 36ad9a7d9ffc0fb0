"""Authorisation for reads: only these functions hand out a conversation, and only to somebody who may see it.

Writes are decided by `pingme.domain.rules`, in log order, on what the store holds.
"""

from __future__ import annotations

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.model import ConversationType, RoleRank
from pingme.domain.rules import missing_code
from pingme.ports.store import Access, Store


async def access_conversation(store: Store, user_id: str, conversation_id: str) -> Access:
    """Return what a present or former member may see of a conversation.

    Raises:
        Refused: 40001 or 40002 for strangers, exactly as for a conversation that does not exist.
    """
    access = await store.access(user_id, conversation_id)
    if access is None:
        raise Refused(missing_code(conversation_id))
    return access


async def access_present(store: Store, user_id: str, conversation_id: str) -> Access:
    """Return the same for present members only.

    Raises:
        Refused: 40001/40002 for strangers, 40003 for former members.
    """
    access = await access_conversation(store, user_id, conversation_id)
    if not access.member.present:
        raise Refused(ErrorCode.NOT_A_MEMBER)
    return access


async def access_group(
    store: Store, user_id: str, group_id: str, least: RoleRank = RoleRank.MEMBER
) -> Access:
    """Return a group to a present member with at least this role.

    Raises:
        Refused: 40002 for strangers and where it is not a group, 40003 for former members, 10004 below the role.
    """
    access = await store.access(user_id, group_id)
    if access is None or access.conversation.type is not ConversationType.GROUP:
        raise Refused(ErrorCode.GROUP_NOT_FOUND)
    if not access.member.present:
        raise Refused(ErrorCode.NOT_A_MEMBER)
    if access.member.role < least:
        raise Refused(ErrorCode.FORBIDDEN)
    return access
