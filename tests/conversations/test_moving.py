"""A server's store moves to another engine and back, with real processes: what people notice is nothing."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from pingme.sdk import Message
from tests.conversations.people import contents, hear, person, say
from tests.conversations.server import ServerProcess
from tests.fakes.store_worlds import drop_database, fresh_address

SECRET = "the same secret on both sides of a move, 32 bytes or more"
MOVED_WITHIN_S = 120
PASSWORD = "correct horse battery"


def pingme(data_dir: Path, env: Mapping[str, str], *arguments: str) -> str:
    """Run a command as an operator does and return what it prints."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PINGME_", "APP_"))}
    done = subprocess.run(
        [sys.executable, "-c", "from pingme.cli.app import main; main()", *arguments],
        env=inherited | {"PINGME_APP__DATA_DIR": str(data_dir), **env},
        cwd=data_dir.parent,
        capture_output=True,
        text=True,
        timeout=MOVED_WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def heads_of(data_dir: Path, env: Mapping[str, str]) -> str:
    answer: dict[str, Any] = json.loads(
        await asyncio.to_thread(pingme, data_dir, env, "db", "verify", "--json")
    )
    assert answer["good"], answer["faults"]
    return str(answer["heads"])


@pytest.fixture
async def mysql(mariadb: dict[str, str]) -> AsyncIterator[dict[str, str]]:
    address = fresh_address(mariadb)
    yield {**mariadb, "DB_NAME": address.name, "JWT_SECRET": SECRET}
    await drop_database(address)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_people_notice_nothing_of_a_move(mysql: dict[str, str], tmp_path: Path) -> None:
    """SQLite → MySQL → SQLite: passwords, refresh tokens, history, resent messages and the next seq are as before."""
    sqlite = {"JWT_SECRET": SECRET}
    houses = [(tmp_path / "old", sqlite), (tmp_path / "rented", mysql), (tmp_path / "new", sqlite)]
    seqs, seen = 2, []
    async with ServerProcess(*houses[0]) as server:
        async with person(server.url, "ada") as ada, person(server.url, "ben") as ben:
            where = (await say(ada, "hello ben", to="ben")).conversation_id
            await say(ben, "hello ada", to="ada")
        tokens = await login(server.url)
        repeated = await send(server.url, tokens, "sent before the move")
        seqs += 1

    for number, (home, target) in enumerate(itertools.pairwise(houses)):
        file = tmp_path / f"house-{number}.ndjson.gz"
        await asyncio.to_thread(pingme, *home, "db", "export", str(file))
        await asyncio.to_thread(pingme, *target, "db", "import", str(file))
        seen += [await heads_of(*home), await heads_of(*target)]
        assert seen[-1] == seen[-2]

        async with ServerProcess(*target) as server:
            tokens = await refresh(server.url, tokens)
            assert await send(server.url, tokens, "sent before the move") == repeated | {"duplicate": True}
            async with person(server.url, "ada") as ada, person(server.url, "ben") as ben:
                assert len(await contents(ben, where)) == seqs
                sent = await say(ada, f"after move {number}", to="ben")
                await hear(ben, Message, is_sent(f"after move {number}"))
            seqs += 1
            assert sent.seq == seqs


@pytest.mark.slow
async def test_a_server_that_writes_is_exported(tmp_path: Path) -> None:
    """While people send, and without the server's help; the copy verifies, and the server has noticed nothing."""
    house, file = (tmp_path / "house", {"JWT_SECRET": SECRET}), tmp_path / "house.ndjson"
    async with ServerProcess(*house) as server, person(server.url, "ada") as ada, person(server.url, "ben"):
        exporting = asyncio.create_task(asyncio.to_thread(pingme, *house, "db", "export", str(file)))
        count = 0
        while not exporting.done():
            await say(ada, f"message {count}", to="ben")
            count += 1
        await exporting

    await asyncio.to_thread(pingme, *house, "db", "verify", str(file))
    copy = (tmp_path / "copy", house[1])
    await asyncio.to_thread(pingme, *copy, "db", "import", str(file))
    assert await heads_of(*copy) != await heads_of(*house), "the last messages are not in it"


def is_sent(content: str) -> Callable[[Message], bool]:
    return lambda message: message.content == content


async def login(url: str) -> dict[str, str]:
    async with httpx.AsyncClient(trust_env=False) as http:
        account = {"username": "ada", "password": PASSWORD, "device_id": "laptop"}
        answer = await http.post(f"{url}/api/v1/auth/login", json=account)
        return dict(answer.json()["data"])


async def refresh(url: str, tokens: Mapping[str, str]) -> dict[str, str]:
    """Exchange the refresh token of before the move: the session goes on."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(
            f"{url}/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]}
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])


async def send(url: str, tokens: Mapping[str, str], content: str) -> dict[str, Any]:
    """Send one message under one msg_id, again and again."""
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"Authorization": f"Bearer {tokens['token']}"}
        people = (await http.get(f"{url}/api/v1/users", params={"query": "ben"}, headers=headers)).json()
        message = {
            "msg_id": "chosen-once",
            "to_user_id": people["data"]["items"][0]["user_id"],
            "content": content,
        }
        answer = await http.post(f"{url}/api/v1/messages", json=message, headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])
