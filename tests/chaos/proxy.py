"""A TCP proxy that can fail in the ways networks do, switched while it runs.

Rules of this file:
- Each direction (UP: to the target, DOWN: back) has its own fault, read again for every piece of data.
- A black hole holds what came, up to the bound, and then reads no more: TCP would send it again after the break, so
  nothing is lost in the middle of a stream, and both ends notice nothing but silence.
- What waits in the proxy is bounded: MAX_PIECES pieces of at most PIECE_BYTES per direction and connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

PIECE_BYTES = 16 * 1024
MAX_PIECES = 64  # 1 MiB: enough for a delay of 100 ms at 10 MiB/s
RESET = struct.pack("ii", 1, 0)  # SO_LINGER with 0 s: close sends RST


class Direction(Enum):
    """UP: from who connects to the target; DOWN: back."""

    UP = "up"
    DOWN = "down"


BOTH = (Direction.UP, Direction.DOWN)


@dataclass(slots=True)
class Fault:
    """What is wrong with one direction; as made, nothing.

    Attributes:
        is_black_hole: nothing passes.
        delay_s: each piece comes later by this, and by up to jitter_s more; the order stays.
        bytes_per_s: at most so many; 0 is no limit.
        cut_after: each connection is cut when so many more bytes have passed; None: never.
    """

    is_black_hole: bool = False
    delay_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float = 0.0
    cut_after: int | None = None


@dataclass(slots=True)
class Passed:
    """What a proxy has done so far."""

    connections: int = 0
    cuts: int = 0
    bytes: dict[Direction, int] = field(default_factory=lambda: dict.fromkeys(BOTH, 0))


class Proxy:
    """Listens on a port of its own and passes everything to a target.

    Args:
        host: of the target.
        port: of the target.
        chance: where jitter comes from.
    """

    def __init__(self, host: str, port: int, chance: random.Random | None = None) -> None:
        self.target = (host, port)
        self.port = 0
        """Where it listens, after `start`; the same until the end."""
        self.passed = Passed()
        self._chance = chance or random.Random(0)
        self._faults = {direction: Fault() for direction in BOTH}
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; 0 takes a free port."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port or port, limit=PIECE_BYTES
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more and cut what is open."""
        await self.refuse()
        self.cut()
        while self._links:
            await asyncio.gather(*(link.ended() for link in list(self._links)))

    # Faults. All of them stay until `heal`, but for `cut`, which is a moment.

    def cut(self) -> int:
        """Reset every open connection; return how many there were."""
        count = len(self._links)
        for link in list(self._links):
            link.cut()
        self.passed.cuts += count
        return count

    async def refuse(self) -> None:
        """Let nobody connect any more (ECONNREFUSED); what is open stays."""
        if self._server is not None:
            self._server.close()  # not wait_closed(): since Python 3.12 it would wait for the open ones
            self._server = None
            await asyncio.sleep(0)

    def black_hole(self, directions: Iterable[Direction] = BOTH) -> None:
        """Let nothing pass, and close nothing."""
        self._change(directions, is_black_hole=True)

    def delay(self, delay_s: float, jitter_s: float = 0.0, directions: Iterable[Direction] = BOTH) -> None:
        """Let everything come later."""
        self._change(directions, delay_s=delay_s, jitter_s=jitter_s)

    def throttle(self, bytes_per_s: float, directions: Iterable[Direction] = BOTH) -> None:
        """Let only so much pass on each connection."""
        self._change(directions, bytes_per_s=bytes_per_s)

    def cut_after(self, count: int, directions: Iterable[Direction] = BOTH) -> None:
        """Reset each connection in the middle: when so many more bytes have passed one way."""
        self._change(directions, cut_after=count)
        for link in self._links:
            link.count_anew()

    async def heal(self) -> None:
        """Undo every fault; who was refused may connect again."""
        self._faults = {direction: Fault() for direction in BOTH}
        self._wake()
        if self._server is None:
            await self.start()

    def fault(self, direction: Direction) -> Fault:
        """What is wrong with a direction now."""
        return self._faults[direction]

    async def open_target(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to where connections lead.

        Raises:
            OSError: it is not there.
        """
        return await asyncio.open_connection(*self.target, limit=PIECE_BYTES)

    async def changed(self) -> None:
        """Return when a fault was switched."""
        await self._changed.wait()

    def _change(self, directions: Iterable[Direction], **values: object) -> None:
        for direction in directions:
            for name, value in values.items():
                setattr(self._faults[direction], name, value)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.passed.connections += 1
        link = _Link(self, self._chance, reader, writer)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)
            link.over.set()


class _Link:
    """One connection through the proxy."""

    def __init__(
        self, proxy: Proxy, chance: random.Random, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._chance = chance
        self._near = (reader, writer)
        self._writers = [writer]
        self._passed = dict.fromkeys(BOTH, 0)  # since the last `count_anew`
        self._cut = asyncio.Event()
        self.over = asyncio.Event()

    def count_anew(self) -> None:
        self._passed = dict.fromkeys(BOTH, 0)

    def cut(self) -> None:
        self._cut.set()

    async def ended(self) -> None:
        await self.over.wait()

    async def run(self) -> None:
        """Pass data until both sides are done, or the connection is cut."""
        work = asyncio.ensure_future(self._pass())
        cut = asyncio.ensure_future(self._cut.wait())
        try:
            await asyncio.wait({work, cut}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, cut):
                task.cancel()
            await asyncio.gather(work, cut, return_exceptions=True)
            self._close()

    def _close(self) -> None:
        for writer in self._writers:
            sock: socket.socket | None = writer.get_extra_info("socket")
            if self._cut.is_set() and sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()

    async def _pass(self) -> None:
        await self._until(
            lambda: not self._proxy.fault(Direction.UP).is_black_hole
        )  # a SYN that nobody answers
        try:
            far = await self._proxy.open_target()
        except OSError:
            self.cut()  # the target is not there: whoever connected sees a reset
            return
        self._writers.append(far[1])
        await asyncio.gather(
            self._pump(self._near[0], far[1], Direction.UP), self._pump(far[0], self._near[1], Direction.DOWN)
        )

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Direction) -> None:
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(MAX_PIECES)
        taking = asyncio.ensure_future(self._take(reader, pieces, way))
        try:
            await self._give(pieces, writer, way)
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)

    async def _take(
        self, reader: asyncio.StreamReader, pieces: asyncio.Queue[tuple[float, bytes]], way: Direction
    ) -> None:
        clock, due_s = asyncio.get_running_loop().time, 0.0
        while True:
            try:
                piece = await reader.read(PIECE_BYTES)
            except OSError:
                self.cut()  # a reset on one side is one on the other
                return
            fault = self._proxy.fault(way)
            due_s = max(due_s, clock() + fault.delay_s + self._chance.uniform(0, fault.jitter_s))
            await pieces.put((due_s, piece))
            if not piece:
                return

    async def _give(
        self, pieces: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, way: Direction
    ) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due_s, piece = await pieces.get()
            await asyncio.sleep(max(0.0, due_s - clock()))
            await self._until(lambda: not self._proxy.fault(way).is_black_hole)
            if not piece:
                with contextlib.suppress(OSError):
                    writer.write_eof()
                return
            fault = self._proxy.fault(way)
            if fault.bytes_per_s:
                await asyncio.sleep(len(piece) / fault.bytes_per_s)
            left = None if fault.cut_after is None else max(0, fault.cut_after - self._passed[way])
            try:
                writer.write(piece[:left])
                await writer.drain()
            except OSError:
                self.cut()
                return
            self._count(way, len(piece[:left]))
            if left is not None and len(piece) >= left:
                self._proxy.passed.cuts += 1
                await asyncio.sleep(0)  # what was written goes out before the reset
                self.cut()
                return

    def _count(self, way: Direction, count: int) -> None:
        self._passed[way] += count
        self._proxy.passed.bytes[way] += count

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await self._proxy.changed()
