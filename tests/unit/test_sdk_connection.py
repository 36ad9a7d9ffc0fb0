"""One WebSocket of the client, without a network."""

from __future__ import annotations

import asyncio
import gc
from typing import cast

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedError

from pingme.sdk.connection import Connection
from pingme.sdk.errors import ServerUnreachable
from pingme.wire import frames
from tests.fakes.clock import FakeClock


class BrokenSocket:
    """A line that broke while a frame was being written."""

    def __init__(self) -> None:
        self.written = asyncio.Event()

    async def send(self, _frame: bytes, *, text: bool) -> None:
        assert text
        await self.written.wait()
        raise ConnectionClosedError(None, None)

    async def recv(self) -> bytes:
        raise ConnectionClosedError(None, None)


async def test_a_line_that_breaks_under_a_request_leaves_no_error_that_nobody_takes():
    """The writing fails, and nobody comes to wait for the answer; the loop has nothing to complain of."""
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(str(context["message"])))
    socket = BrokenSocket()
    connection = Connection(cast(ClientConnection, socket), lambda _: None, FakeClock())
    asking = asyncio.create_task(connection.request(frames.Sync(payload=frames.SyncPayload())))
    await asyncio.sleep(0)

    await connection.run()
    socket.written.set()
    await asyncio.wait([asking])
    error = type(asking.exception())
    del asking  # its traceback holds the future
    gc.collect()

    assert error is ServerUnreachable
    assert complaints == []
