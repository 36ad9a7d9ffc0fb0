"""What was typed in the terminal client is not lost, and nothing counts as read that was not shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from pingme.cli.tui import loading
from pingme.cli.tui.chat import ChatScreen
from pingme.cli.tui.widgets import Composer, ConversationList, MessageView
from pingme.domain.errors import ErrorCode
from pingme.sdk import OutboxFull, outbox, transport
from pingme.wire import frames
from pingme.wire import server_frames as wire
from tests.fakes.server import FakeServer, refusal
from tests.fakes.terminal import enter, label, shown, terminal, type_in, until

pytestmark = pytest.mark.slow  # a whole application each; `test_tui.py` has the way through it


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as running:
        yield running


def composer(pilot: Pilot[None]) -> Composer:
    return pilot.app.screen.query_one(Composer)


def told(pilot: Pilot[None]) -> list[str]:
    """Return what was notified and still stands there."""
    return [one.message for one in pilot.app._notifications]


def too_long() -> wire.ErrorPayload:
    return refusal(40006, "message too long")


async def begin(pilot: Pilot[None], server: FakeServer) -> None:
    """Log alice in, to the conversation with bob."""
    await enter(pilot, "alice", new=False)
    await until(pilot, lambda: "question?" in shown(pilot, MessageView))


async def test_a_refused_message_is_back_in_the_composer(server: FakeServer, tmp_path: Path):
    """The server refuses what was written: it stands in the composer again, to be shortened."""
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await begin(pilot, server)
        server.refuse.append(too_long())
        await type_in(pilot, "much too long")
        await pilot.press("enter")

        await until(pilot, lambda: any("too long" in one for one in told(pilot)))
        assert composer(pilot).text == "much too long"


async def test_a_refused_reply_is_a_reply_again(server: FakeServer, tmp_path: Path):
    """Text and what it answers come back together."""
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await begin(pilot, server)
        server.refuse.append(too_long())
        await pilot.press("up", "r")
        await type_in(pilot, "answer")
        await pilot.press("enter")
        await until(pilot, lambda: composer(pilot).text == "answer")

        await pilot.press("enter")

        await until(pilot, lambda: "┌ bob: question?" in shown(pilot, MessageView))


async def test_what_was_refused_elsewhere_waits_there(server: FakeServer, tmp_path: Path):
    """The refusal comes when another conversation is open: the text is there when one comes back."""
    await server.say("carol", "alice", "hello")
    await server.say("bob", "alice", "question?")
    held: list[frames.AnyClientFrame] = []
    async with terminal(server, tmp_path) as pilot:
        await begin(pilot, server)
        server.swallow = lambda frame: isinstance(frame, frames.Send) and held.append(frame) is None
        await type_in(pilot, "lost?")
        await pilot.press("enter")
        await server.wait_for(lambda: bool(held))
        await pilot.press("ctrl+down")
        await until(pilot, lambda: "carol  hello" in shown(pilot, MessageView))

        await server._answer(server.peers[0], "error", refused(held[0]), held[0].id)
        await until(pilot, lambda: bool(told(pilot)))
        assert composer(pilot).text == ""
        await pilot.press("ctrl+up")

        await until(pilot, lambda: composer(pilot).text == "lost?")


def refused(frame: Any) -> wire.ErrorPayload:
    """Return a refusal of this very send."""
    error = too_long()
    error.msg_id = frame.payload.msg_id
    return error


async def test_what_was_refused_does_not_disturb_what_is_being_written(server: FakeServer, tmp_path: Path):
    """The refused text comes when the present one is sent; neither is lost."""
    await server.say("bob", "alice", "question?")
    held: list[frames.AnyClientFrame] = []
    async with terminal(server, tmp_path) as pilot:
        await begin(pilot, server)
        server.swallow = lambda frame: isinstance(frame, frames.Send) and held.append(frame) is None
        await type_in(pilot, "one")
        await pilot.press("enter")
        await server.wait_for(lambda: bool(held))
        await type_in(pilot, "two")
        await server._answer(server.peers[0], "error", refused(held[0]), held[0].id)
        await until(pilot, lambda: bool(told(pilot)))
        assert composer(pilot).text == "two"
        server.swallow = lambda _frame: False

        await pilot.press("enter")

        await until(pilot, lambda: "two ✓" in shown(pilot, MessageView))
        assert composer(pilot).text == "one"


async def test_several_refused_messages_come_back_in_order(server: FakeServer, tmp_path: Path):
    """What was written while the line was down and is refused afterwards is there, line by line."""
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await begin(pilot, server)
        await server.stop()
        await until(pilot, lambda: "reconnecting" in label(pilot, "#banner"))
        for words in ("one", "two"):
            await type_in(pilot, words)
            await pilot.press("enter")
            await until(pilot, lambda words=words: f"… you  {words}" in shown(pilot, MessageView))  # type: ignore[misc]
        server.refuse += [too_long(), too_long()]

        await server.start()

        await until(pilot, lambda: composer(pilot).text == "one\ntwo")


async def test_what_an_earlier_run_left_comes_back_too(server: FakeServer, tmp_path: Path):
    """A message that waited on disk and is refused at the next start is not lost either."""
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await begin(pilot, server)
        await server.stop()
        await until(pilot, lambda: "reconnecting" in label(pilot, "#banner"))
        await type_in(pilot, "yesterday")
        await pilot.press("enter")
        await until(pilot, lambda: "… you  yesterday" in shown(pilot, MessageView))
    server.refuse.append(too_long())
    await server.start()

    async with terminal(server, tmp_path) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, ChatScreen))

        await until(pilot, lambda: composer(pilot).text == "yesterday")


async def test_what_cannot_even_wait_is_back_in_the_composer(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The outbox is full: the reason is told, the text stays."""
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await begin(pilot, server)
        monkeypatch.setattr(outbox, "MAX_PENDING", 0)
        await type_in(pilot, "one too many")
        await pilot.press("enter")

        await until(pilot, lambda: bool(told(pilot)))
        assert composer(pilot).text == "one too many"
        assert len(told(pilot)) == 1
        assert OutboxFull.code is ErrorCode.LIMIT_REACHED


