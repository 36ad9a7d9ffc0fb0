"""What a client of HTTP may hold: headers, bodies, and the time for them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

from pingme.bootstrap.server import RECEIVE_BUFFER_BYTES, bind
from pingme.edge import doors
from pingme.edge.http.middleware import BodyLimitMiddleware, RequestMiddleware
from pingme.edge.http_bounds import BODY_DEADLINE_S, HEAD_DEADLINE_S, LAST_WORDS_S, UNREAD_DEADLINE_S
from pingme.edge.http_room import LAST_WORDS
from pingme.edge.server import EdgeServer
from tests.fakes.node_world import NodeWorld
from tests.robust.hostile import masked

HEADER_BYTES = 16_384
BODY_BYTES = 65_536
WITHIN_S = 10.0
GET = b"GET /hello HTTP/1.1\r\nHost: x\r\n"
LARGE = 32 << 20  # more than the kernel's buffers hold


class Place:
    """A node that listens, and whose clock stands still."""

    def __init__(self, world: NodeWorld, port: int, waiting: asyncio.Event) -> None:
        self.world, self._port = world, port
        self.waiting = waiting  # lets what asked for /wait have its answer
        self._clients: list[asyncio.StreamWriter] = []

    async def connect(self, *data: bytes) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._clients.append(writer)
        client = Client(reader, writer)
        for part in data:
            await client.write(part)
        return client

    async def seconds(self, count: int) -> None:
        """Let seconds pass; what was written before has arrived."""
        await asyncio.sleep(0.05)  # real sockets: what was sent is read within a few turns of the loop
        await self.world.seconds(count)

    async def until_waiting(self, count: int) -> None:
        """Return when so many wait for the answer of /wait."""
        await self.world.until(lambda: len(self.waiting._waiters) == count)

    async def close(self) -> None:
        for writer in self._clients:
            writer.transport.abort()


class Client:
    """A client that writes what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def write(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):  # the server has cut it
            self._writer.write(data)
            await self._writer.drain()

    async def status(self) -> int:
        """Read an answer and return its status."""
        async with asyncio.timeout(WITHIN_S):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await self._reader.readexactly(int(length.split(b":")[1]))
        return int(head.split()[1])

    async def rest(self) -> bytes:
        """Read to the end, which must come."""
        async with asyncio.timeout(WITHIN_S):
            try:
                return await self._reader.read()
            except ConnectionError:
                return b""

    async def until(self, text: bytes) -> bytes:
        """Read up to a text."""
        async with asyncio.timeout(WITHIN_S):
            return await self._reader.readuntil(text)

    def end(self) -> None:
        """Say no more."""
        self._writer.write_eof()

    def cut(self) -> None:
        """Be gone."""
        self._writer.transport.abort()

    async def is_open(self) -> bool:
        """Ask something; the answer shows that the connection lives."""
        await self.write(GET + b"\r\n")
        return await self.status() == 200


