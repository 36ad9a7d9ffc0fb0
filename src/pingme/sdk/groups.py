"""Groups over HTTP. Every change is an event in the group's log, stored once per msg_id."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pingme.sdk.models import Group, Member
from pingme.sdk.rest import walk
from pingme.sdk.transport import Transport, Values, convert


class Groups:
    """Make and administer groups. Errors are those of `Transport.call`; who may not gets 10004, 40002 or
    40003.

    Args:
        transport: makes the calls.
        new_msg_id: names each change.
    """

    def __init__(self, transport: Transport, new_msg_id: Callable[[], str]) -> None:
        self._transport = transport
        self._call = transport.call
        self._new_msg_id = new_msg_id

    async def create(
        self,
        name: str,
        member_ids: Sequence[str] = (),
        *,
        history_policy: str | None = None,
        join_policy: str | None = None,
    ) -> Group:
        """Make a group with these members; the caller is its owner.

        Args:
            name: shown to members.
            member_ids: user ids of the others.
            history_policy: ``from_join`` (default) or ``full``: what new members may read.
            join_policy: ``invite`` (default) or ``open``: anybody with the id may join.
        """
        body = {
            "name": name,
            "member_ids": list(member_ids),
            "history_policy": history_policy,
            "join_policy": join_policy,
            "msg_id": self._new_msg_id(),
        }
        return _group(await self._call("POST", "/groups", answer=dict[str, Any], body=body, safe=True))

    async def mine(self) -> list[Group]:
        """Return the groups in which the user is a member."""
        return [group async for group in walk(self._transport, "/groups", Group)]

    async def get(self, group_id: str) -> Group:
        """Return a group."""
        return _group(await self._call("GET", f"/groups/{group_id}", answer=dict[str, Any]))

    async def update(
        self,
        group_id: str,
        *,
        name: str | None = None,
        announcement: str | None = None,
        avatar: str | None = None,
        join_policy: str | None = None,
        history_policy: str | None = None,
    ) -> None:
        """Change fields of a group; None leaves them as they are. For owner and admins."""
        body = {
            "name": name,
            "announcement": announcement,
            "avatar": avatar,
            "join_policy": join_policy,
            "history_policy": history_policy,
        }
        await self._change("PATCH", f"/groups/{group_id}", body)

    async def dissolve(self, group_id: str) -> None:
        """End a group: nobody writes there any more. For the owner."""
        await self._change("DELETE", f"/groups/{group_id}")

    async def join(self, group_id: str) -> None:
        """Become a member of an open group."""
        await self._change("POST", "/groups/join", {"group_id": group_id})

    async def leave(self, group_id: str) -> None:
        """Stop being a member."""
        await self._change("POST", "/groups/leave", {"group_id": group_id})

    async def members(self, group_id: str) -> list[Member]:
        """Return the members."""
        return [member async for member in walk(self._transport, f"/groups/{group_id}/members", Member)]

    async def invite(self, group_id: str, user_ids: Sequence[str]) -> None:
        """Make these users members."""
        await self._change("POST", f"/groups/{group_id}/members", {"user_ids": list(user_ids)})

    async def remove(self, group_id: str, user_id: str) -> None:
        """Take a member out: nothing later reaches them. For owner and admins."""
        await self._change("DELETE", f"/groups/{group_id}/members/{user_id}")

    async def set_role(self, group_id: str, user_id: str, role: str) -> None:
        """Make a member ``admin`` or ``member``, or hand the group over with ``owner``. For the owner."""
        await self._change("PATCH", f"/groups/{group_id}/members/{user_id}", {"role": role})

    async def _change(self, method: str, path: str, body: Values | None = None) -> None:
        """Make a call that stores an event; DELETE carries the msg_id in the query."""
        msg_id = self._new_msg_id()
        if method == "DELETE":
            await self._call(method, path, answer=object, query={"msg_id": msg_id}, safe=True)
        else:
            await self._call(method, path, answer=object, body={**(body or {}), "msg_id": msg_id}, safe=True)


def _group(data: dict[str, Any]) -> Group:
    return convert(data.get("group", data), Group)
