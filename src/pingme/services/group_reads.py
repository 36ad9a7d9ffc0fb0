"""Groups and their members, as a member sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.store import Access, MemberPosition, Store
from pingme.services.access import access_group
from pingme.services.cursors import pack, unpack

MAX_ITEMS = 200  # of one page


class _GroupCursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last group that was given."""

    group_id: str


class _MemberCursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last member that was given, and when that member had joined."""

    joined_seq: int
    user_id: str


@dataclass(frozen=True, slots=True)
class GroupPage:
    """Some of the user's groups; next_cursor is None at the end."""

    items: Sequence[Access]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MemberPage:
    """Some of the present members; next_cursor is None at the end."""

    items: Sequence[MemberPosition]
    next_cursor: str | None


class GroupReads:
    """Reads about groups; only present members may.

    Args:
        store: where they are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def mine(self, user_id: str, cursor: str | None = None, limit: int = 50) -> GroupPage:
        """Return the groups in which the user is, by id (which is by age).

        Raises:
            Refused: 10002.
            StoreUnavailable: it cannot be read now.
        """
        check_limit(limit)
        after = "" if cursor is None else unpack(cursor, _GroupCursor, field="cursor").group_id
        groups = sorted(each for each in await self._store.channels(user_id) if each > after)
        page = groups[:limit]
        # Whoever has just been removed from one of them does not see it any more.
        items = [each for each in await self._store.accesses(user_id, page) if each.member.present]
        return GroupPage(items, pack(_GroupCursor(page[-1])) if len(groups) > limit else None)

    async def get(self, user_id: str, group_id: str) -> Access:
        """Return one group.

        Raises:
            Refused: 40002 for strangers, 40003 for former members.
            StoreUnavailable: it cannot be read now.
        """
        return await access_group(self._store, user_id, group_id)

    async def members(
        self, user_id: str, group_id: str, cursor: str | None = None, limit: int = 200
    ) -> MemberPage:
        """Return the present members in the order of joining.

        Raises:
            Refused: 40002 for strangers, 40003 for former members, 10002.
            StoreUnavailable: it cannot be read now.
        """
        check_limit(limit)
        after = None if cursor is None else unpack(cursor, _MemberCursor, field="cursor")
        await access_group(self._store, user_id, group_id)
        everybody = await self._store.members(group_id)
        rest = [each for each in everybody[_place_after(everybody, after) :] if each.member.present]
        if len(rest) <= limit:
            return MemberPage(rest, None)
        page = rest[:limit]
        last = page[-1].member
        return MemberPage(page, pack(_MemberCursor(last.joined_seq, last.user_id)))


def _place_after(everybody: Sequence[MemberPosition], after: _MemberCursor | None) -> int:
    """Return where the next page begins.

    Who left meanwhile is still in the list; who came back is at its end, and then the page begins with those who had
    joined together with that member: some come twice, none is passed over.
    """
    if after is None:
        return 0
    for place, each in enumerate(everybody):
        if each.member.joined_seq == after.joined_seq and each.member.user_id == after.user_id:
            return place + 1
    earlier = (place for place, each in enumerate(everybody) if each.member.joined_seq >= after.joined_seq)
    return next(earlier, len(everybody))


def check_limit(limit: int) -> None:
    """Check the size of a page.

    Raises:
        Refused: 10002.
    """
    if not 1 <= limit <= MAX_ITEMS:
        raise Refused(ErrorCode.INVALID_PARAMETERS, f"limit: expected 1 to {MAX_ITEMS}, got {limit}")