def application(waiting: asyncio.Event) -> FastAPI:
    app = FastAPI()

    async def wait() -> PlainTextResponse:
        await waiting.wait()
        return PlainTextResponse("waited")

    async def hello() -> PlainTextResponse:
        return PlainTextResponse("hello")

    async def large() -> PlainTextResponse:
        return PlainTextResponse("x" * LARGE)

    async def echo(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    app.add_api_route("/hello", hello)
    app.add_api_route("/wait", wait)
    app.add_api_route("/large", large)
    app.add_api_route("/echo", echo, methods=["POST"])
    app.add_middleware(BodyLimitMiddleware, limit_bytes=BODY_BYTES)
    return app


@pytest.fixture
async def place(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """A node on a port of its own; the parameter is its bound of HTTP sockets."""
    world = NodeWorld(tmp_path)
    waiting = asyncio.Event()
    app = application(waiting)
    app.add_middleware(RequestMiddleware, clock=world.clock)
    listener = bind("127.0.0.1", 0)
    edge = EdgeServer(
        app,
        world.node,
        listener,
        allowed_origins=(),
        header_bytes=HEADER_BYTES,
        http_sockets=getattr(request, "param", 10_000),
    )
    await edge.start()
    made = Place(world, int(listener.getsockname()[1]), waiting)
    yield made
    await made.close()
    await edge.stop()
    await world.close()


UPGRADE = b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


async def test_a_socket_that_asks_nothing_is_cut(place: Place):
    """Without a word: browsers open sockets in advance."""
    client = await place.connect()

    await place.seconds(HEAD_DEADLINE_S + 1)

    assert await client.rest() == b""


@pytest.mark.parametrize(
    "begun", [b"G", b"GET /hello", GET, GET + b"X-Endless: ", UPGRADE], ids=lambda b: b[-9:].decode()
)
async def test_headers_have_a_deadline(place: Place, begun: bytes):
    """408, however far they came, for a WebSocket, too."""
    client = await place.connect(begun)

    await place.seconds(HEAD_DEADLINE_S + 1)

    assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_dribbling_headers_gains_no_time(place: Place):
    """A header a second: the deadline counts from the first byte."""
    client = await place.connect(GET)
    for second in range(HEAD_DEADLINE_S):
        await client.write(b"X-%d: a\r\n" % second)
        await place.seconds(1)
    await place.seconds(1)

    assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_later_request_has_the_same_deadline(place: Place):
    """On a connection that was answered before."""
    client = await place.connect()
    assert await client.is_open()
    await place.seconds(HEAD_DEADLINE_S + 1)
    assert await client.is_open()

    await client.write(GET)
    await place.seconds(2 * HEAD_DEADLINE_S + 1)

    assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_empty_lines_are_no_request(place: Place):
    """Between requests they may stand, but they keep no connection."""
    client = await place.connect()
    assert await client.is_open()

    await client.write(b"\r\n")
    await place.seconds(2 * HEAD_DEADLINE_S + 1)

    await client.rest()


@pytest.mark.slow
async def test_a_body_has_a_deadline(place: Place):
    """408 when it does not come, also when it dribbles."""
    client = await place.connect(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(BODY_DEADLINE_S):
        await client.write(b"x")
        await place.seconds(1)
    await place.seconds(HEAD_DEADLINE_S + 1)

    assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_slow_body_in_time_is_served(place: Place):
    """The deadline of the headers does not count for it."""
    client = await place.connect(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
    await place.seconds(HEAD_DEADLINE_S + 5)
    await client.write(b"four")

    assert await client.status() == 200
    assert await client.is_open()


async def test_thousands_of_half_open_requests_do_not_pile_up(place: Place):
    """All of them are gone after the deadline, and somebody else is served meanwhile."""
    clients = [await place.connect(GET) for _ in range(1_000)]
    other = await place.connect()
    assert await other.is_open()

    await place.seconds(HEAD_DEADLINE_S + 1)

    assert all([(await client.rest()).startswith(b"HTTP/1.1 408 ") for client in clients])
    assert await other.is_open()


async def test_an_answer_that_nobody_reads_is_dropped(place: Place):
    """A client that takes nothing for a while is cut."""
    client = await place.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")

    await place.seconds(UNREAD_DEADLINE_S + 2 * HEAD_DEADLINE_S)

    assert len(await client.rest()) < LARGE


@pytest.mark.parametrize(
    "data",
    [
        GET + b"X-Large: " + b"x" * HEADER_BYTES + b"\r\n\r\n",
        GET + b"X-Endless: " + b"x" * HEADER_BYTES,
        GET + b"X" * HEADER_BYTES,
        GET + b"X-Many: a\r\n" * (HEADER_BYTES // 11),
        b"GET /" + b"x" * HEADER_BYTES,
    ],
    ids=["large", "endless-value", "endless-name", "many", "url"],
)
async def test_headers_above_their_bound_are_answered_431(place: Place, data: bytes):
    """Whether they end or not."""
    client = await place.connect(data)

    assert (await client.rest()).startswith(b"HTTP/1.1 431 ")


async def test_an_endless_header_in_crumbs_is_answered_431(place: Place):
    """The parser tells of a header when it is complete, the bound does not wait for that."""
    client = await place.connect(GET + b"X-Endless: ")
    for _ in range(17):
        await client.write(b"x" * 1_024)
        await asyncio.sleep(0.002)  # packets of their own

    assert (await client.rest()).startswith(b"HTTP/1.1 431 ")


async def test_headers_within_their_bound_are_served(place: Place):
    """In any number of packets."""
    client = await place.connect(GET + b"X-Large: ", b"x" * (HEADER_BYTES // 2), b"y" * 8_000, b"\r\n\r\n")

    assert await client.status() == 200


@pytest.mark.parametrize(
    "head",
    [b"Content-Length: %d\r\n\r\n" % (BODY_BYTES + 1), b"Transfer-Encoding: chunked\r\n\r\n10001\r\n"],
    ids=["announced", "chunked"],
)
async def test_a_body_above_its_bound_is_answered_413(place: Place, head: bytes):
    """Announced or not."""
    client = await place.connect(b"POST /echo HTTP/1.1\r\nHost: x\r\n" + head + b"x" * (BODY_BYTES + 1))

    assert await client.status() == 413


@pytest.mark.slow
async def test_what_is_left_of_a_refused_body_has_a_deadline(place: Place):
    """After 413 the rest is dropped, not for ever."""
    client = await place.connect(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
    assert await client.status() == 413

    for _ in range(BODY_DEADLINE_S + HEAD_DEADLINE_S + 1):
        await client.write(b"x")
        await place.seconds(1)

    await client.rest()


async def test_a_socket_that_was_upgraded_is_no_request(place: Place):
    """Only the deadline of authentication counts: 4401."""
    client = await place.connect(
        UPGRADE + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )

    await place.seconds(HEAD_DEADLINE_S + 1)

    rest = await client.rest()
    assert rest.startswith(b"HTTP/1.1 101 ")
    assert (4401).to_bytes(2, "big") in rest


few_sockets = pytest.mark.parametrize("place", [3], indirect=True)
WAIT = b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"


@few_sockets
async def test_a_socket_above_the_bound_is_answered_503(place: Place):
    """All others wait for their answers: 10008, before it has asked anything, and they are not disturbed."""
    others = [await place.connect(WAIT) for _ in range(3)]
    await place.until_waiting(3)

    refused = await place.connect(GET + b"\r\n")

    answer = await refused.rest()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"code":10008' in answer
    place.waiting.set()
    assert [await other.status() for other in others] == [200, 200, 200]
    assert await others[0].is_open()


@few_sockets
async def test_one_who_was_refused_does_not_stay(place: Place):
    """It is cut soon, though it reads nothing and says nothing."""
    others = [await place.connect(WAIT) for _ in range(3)]
    await place.until_waiting(3)
    refused = await place.connect()

    await place.seconds(LAST_WORDS_S + 1)

    assert (await refused.rest()).startswith(b"HTTP/1.1 503 ")
    place.waiting.set()
    assert [await other.status() for other in others] == [200, 200, 200]


@few_sockets
async def test_far_above_the_bound_nothing_is_said(place: Place):
    """Sockets that are told why are few: beyond them one is cut."""
    others = [await place.connect(WAIT) for _ in range(3)]
    await place.until_waiting(3)
    refused = [await place.connect() for _ in range(LAST_WORDS)]

    late = await place.connect()

    assert await late.rest() == b""
    assert (await refused[0].rest()).startswith(b"HTTP/1.1 503 ")
    place.waiting.set()
    assert [await other.status() for other in others] == [200, 200, 200]


@few_sockets
async def test_a_kept_connection_gives_way(place: Place):
    """The one that has asked nothing for longest is closed, and whoever comes is served."""
    oldest, newer, newest = [await place.connect() for _ in range(3)]
    assert await oldest.is_open()
    assert await newer.is_open()
    assert await newest.is_open()
    assert await oldest.is_open()

    late = await place.connect()

    assert await late.is_open()
    assert await newer.rest() == b""
    assert await oldest.is_open()
    assert await newest.is_open()


@few_sockets
@pytest.mark.parametrize("begun", [GET, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"])
async def test_a_slow_request_gives_way(place: Place, begun: bytes):
    """Whatever part of it has come: its sender is told 503, and somebody else is served."""
    slow = [await place.connect(begun) for _ in range(3)]
    await asyncio.sleep(0.05)  # real sockets: what was sent is read within a few turns of the loop

    other = await place.connect()

    assert await other.is_open()
    assert (await slow[0].rest()).startswith(b"HTTP/1.1 503 ")


@few_sockets
async def test_a_flood_of_silent_sockets_keeps_nobody_out(place: Place):
    """Ten times the bound: who asks at once is served."""
    for _ in range(30):
        await place.connect()

    late = await place.connect()

    assert await late.is_open()


@few_sockets
async def test_sockets_that_were_upgraded_do_not_count(place: Place):
    """WebSockets have a bound of their own."""
    key = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    sockets = [await place.connect(UPGRADE + key) for _ in range(6)]
    await asyncio.sleep(0.05)  # as above

    assert len(place.world.node.sockets) == len(sockets)


async def test_a_storm_of_upgrades_is_served_in_turns(place: Place, monkeypatch: pytest.MonkeyPatch):
    """Whoever waits for a turn loses nothing of what came behind the request, in the same packet or in a later one."""
    monkeypatch.setattr(doors, "FREE_S", 0.0)  # one upgrade in each turn of the loop
    key = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    clients = [await place.connect() for _ in range(20)]

    for number, client in enumerate(clients):
        auth = masked("auth", {"token": f"ua/d{number}", "protocol": 1})
        cut = len(auth) if number % 2 else 3
        await client.write(UPGRADE + key + auth[:cut])
        await client.write(auth[cut:] + masked("ping", {}))

    for client in clients:
        answer = await client.until(b'"pong"')
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert b"auth_ok" in answer


async def test_first_requests_of_a_storm_are_read_in_turns(place: Place, monkeypatch: pytest.MonkeyPatch):
    """Twenty sockets at once, of which some send their request in two pieces: each has its answer, and may ask again."""
    monkeypatch.setattr(doors, "FREE_S", 0.0)
    clients = [await place.connect() for _ in range(20)]

    for number, client in enumerate(clients):
        await client.write(GET[: 5 if number % 3 else None])
    for number, client in enumerate(clients):
        await client.write((GET[5:] if number % 3 else b"") + b"\r\n")
    for client in clients:
        assert (await client.until(b"hello")).startswith(b"HTTP/1.1 200 ")
        await client.write(GET + b"\r\n")

    for client in clients:
        assert (await client.until(b"hello")).startswith(b"HTTP/1.1 200 ")


async def test_one_who_goes_while_waiting_is_passed_over(place: Place, monkeypatch: pytest.MonkeyPatch):
    """An upgrade whose client has gone becomes no connection, and the next one is served."""
    monkeypatch.setattr(doors, "FREE_S", 0.0)
    key = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    for _ in range(10):
        (await place.connect(UPGRADE + key)).cut()
    last = await place.connect(UPGRADE + key)

    await asyncio.sleep(0.1)  # real sockets, as above
    last.end()

    assert (await last.rest()).startswith(b"HTTP/1.1 101 ")
    await place.world.until(lambda: not place.world.node.sockets)


async def test_what_the_kernel_holds_of_a_client_is_bounded():
    """It does not grow with a flood, so neither does what is read at once: accepted sockets inherit the listener's size."""
    with bind("127.0.0.1", 0) as listener, socket.socket() as client:
        listener.listen()
        client.connect(listener.getsockname())
        listener.setblocking(True)
        accepted, _ = listener.accept()

        with accepted:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 2 * RECEIVE_BUFFER_BYTES
