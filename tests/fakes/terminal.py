"""The terminal client in a terminal of 80 × 24, with a test's hands on the keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input, Static

from pingme.cli.profiles import Profiles
from pingme.cli.tui.app import ChatApp
from pingme.cli.tui.chat import ChatScreen
from pingme.cli.tui.login import LoginScreen
from pingme.cli.tui.widgets import ConversationList, MessageView
from tests.fakes.server import FakeServer

PASSWORD = "secret-password"
SIZE = (80, 24)


@asynccontextmanager
async def terminal(
    server: FakeServer, home: Path, *, username: str | None = None
) -> AsyncIterator[Pilot[None]]:
    """Run the app in a terminal of 80 × 24."""
    app = ChatApp(Profiles(home), server=server.url, username=username, http=server.http)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        yield pilot
        await app.action_quit()


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the app run until a condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await pilot.pause(0.01)


async def type_in(pilot: Pilot[None], words: str) -> None:
    await pilot.press(*["space" if one == " " else one for one in words])


async def enter(pilot: Pilot[None], username: str, *, new: bool = True) -> None:
    """Fill in the login screen and wait for the chat."""
    await until(pilot, lambda: isinstance(pilot.app.screen, LoginScreen))
    pilot.app.screen.query_one("#username", Input).value = username
    pilot.app.screen.query_one("#password", Input).value = PASSWORD
    await pilot.press("ctrl+r" if new else "enter")
    if not new:
        pilot.app.screen.query_one("#password", Input).focus()
        await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))


def shown(pilot: Pilot[None], widget: type[MessageView] | type[ConversationList]) -> str:
    """Return what a list shows, as plain text."""
    rows = pilot.app.screen_stack[-1].query(widget)
    return "\n".join(row.text.plain for view in rows for row in view._rows)


def label(pilot: Pilot[None], selector: str) -> str:
    return str(pilot.app.screen.query_one(selector, Static).render())
