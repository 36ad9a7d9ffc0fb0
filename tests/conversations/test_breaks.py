"""Servers that stop, leave and die while people write."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pingme.sdk import Client, ConnectionChanged, Message, PingMeError
from tests.conversations.people import Sdk, contents, hear, say
from tests.conversations.server import ServerProcess

pytestmark = pytest.mark.slow


async def write(client: Client, to: str, count: int, acked: list[str]) -> None:
    """Send numbered messages one after the other and note the acknowledged ones."""
    for number in range(count):
        content = f"{client.username} {number}"
        await say(client, content, to=to)
        acked.append(content)


async def test_a_restart_in_the_middle_of_sending_loses_and_doubles_nothing(
    sdk: Sdk, own_server: ServerProcess
):
    """The server stops and starts again: everything arrives once, in order, without anybody's help."""
    async with sdk.person(own_server.url, "ada") as ada, sdk.person(own_server.url, "ben") as ben:
        where = (await say(ada, "ready", to="ben")).conversation_id
        for number in range(40):
            await ada.send(f"{number}", to="ben", wait=False)
            if number == 20:
                assert await own_server.stop() == 0
                await hear(ada, ConnectionChanged, lambda event: event.state == "waiting")
        await own_server.start()
        assert await ada.flush(within_s=20)

        heard = [(await hear(ben, Message)).content for _ in range(41)]
        assert heard == ["ready", *[f"{number}" for number in range(40)]]
        assert await contents(ada, where) == heard


@pytest.mark.timeout(120)
async def test_a_killed_server_keeps_every_acknowledged_message(sdk: Sdk, own_server: ServerProcess):
    """A kill -9 while two people write, twice: every ack is kept, nothing appears twice, the order holds."""
    acked: list[str] = []
    async with sdk.person(own_server.url, "ada") as ada, sdk.person(own_server.url, "ben") as ben:
        where = (await say(ada, "ready", to="ben")).conversation_id
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write(ada, "ben", 60, acked))
            tasks.create_task(write(ben, "ada", 60, acked))
            for wanted in (20, 60):
                while len(acked) < wanted:
                    await hear(ada, Message)
                await own_server.kill9()
                assert len(acked) < 120, "killed too late to prove anything"
                await own_server.start()
        stored = await contents(ada, where)

    assert sorted(stored) == sorted(["ready", *acked])
    assert len(acked) == 120
    for name in ("ada", "ben"):
        assert [one for one in stored if one.startswith(name)] == [f"{name} {n}" for n in range(60)]


async def test_unsent_messages_outlive_server_and_program(
    sdk: Sdk, own_server: ServerProcess, tmp_path: Path
):
    """Written while the server is dead, kept while the program is not running, sent by its next run."""
    folder = tmp_path / "ada"
    async with sdk.person(own_server.url, "ben"):
        pass
    async with sdk.person(own_server.url, "ada", data_dir=folder) as ada:
        where = await ada.conversation_with("ben")
        await own_server.kill9()
        await hear(ada, ConnectionChanged, lambda event: event.state == "waiting")
        for number in range(3):
            await ada.send(f"{number}", to="ben", wait=False)
    await own_server.start()

    async with sdk.client(own_server.url, data_dir=folder) as ada:
        await ada.resume()
        await ada.wait_connected()
        assert await ada.flush()

        assert await contents(ada, where) == ["0", "1", "2"]


async def test_a_revoked_session_ends_at_once(sdk: Sdk, own_server: ServerProcess):
    """Removing a device closes its connection, and its client says that one must log in again."""
    async with sdk.person(own_server.url, "ada") as phone, sdk.person(own_server.url, "ada") as lost:
        assert lost.device_id is not None
        await phone.rest.remove_device(lost.device_id)

        with pytest.raises(PingMeError, match="log in again"):
            await hear(lost, Message)
