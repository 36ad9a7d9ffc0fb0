"""A load process's end of the pipe to the parent.

What goes through the pipe, as tuples: from here ``("barrier", name, payload)``, answered when every process has come to
it, ``("progress", done, total)``, and at the end ``("result", PartResult)`` or ``("failed", text)``.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import Any

from pingme.cli.bench.job import Job, PartResult


class Link:
    """The pipe to the parent, for the event loop."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._answers: asyncio.Queue[Any] = asyncio.Queue()
        asyncio.get_running_loop().add_reader(connection.fileno(), self._read)
        os.set_blocking(connection.fileno(), True)  # the loop has changed it; whole messages are written here

    def _read(self) -> None:
        try:
            self._answers.put_nowait(self._connection.recv())
        except EOFError:
            sys.exit("the parent is gone")

    async def barrier(self, name: str, payload: object = None) -> Any:
        """Wait until every process is here, and return what the parent makes of all payloads."""
        self._connection.send(("barrier", name, payload))
        return await self._answers.get()

    def close(self) -> None:
        """Listen no longer."""
        asyncio.get_running_loop().remove_reader(self._connection.fileno())

    def progress(self, done: int, total: int) -> None:
        """Tell how far this process is."""
        self._connection.send(("progress", done, total))


Scenario = Callable[[Link, Job], Awaitable[PartResult]]
