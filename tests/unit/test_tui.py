"""The terminal client, driven by keys against a fake server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from textual.widgets import Input, Label
from typer.testing import CliRunner

from pingme.cli.chat import app as command
from pingme.cli.profiles import Profiles
from pingme.cli.tui import text
from pingme.cli.tui.chat import ChatScreen
from pingme.cli.tui.dialogs import HelpScreen
from pingme.cli.tui.login import LoginScreen
from pingme.cli.tui.widgets import Composer, ConversationList, MessageView
from pingme.sdk.events import Message
from tests.fakes.server import FakeServer
from tests.fakes.terminal import PASSWORD, SIZE, enter, label, shown, terminal, type_in, until


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as running:
        yield running


async def test_a_new_user_registers_finds_somebody_and_chats(server: FakeServer, tmp_path: Path):
    """From the first screen to a sent message by keys alone, and the answer appears."""
    server.user("bob")
    async with terminal(server, tmp_path) as pilot:
        await enter(pilot, "alice")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: bool(pilot.app.screen.query("#who")))
        await type_in(pilot, "bob")
        await until(pilot, lambda: bool(pilot.app.screen._found))  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        await until(pilot, lambda: isinstance(pilot.app.focused, Composer))
        await type_in(pilot, "hello bob")
        await pilot.press("enter")
        await until(pilot, lambda: "hello bob ✓" in shown(pilot, MessageView))

        await server.say("bob", "alice", "hi [bold]alice[/bold]")

        await until(pilot, lambda: "bob  hi [bold]alice[/bold]" in shown(pilot, MessageView))
        assert "bob" in shown(pilot, ConversationList)


async def test_a_wrong_password_says_so_and_stays(server: FakeServer, tmp_path: Path):
    """The login screen shows the reason, and no profile is left behind."""
    server.user("alice")
    async with terminal(server, tmp_path) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, LoginScreen))
        pilot.app.screen.query_one("#username", Input).value = "alice"
        pilot.app.screen.query_one("#password", Input).value = "wrong"
        pilot.app.screen.query_one("#password", Input).focus()
        await pilot.press("enter")

        await until(pilot, lambda: "30003" in str(pilot.app.screen.query_one("#problem", Label).render()))
        assert Profiles(tmp_path).all() == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:abc", "127.0.0.1:99999"])
async def test_what_is_no_address_of_a_server_is_told_at_login(
    server: FakeServer, tmp_path: Path, address: str
):
    """The login screen stays, with everything typed."""
    async with terminal(server, tmp_path) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, LoginScreen))
        for name, value in (("server", address), ("username", "alice"), ("password", PASSWORD)):
            pilot.app.screen.query_one(f"#{name}", Input).value = value
        pilot.app.screen.query_one("#password", Input).focus()
        await pilot.press("enter")

        problem = pilot.app.screen.query_one("#problem", Label)
        await until(pilot, lambda: "expected http://host:port" in str(problem.render()))
        assert pilot.app.screen.query_one("#password", Input).value == PASSWORD


async def test_a_crash_shows_where_it_was_and_no_values(server: FakeServer, tmp_path: Path):
    """The password is among the values that a traceback could show."""
    async with terminal(server, tmp_path) as pilot:
        password = "hunter" + str(len(PASSWORD))
        try:
            int(password)
        except ValueError:
            pilot.app._fatal_error()

        (crash,) = pilot.app._exit_renderables
        shown_text = "".join(segment.text for segment in crash.segments)  # type: ignore[union-attr]
    assert "int(password)" in shown_text
    assert "locals" not in shown_text


def test_without_a_terminal_there_is_another_command():
    """In a pipe nobody could see or type anything."""
    result = CliRunner().invoke(command, [])

    assert result.exit_code == 2
    assert "pingme send" in result.output


async def test_the_session_is_kept_for_the_next_time(server: FakeServer, tmp_path: Path):
    """The second start goes straight to the conversations; what came meanwhile is unread, then read."""
    async with terminal(server, tmp_path) as pilot:
        await enter(pilot, "alice")
    await server.say("bob", "alice", "while you were away")

    async with terminal(server, tmp_path) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        await until(pilot, lambda: "while you were away" in shown(pilot, MessageView))

        log = server.logs[server.private_id("alice", "bob")]
        await server.wait_for(lambda: log.positions.get(server.user("alice"), {}).get("read") == 1)


async def test_unread_counts_and_the_way_to_them(server: FakeServer, tmp_path: Path):
    """A message elsewhere counts as unread; Ctrl+T opens it."""
    await server.say("bob", "alice", "from bob")
    async with terminal(server, tmp_path) as pilot:
        await enter(pilot, "alice", new=False)
        await until(pilot, lambda: "from bob" in shown(pilot, MessageView))
        await server.say("carol", "alice", "from carol")
        await until(pilot, lambda: "carol" in shown(pilot, ConversationList))
        await until(pilot, lambda: "1\nfrom carol" in shown(pilot, ConversationList))

        await pilot.press("ctrl+t")

        await until(pilot, lambda: "carol  from carol" in shown(pilot, MessageView))
        await until(pilot, lambda: "1\nfrom carol" not in shown(pilot, ConversationList))


async def test_ticks_and_typing(server: FakeServer, tmp_path: Path):
    """One tick when stored, two when arrived, coloured when read; typing is shown."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        await server.say("bob", "alice", "hello")
        async with terminal(server, tmp_path) as pilot:
            await enter(pilot, "alice", new=False)
            await until(pilot, lambda: "hello" in shown(pilot, MessageView))
            await type_in(pilot, "hi")
            await pilot.press("enter")
            await until(pilot, lambda: "hi ✓" in shown(pilot, MessageView))
            name = server.private_id("alice", "bob")

            async for event in bob.events():
                if isinstance(event, Message) and event.content == "hi":
                    break
            await until(pilot, lambda: "hi ✓✓" in shown(pilot, MessageView))
            await bob.typing(name)
            await until(pilot, lambda: label(pilot, "#typing") == "bob is typing …")
            bob.mark_read(name)
            snapshot = pilot.app.client.conversation  # type: ignore[attr-defined]
            await until(pilot, lambda: snapshot(name).peer_read_seq == 2)