async def test_a_stored_message_comes_back_no_more(server: FakeServer, tmp_path: Path):
    """Nothing is remembered of what the server has stored."""
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await begin(pilot, server)
        await type_in(pilot, "fine")
        await pilot.press("enter")

        await until(pilot, lambda: "fine ✓" in shown(pilot, MessageView))
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await until(pilot, lambda: len(screen._drafts) == 0)
        assert composer(pilot).text == ""


async def half_written_edit(pilot: Pilot[None], server: FakeServer) -> None:
    """Send a message, write half of the next one, and begin to edit the first."""
    await begin(pilot, server)
    await type_in(pilot, "anser")
    await pilot.press("enter")
    await until(pilot, lambda: "anser ✓" in shown(pilot, MessageView))
    await type_in(pilot, "half")
    await pilot.press("up", "e")
    await until(pilot, lambda: composer(pilot).text == "anser")


async def test_leaving_an_edit_brings_back_what_was_half_written(server: FakeServer, tmp_path: Path):
    """Esc gives up the edit, not the text that stood there before."""
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await half_written_edit(pilot, server)

        await pilot.press("escape")

        await until(pilot, lambda: composer(pilot).text == "half")


async def test_sending_an_edit_brings_back_what_was_half_written(server: FakeServer, tmp_path: Path):
    """The edit goes out, and one writes on where one was."""
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await half_written_edit(pilot, server)
        await type_in(pilot, "?")

        await pilot.press("enter")

        await until(pilot, lambda: "anser? (edited)" in shown(pilot, MessageView))
        assert composer(pilot).text == "half"


async def test_answering_instead_of_editing_brings_back_what_was_half_written(
    server: FakeServer, tmp_path: Path
):
    """R in the middle of an edit: the half-written text becomes the answer, not the old message."""
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await half_written_edit(pilot, server)

        await pilot.press("up", "r")

        await until(pilot, lambda: composer(pilot).text == "half")


async def test_another_message_may_be_edited_instead(server: FakeServer, tmp_path: Path):
    """E in the middle of an edit keeps what was half-written before the first one."""
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await half_written_edit(pilot, server)

        await pilot.press("up", "e", "escape")

        await until(pilot, lambda: composer(pilot).text == "half")


