"""A server that is killed, or told to stop, while three clients write as fast as they can."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from pingme.domain.chain import digest_of, first_hash, next_hash
from tests.conversations.server import ServerProcess

SEED = 20_260_101
KILLS = 10
WINDOW = 24  # unanswered sends of a client
PASSWORD = "correct horse battery"
NAMES = ("ada", "ben", "cleo")
UNLIMITED = {"PINGME_LIMITS__SENDS_PER_S": "0"}
NOT_BODY = {"kind", "conversation_id", "seq", "msg_id", "sender_id", "server_ts", "digest", "client_ts"}


@dataclass
class Writer:
    """A client that only writes, and remembers what it was told.

    Attributes:
        sent: msg_id -> content of everything that left.
        acked: msg_id -> seq.
        refused: msg_id -> code.
        order: the msg_ids in the order of sending.
    """

    name: str
    user_id: str
    token: str
    group_id: str = ""
    sent: dict[str, str] = field(default_factory=dict)
    acked: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    close_code: int | None = None
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    _number: int = 0

    @asynccontextmanager
    async def socket(self, server: ServerProcess) -> AsyncIterator[ClientConnection]:
        """Connect and authenticate."""
        url = server.url.replace("http", "ws") + "/ws"
        async with connect(url, proxy=None, close_timeout=1) as socket:
            await socket.send(frame("auth", token=self.token, protocol=1))
            assert json.loads(await socket.recv())["type"] == "auth_ok"
            yield socket

    def next_frame(self) -> str:
        self._number += 1
        msg_id, content = f"{self.name}-{self._number}", f"{self.name} says {self._number} …"
        self.sent[msg_id] = content
        return frame("send", msg_id=msg_id, group_id=self.group_id, content=content)

    @property
    def unanswered(self) -> int:
        return len(self.sent) - len(self.acked) - len(self.refused)

    def hear(self, text: str | bytes) -> None:
        self.heard.set()
        got = json.loads(text)
        payload = got["payload"]
        if got["type"] == "message_ack":
            assert self.acked.setdefault(payload["msg_id"], payload["seq"]) == payload["seq"]
        elif got["type"] == "error":
            self.refused[payload["msg_id"]] = payload["code"]

    async def write(self, server: ServerProcess, stop: asyncio.Event) -> None:
        """Keep the window full until the server is gone, or `stop` is set and everything is answered."""
        lost = self.unanswered  # of an earlier life of the server: nobody will answer these
        try:
            async with self.socket(server) as socket:
                while True:
                    while not stop.is_set() and self.unanswered - lost < WINDOW:
                        await socket.send(self.next_frame())
                    self.hear(await socket.recv())
        except ConnectionClosed as closed:
            self.close_code = closed.rcvd.code if closed.rcvd is not None else None
        except OSError:
            pass


def total(writers: list[Writer]) -> int:
    return sum(len(writer.acked) for writer in writers)


async def acked_above(writers: list[Writer], count: int) -> None:
    """Return when more than this many messages are acked."""
    while total(writers) <= count:
        writers[0].heard.clear()
        await writers[0].heard.wait()


def frame(kind: str, **payload: Any) -> str:
    return json.dumps({"type": kind, "payload": payload})


async def call(http: httpx.AsyncClient, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = await http.post(f"/api/v1{path}", json=body, headers=headers)
    assert answer.is_success, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def make_writers(server: ServerProcess) -> list[Writer]:
    """Register everybody and put them into one group."""
    writers: list[Writer] = []
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        for name in NAMES:
            account = {"username": name, "password": PASSWORD}
            await call(http, "/auth/register", account)
            login = await call(http, "/auth/login", account)
            writers.append(Writer(name, login["user"]["user_id"], login["token"]))
        members = [writer.user_id for writer in writers]
        group = await call(http, "/groups", {"name": "all", "member_ids": members}, writers[0].token)
    for writer in writers:
        writer.group_id = group["group"]["group_id"]
    return writers


async def whole_log(writer: Writer, server: ServerProcess) -> list[dict[str, Any]]:
    """Return every event of the group, and check that the pages' hashes join."""
    events: list[dict[str, Any]] = []
    rolling = first_hash(writer.group_id)
    async with writer.socket(server) as socket:
        while True:
            after = events[-1]["seq"] if events else 0
            asked = frame("history", conversation_id=writer.group_id, after_seq=after, limit=200)
            await socket.send(asked)
            page = json.loads(await socket.recv())["payload"]
            assert page["prev_hash"] == rolling.hex()
            for event in page["events"]:
                rolling = next_hash(rolling, recomputed_digest(event))
            events += page["events"]
            if not page["has_more"]:
                return events