async def test_reply_edit_recall_and_react_by_keys(server: FakeServer, tmp_path: Path):
    """A chosen message is answered, edited, reacted to and recalled without a mouse."""
    async with terminal(server, tmp_path) as pilot:
        await server.say("bob", "alice", "question?")
        await enter(pilot, "alice", new=False)
        await until(pilot, lambda: "question?" in shown(pilot, MessageView))

        await pilot.press("up", "r")
        await until(pilot, lambda: isinstance(pilot.app.focused, Composer))
        await type_in(pilot, "anser")
        await pilot.press("enter")
        await until(pilot, lambda: "┌ bob: question?" in shown(pilot, MessageView))
        await until(pilot, lambda: "anser ✓" in shown(pilot, MessageView))

        await pilot.press("up", "e")
        await until(pilot, lambda: pilot.app.screen.query_one(Composer).text == "anser")
        pilot.app.screen.query_one(Composer).text = "answer"
        await pilot.press("enter")
        await until(pilot, lambda: "answer (edited)" in shown(pilot, MessageView))

        await pilot.press("up", "a", "1")
        await until(pilot, lambda: "👍 1" in shown(pilot, MessageView))

        await pilot.press("d", "y")
        await until(pilot, lambda: "recalled" in shown(pilot, MessageView))


async def test_history_is_loaded_while_scrolling_back(server: FakeServer, tmp_path: Path):
    """PageUp reaches the first of many messages, each shown once."""
    for number in range(150):
        await server.say("bob", "alice", f"message {number:03}")
    async with terminal(server, tmp_path) as pilot:
        await enter(pilot, "alice", new=False)
        await until(pilot, lambda: "message 149" in shown(pilot, MessageView))
        assert "message 000" not in shown(pilot, MessageView)

        async with asyncio.timeout(20):
            while "message 000" not in shown(pilot, MessageView):
                await pilot.press("pageup")
                await pilot.pause(0.01)

        everything = shown(pilot, MessageView)
        assert [everything.count(f"message {number:03}") for number in range(150)] == [1] * 150


