"""Accounts, groups and many messages in a moment, over the API and the socket: what a test of the page finds there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import connect

from tests.browser.person import PASSWORD, new_name

WINDOW = 48  # unanswered sends; the server reads no more than 64 ahead


@dataclass
class Account:
    """Somebody without a browser."""

    url: str
    username: str
    user_id: str
    token: str

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API and return the data."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            headers = {"Authorization": f"Bearer {self.token}"}
            answer = await http.request(method, f"{self.url}/api/v1{path}", json=body, headers=headers)
            return answer.raise_for_status().json()["data"]

    async def new_group(self, name: str, *members: Account) -> str:
        """Make a group and return its id."""
        body = {"name": name, "member_ids": [each.user_id for each in members]}
        return str((await self.call("POST", "/groups", body))["group"]["group_id"])

    async def send_all(self, texts: list[str], **where: str) -> None:
        """Send messages in order over one socket; returns when all are stored."""
        url = self.url.replace("http", "ws", 1) + "/ws"
        headers = {"Authorization": f"Bearer {self.token}"}
        async with connect(url, additional_headers=headers, proxy=None, max_queue=None) as socket:
            unanswered = 0
            for number, text in enumerate(texts):
                payload = {"msg_id": f"{new_name('m')}-{number}", "content": text, **where}
                await socket.send(json.dumps({"type": "send", "payload": payload}))
                unanswered += 1
                while unanswered >= WINDOW:
                    unanswered -= _answered(await socket.recv())
            while unanswered:
                unanswered -= _answered(await socket.recv())


def _answered(text: str | bytes) -> int:
    frame = json.loads(text)
    assert frame["type"] != "error", frame
    return int(frame["type"] == "message_ack")


async def new_account(url: str, stem: str = "eve", *, nickname: str = "") -> Account:
    """Make an account and log in."""
    username = new_name(stem)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        body = {"username": username, "password": PASSWORD}
        register = body | ({"nickname": nickname} if nickname else {})
        (await http.post(f"{url}/api/v1/auth/register", json=register)).raise_for_status()
        answer = await http.post(f"{url}/api/v1/auth/login", json=body)
        data = answer.raise_for_status().json()["data"]
    return Account(url, username, data["user"]["user_id"], data["token"])
