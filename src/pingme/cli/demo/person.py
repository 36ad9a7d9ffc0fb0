"""One account of the demo, on one device of its own: comes and goes, and hears what happens."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from pathlib import Path

from pingme.cli.demo.cast import Character
from pingme.domain.errors import ErrorCode
from pingme.sdk import Client, Message, PingMeError, Refused

DEVICE = "PingMe demo"
MAX_REMEMBERED = 200  # msg_ids of one's own, to know a human's messages from the demo's

Heard = Callable[["Person", Message], None]


class Person:
    """A character with a session.

    Args:
        character: who.
        url: the server.
        folder: keeps the session, so that coming back costs no login.
    """

    def __init__(self, character: Character, *, url: str, folder: Path) -> None:
        self.character = character
        self._url = url
        self._folder = folder
        self._client: Client | None = None
        self._listening: asyncio.Task[None] | None = None
        self._own: deque[str] = deque(maxlen=MAX_REMEMBERED)
        self.heard: Heard = _ignore
        self.user_id = ""
        self.busy = 0  # scenes that this person plays in now
        self.is_gone = False  # for good: a human has ended the session

    @property
    def username(self) -> str:
        """The username."""
        return self.character.username

    @property
    def client(self) -> Client:
        """The client, while the person is here."""
        assert self._client is not None, f"{self.username} is away"
        return self._client

    @property
    def is_here(self) -> bool:
        """True while there is a client, connected or about to be."""
        return self._client is not None and not self.is_gone

    async def move_in(self, password: str) -> bool:
        """Make the account, or log in where it exists; return True when it is new.

        Raises:
            Refused: 30003, the account is there with another password; 10004, registration is closed.
        """
        client = self._client = Client(self._url, data_dir=self._folder)
        nickname, is_new = self.character.nickname, True
        try:
            await client.rest.register(self.username, password, nickname=nickname)
        except Refused as refused:
            if refused.code is not ErrorCode.USER_EXISTS:
                raise
            is_new = False
        try:
            await client.login(self.username, password, device_name=DEVICE)
        except Refused as refused:
            if refused.code is not ErrorCode.INVALID_CREDENTIALS or is_new:
                raise
            raise Refused(
                refused.code,
                f"{self.username} is there already, with another password: give that of the earlier demo by --password",
            ) from refused
        self.user_id = client.user_id
        self._listening = asyncio.create_task(self._listen(client))
        return is_new

    async def come(self) -> None:
        """Connect again, with the session of before, and catch up."""
        if self._client is None:
            client = self._client = Client(self._url, data_dir=self._folder)
            await client.resume()
            self._listening = asyncio.create_task(self._listen(client))

    async def leave(self, *, for_good: bool = False) -> None:
        """Disconnect; ``for_good`` ends the session on the server, too."""
        client, self._client = self._client, None
        listening, self._listening = self._listening, None
        if client is None:
            return
        if for_good:
            with contextlib.suppress(PingMeError):  # already over, or the server is gone
                await client.rest.logout()
        await client.close()
        if listening is not None:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def new_msg_id(self) -> str:
        """Return a msg_id that is known as the demo's own afterwards."""
        msg_id = self.client.new_msg_id()
        self._own.append(msg_id)
        return msg_id

    def wrote(self, msg_id: str) -> bool:
        """Tell whether the demo wrote this, and not a human on another device of this person."""
        return msg_id in self._own

    async def _listen(self, client: Client) -> None:
        """Take events, which marks messages as delivered, until the client closes or its session is over."""
        try:
            async for event in client.events():
                if isinstance(event, Message):
                    self.heard(self, event)
        except PingMeError:
            self.is_gone = True


def _ignore(_person: Person, _message: Message) -> None:
    """Nobody wants to hear."""
