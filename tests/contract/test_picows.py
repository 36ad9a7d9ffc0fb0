"""What PingMe relies on in picows beyond its documented interface; a new version must pass this before it is pinned."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import struct
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

import pytest
from fastapi import FastAPI

from pingme.bootstrap.server import bind
from pingme.edge.server import EdgeServer, picows_works
from pingme.wire.websocket import CLOSE, CONTINUATION, PING, PONG, TEXT
from tests.fakes.node_world import NodeWorld

pytestmark = pytest.mark.skipif(not picows_works(), reason="picows cannot be loaded here")
WITHIN_S = 10.0
KEY = base64.b64encode(b"0123456789abcdef")
ACCEPT = base64.b64encode(hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # RFC 6455
AUTH = b'{"type":"auth","payload":{"token":"ua/d1","protocol":1}}'


class Raw:
    """A client that writes bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def head(self) -> bytes:
        async with asyncio.timeout(WITHIN_S):
            return await self._reader.readuntil(b"\r\n\r\n")

    async def frame(self) -> tuple[int, bytes]:
        """Return (opcode, payload) of the next frame."""
        async with asyncio.timeout(WITHIN_S):
            first, size = await self._reader.readexactly(2)
            if size == 126:
                (size,) = struct.unpack(">H", await self._reader.readexactly(2))
            return first & 0x0F, await self._reader.readexactly(size)

    async def text(self) -> dict[str, object]:
        opcode, payload = await self.frame()
        assert opcode == TEXT, (opcode, payload)
        found: dict[str, object] = json.loads(payload)
        return found

    async def ended(self) -> bytes:
        async with asyncio.timeout(WITHIN_S):
            return await self._reader.read()

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


def request(connection: bytes = b"Upgrade", key: bytes = KEY, more: bytes = b"") -> bytes:
    return (
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: %b\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n%b\r\n" % (connection, key, more)
    )


def masked(opcode: int, payload: bytes, *, fin: bool = True, reserved: int = 0) -> bytes:
    """Return a frame as clients send it (RFC 6455 §5.3)."""
    mask = os.urandom(4)
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes([(0x80 if fin else 0) | reserved | opcode]) + length + mask + body


