"""`pingme_refused_total` counts every error that a client is told, once, whichever way it goes out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pingme.bootstrap.server import bind
from pingme.domain.errors import StoreUnavailable
from pingme.edge.http.app import create_app
from pingme.edge.http.services import HttpServices
from pingme.edge.server import EdgeServer
from tests.fakes.clock import FakeClock
from tests.fakes.node_world import NodeWorld

NOBODY: Any = None


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[NodeWorld]:
    """A node with two accounts."""
    made = NodeWorld(tmp_path)
    await made.add_users("ua", "ub")
    yield made
    await made.close()


# On a socket.


async def test_a_refusal_by_the_pipeline_counts_once(world: NodeWorld):
    """40004 is decided behind the log; it counts when its sender is told."""
    client = await world.online("ua")

    client.say("m1", to_user_id="ub")
    client.say("m1", to_user_id="ub", content="something else")
    await client.hears("error")

    assert world.hot.refused == {40004: 1}


async def test_refusals_before_the_log_count(world: NodeWorld):
    """A bad frame, a stranger's conversation, and a send while the node leaves."""
    client = await world.online("ua")

    client.text('{"type": "nonsense"}')
    client.say("m1", group_id="gnone")
    await client.hears("error", 2)
    world.messages.draining = True
    client.say("m2", to_user_id="ub")
    await client.hears("error", 3)

    assert world.hot.refused == {10002: 1, 40002: 1, 10008: 1}


async def test_a_send_without_an_answer_counts(world: NodeWorld):
    """10009, when its time is over."""
    client = await world.online("ua")
    client.say("m0", to_user_id="ub")
    await client.hears("message_ack")
    world.log.append = lambda _record: None  # type: ignore[method-assign]  # nobody takes it

    client.say("m1", to_user_id="ub")
    for _ in range(3):
        world.pending.tick()
        await world.seconds(6)

    assert world.hot.refused == {10009: 1}


async def test_a_failed_authentication_counts(world: NodeWorld):
    """auth_fail carries a code of the table, too: of a token, and of a store that is away."""
    client = world.client()
    client.send("auth", token="nonsense", protocol=1)
    await client.closed_with()

    async def away(_user_id: str) -> dict[str, int]:
        raise StoreUnavailable("away")

    world.store.channels = away  # type: ignore[method-assign]
    client = world.client()
    client.send("auth", token="ua/d1", protocol=1)
    await client.closed_with()

    assert world.hot.refused == {30005: 1, 20001: 1}


async def test_what_is_not_sent_does_not_count(world: NodeWorld):
    """A client that has gone is told nothing."""
    client = await world.online("ua")
    client.say("m1", to_user_id="ub")
    client.say("m1", to_user_id="ub", content="something else")
    client.connection.lost()
    await world.until(lambda: not world.node._tasks and not len(world.pending))

    assert world.hot.refused == {}


# Over HTTP.


@pytest.fixture
def counted() -> Counter[int]:
    """The codes that the application has counted."""
    return Counter()


@pytest.fixture
async def http(counted: Counter[int]) -> AsyncIterator[httpx.AsyncClient]:
    """The application without services: whatever asks for one meets a fault of the server."""
    app = create_app(
        HttpServices(accounts=NOBODY),
        clock=FakeClock(),
        body_limit_bytes=100,
        count_refusal=lambda code: counted.update([code]),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (("GET", "/api/v1/conversations", None), 401, 10003),
        (("GET", "/api/v1/nowhere", None), 404, 10005),
        (("PUT", "/api/v1/conversations", None), 405, 10002),
        (("POST", "/api/v1/auth/login", b"no JSON"), 400, 10002),
        (("POST", "/api/v1/auth/login", b'{"username": 1}'), 422, 10002),
        (("POST", "/api/v1/auth/login", b"x" * 101), 413, 10002),
        (("POST", "/api/v1/auth/refresh", b'{"refresh_token": "r"}'), 500, 10001),
    ],
    ids=str,
)
async def test_an_error_of_the_api_counts_once(
    http: httpx.AsyncClient, counted: Counter[int], request_: Any, status: int, code: int
):
    """A service's no, the framework's, the middleware's, and a fault."""
    method, path, body = request_

    answer = await http.request(method, path, content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert counted == {code: 1}


async def test_a_success_counts_nothing(http: httpx.AsyncClient, counted: Counter[int]):
    """Only errors pay."""
    assert (await http.get("/openapi.json")).status_code == 200

    assert counted == {}


# Without the application.


async def test_an_answer_of_the_protocol_counts(world: NodeWorld):
    """An upgrade that is refused, and headers that are too large."""
    listener = bind("127.0.0.1", 0)
    port = int(listener.getsockname()[1])
    app = create_app(HttpServices(accounts=NOBODY), clock=world.clock)
    edge = EdgeServer(app, world.node, listener, allowed_origins=(), header_bytes=1_024, http_sockets=10)
    await edge.start()
    upgrade = b"Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    try:
        for text in (
            b"GET /ws HTTP/1.1\r\n" + upgrade + key + b"Authorization: Bearer nonsense\r\n\r\n",
            b"GET /ws HTTP/1.1\r\n" + upgrade + b"\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 2_000 + b"\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(text)
            await reader.read()
            writer.close()
    finally:
        await edge.stop()

    assert world.hot.refused == {30005: 1, 10002: 2}
