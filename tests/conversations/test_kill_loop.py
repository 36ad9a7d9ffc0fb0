"""A server that is killed again and again under load: what was acknowledged is there, once, where it was said to be."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import websockets

from pingme.adapters.sqlite_verify import verify
from tests.conversations.server import ServerProcess

ROUNDS = 10
SEED = 20_261
PASSWORD = "a good password"


@dataclass
class Writer:
    """Somebody who sends as fast as acks come, eight at a time, and notes what was acknowledged."""

    user_id: str
    token: str
    peer: str
    acked: dict[str, tuple[str, int]] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)

    async def write(self, url: str) -> None:
        """Write until the server is gone."""
        try:
            async with websockets.connect(
                url, additional_headers={"Authorization": f"Bearer {self.token}"}
            ) as socket:
                for _ in range(8):
                    await self.send(socket)
                async for text in socket:
                    await self.take(socket, json.loads(text))
        except (OSError, websockets.WebSocketException):
            return

    async def send(self, socket: websockets.ClientConnection) -> None:
        """Send one message under a new msg_id."""
        msg_id = str(uuid.uuid4())
        self.sent[msg_id] = f"{self.user_id} {len(self.sent)}"
        payload = {"msg_id": msg_id, "to_user_id": self.peer, "content": self.sent[msg_id]}
        await socket.send(json.dumps({"type": "send", "payload": payload}))

    async def take(self, socket: websockets.ClientConnection, frame: dict) -> None:
        """Note an ack and send the next message."""
        assert frame["type"] in {"auth_ok", "message_ack", "message"}, frame
        if frame["type"] == "message_ack":
            payload = frame["payload"]
            self.acked[payload["msg_id"]] = (payload["conversation_id"], payload["seq"])
            await self.send(socket)


async def enter(http: httpx.AsyncClient, name: str) -> tuple[str, str]:
    """Register and log in; return the user id and the token."""
    credentials = {"username": name, "password": PASSWORD}
    await http.post("/api/v1/auth/register", json=credentials)
    data = (await http.post("/api/v1/auth/login", json=credentials)).json()["data"]
    return data["user"]["user_id"], data["token"]


async def read_all(http: httpx.AsyncClient, writer: Writer, conversation_id: str) -> list[dict]:
    """Return every event of a conversation, by pages."""
    events: list[dict] = []
    while True:
        after = events[-1]["seq"] if events else 0
        answer = await http.get(
            "/api/v1/messages/history",
            params={"conversation_id": conversation_id, "after_seq": after, "limit": 200},
            headers={"Authorization": f"Bearer {writer.token}"},
        )
        page = answer.json()["data"]
        events += page["events"]
        if not page["has_more"]:
            return events


async def repeat_some(http: httpx.AsyncClient, writer: Writer, chance: random.Random) -> None:
    """Send some acknowledged messages again: the first seq comes back, as a duplicate."""
    for msg_id in chance.sample(sorted(writer.acked), 5):
        answer = await http.post(
            "/api/v1/messages",
            json={"msg_id": msg_id, "to_user_id": writer.peer, "content": writer.sent[msg_id]},
            headers={"Authorization": f"Bearer {writer.token}"},
        )
        data = answer.json()["data"]
        assert (data["conversation_id"], data["seq"], data["duplicate"]) == (*writer.acked[msg_id], True)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_ten_kills_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    """Ten kills with -9 while three people write: every ack holds, seqs have no gap, digests and hashes agree."""
    chance = random.Random(SEED)
    server = ServerProcess(tmp_path / "data", {"PINGME_LIMITS__SENDS_PER_S": "0"})
    await server.start()
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        known = [await enter(http, name) for name in ("anna", "bert", "cleo")]
        writers = [
            Writer(user_id, token, known[(number + 1) % 3][0])
            for number, (user_id, token) in enumerate(known)
        ]
        for _ in range(ROUNDS):
            acked_before = sum(len(writer.acked) for writer in writers)
            async with asyncio.TaskGroup() as tasks:
                for writer in writers:
                    tasks.create_task(writer.write(f"{server.url.replace('http', 'ws')}/ws"))
                while sum(len(writer.acked) for writer in writers) < acked_before + 50:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)  # the load must be under way before the moment is drawn
                await asyncio.sleep(chance.uniform(0, 0.2))
                await server.kill9()
            await server.start()

        for writer in writers:
            conversation_id = next(iter(writer.acked.values()))[0]
            events = await read_all(http, writer, conversation_id)
            at = {event["msg_id"]: (conversation_id, event["seq"]) for event in events}
            assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
            assert len(at) == len(events)
            assert writer.acked.items() <= at.items()
            assert all(event["content"] == writer.sent[event["msg_id"]] for event in events)
            await repeat_some(http, writer, chance)
    assert await server.stop() == 0
    assert verify(tmp_path / "data" / "pingme.db", report=lambda *_: None).faults == []