async def test_going_elsewhere_in_an_edit_keeps_what_was_half_written(server: FakeServer, tmp_path: Path):
    """The edit is given up with the conversation; the text behind it is there when one comes back."""
    await server.say("carol", "alice", "hello")
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await half_written_edit(pilot, server)

        await pilot.press("ctrl+down")
        await until(pilot, lambda: "carol  hello" in shown(pilot, MessageView))
        assert composer(pilot).text == ""
        await pilot.press("ctrl+up")

        await until(pilot, lambda: composer(pilot).text == "half")


async def test_a_refused_edit_is_an_edit_again(server: FakeServer, tmp_path: Path):
    """The new content comes back, told once, and Enter edits the same message."""
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await half_written_edit(pilot, server)
        await pilot.press("escape")
        composer(pilot).text = ""
        await pilot.press("up", "e")
        server.refuse.append(too_long())
        await type_in(pilot, "?")
        await pilot.press("enter")
        await until(pilot, lambda: bool(told(pilot)))
        await until(pilot, lambda: composer(pilot).text == "anser?")
        assert len(told(pilot)) == 1

        await pilot.press("enter")

        await until(pilot, lambda: "anser? (edited)" in shown(pilot, MessageView))


def read_of(server: FakeServer, sender: str) -> int:
    """Return how far alice has read what somebody wrote, as the server knows it."""
    log = server.logs[server.private_id("alice", sender)]
    return log.positions.get(server.user("alice"), {}).get("read", 0)


async def test_what_could_not_be_loaded_is_not_read(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The history is refused: nothing is told as read, the reason is told once; later it loads and is read."""
    monkeypatch.setattr(loading, "RETRY_REFUSED_S", 0.02)
    asked: list[object] = []
    history = server.history

    def refuse(*asked_for: Any) -> wire.ErrorPayload:
        asked.append(asked_for)
        return refusal(50001, "no history now")

    monkeypatch.setattr(server, "history", refuse)
    await server.say("bob", "alice", "secret")
    async with terminal(server, tmp_path) as pilot:
        await enter(pilot, "alice", new=False)
        await until(pilot, lambda: "bob" in shown(pilot, ConversationList))
        await until(pilot, lambda: len(asked) > 4)

        assert "secret" not in shown(pilot, MessageView)
        assert read_of(server, "bob") == 0
        assert [one for one in told(pilot) if "history" in one] == ["history: no history now"]

        monkeypatch.setattr(server, "history", history)

        await until(pilot, lambda: "secret" in shown(pilot, MessageView))
        await server.wait_for(lambda: read_of(server, "bob") == 1)


async def test_what_a_dialog_covers_is_not_read(server: FakeServer, tmp_path: Path):
    """A message that arrives behind the page of keys is read when that is closed."""
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await begin(pilot, server)
        await server.wait_for(lambda: read_of(server, "bob") == 1)
        await pilot.press("f1")
        await server.say("bob", "alice", "behind")
        screen = pilot.app.screen_stack[1]
        view = screen.query_one(MessageView)
        await until(pilot, lambda: "behind" in "".join(row.text.plain for row in view._rows))
        await pilot.pause(0.1)
        await asyncio.sleep(0.3)  # positions gather before they are told

        assert read_of(server, "bob") == 1

        await pilot.press("escape")
        await server.wait_for(lambda: read_of(server, "bob") == 2)


async def test_without_a_line_the_history_is_tried_again_quietly(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The banner says that the line is down; no toast says it again every second."""
    monkeypatch.setattr(loading, "RETRY_S", 0.02)
    monkeypatch.setattr(transport, "MAX_ATTEMPTS", 1)
    await server.say("carol", "alice", "hello")
    await server.say("bob", "alice", "question?")
    async with terminal(server, tmp_path) as pilot:
        await begin(pilot, server)
        await server.stop()
        await until(pilot, lambda: "reconnecting" in label(pilot, "#banner"))

        before = server.api.calls.count("GET /messages/history")

        await pilot.press("ctrl+down")
        await until(pilot, lambda: server.api.calls.count("GET /messages/history") > before + 2)
        assert told(pilot) == []
        await server.start()

        await until(pilot, lambda: "carol  hello" in shown(pilot, MessageView))
        assert told(pilot) == []
