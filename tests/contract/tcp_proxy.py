"""A TCP proxy on loopback that cuts a connection when certain bytes pass."""

from __future__ import annotations

import asyncio
from typing import Self


class TcpProxy:
    """Forwards to a port of this machine.

    Args:
        target: the port behind it.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut: tuple[bytes, bool] | None = None
        self._silent = False  # nothing comes back any more
        self.port = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Listen no more and cut every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._cut_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut_at(self, marker: bytes, *, forward: bool) -> None:
        """Cut every connection when a client next sends these bytes; forward them before, or not."""
        self._cut = (marker, forward)

    def _cut_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back_writer}
        await asyncio.gather(
            self._pump(reader, back_writer, watched=True), self._pump(back_reader, writer, watched=False)
        )

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, watched: bool
    ) -> None:
        try:
            while data := await reader.read(65_536):
                if watched and self._cut is not None and self._cut[0] in data:
                    forward, self._cut = self._cut[1], None
                    if forward:
                        self._silent = True
                        writer.write(data)
                        await writer.drain()
                        await asyncio.sleep(
                            0.2
                        )  # the server shall have done it before the connection is gone
                    self._cut_all()
                    self._silent = False
                    return
                if self._silent and not watched:
                    continue
                writer.write(data)
                await writer.drain()
        except (ConnectionError, OSError):
            pass
        finally:
            writer.close()
