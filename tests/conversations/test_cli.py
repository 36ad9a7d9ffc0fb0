"""`pingme send` as a script calls it, against the real server."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from tests.conversations.people import PASSWORD, contents, person
from tests.conversations.server import ServerProcess


async def pingme(*arguments: str, stdin: str, home: Path) -> tuple[int | None, str, str]:
    """Run a command and return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from pingme.cli.app import main; main()",
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env={"XDG_DATA_HOME": str(home), "PATH": "/usr/bin:/bin"},
    )
    out, err = await process.communicate(stdin.encode())
    return process.returncode, out.decode(), err.decode()


async def test_lines_of_a_script_arrive_in_order(server: ServerProcess, tmp_path: Path):
    """The first line is the password, every other one a message; each is told as JSON."""
    async with person(server.url, "script"), person(server.url, "vic") as vic:
        who = ("--server", server.url, "--username", "script", "--password-stdin")
        lines = f"{PASSWORD}\none\ntwo\nthree\n"

        code, out, err = await pingme("send", *who, "--to", "vic", "--json", "-", stdin=lines, home=tmp_path)

        assert (code, err) == (0, "")
        acks = [json.loads(line) for line in out.splitlines()]
        assert [ack["seq"] for ack in acks] == [1, 2, 3]
        assert await contents(vic, acks[0]["conversation_id"]) == ["one", "two", "three"]


async def test_exit_codes_for_scripts(server: ServerProcess, tmp_path: Path):
    """Refused is 1, not logged in 3, no server 4; the reason and its code stand on stderr."""
    async with person(server.url, "script"):
        pass
    who = ("--server", server.url, "--username", "script", "--password-stdin")
    nowhere = ("--server", "http://127.0.0.1:9", "--username", "script", "--password-stdin")

    refused = await pingme("send", *who, "--to", "no.such.user", "hi", stdin=f"{PASSWORD}\n", home=tmp_path)
    wrong = await pingme("send", *who, "--to", "script", "hi", stdin="wrong password\n", home=tmp_path)
    away = await pingme("send", *nowhere, "--to", "script", "hi", stdin=f"{PASSWORD}\n", home=tmp_path)

    assert (refused[0], wrong[0], away[0]) == (1, 3, 4)
    assert "30001" in refused[2]
    assert "30003" in wrong[2]