def recomputed_digest(event: dict[str, Any]) -> bytes:
    """Return the digest by its definition, from what a client sees; it must be the one that is shown."""
    body = {key: value for key, value in event.items() if key not in NOT_BODY}
    payload = json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    digest = digest_of(
        payload,
        event["conversation_id"],
        event["kind"],
        event["msg_id"],
        event["sender_id"],
        event["seq"],
        event["server_ts"],
    )
    assert digest.hex() == event["digest"]
    return digest


def check_log(events: list[dict[str, Any]], writers: list[Writer]) -> None:
    """Acked: once, at its seq, as sent. Unacked: once or not at all. Nothing else; every sender's order is kept."""
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    messages = [event for event in events if event["kind"] == "message"]
    by_id = {event["msg_id"]: event for event in messages}
    assert len(by_id) == len(messages), "a msg_id stands twice"
    for writer in writers:
        for msg_id, seq in writer.acked.items():
            assert by_id[msg_id]["seq"] == seq
        mine = [event["msg_id"] for event in messages if event["sender_id"] == writer.user_id]
        assert all(by_id[msg_id]["content"] == writer.sent[msg_id] for msg_id in mine)
        assert mine == [msg_id for msg_id in writer.sent if msg_id in by_id]


async def resend(writer: Writer, server: ServerProcess, msg_ids: list[str]) -> None:
    """Send acked messages again: each is answered with its seq, as a duplicate."""
    async with writer.socket(server) as socket:
        for msg_id in msg_ids:
            again = {"msg_id": msg_id, "group_id": writer.group_id, "content": writer.sent[msg_id]}
            await socket.send(frame("send", **again))
            answer = json.loads(await socket.recv())
            assert answer["type"] == "message_ack", answer
            assert answer["payload"]["duplicate"] is True
            assert answer["payload"]["seq"] == writer.acked[msg_id]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_ten_kills_under_load_lose_and_double_nothing(tmp_path: Path):
    """Killed with -9 at random moments: every acked message is there once, at its seq, in order, and the chain holds."""
    chance = random.Random(SEED)
    server = ServerProcess(tmp_path / "data", UNLIMITED)
    await server.start()
    writers = await make_writers(server)
    never = asyncio.Event()

    for _ in range(KILLS):
        if not server.is_running:
            await server.start()
        async with asyncio.TaskGroup() as tasks:
            for writer in writers:
                tasks.create_task(writer.write(server, never))
            await acked_above(writers, total(writers) + 30)
            await asyncio.sleep(chance.uniform(0, 0.15))  # the random moment
            await server.kill9()

    async with server:
        check_log(await whole_log(writers[0], server), writers)
        for writer in writers:
            assert len(writer.acked) >= KILLS
            await resend(writer, server, chance.sample(sorted(writer.acked), 10))
        check_log(await whole_log(writers[1], server), writers)


@pytest.mark.slow
async def test_sigterm_under_load_answers_what_was_received(tmp_path: Path):
    """Told to stop, the server answers every frame, closes 1001 and exits with 0; nothing acked is lost."""
    server = ServerProcess(tmp_path / "data", UNLIMITED)
    await server.start()
    writers = await make_writers(server)
    stop = asyncio.Event()

    async with asyncio.TaskGroup() as tasks:
        for writer in writers:
            tasks.create_task(writer.write(server, stop))
        await acked_above(writers, 300)
        stop.set()  # from here on nothing is sent: what the server has not answered, it must answer now
        began = time.monotonic()
        status = await server.stop()
        took_s = time.monotonic() - began

    assert status == 0, server.log()
    assert took_s < 25
    assert [writer.unanswered for writer in writers] == [0, 0, 0]
    assert [writer.close_code for writer in writers] == [1001, 1001, 1001]
    assert set(itertools.chain.from_iterable(writer.refused.values() for writer in writers)) <= {10008}
    async with server:
        check_log(await whole_log(writers[0], server), writers)
