"""`pingme top` on the real server, while two people chat."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.conversations.people import person, say
from tests.conversations.server import ServerProcess


async def top(data: Path, *arguments: str) -> tuple[int | None, str]:
    """Run the command and return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from pingme.cli.app import main; main()", "top", *arguments),
        stdout=PIPE,
        env={"PINGME_APP__DATA_DIR": str(data), "PATH": "/usr/bin:/bin"},
        cwd=data.parent,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()


@pytest.mark.slow
async def test_what_two_people_do_is_seen(tmp_path: Path):
    """Messages, deliveries and connections, as JSON and as a page."""
    data = tmp_path / "data"
    async with ServerProcess(data) as server, person(server.url, "ada") as ada, person(server.url, "bob"):

        async def chat() -> None:
            while True:
                await say(ada, "hello", to="bob")

        talking = asyncio.create_task(chat())
        code, out = await top(data, "--once", "--json")
        talking.cancel()
        plain_code, page = await top(data, "--once", "--interval", "0.2")

    shown = json.loads(out)
    assert (code, plain_code) == (0, 0)
    assert (shown["gauges"]["connections"], shown["gauges"]["users"]) == (2, 2)
    assert shown["rates"]["messages"] > 0
    assert shown["rates"]["deliveries"] > 0
    assert shown["latency_ms"]["commit"]["p99"] > 0
    assert "messages/s" in page
    assert "connections" in page