async def test_a_broken_line_shows_a_banner_and_loses_nothing(server: FakeServer, tmp_path: Path):
    """What is written while the server is away waits, visibly, and goes out; what came meanwhile appears."""
    await server.say("bob", "alice", "before")
    async with terminal(server, tmp_path) as pilot:
        await enter(pilot, "alice", new=False)
        await until(pilot, lambda: "before" in shown(pilot, MessageView))
        await server.stop()
        await until(pilot, lambda: "reconnecting" in label(pilot, "#banner"))
        await type_in(pilot, "waiting")
        await pilot.press("enter")
        await until(pilot, lambda: "… you  waiting" in shown(pilot, MessageView))
        await server.say("bob", "alice", "meanwhile")

        await server.start()

        await until(pilot, lambda: "waiting ✓" in shown(pilot, MessageView))
        await until(pilot, lambda: "meanwhile" in shown(pilot, MessageView))
        await until(pilot, lambda: not pilot.app.screen.query_one("#banner").display)


async def test_a_group_is_made_and_its_life_is_told(server: FakeServer, tmp_path: Path):
    """A new group opens at once; who joins is a line between the messages."""
    server.user("bob")
    server.user("carol")
    async with terminal(server, tmp_path) as pilot:
        await enter(pilot, "alice")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: bool(pilot.app.screen.query("#members")))
        await type_in(pilot, "friends")
        await pilot.press("enter")
        await type_in(pilot, "bob")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        await until(pilot, lambda: "you made the group friends" in shown(pilot, MessageView))
        group_id = next(name for name in server.logs if name.startswith("g"))

        joined = {"user_ids": [server.user("carol")]}
        await server.append(server.logs[group_id], "member_joined", server.user("bob"), "j", joined)

        await until(pilot, lambda: "bob added carol" in shown(pilot, MessageView))


async def test_help_opens_and_everything_fits(server: FakeServer, tmp_path: Path):
    """F1 shows the keys inside 80 × 24; Escape goes back."""
    async with terminal(server, tmp_path) as pilot:
        await enter(pilot, "alice")
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        dialog = pilot.app.screen.query_one(".dialog")

        assert dialog.region.height <= SIZE[1]
        assert not dialog.show_vertical_scrollbar
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, ChatScreen)


async def test_logging_out_leads_back_to_the_first_screen(server: FakeServer, tmp_path: Path):
    """Ctrl+O asks, ends the session on the server and forgets it here."""
    async with terminal(server, tmp_path) as pilot:
        await enter(pilot, "alice")
        await pilot.press("ctrl+o", "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, LoginScreen))

        assert "POST /auth/logout" in server.api.calls
        assert Profiles(tmp_path).all() == []


async def test_two_terminals_of_one_user_are_two_devices(server: FakeServer, tmp_path: Path):
    """The second terminal says that the profile is in use, and logging in there is another device."""
    async with terminal(server, tmp_path) as first:
        await enter(first, "alice")
        async with terminal(server, tmp_path) as second:
            await until(second, lambda: isinstance(second.app.screen, LoginScreen))
            assert "another terminal" in str(second.app.screen.query_one("#problem", Label).render())
            await enter(second, "alice", new=False)
            await server.wait_for(lambda: len({peer.device_id for peer in server.peers}) == 2)


def test_what_people_write_cannot_move_the_cursor():
    """Control characters, escape sequences and bidirectional overrides are shown as dots."""
    assert text.clean("a\x1b[2Jb\r\nc\td\x00\u202ee") == "a·[2Jb\nc    d··e"


def test_without_textual_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch):
    """Where the extra is not installed, one line says which it is."""
    for name in [name for name in sys.modules if name.startswith("pingme.cli.tui")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual", None)

    result = CliRunner().invoke(command, [])

    assert result.exit_code == 1
    assert "pip install '.[tui]'" in result.output