class Place:
    """A node that listens."""

    def __init__(self, world: NodeWorld, port: int) -> None:
        self.world, self.port = world, port
        self._clients: list[Raw] = []

    async def connect(self) -> Raw:
        client = Raw(*await asyncio.open_connection("127.0.0.1", self.port))
        self._clients.append(client)
        return client

    async def open(self) -> Raw:
        """Return an authenticated socket."""
        client = await self.connect()
        client.write(request())
        await client.head()
        client.write(masked(TEXT, AUTH))
        assert (await client.text())["type"] == "auth_ok"
        return client

    async def close(self) -> None:
        for client in self._clients:
            await client.close()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A node on a port of its own, with one account."""
    world = NodeWorld(tmp_path)
    await world.add_users("ua", "ub")
    listener = bind("127.0.0.1", 0)
    edge = EdgeServer(
        FastAPI(),
        world.node,
        listener,
        allowed_origins=(),
        header_bytes=16_384,
        http_sockets=100,
        use_picows=True,
    )
    await edge.start()
    made = Place(world, int(listener.getsockname()[1]))
    yield made
    await made.close()
    await edge.stop()
    await world.close()


def test_the_pinned_version_is_the_one_that_is_tested():
    """The internals used here may change with any release, so constraints.txt names one."""
    pinned = Path(__file__).parents[2].joinpath("constraints.txt").read_text(encoding="utf-8")

    assert f"picows=={version('picows')}" in pinned


def test_the_protocol_takes_fifteen_positional_arguments():
    """Their number and order are not documented; `take_over` gives exactly these."""
    from picows.picows import WSProtocol  # only where picows is

    def no_listener(_request: object) -> None:
        return None

    arguments = [
        None,
        None,
        False,
        no_listener,
        None,
        False,
        None,
        False,
        30,
        30,
        1,
        False,
        32_768,
        None,
        2048,
    ]

    with pytest.raises(TypeError, match="positional"):
        WSProtocol(*arguments[:-1])
    with pytest.raises(TypeError, match="positional"):
        WSProtocol(*arguments, None)


@pytest.mark.parametrize("connection", [b"Upgrade", b"upgrade", b"keep-alive, Upgrade"])
async def test_the_handshake_is_answered(place: Place, connection: bytes):
    """Firefox's "keep-alive, Upgrade" too; the accept key is RFC 6455's."""
    client = await place.connect()

    client.write(request(connection))
    head = await client.head()

    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"sec-websocket-accept: " + ACCEPT.lower() in head.lower()


async def test_a_bad_key_is_answered_400(place: Place):
    """The socket is closed and nothing else happens."""
    client = await place.connect()

    client.write(request(key=b"short"))

    assert (await client.head()).startswith(b"HTTP/1.1 400 ")
    await client.ended()
    assert not place.world.node.sockets


@pytest.mark.parametrize("split", [None, 20, -60, -3, -1])
async def test_frames_behind_the_request_are_served(place: Place, split: int | None):
    """A client may send its first frames with the request, however the bytes are cut into packets."""
    client = await place.connect()
    head = request()
    frames = masked(TEXT, AUTH) + masked(TEXT, b'{"type":"ping","id":"a\\r\\n\\r\\nb"}')

    if split is None:
        client.write(head + frames)
    else:
        at = split % len(head)
        client.write(head[:at])
        await asyncio.sleep(0.05)  # so that it is a packet of its own
        client.write(head[at:] + frames)
    await client.head()

    assert (await client.text())["type"] == "auth_ok"
    assert (await client.text())["id"] == "a\r\n\r\nb"


async def test_the_token_may_come_with_the_request(place: Place):
    """Then the server speaks first."""
    client = await place.connect()

    client.write(request(more=b"Authorization: Bearer ua/d1\r\n"))
    await client.head()

    assert (await client.text())["type"] == "auth_ok"


async def test_fragments_and_control_frames_between_them(place: Place):
    """Each fragment reaches us by itself, and a ping between them is answered at once."""
    client = await place.open()

    client.write(masked(TEXT, b'{"type":', fin=False) + masked(PING, b"x"))
    client.write(masked(CONTINUATION, b'"pi', fin=False) + masked(CONTINUATION, b'ng"}'))

    assert await client.frame() == (PONG, b"x")
    assert (await client.text())["type"] == "pong"


async def test_a_large_frame_grows_the_buffer(place: Place):
    """Frames far above the first buffer of 2 KiB arrive whole, and reach the other side whole."""
    sender, content = await place.open(), "ä" * 4_096
    text = json.dumps(
        {"type": "send", "payload": {"msg_id": "m", "to_user_id": "ua", "content": content}}
    ).encode()
    other = await place.world.online("ua", "d2")

    sender.write(masked(TEXT, text))

    assert (await sender.text())["type"] == "message_ack"
    assert (await other.hears("message"))[0]["content"] == content


async def test_a_close_frame_is_answered_and_the_socket_closed(place: Place):
    """With the same code; then the stream ends."""
    client = await place.open()

    client.write(masked(CLOSE, (1000).to_bytes(2, "big")))

    assert await client.frame() == (CLOSE, (1000).to_bytes(2, "big"))
    assert await client.ended() == b""
    await place.world.until(lambda: not place.world.node.sockets)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (masked(TEXT, b"{}", reserved=0x40), 1002),
        (masked(TEXT, b"\xff"), 1007),
        (masked(2, b"{}"), 1003),
        (masked(CONTINUATION, b"{}"), 1002),
        (masked(TEXT, b" " * 33_000), 1009),
        (masked(PING, b"", fin=False), 1002),
        (masked(CLOSE, b"\x03"), 1002),
    ],
    ids=["reserved", "utf-8", "binary", "continuation", "size", "fragmented-ping", "close"],
)
async def test_violations_are_closed_with_their_code(place: Place, data: bytes, code: int):
    """Reserved bits, bad UTF-8, binary, lone continuations, size, fragmented control frames, bad close frames."""
    client = await place.open()

    client.write(data)
    opcode, payload = await client.frame()

    assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, code)


async def test_a_socket_that_vanishes_is_noticed(place: Place):
    """A reset without a goodbye leaves nothing behind."""
    client = await place.open()

    client._writer.transport.abort()

    await place.world.until(lambda: not place.world.node.sockets)
    assert place.world.hub.users_online() == 0


async def test_a_malformed_origin_gets_an_answer(place: Place):
    """403, not a broken socket."""
    client = await place.connect()

    client.write(request(more=b"Origin: http://[\r\n"))

    assert (await client.head()).startswith(b"HTTP/1.1 403 ")
