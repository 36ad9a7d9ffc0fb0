"""The HTTP part of a client: accounts, logins and groups, by docs/protocol.md, through whichever node answers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.chaos.recorder import Recorder

PASSWORD = "correct horse battery"
CALL_S = 15.0  # above the 10 s after which the server calls an outcome unknown
AGAIN_S = 0.2
SETTLED_WITHIN_S = 90.0
LOGIN_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Login:
    """One device that is logged in."""

    user_id: str
    device_id: str
    token: str


class NodeAway(Exception):
    """No node answered as docs/protocol.md says."""


class Nodes:
    """The base URLs of a run; a call goes to the next one when one does not answer."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.urls = list(urls)
        self._turn = itertools.cycle(range(len(self.urls)))
        self._http = httpx.AsyncClient(trust_env=False, timeout=CALL_S)

    def next(self) -> str:
        """Return one of the URLs, in turn."""
        return self.urls[next(self._turn)]

    async def close(self) -> None:
        await self._http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        token: str = "",
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the envelope of one try.

        Raises:
            NodeAway: the request broke, so nobody knows what it did.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self.next()}/api/v1{path}"
        try:
            answer = await self._http.request(method, url, json=body, params=query, headers=headers)
            envelope: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as exc:
            raise NodeAway(f"{method} {path}: {exc!r}") from exc
        return envelope

    async def login(self, username: str, device_id: str) -> Login:
        """Make the account if need be, and log a device in.

        Raises:
            NodeAway: it was not possible, however often it was tried.
        """
        for _ in range(LOGIN_ATTEMPTS - 1):
            with contextlib.suppress(NodeAway):
                return await self._login(username, device_id)
        return await self._login(username, device_id)

    async def _login(self, username: str, device_id: str) -> Login:
        account = {"username": username, "password": PASSWORD}
        await self.call("POST", "/auth/register", body=account)  # 30002 for a second device
        answer = await self.call("POST", "/auth/login", body={**account, "device_id": device_id})
        if answer["code"]:
            raise NodeAway(f"login of {username}: {answer['code']} {answer['message']}")
        data = answer["data"]
        return Login(data["user"]["user_id"], data["device_id"], data["token"])


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that goes by HTTP.

    Attributes:
        kind: of the event that it becomes, with its body.
        json: of the request; the msg_id is added to it, or to the query of a DELETE.
    """

    method: str
    path: str
    conversation_id: str
    kind: str
    body: Mapping[str, Any]
    json: Mapping[str, Any] | None = None


class Caller:
    """Sends operations by HTTP until each is settled, and writes every attempt down.

    Args:
        nodes: where.
        login: who.
        recorder: of the same device.
    """

    def __init__(self, nodes: Nodes, login: Login, recorder: Recorder) -> None:
        self._nodes = nodes
        self._login = login
        self._recorder = recorder
        self._numbers = itertools.count(1)

    async def create_group(self, name: str, member_ids: Sequence[str], policy: str = "from_join") -> str:
        """Create a group and return its id. The server is expected to be well."""
        asked = {"name": name, "member_ids": list(member_ids), "history_policy": policy}
        msg_id = self._new_msg_id()
        answer = await self._nodes.call("POST", "/groups", self._login.token, {**asked, "msg_id": msg_id})
        if answer["code"]:
            raise NodeAway(f"group {name}: {answer['code']} {answer['message']}")
        data = answer["data"]
        users = [self._login.user_id, *(user for user in member_ids if user != self._login.user_id)]
        body = {"name": name, "history_policy": policy, "join_policy": "invite", "user_ids": users}
        # The id is known only now; for the checker the send stands before the ack, which is all it asks for.
        self._recorder.send(0, msg_id, data["conversation_id"], "group_created", body)
        self._recorder.ack(0, data)
        return str(data["conversation_id"])

    async def add(self, group_id: str, user_id: str) -> bool:
        """Make somebody a member; return False when it was refused."""
        users = {"user_ids": [user_id]}
        path = f"/groups/{group_id}/members"
        return await self.settle(Operation("POST", path, group_id, "member_joined", users, users))

    async def remove(self, group_id: str, user_id: str) -> bool:
        """Remove a member; return False when it was refused."""
        path = f"/groups/{group_id}/members/{user_id}"
        return await self.settle(Operation("DELETE", path, group_id, "member_removed", {"user_id": user_id}))

    async def settle(self, operation: Operation) -> bool:
        """Repeat an operation with its msg_id until it is stored (True) or refused for good (False)."""
        msg_id = self._new_msg_id()
        async with asyncio.timeout(SETTLED_WITHIN_S):
            while True:
                settled = await self._try(operation, msg_id)
                if settled is not None:
                    return settled
                await asyncio.sleep(AGAIN_S)

    async def _try(self, operation: Operation, msg_id: str) -> bool | None:
        self._recorder.send(0, msg_id, operation.conversation_id, operation.kind, operation.body)
        carried = {"msg_id": msg_id}
        body, query = (None, carried) if operation.json is None else ({**operation.json, **carried}, None)
        try:
            answer = await self._nodes.call(operation.method, operation.path, self._login.token, body, query)
        except NodeAway:
            self._recorder.write("broken", msg_id=msg_id)
            return None
        if not answer["code"]:
            self._recorder.ack(0, answer["data"])
            return True
        error = {"code": answer["code"], **answer["data"]}
        self._recorder.error(0, msg_id, error)
        return None if error["retryable"] else False

    def _new_msg_id(self) -> str:
        return f"h-{self._login.user_id}-{self._login.device_id}-{next(self._numbers)}"
