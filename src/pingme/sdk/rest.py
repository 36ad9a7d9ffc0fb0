"""Calls of the HTTP API (docs/protocol.md, "HTTP"). Errors are those of `Transport.call`.

What only changes a conversation (edit, recall, react, ack) goes over the connection: `pingme.sdk.client`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

from pingme.sdk.models import Ack, Device, Login, Receipts, Settings, Summary, User
from pingme.sdk.transport import Transport, Values, convert
from pingme.wire.server_frames import Conversation, HistoryPage, Presence

T = TypeVar("T")
REFRESH_TIMEOUT_S = 3.0  # three attempts within the 10 s in which the server gives the same successor


class Rest:
    """Accounts, users, conversations and messages over HTTP; groups: `pingme.sdk.groups`.

    Args:
        transport: makes the calls.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._call = transport.call

    async def register(
        self, username: str, password: str, *, nickname: str | None = None, email: str | None = None
    ) -> User:
        """Make an account."""
        body = {"username": username, "password": password, "nickname": nickname, "email": email}
        answer = await self._call("POST", "/auth/register", answer=dict[str, User], body=body, auth=False)
        return answer["user"]

    async def login(
        self, username: str, password: str, *, device_id: str | None = None, device_name: str | None = None
    ) -> Login:
        """Open a session of this device."""
        body = {
            "username": username,
            "password": password,
            "device_id": device_id,
            "device_name": device_name,
        }
        return await self._call("POST", "/auth/login", answer=Login, body=body, auth=False)

    async def refresh(self, refresh_token: str) -> Login:
        """Return the next pair of tokens; the old refresh token may be repeated for 10 s."""
        body = {"refresh_token": refresh_token}
        return await self._call(
            "POST",
            "/auth/refresh",
            answer=Login,
            body=body,
            auth=False,
            safe=True,
            timeout_s=REFRESH_TIMEOUT_S,
        )

    async def logout(self) -> None:
        """End this session."""
        await self._call("POST", "/auth/logout", answer=object)

    async def change_password(self, old: str, new: str) -> None:
        """Set a new password; other sessions end."""
        await self._call(
            "PUT", "/auth/password", answer=object, body={"old_password": old, "new_password": new}
        )

    async def devices(self) -> list[Device]:
        """Return the user's sessions."""
        return await self._all("/auth/devices", Device)

    async def remove_device(self, device_id: str) -> None:
        """End another session; its connection is closed."""
        await self._call("DELETE", f"/auth/devices/{device_id}", answer=object, safe=True)

    async def profile(self) -> User:
        """Return one's own account."""
        return _user(await self._call("GET", "/user/profile", answer=dict[str, Any]))

    async def update_profile(
        self,
        msg_id: str,
        *,
        nickname: str | None = None,
        avatar: str | None = None,
        email: str | None = None,
    ) -> None:
        """Change one's own profile; None leaves a field as it is."""
        body = {"msg_id": msg_id, "nickname": nickname, "avatar": avatar, "email": email}
        await self._call("PUT", "/user/profile", answer=object, body=body, safe=True)

    async def user(self, user_id: str) -> User:
        """Return somebody's public profile."""
        return _user(await self._call("GET", f"/users/{user_id}", answer=dict[str, Any]))

    async def users(self, user_ids: Sequence[str]) -> list[User]:
        """Return the public profiles of these users, at most 100; ids that nobody has are left out."""
        items, _ = await self.transport.page("/users", item=User, query={"ids": ",".join(user_ids)})
        return items

    async def search_users(self, query: str, *, limit: int | None = None) -> list[User]:
        """Return the first page of users whose name matches."""
        items, _ = await self.transport.page("/users", item=User, query={"query": query, "limit": limit})
        return items

    async def conversations(self) -> list[Summary]:
        """Return all conversations, newest first."""
        return await self._all("/conversations", Summary)

    async def conversation(self, conversation_id: str) -> Conversation:
        """Return what a member sees of a conversation."""
        data = await self._call("GET", f"/conversations/{conversation_id}", answer=dict[str, Any])
        return _inner(data, "conversation", Conversation)

    async def change_settings(self, conversation_id: str, settings: Settings, msg_id: str) -> None:
        """Mute, pin, or keep a draft; the user's other devices hear of it."""
        body = {
            "msg_id": msg_id,
            "muted": settings.muted,
            "pinned": settings.pinned,
            "draft": settings.draft,
        }
        await self._call(
            "PATCH", f"/conversations/{conversation_id}/settings", answer=object, body=body, safe=True
        )

    async def send(self, body: Values) -> Ack:
        """Send a message; ``body`` as the payload of ``send`` with its msg_id. Repeated while the outcome
        is unknown.
        """
        return await self._call("POST", "/messages", answer=Ack, body=body, safe=True)

    async def history(
        self,
        conversation_id: str,
        *,
        before_seq: int | None = None,
        after_seq: int | None = None,
        limit: int = 50,
    ) -> HistoryPage:
        """Return a range of a conversation, ascending; ``limit`` at most 200."""
        query = {
            "conversation_id": conversation_id,
            "before_seq": before_seq,
            "after_seq": after_seq,
            "limit": limit,
        }
        return await self._call("GET", "/messages/history", answer=HistoryPage, query=query)

    async def receipts(self, conversation_id: str, seq: int) -> Receipts:
        """Return who got and who read an event."""
        path = f"/conversations/{conversation_id}/receipts"
        return await self._call("GET", path, answer=Receipts, query={"seq": seq})

    async def presence(self, user_ids: Sequence[str]) -> list[Presence]:
        """Return where these users are."""
        body = {"user_ids": list(user_ids)}
        data = await self._call("POST", "/presence/query", answer=dict[str, Any], body=body, safe=True)
        return _inner(data, "items", list[Presence])

    async def _all(self, path: str, item: type[T]) -> list[T]:
        return [entry async for entry in walk(self.transport, path, item)]


async def walk(transport: Transport, path: str, item: type[T]) -> AsyncIterator[T]:
    """Yield every item of a list, page after page."""
    cursor: str | None = None
    while True:
        items, cursor = await transport.page(path, item=item, query={"cursor": cursor})
        for entry in items:
            yield entry
        if cursor is None:
            return


def _inner(data: dict[str, Any], key: str, to: type[T]) -> T:
    """Return the object of an answer, whether it stands alone or below its name."""
    return convert(data.get(key, data), to)


def _user(data: dict[str, Any]) -> User:
    return _inner(data, "user", User)
