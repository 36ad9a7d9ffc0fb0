"""Signals to a real server: SIGHUP, and Ctrl-C twice."""

from __future__ import annotations

import asyncio
import signal
import socket
import sqlite3
from pathlib import Path

import pytest

from tests.conversations.people import person, say
from tests.conversations.server import ServerProcess

WITHIN_S = 10.0
LOCKED_MS = "60000"  # that a send waits for the store: longer than the test


async def _until_closed(port: int) -> None:
    """Return when nobody listens: the server leaves."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)):
                    return
            await asyncio.sleep(0.02)  # another process's socket can only be asked for


@pytest.mark.slow
async def test_sighup_opens_the_log_anew_and_the_chat_goes_on(tmp_path: Path):
    """The renamed log stays as it is, the new one says so, and no connection notices."""
    log, old = tmp_path / "server-log.txt", tmp_path / "old.txt"
    async with (
        ServerProcess(tmp_path / "data", {"PINGME_LOGGING__OUTPUT": str(log)}) as server,
        person(server.url, "ada") as ada,
    ):
        await say(ada, "before", to="ada")
        log.rename(old)
        kept = old.read_bytes()

        server.signal(signal.SIGHUP)
        async with asyncio.timeout(WITHIN_S):
            while not log.exists() or b"log_reopened" not in log.read_bytes():  # noqa: ASYNC110  # as above
                await asyncio.sleep(0.02)

        assert old.read_bytes() == kept
        assert (await say(ada, "after", to="ada")).seq == 2
        assert await server.stop() == 0


@pytest.mark.slow
async def test_a_second_ctrl_c_ends_at_once(tmp_path: Path):
    """The first waits for an answer that a locked store holds up; the second ends the process as SIGINT does."""
    env = {"PINGME_LIMITS__OUTAGE_REFUSE_MS": LOCKED_MS}
    async with ServerProcess(tmp_path / "data", env) as server, person(server.url, "ada") as ada:
        await say(ada, "stored", to="ada")
        lock = sqlite3.connect(tmp_path / "data" / "pingme.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        await ada.send("waits", to="ada", wait=False)
        await asyncio.sleep(0.3)  # lets the send arrive: what is not answered is not visible from here

        server.signal(signal.SIGINT)
        await _until_closed(server.port)
        status = await server.stop(signal.SIGINT)

        lock.close()
        assert status == -signal.SIGINT
