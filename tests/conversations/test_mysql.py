"""The whole product on MySQL or MariaDB: chosen by a variable, and nothing acknowledged is lost with a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.conversations.people import contents, hear_messages, person, say
from tests.conversations.server import ServerProcess
from tests.fakes.store_worlds import drop_database, fresh_address


@pytest.fixture
async def env(mariadb: dict[str, str]) -> AsyncIterator[dict[str, str]]:
    address = fresh_address(mariadb)
    yield {**mariadb, "DB_NAME": address.name}
    await drop_database(address)


@pytest.mark.slow
async def test_two_people_chat_on_mysql(env: dict[str, str], tmp_path: Path) -> None:
    """Accounts, messages and history; after kill -9 a new process, with an empty data folder, knows all of it."""
    async with ServerProcess(tmp_path / "one", env) as server:
        async with person(server.url, "ada") as ada, person(server.url, "ben") as ben:
            where = (await say(ada, "hello ben", to="ben")).conversation_id
            await say(ben, "hello ada", to="ada")
            assert await hear_messages(ada, 2) == await hear_messages(ben, 2) == ["hello ben", "hello ada"]
        await server.kill9()

    async with ServerProcess(tmp_path / "two", env) as server, person(server.url, "ben") as ben:
        assert await contents(ben, where) == ["hello ben", "hello ada"]
        assert (await say(ben, "still here", to="ada")).seq == 3


@pytest.mark.slow
async def test_two_nodes_share_accounts_tokens_and_conversations(env: dict[str, str], tmp_path: Path) -> None:
    """A login of one node is good on the other, and ends there when it ends here."""
    async with ServerProcess(tmp_path / "one", env) as one, ServerProcess(tmp_path / "two", env) as two:
        async with person(one.url, "cleo"), person(two.url, "dan") as dan:
            await say(dan, "from the other node", to="cleo")
        async with person(one.url, "cleo") as cleo:
            assert await hear_messages(cleo, 1) == ["from the other node"]

        account = {"username": "cleo", "password": "correct horse battery"}
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"{one.url}/api/v1/auth/login", json=account)
            headers = {"Authorization": f"Bearer {answer.json()['data']['token']}"}
            assert (await http.get(f"{two.url}/api/v1/user/profile", headers=headers)).status_code == 200
            answer = await http.post(f"{one.url}/api/v1/auth/logout", headers=headers)
            async with asyncio.timeout(10):
                while answer.status_code != 401:
                    await asyncio.sleep(0.1)  # another process's memory can only be asked
                    answer = await http.get(f"{two.url}/api/v1/user/profile", headers=headers)
