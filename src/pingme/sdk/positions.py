"""The user's own delivered and read positions: told to the server in groups, and again after every reconnect.

An ``ack_response`` may be half a second ahead of the server's disk, so after a reconnect the last ones are
repeated.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from pingme.ports.clock import Clock
from pingme.sdk.connection import Connection
from pingme.wire import frames

MAX_REMEMBERED = 200  # conversations whose positions are repeated; older ones have long been stored
GATHER_MS = 100  # a burst of messages is acknowledged once


class Positions:
    """What this device has acknowledged.

    Args:
        clock: gathers.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._marks: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._dirty: set[tuple[str, str]] = set()
        self._changed = asyncio.Event()

    def mark(self, conversation_id: str, *, kind: str, seq: int) -> bool:
        """Remember that everything up to ``seq`` is ``delivered`` or ``read``; tell whether that is news."""
        marks = self._marks.setdefault(conversation_id, {})
        self._marks.move_to_end(conversation_id)
        if seq <= marks.get(kind, 0):
            return False
        marks[kind] = seq
        if kind == "read":  # says delivered too
            marks["delivered"] = max(seq, marks.get("delivered", 0))
            self._dirty.discard((conversation_id, "delivered"))
        self._dirty.add((conversation_id, kind))
        self._changed.set()
        self._shrink()
        return True

    def forget(self) -> None:
        """Drop all marks: the store has a new epoch, the numbers mean something else."""
        self._marks.clear()
        self._dirty.clear()

    async def repeat(self, connection: Connection) -> None:
        """Tell every remembered position again."""
        self._dirty.clear()
        for conversation_id, marks in list(self._marks.items()):
            for kind, seq in marks.items():
                await _tell(connection, conversation_id, kind=kind, seq=seq)

    async def run(self, connection: Connection) -> None:
        """Tell new positions until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self.flush(connection)
            await self._clock.sleep_ms(GATHER_MS)

    async def flush(self, connection: Connection) -> None:
        """Tell what is new now."""
        while self._dirty:
            conversation_id, kind = self._dirty.pop()
            seq = self._marks.get(conversation_id, {}).get(kind)
            if seq is not None:
                await _tell(connection, conversation_id, kind=kind, seq=seq)

    def _shrink(self) -> None:
        if len(self._marks) > MAX_REMEMBERED:
            for conversation_id, marks in self._marks.items():
                if not any((conversation_id, kind) in self._dirty for kind in marks):
                    del self._marks[conversation_id]
                    return


async def _tell(connection: Connection, conversation_id: str, *, kind: str, seq: int) -> None:
    ack_type = "read" if kind == "read" else "delivered"
    payload = frames.AckPayload(conversation_id=conversation_id, seq=seq, ack_type=ack_type)  # type: ignore[arg-type]
    await connection.post(frames.Ack(payload=payload))
