"""The HTTP half of the fake server."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx

from pingme.wire import frames
from pingme.wire import server_frames as wire

if TYPE_CHECKING:
    from tests.fakes.server import FakeServer

Answer = tuple[int, Any]
STATUS = {30001: 404, 30002: 409, 30003: 401, 30005: 401, 40001: 404}


class FakeApi:
    """Answers calls from what the fake server holds.

    Attributes:
        calls: every call, as ``POST /auth/login``.
    """

    def __init__(self, fake: FakeServer) -> None:
        self._fake = fake
        self.calls: list[str] = []

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, for httpx.MockTransport."""
        path = request.url.path.removeprefix("/api/v1")
        self.calls.append(f"{request.method} {path}")
        body = json.loads(request.content) if request.content else {}
        values = {key: found[0] for key, found in parse_qs(request.url.query.decode()).items()} | body
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        me = self._fake.tokens.get(token, ("", ""))[0]
        self._fake.changed.set()
        if not self._fake.is_serving:
            raise httpx.ConnectError("nobody listens")
        code, data = await self._route(request.method, path.strip("/").split("/"), values, me=me)
        envelope = {"code": code, "message": "success" if code == 0 else f"refused with {code}", "data": data}
        return httpx.Response(STATUS.get(code, 400) if code else 200, json=envelope | {"request_id": "r1"})

    async def _route(self, method: str, parts: list[str], values: dict[str, Any], *, me: str) -> Answer:
        family: dict[str, Callable[..., Awaitable[Answer]]] = {
            "auth": self._auth,
            "users": self._users,
            "groups": self._groups,
            "messages": self._messages,
        }
        if not me and parts[0] != "auth":
            return 30005, None
        return await family.get(parts[0], self._nothing)(method, parts[1:], values, me)

    async def _nothing(self, *_: object) -> Answer:
        return 10005, None

    async def _auth(self, _method: str, parts: list[str], values: dict[str, Any], _me: str) -> Answer:
        fake = self._fake
        match parts:
            case ["register"] if values["username"] in fake.passwords:
                return 30002, None
            case ["register"]:
                user_id = fake.user(values["username"])
                fake.passwords[values["username"]] = values["password"]
                return 0, {"user": fake.users[user_id]}
            case ["login"] if fake.passwords.get(values["username"]) != values["password"]:
                return 30003, None
            case ["login"]:
                return 0, self._login(fake.user(values["username"]), values.get("device_id"))
            case ["refresh"]:
                known = fake.refresh_tokens.pop(values["refresh_token"], None)
                return (0, self._login(*known)) if known is not None else (30005, None)
            case _:
                return 0, {}

    async def _users(self, _method: str, parts: list[str], values: dict[str, Any], _me: str) -> Answer:
        users = self._fake.users
        if "ids" in values:
            return 0, {"items": [users[one] for one in values["ids"].split(",") if one in users]}
        if not parts:
            return 0, {"items": [user for user in users.values() if values["query"] in user["username"]]}
        return (0, {"user": users[parts[0]]}) if parts[0] in users else (30001, None)

    async def _groups(self, method: str, parts: list[str], values: dict[str, Any], me: str) -> Answer:
        fake, msg_id = self._fake, values.pop("msg_id", "")
        match (method, *parts):
            case ("GET",):
                mine = [log.info for log in fake.logs.values() if log.info["type"] == "group"]
                return 0, {"items": [{"group_id": i["conversation_id"], "name": i["name"]} for i in mine]}
            case ("POST",):
                group_id = await fake.new_group([me, *values["member_ids"]], values["name"], msg_id)
                return 0, {"group": {"group_id": group_id, "name": values["name"]}}
            case ("POST", group_id, "members"):
                await fake.append(fake.logs[group_id], "member_joined", me, msg_id, values)
            case ("DELETE", group_id, "members", user_id):
                gone = {"user_id": user_id}
                await fake.append(fake.logs[group_id], "member_removed", me, msg_id, gone)
            case ("PATCH", group_id):
                await fake.append(fake.logs[group_id], "group_updated", me, msg_id, values)
            case ("GET", group_id, "members"):
                members = fake.logs[group_id].members
                return 0, {"items": [{**fake.users[one], "role": "member"} for one in members]}
            case _:
                return 10005, None
        return 0, {}

    async def _messages(self, method: str, parts: list[str], values: dict[str, Any], me: str) -> Answer:
        if (method, parts) == ("GET", ["history"]):
            numbers = {key: int(values[key]) for key in ("before_seq", "after_seq", "limit") if key in values}
            asked = frames.HistoryPayload(conversation_id=values["conversation_id"], **numbers)
            page = self._fake.history(me, asked)
            return (page.code, None) if isinstance(page, wire.ErrorPayload) else (0, plain(page))
        return await self._post_message(me, values)

    async def _post_message(self, me: str, values: dict[str, Any]) -> Answer:
        fake = self._fake
        known = fake.stored.get((me, values["msg_id"]))
        if known is None:
            if fake.refuse:
                error = fake.refuse.pop(0)
                return error.code, {"retryable": error.retryable, "outcome": error.outcome}
            payload = frames.SendPayload(**values)
            log, kind, fields = fake.resolve(me, frames.Send(payload=payload))
            if log is None or me not in log.members:
                return 40001, None
            await fake.append(log, kind, me, payload.msg_id, fields)
        ack = plain(fake.stored[me, values["msg_id"]])
        return 0, ack | {"duplicate": known is not None}

    def _login(self, user_id: str, device_id: str | None) -> dict[str, Any]:
        fake = self._fake
        number = len(fake.refresh_tokens) + len(fake.tokens) + len(self.calls)
        device = device_id or f"d{number}"
        token, refresh = f"token-{number}", f"refresh-{number}"
        fake.tokens[token] = (user_id, device)
        fake.refresh_tokens[refresh] = (user_id, device)
        return {
            "token": token,
            "expires_in": fake.expires_in,
            "refresh_token": refresh,
            "device_id": device,
            "user": fake.users[user_id],
        }


def plain(payload: wire.Payload) -> Any:
    """Return a payload as JSON values."""
    return json.loads(wire.encode_server_frame("x", payload))["payload"]
