"""The examples, and the snippets of docs/sdk.md, run as they stand."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from pingme.sdk import Message
from tests.conversations.people import PASSWORD, contents, hear, hear_messages, person, say
from tests.conversations.server import ServerProcess

ROOT = Path(__file__).resolve().parent.parent.parent
GUIDE = ROOT / "docs" / "sdk.md"
SNIPPETS = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


async def start(name: str, *arguments: str, cwd: Path) -> Process:
    """Start an example."""
    program = str(ROOT / "examples" / name)
    return await asyncio.create_subprocess_exec(
        sys.executable, program, *arguments, stdout=PIPE, stderr=PIPE, cwd=cwd
    )


async def run(name: str, *arguments: str, cwd: Path) -> str:
    """Run an example to its end and return what it printed."""
    process = await start(name, *arguments, cwd=cwd)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_send_and_history(server: ServerProcess, tmp_path: Path):
    """What one example sends, the other prints."""
    async with person(server.url, "ada"), person(server.url, "bob") as bob:
        sent = await run("send.py", server.url, "ada", PASSWORD, "bob", "hello bob", cwd=tmp_path)
        await say(bob, "hello ada", to="ada")
        printed = await run("history.py", server.url, "ada", PASSWORD, "bob", cwd=tmp_path)

    assert sent.startswith("stored as number 1 of p")
    assert printed.splitlines() == ["1 me: hello bob", "2 bob: hello ada"]


async def test_group(server: ServerProcess, tmp_path: Path):
    """The group exists, with its members and its greeting."""
    async with person(server.url, "ada"), person(server.url, "bob"), person(server.url, "eve") as eve:
        printed = await run("group.py", server.url, "ada", PASSWORD, "friends", "bob", "eve", cwd=tmp_path)
        heard = await hear(eve, Message, lambda message: message.content == "welcome to friends")

        assert heard.conversation_id in printed
        assert printed.strip().endswith("3 members")


@pytest.mark.slow
async def test_echo_bot_goes_on_after_it_was_killed(server: ServerProcess, tmp_path: Path):
    """The bot answers; killed and started again it answers what came meanwhile, and nothing twice."""
    async with person(server.url, "echo"), person(server.url, "fay") as fay:
        bot = await start("echo_bot.py", server.url, "echo", PASSWORD, cwd=tmp_path)
        where = (await say(fay, "one", to="echo")).conversation_id
        assert await hear_messages(fay, 2) == ["one", "one"]
        await asyncio.sleep(1)  # the bot writes its place twice a second
        bot.kill()
        await bot.communicate()
        await say(fay, "two", to="echo")

        bot = await start("echo_bot.py", server.url, "echo", PASSWORD, cwd=tmp_path)
        assert await hear_messages(fay, 2) == ["two", "two"]
        bot.kill()
        await bot.communicate()

        assert await contents(fay, where) == ["one", "one", "two", "two"]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
async def test_the_snippets_of_the_guide_run(server: ServerProcess, tmp_path: Path, snippet: str):
    """Every piece of Python in docs/sdk.md runs, inside the setting that the guide describes."""
    async with person(server.url, "alice") as alice, person(server.url, "bob") as bob:
        group = await bob.create_group("friends", ["alice"])
        sent = await say(bob, "hello", to="alice")
        names = {
            "URL": server.url,
            "DATA_DIR": tmp_path / "alice",
            "alice": alice,
            "group_id": group.group_id,
            "conversation": sent.conversation_id,
        }
        body = "".join(
            f"    {line}\n" for line in snippet.replace("a-secret-password", PASSWORD).splitlines()
        )
        namespace: dict[str, object] = {"asyncio": asyncio}
        exec(f"async def snippet({', '.join(names)}):\n{body}", namespace)

        async with asyncio.timeout(20):
            await namespace["snippet"](**names)  # type: ignore[operator]
