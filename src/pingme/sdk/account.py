"""The session half of the client: register, log in, resume, close."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from pingme.domain.errors import PingMeError
from pingme.domain.ids import uuid7
from pingme.ports.clock import Clock
from pingme.sdk.clock import SystemClock
from pingme.sdk.engine import Engine
from pingme.sdk.groups import Groups
from pingme.sdk.models import User
from pingme.sdk.people import People
from pingme.sdk.rest import Rest
from pingme.sdk.session import Session
from pingme.sdk.stream import EventStream
from pingme.sdk.transport import Transport

CLOSE_WITHIN_S = 5.0  # what is on its way when the client closes


class Account:
    """A user of one PingMe server, on one device. All methods belong to one event loop.

    Args:
        url: the server, ``http://host:port`` or ``https://…``.
        data_dir: a folder of this client alone, in which session, unsent messages and the place in every
            conversation survive a restart. None keeps everything in memory and ends the session at `close`.
        clock: time and chance; the computer's own by default.
        http: the httpx client to use for the HTTP API, closed by the caller; an own one by default.

    Attributes:
        rest: the HTTP API, where a method is missing here.
        groups: make and administer groups.
        people: users by id and by name.

    Raises:
        DataDirInUse: another client works in ``data_dir``.
        StorageFailed: ``data_dir`` cannot be made, or is damaged.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        data_dir: Path | str | None = None,
        clock: Clock | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._clock = clock or SystemClock()
        folder = Path(data_dir) if data_dir is not None else None
        self._transport = Transport(self.url, clock=self._clock, http=http)
        self.rest = Rest(self._transport)
        self._session = Session(self.rest, data_dir=folder, server=self.url, clock=self._clock)
        self._engine = Engine(self.url, session=self._session, data_dir=folder, clock=self._clock)
        self.groups = Groups(self._transport, self.new_msg_id)
        self.people = People(self.rest)
        self._keeps = folder is not None
        self._stream: EventStream | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._stream is not None:
            self._stream.finish()
        await self.close()

    # The session

    @property
    def user_id(self) -> str:
        """One's own user id.

        Raises:
            NotLoggedIn: there is no session.
        """
        return self._session.current.user_id

    @property
    def username(self) -> str:
        """One's own username, as registered; errors as `user_id`."""
        return self._session.current.username

    @property
    def device_id(self) -> str | None:
        """This device, None before the first connection."""
        return self._session.current.device_id

    @property
    def is_online(self) -> bool:
        """True while the connection is open and up to date."""
        return self._engine.online.is_set()

    async def register(self, username: str, password: str, *, nickname: str | None = None) -> User:
        """Make an account and log in to it.

        Raises:
            Refused: 30002, the name is taken; 10002, name or password are not acceptable.
            ServerUnreachable: no answer.
        """
        await self.rest.register(username, password, nickname=nickname)
        return await self.login(username, password)

    async def login(self, username: str, password: str, *, device_name: str | None = None) -> User:
        """Open a session and connect; returns when everything new is on its way.

        Raises:
            Refused: 30003, user and password do not fit.
            ServerUnreachable: no answer.
            DataDirInUse: the data_dir belongs to another account.
        """
        self._engine.check_fresh()
        known = self._session.tokens
        login = await self.rest.login(
            username, password, device_id=known.device_id if known else None, device_name=device_name
        )
        assert login.user is not None
        self._engine.check_owner(login.user.user_id)
        self._session.begin(login)
        await self.resume()
        await self.wait_connected()
        return self.people.remember(login.user)

    async def resume(self) -> None:
        """Go on with the session of the data_dir; returns at once and connects when that is possible.

        Raises:
            NotLoggedIn: there is no session.
        """
        if not self._engine.is_running:
            self._engine.check_fresh()
            _ = self.user_id
            self._engine.load()
            await self._engine.start()

    async def logout(self) -> None:
        """End the session on the server and close."""
        try:
            await self.rest.logout()
        finally:
            self._session.forget()
            await self.close()

    async def wait_connected(self) -> None:
        """Return when the client is connected and has synced.

        Raises:
            PingMeError: it has stopped for good; the error says why.
        """
        self._engine.link.hurry()
        await self._engine.wait_online()

    async def close(self) -> None:
        """Stop. What waits in the outbox gets a moment; with a data_dir the rest goes out the next time."""
        if self._engine.link.connection is not None:
            await self.flush()
        await self._engine.close()
        if not self._keeps and self._session.tokens is not None:
            await self._end_session()
        await self._transport.close()

    def new_msg_id(self) -> str:
        """Return a fresh msg_id (UUIDv7)."""
        return uuid7(self._clock.now_ms(), self._clock.entropy(10))

    # What goes on inside

    async def flush(self, *, within_s: float = CLOSE_WITHIN_S) -> bool:
        """Wait until nothing is left to be sent; return False when that took too long.

        Args:
            within_s: seconds.
        """
        if not self._engine.is_running:
            return not len(self._engine.outbox)
        try:
            async with asyncio.timeout(within_s):
                while pending := next(iter(self._engine.outbox), None):
                    await asyncio.wait([pending.done])
                connection = self._engine.link.connection
                if connection is not None:
                    await self._engine.positions.flush(connection)
        except TimeoutError:
            return False
        except PingMeError:
            return not len(self._engine.outbox)
        return True

    async def _end_session(self) -> None:
        """Tell the server that nobody will come back to this session; without an answer it runs out by
        itself.
        """
        try:
            async with asyncio.timeout(2):  # seconds; closing should not wait for a server that is gone
                await self.rest.logout()
        except (TimeoutError, PingMeError):
            pass
        self._session.forget()
