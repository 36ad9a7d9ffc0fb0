"""Words for conversation scripts: people who log in, and waiting for what they hear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from pingme.sdk import Client, Diverged, LogEvent, Message, Refused, Sent

T = TypeVar("T")
PASSWORD = "correct horse battery"
HEARD_WITHIN_S = 20.0


class MakeClient(Protocol):
    """Makes a client of one of the SDKs."""

    def __call__(self, url: str, *, data_dir: Path | None = None) -> Client:
        """Return a client of the server at ``url``."""


class Sdk:
    """An SDK that scripts run on.

    Args:
        client: makes its clients.
    """

    def __init__(self, client: MakeClient) -> None:
        self.client = client

    @asynccontextmanager
    async def person(self, url: str, name: str, *, data_dir: Path | None = None) -> AsyncIterator[Client]:
        """Log somebody in, with a new account if need be."""
        async with self.client(url, data_dir=data_dir) as client:
            try:
                await client.register(name, PASSWORD)
            except Refused:
                await client.login(name, PASSWORD)
            yield client


person = Sdk(Client).person
"""For scripts that are about something else than an SDK."""


async def hear(client: Client, kind: type[T], check: Callable[[T], bool] = lambda _: True) -> T:
    """Return the next event of a kind; what comes before it is passed over, but a divergence is an error."""
    async with asyncio.timeout(HEARD_WITHIN_S):
        async for event in client.events():
            assert not isinstance(event, Diverged), event
            if isinstance(event, kind) and check(event):
                return event
    raise AssertionError("the events ended")


async def hear_messages(client: Client, count: int) -> list[str]:
    """Return the contents of the next messages."""
    return [(await hear(client, Message)).content for _ in range(count)]


async def say(client: Client, content: str, **where: str) -> Sent:
    """Send a message and return where it is stored."""
    sent = await client.send(content, **where)  # type: ignore[arg-type]  # to, group or conversation
    assert sent is not None
    return sent


async def log_of(client: Client, conversation_id: str) -> list[LogEvent]:
    """Return the whole visible log, oldest first."""
    return [event async for event in client.history(conversation_id, after_seq=0)]


async def contents(client: Client, conversation_id: str) -> list[str]:
    """Return the messages of a conversation, oldest first."""
    return [event.content for event in await log_of(client, conversation_id) if isinstance(event, Message)]
