"""Keeps a connection: connects, hands it over while it lives, comes back with backoff, or stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pingme.domain.errors import PingMeError
from pingme.ports.clock import Clock
from pingme.sdk.connection import LINE_BROKE, Connection, CouldNotConnect, OnFrame, open_connection
from pingme.sdk.errors import ServerUnreachable, SessionEnded
from pingme.sdk.events import ConnectionChanged
from pingme.sdk.reconnect import STABLE_MS, Ended, Stop, decide_reconnect
from pingme.sdk.session import Session

LEAVE_WITHIN_S = 2.0  # answers that are on their way when the server drains
Serve = Callable[[Connection], Awaitable[None]]
Tell = Callable[[ConnectionChanged], None]


class Link:
    """The loop around connections.

    Args:
        url: base URL of the server.
        session: gives and renews tokens.
        clock: waits and chance.
        on_frame: takes every frame.
        serve: runs while a connection lives; is cancelled at its end.
        tell: hears of every change.

    Attributes:
        connection: the live one, None while there is none.
    """

    def __init__(
        self, url: str, *, session: Session, clock: Clock, on_frame: OnFrame, serve: Serve, tell: Tell
    ) -> None:
        self._url = url
        self._session = session
        self._clock = clock
        self._on_frame = on_frame
        self._serve = serve
        self._tell = tell
        self._hurry = asyncio.Event()
        self.connection: Connection | None = None

    async def run(self) -> PingMeError:
        """Stay connected until there is a reason to stop for good, and return it."""
        attempt = 0
        refreshed = was_open = False
        while True:
            self._tell(ConnectionChanged("connecting"))
            ended = await self._attempt()
            attempt = 1 if ended.lived_ms >= STABLE_MS else attempt + 1
            was_open = was_open or ended.lived_ms > 0
            decision = decide_reconnect(ended, attempt, self._clock.jitter(), was_open=was_open)
            if isinstance(decision, Stop):
                return decision.error
            if decision.refresh:
                if refreshed and ended.token_refused:
                    return SessionEnded("the server does not take this session's tokens: log in again")
                error = await self._refresh()
                if isinstance(error, SessionEnded):
                    return error
                refreshed = error is None
            else:
                refreshed = False
            self._tell(ConnectionChanged("waiting", ended.reason, decision.delay_ms))
            await self._pause(decision.delay_ms)

    def hurry(self) -> None:
        """Somebody waits: try again now instead of at the end of the pause."""
        self._hurry.set()

    async def _attempt(self) -> Ended:
        token = self._session.current.token
        try:
            connection = await open_connection(self._url, token, self._on_frame, self._clock)
        except CouldNotConnect as exc:
            return exc.ended
        self.connection = connection
        try:
            return await self._live(connection)
        finally:
            self.connection = None
            await connection.close()

    async def _live(self, connection: Connection) -> Ended:
        async with asyncio.TaskGroup() as tasks:
            work = [tasks.create_task(self._work(connection)), tasks.create_task(_leave(connection))]
            ended = await connection.run()
            for task in work:
                task.cancel()
        return ended

    async def _work(self, connection: Connection) -> None:
        """Serve the connection; that it breaks meanwhile is seen, and told, by its reader."""
        try:
            await self._serve(connection)
        except* (ServerUnreachable, TimeoutError):
            await connection.close()

    async def _refresh(self) -> PingMeError | None:
        try:
            await self._session.renew()
        except PingMeError as exc:
            return exc
        return None

    async def _pause(self, delay_ms: int) -> None:
        self._hurry.clear()
        hurry = asyncio.ensure_future(self._hurry.wait())
        sleep = asyncio.ensure_future(self._clock.sleep_ms(delay_ms))
        try:
            await asyncio.wait({hurry, sleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurry.cancel()
            sleep.cancel()


async def _leave(connection: Connection) -> None:
    """When the server asks to come back later: take the answers that are on their way, then go."""
    await connection.leaving.wait()
    try:
        async with asyncio.timeout(LEAVE_WITHIN_S):
            await connection.idle.wait()
    except TimeoutError:
        pass
    await connection.close()


__all__ = ["LINE_BROKE", "Link"]
