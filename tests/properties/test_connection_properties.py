"""One socket, from bytes to bytes: whatever a client sends, and however it arrives, the answer is the same."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from pingme.edge.node import SocketRules
from pingme.edge.ws_plain import PlainPipe
from pingme.wire.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from tests.fakes.node_world import NodeWorld, split_frames
from tests.websocket.raw import close, fragments, frame


class FakeTransport:
    """`asyncio.Transport` that keeps what is written."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.ended = False
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.ended, "written after the end"
        self.written += data

    def write_eof(self) -> None:
        self.ended = True

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        self.ended = self.closed = True

    abort = close


def text(kind: str, **payload: Any) -> bytes:
    return json.dumps({"type": kind, "id": "i", "payload": payload}).encode()


MESSAGES = st.sampled_from(
    [
        text("ping"),
        text("history", conversation_id="nowhere"),
        text("typing", conversation_id="nowhere", active=True),
        text("auth", token="nothing", protocol=1),
        text("send", msg_id="m", content=""),
        text("nothing"),
        b"{}",
        b"[1",
        b"\xff",
        b" " * 33_000,
        b"",
    ]
)
PIECES = st.one_of(
    MESSAGES.map(lambda message: frame(TEXT, message)),
    st.tuples(MESSAGES, st.integers(0, 20)).map(
        lambda made: b"".join(fragments(made[0], [min(made[1], len(made[0]))]))
    ),
    st.binary(max_size=20).map(lambda payload: frame(PING, payload)),
    st.just(frame(PONG, b"p")),
    st.just(frame(TEXT, b"{", fin=False)),
    st.just(frame(CONTINUATION, b"}")),
    st.just(frame(BINARY, b"b")),
    st.just(frame(CLOSE)),
    st.integers(0, 5_000).map(close),
    st.binary(max_size=12),
)


class Play:
    """Plays streams of bytes to sockets of one node, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._runner = asyncio.Runner()
        self._world = self._runner.run(self._made(folder))

    async def _made(self, folder: Path) -> NodeWorld:
        world = NodeWorld(folder, SocketRules(connects_per_s=0))  # its clock stands still
        await world.add_users("ua")
        return world

    def end(self) -> None:
        self._runner.run(self._world.close())
        self._runner.close()

    def __call__(self, chunks: list[bytes]) -> tuple[list[tuple[int, bytes]], bool]:
        """Return the frames that come back after authentication, and whether the server has ended its side."""
        return self._runner.run(self._play(chunks))

    async def _play(self, chunks: list[bytes]) -> tuple[list[tuple[int, bytes]], bool]:
        world, transport = self._world, FakeTransport()
        pipe = PlainPipe(world.node, cast("asyncio.Transport", transport), "192.0.2.1")
        pipe.data_received(frame(TEXT, text("auth", token="ua/d1", protocol=1)))
        await world.until(lambda: bool(transport.written))
        transport.written.clear()
        for chunk in chunks:
            if not transport.closed:
                pipe.data_received(chunk)
        await world.until(lambda: not pipe.connection._job_running)
        for _ in range(3):
            await asyncio.sleep(0)  # the tick's write
        found = split_frames(bytes(transport.written))
        pipe.connection_lost(None)
        assert not world.node.sockets
        return found, transport.ended


def test_chopping_changes_no_answer(tmp_path: Path) -> None:
    """Good frames, broken ones and noise: whole, in pieces and byte by byte, with the same answers and nothing raised.

    After a close frame nothing is written.
    """
    play = Play(tmp_path)

    @settings(max_examples=250)
    @given(st.lists(PIECES, max_size=6), st.lists(st.integers(0, 40_000), max_size=10))
    def check(pieces: list[bytes], cuts: list[int]) -> None:
        data = b"".join(pieces)
        edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        whole = play([data])

        assert play([data[start:end] for start, end in itertools.pairwise(edges)]) == whole
        if len(data) < 500:
            assert play([data[at : at + 1] for at in range(len(data))]) == whole
        closes = [index for index, (opcode, _) in enumerate(whole[0]) if opcode == CLOSE]
        assert closes in ([], [len(whole[0]) - 1])

    try:
        check()
    finally:
        play.end()
