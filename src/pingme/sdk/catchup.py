"""Catching up over a connection: one sync after connecting, others when asked for, and the holes in every
log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pingme.domain.errors import ErrorCode, PingMeError
from pingme.sdk.connection import Connection, answer_of
from pingme.sdk.errors import ServerUnreachable
from pingme.sdk.replica import Replica
from pingme.sdk.stream import EventQueue
from pingme.wire import frames
from pingme.wire import server_frames as wire

SYNC_TIMEOUT_S = 60.0  # many conversations in pages, paced by the server
RETRY_MS = 1_000
HOLE_PAGE = 200
_NOT_OURS = frozenset(
    {
        ErrorCode.CONVERSATION_NOT_FOUND,
        ErrorCode.GROUP_NOT_FOUND,
        ErrorCode.NOT_A_MEMBER,
        ErrorCode.FORBIDDEN,
        ErrorCode.INVALID_PARAMETERS,
    }
)

Synced = Callable[[wire.SyncDone, bool], Awaitable[None]]


class CatchUp:
    """Keeps the replica complete.

    A sync does not wait for the program: being online, and what `conversations` shows, depend on it.

    Args:
        replica: what is known.
        queue: holes are fetched while there is room in it, and somebody wants events.
        synced: called after each sync; the flag says that it was the first of a device that knew nothing.

    Attributes:
        since: the token of the last sync, None before the first.
    """

    def __init__(self, replica: Replica, queue: EventQueue, synced: Synced) -> None:
        self._replica = replica
        self._queue = queue
        self._synced = synced
        self.since: str | None = None

    @property
    def is_first(self) -> bool:
        """True until the first sync of a device that knows nothing has ended."""
        return self.since is None

    async def run(self, connection: Connection) -> None:
        """Sync, then keep up until cancelled.

        Raises:
            ServerUnreachable: the connection ended.
        """
        self._replica.ask_for_sync()
        while True:
            self._replica.touched.clear()
            if self._replica.needs_sync:
                await self._sync(connection)
            elif not await self._fill_one(connection):
                await self._wait()

    async def _sync(self, connection: Connection) -> None:
        self._replica.begin_sync()
        first = self.is_first
        frame = frames.Sync(payload=frames.SyncPayload(since=self.since))
        try:
            done = answer_of(await connection.request(frame, timeout_s=SYNC_TIMEOUT_S))
        except ServerUnreachable:
            raise
        except PingMeError as error:
            self._replica.ask_for_sync()
            await asyncio.sleep(max(error.retry_after_ms or 0, RETRY_MS) / 1000)
            return
        assert isinstance(done, wire.SyncDone)
        self._replica.end_sync()
        self.since = done.since
        await self._synced(done, first)

    async def _fill_one(self, connection: Connection) -> bool:
        """Fetch one page of one hole; return whether there was something to do."""
        due = self._replica.due() if self._queue.takes_pages else []
        if not due:
            return False
        conversation_id, after_seq = due[0]
        payload = frames.HistoryPayload(conversation_id=conversation_id, after_seq=after_seq, limit=HOLE_PAGE)
        try:
            page = answer_of(await connection.request(frames.History(payload=payload)))
        except ServerUnreachable:
            raise
        except PingMeError as error:
            wait_ms = None if error.code in _NOT_OURS else max(error.retry_after_ms or 0, RETRY_MS)
            self._replica.hole_failed(conversation_id, wait_ms)
            return True
        assert isinstance(page, wire.HistoryPage)
        self._replica.page(after_seq, page)
        return True

    async def _wait(self) -> None:
        """Wait until something may have to be done: news, room in the queue, or the moment of the next
        fetch.
        """
        wait_ms = self._replica.next_due_ms()
        try:
            async with asyncio.timeout(wait_ms / 1000 if wait_ms is not None else None):
                await self._replica.touched.wait()
        except TimeoutError:
            pass
