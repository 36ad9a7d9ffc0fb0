"""What stands before several servers in production: connections go to the next one that takes them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

from tests.chaos.proxy import PIECE_BYTES, Proxy


class Front(Proxy):
    """A proxy with several targets, tried in turn.

    Args:
        ports: of the targets, on loopback.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__("127.0.0.1", ports[0])
        self._ports = ports
        self._turn = itertools.cycle(range(len(ports)))

    async def open_target(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """See `Proxy.open_target`."""
        first = next(self._turn)
        for port in (*self._ports[first:], *self._ports[:first]):
            try:
                return await asyncio.open_connection("127.0.0.1", port, limit=PIECE_BYTES)
            except OSError:
                continue
        raise ConnectionRefusedError("no server is there")
