"""`pingme demo`: one command, and somebody who looks around finds people who talk and answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from pingme.sdk import Client, Message, Reacted, Typing
from tests.conversations.server import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PASSWORD = "amber-kettle-42"


@contextlib.asynccontextmanager
async def demo(*arguments: str, folder: Path) -> AsyncGenerator[tuple[dict[str, Any], Process]]:
    """Run the command until its JSON has come; whoever has left the block has ended it."""
    command = ("demo", "--json", "--password", PASSWORD, *arguments)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from pingme.cli.app import main; main()", *command),
        stdout=PIPE, stderr=PIPE, cwd=folder, env={"TMPDIR": str(folder), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = await process.stdout.readline()
        assert line, (await process.stderr.read()).decode()
        yield json.loads(line), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.communicate()


async def test_a_stranger_looks_around(tmp_path: Path):
    """The guest has groups, chats and unread messages; people talk and type, and answer; Ctrl+C leaves nothing."""
    async with demo("--speed", "20", folder=tmp_path) as (found, process):
        async with Client(found["url"]) as guest:
            await guest.login(found["guest"], found["password"])
            snapshots = guest.conversations()
            groups = [snapshot for snapshot in snapshots if snapshot.info.type == "group"]
            heard = await listen(guest, until={Message, Typing, Reacted})
            answer = await ask(guest, "mina", "Are you coming?")
            await guest.logout()
        process.send_signal(signal.SIGINT)
        code = await process.wait()

    assert {group.conversation_id for group in groups} == set(found["groups"])
    assert sum(snapshot.unread > 0 for snapshot in snapshots) >= 4
    assert all(
        snapshot.last_message and not snapshot.last_message.mine for snapshot in snapshots if snapshot.unread
    )
    assert sum(len(snapshot.messages) for snapshot in snapshots) > 80
    assert heard
    assert answer.to_user_id == next(
        user["user_id"] for user in found["users"] if user["username"] == "robin"
    )
    assert code == 0
    assert left_in(tmp_path) == []  # server, store and sessions are gone


def left_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


async def listen(client: Client, *, until: set[type]) -> bool:
    """Take events until one of each kind has come."""
    missing = set(until)
    async with asyncio.timeout(60):
        async for event in client.events():
            missing.discard(type(event))
            if not missing:
                return True
    return False


async def ask(client: Client, whom: str, question: str) -> Message:
    """Ask somebody in private and return what is answered."""
    conversation_id = await client.conversation_with(whom)
    sent = await client.send(question, to=whom)
    assert sent is not None
    async with asyncio.timeout(60):
        async for event in client.events():
            if (
                isinstance(event, Message)
                and event.conversation_id == conversation_id
                and event.seq > sent.seq
            ):
                return event
    raise AssertionError("the stream ended")


async def test_a_history_into_a_server_of_ones_own(tmp_path: Path):
    """--server fills it once, however often it is asked to, leaves no session there, and ends after --seconds."""
    async with ServerProcess(tmp_path / "data") as server:
        arguments = ("--server", server.url, "--add", "--quiet-room", "--seconds", "0")
        async with demo(*arguments, folder=tmp_path) as (found, process):
            assert await process.wait() == 0
        async with demo(*arguments, folder=tmp_path) as (again, process):
            assert await process.wait() == 0
        async with Client(server.url) as mina:
            await mina.login("mina", PASSWORD)
            devices = await mina.rest.devices()

    assert found["messages"] > 200
    assert again["messages"] == 0
    assert sorted(again["groups"]) == sorted(found["groups"])
    assert len(devices) == 1
