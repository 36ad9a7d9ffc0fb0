"""The lists of the terminal client: what is chosen stays chosen, and the place stays, whatever is drawn anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from pingme.cli.tui import dialogs
from pingme.cli.tui.chat import ChatScreen
from pingme.cli.tui.widgets import ConversationList, MessageView, Row
from pingme.wire import frames
from tests.fakes.server import FakeServer
from tests.fakes.terminal import SIZE, enter, shown, terminal, type_in, until

pytestmark = pytest.mark.slow  # a whole application each; `test_tui.py` has the way through it


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as running:
        yield running


class Lists(App[None]):
    """The two lists, and what they ask for."""

    CSS = "OptionList { height: 10; border: none; padding: 0; }"

    def __init__(self) -> None:
        super().__init__()
        self.older_wanted = 0
        self.acted: list[str | None] = []
        self.opened: list[str | None] = []

    def compose(self) -> ComposeResult:
        yield MessageView(id="messages")
        yield ConversationList(id="conversations")

    @on(MessageView.OlderWanted)
    def _older(self) -> None:
        self.older_wanted += 1

    @on(MessageView.Acted)
    def _act(self, event: MessageView.Acted) -> None:
        self.acted.append(event.row_id if event.action == "reply" else event.action)

    @on(OptionList.OptionSelected, "#conversations")
    def _open(self, event: OptionList.OptionSelected) -> None:
        self.opened.append(event.option_id)


@pytest.fixture
async def lists() -> AsyncIterator[Pilot[None]]:
    async with Lists().run_test(size=SIZE) as pilot:
        yield pilot


def app_of(lists: Pilot[None]) -> Lists:
    assert isinstance(lists.app, Lists)
    return lists.app


def rows(*ids: object) -> list[Row]:
    return [Row(str(one), Text(f"row {one}")) for one in ids]


def day(*ids: object) -> list[Row]:
    """Return messages below the line with their day."""
    return [Row(f"day {ids[0]}", Text("today"), fixed=True), *rows(*ids)]


async def show_at_end(lists: Pilot[None], shown: list[Row]) -> MessageView:
    """Show messages as a conversation that was just opened does."""
    view = lists.app.query_one(MessageView)
    view.restart()
    view.show(shown)
    await until(lists, lambda: not view._follow)  # it has come to its end
    app_of(lists).older_wanted = 0
    return view


async def test_the_chosen_message_stays_chosen_when_older_ones_come(lists: Pilot[None]):
    """A page above the chosen message moves it down; R still answers that message."""
    view = await show_at_end(lists, rows(*range(60, 90)))
    view.focus()
    view.choose("80")

    view.show(rows(*range(90)))
    await lists.press("r")

    assert view.chosen == "80"
    assert app_of(lists).acted == ["80"]


async def test_the_chosen_conversation_stays_chosen_when_another_moves_up(lists: Pilot[None]):
    """A message elsewhere reorders the list; Enter opens the conversation that was chosen."""
    view = lists.app.query_one(ConversationList)
    view.show(rows("a", "b", "c"))
    view.focus()
    view.choose("b")

    view.show(rows("c", "a", "b"))
    await lists.press("enter")

    assert view.chosen == "b"
    assert app_of(lists).opened == ["b"]


async def test_a_list_may_get_shorter_than_the_highlight(lists: Pilot[None]):
    """The chosen row is gone: then none is chosen, and keys go on working."""
    view = lists.app.query_one(ConversationList)
    view.show(rows("a", "b", "c"))
    view.focus()
    view.choose("c")

    view.show(rows("a"))
    assert view.chosen is None
    await lists.press("down", "enter")

    assert app_of(lists).opened == ["a"]


@pytest.mark.parametrize("later", [range(30, 121), [*range(60, 119), 120]], ids=["prepended", "settled"])
async def test_drawing_anew_asks_for_no_older_messages(lists: Pilot[None], later: list[int]):
    """An older page, or a waiting message that becomes a stored one, is not a way to the top."""
    view = await show_at_end(lists, rows(*range(60, 120)))

    view.show(rows(*later))
    await lists.pause()

    assert app_of(lists).older_wanted == 0
    assert view.is_at_end


async def test_the_place_stays_where_one_reads(lists: Pilot[None]):
    """The message on top of the view stays there, both when rows below it change and when older ones come."""
    view = await show_at_end(lists, rows(*range(60, 120)))
    view.scroll_to(y=20, animate=False)
    await lists.pause()

    view.show(rows(*range(60, 119), "stored"))
    await lists.pause()
    assert view.scroll_offset.y == 20

    view.show(rows(*range(30, 119), "stored"))
    await lists.pause()
    assert view.scroll_offset.y == 50
    assert app_of(lists).older_wanted == 0


async def test_the_place_stays_where_nothing_is_chosen_in_sight(lists: Pilot[None]):
    """Who chose a message and scrolled on is not taken back to it by what is drawn anew."""
    view = await show_at_end(lists, rows(*range(60, 120)))
    view.choose("118")
    view.scroll_to(y=20, animate=False)
    await lists.pause()

    view.show(rows(*range(30, 120)))
    await lists.pause()

    assert view.scroll_offset.y == 50
    assert view.chosen == "118"


async def test_above_the_first_message_older_ones_are_asked_for(lists: Pilot[None]):
    """↑ on the first message does not go round to the last one."""
    view = await show_at_end(lists, day(*range(1, 41)))
    view.focus()
    view.choose("1")
    await lists.pause()
    app_of(lists).older_wanted = 0

    await lists.press("up")

    assert view.chosen == "1"
    assert app_of(lists).older_wanted == 1


async def test_below_the_last_message_one_writes_again(lists: Pilot[None]):
    """↓ on the last message does not go round to the first one, also where something waits to be sent."""
    view = await show_at_end(lists, [*day(*range(1, 41)), Row("unsent m", Text("waits"), fixed=True)])
    view.focus()
    view.choose("40")

    await lists.press("down")

    assert view.chosen == "40"
    assert app_of(lists).acted == ["leave"]


async def test_sending_loads_no_history(server: FakeServer, tmp_path: Path):
    """Messages that are sent load no page of older ones."""
    for number in range(200):
        await server.say("bob", "alice", f"message {number:03}")
    held: list[frames.AnyClientFrame] = []
    async with terminal(server, tmp_path) as pilot:
        await enter(pilot, "alice", new=False)
        await until(pilot, lambda: "message 199" in shown(pilot, MessageView))

        server.swallow = lambda frame: isinstance(frame, frames.Send) and held.append(frame) is None
        await type_in(pilot, "mine")
        await pilot.press("enter")
        await until(pilot, lambda: "… you  mine" in shown(pilot, MessageView) and bool(held))
        await pilot.pause(0.1)  # it stands there for a while

        server.swallow = lambda _frame: False
        await server._receive(server.peers[0], held[0])
        await until(pilot, lambda: "mine ✓" in shown(pilot, MessageView))
        await pilot.pause(0.1)

        asked = [one.payload for one in server.received if isinstance(one, frames.History)]
        assert [one.before_seq for one in asked if one.after_seq is None] == [None]


async def search(pilot: Pilot[None], words: str) -> Any:
    """Open the search, type, and return the dialog with what was found."""
    await pilot.press("ctrl+n")
    await until(pilot, lambda: bool(pilot.app.screen.query("#found")))
    await type_in(pilot, words)
    found = pilot.app.screen.query_one("#found", OptionList)
    await until(pilot, lambda: found.option_count > 0)
    return pilot.app.screen


async def test_enter_on_what_an_older_search_found_is_harmless(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """While the next search runs nobody is on the list, so that Enter opens no chat with somebody else."""
    server.user("bob")
    async with terminal(server, tmp_path) as pilot:
        await enter(pilot, "alice")
        dialog = await search(pilot, "bo")
        monkeypatch.setattr(dialogs, "SEARCH_AFTER_S", 60.0)

        await pilot.press("b", "tab", "down", "enter")

        assert pilot.app.screen is dialog
        assert dialog.query_one("#found", OptionList).option_count == 0


async def test_a_choice_that_was_overtaken_by_the_search_is_dropped(server: FakeServer, tmp_path: Path):
    """A row is chosen in the moment in which the list changes: nothing happens."""
    server.user("bob")
    async with terminal(server, tmp_path) as pilot:
        await enter(pilot, "alice")
        dialog = await search(pilot, "bob")
        found = dialog.query_one("#found", OptionList)
        found.highlighted = 0

        found.action_select()
        dialog.query_one("#who", Input).value = "nobody"
        dialog._search_soon(Input.Changed(dialog.query_one("#who", Input), "nobody"))
        await pilot.pause()
        await pilot.pause()

        assert pilot.app.screen is dialog


async def test_the_first_one_found_is_taken_from_the_field(server: FakeServer, tmp_path: Path):
    """Enter in the field opens the chat with the first one, chosen from the list the one chosen."""
    server.user("bob")
    server.user("bobby")
    async with terminal(server, tmp_path) as pilot:
        await enter(pilot, "alice")
        await search(pilot, "bob")

        await pilot.press("tab", "down", "enter")

        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await until(pilot, lambda: screen.current is not None)
        assert screen.desk.title(screen.current or "") in {"bob", "bobby"}
