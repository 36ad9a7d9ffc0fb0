"""Operators' commands on the real system: offline, and through the socket of a server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

import pytest
import structlog

from pingme.bootstrap import build_offline
from pingme.cli.admin import call
from pingme.config import AppSettings, Settings
from pingme.domain.events import MessageBody, make_command
from pingme.domain.ids import UserId, private_conversation_id
from pingme.edge.admin import SOCKET_NAME, AdminServer
from pingme.edge.logs import HANDLER
from pingme.ports.dead_letters import DeadLetterRecord
from pingme.wire.records import encode_record

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def logging_restored():
    """Undo what `configure_logging` sets up."""
    root = logging.getLogger()
    level = root.level
    yield
    for handler in [each for each in root.handlers if each.get_name() == HANDLER]:
        root.removeHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(app=AppSettings(data_dir=tmp_path))


def letter_of(sender: str, peer: str, msg_id: str) -> DeadLetterRecord:
    """A message that the store did not take."""
    conversation_id = private_conversation_id(UserId(sender), UserId(peer))
    body = MessageBody(content="kept", content_type="text", to_user_id=peer)
    command = make_command(
        "message", sender_id=sender, msg_id=msg_id, conversation_id=conversation_id, body=body
    )
    return DeadLetterRecord(
        sender_id=sender,
        msg_id=msg_id,
        conversation_id=conversation_id,
        raw=encode_record(command),
        code=50006,
        error="disk I/O error",
        attempts=4,
        origin="memory/0/1",
        created_ts=1_700_000_000_000,
    )


def bury(settings: Settings, *letters: DeadLetterRecord) -> None:
    async def put() -> None:
        async with build_offline(settings) as app:
            for letter in letters:
                await app.dead_letters.put(letter)

    asyncio.run(put())


def make_users(settings: Settings, *names: str) -> list[str]:
    return [
        call(settings, "user.create", {"username": name, "password": PASSWORD})["user"]["user_id"]
        for name in names
    ]


@contextlib.asynccontextmanager
async def serving(settings: Settings):
    """The system with its admin socket, as a server has it."""
    async with build_offline(settings) as app:
        server = AdminServer(settings.data_dir / SOCKET_NAME, app.admin_handlers)
        await server.start()
        yield app
        await server.stop()


def test_a_dead_letter_is_replayed_into_the_store(settings):
    """It gets the next seq, stands there once however often it is replayed, and its letter goes away."""
    ada, bob = make_users(settings, "ada", "bob")
    bury(settings, letter_of(ada, bob, "m1"))

    first = call(settings, "dlq.replay", {"all": True})
    bury(settings, letter_of(ada, bob, "m1"))
    second = call(settings, "dlq.replay", {"all": True})

    assert first["counts"] == {"stored": 1}
    assert second["counts"] == {"duplicate": 1}
    assert [run["results"][0]["seq"] for run in (first, second)] == [1, 1]
    assert call(settings, "dlq.count", {}) == {"count": 0}
    verified = call(settings, "db.verify", {})
    assert (verified["good"], verified["events"]) == (True, 1)


def test_a_letter_that_the_rules_refuse_stays(settings):
    """A replay is a send: it may no longer be allowed."""
    (ada,) = make_users(settings, "ada")
    bury(settings, letter_of(ada, "u-nobody", "m1"))

    answer = call(settings, "dlq.replay", {"all": True})

    assert answer["counts"] == {"refused": 1}
    assert call(settings, "dlq.list", {})["items"][0]["replays"] == 1


async def test_a_running_server_answers_every_command(settings, tmp_path):
    """Accounts, dead letters and the store, through one socket."""
    async with serving(settings):

        def ask(name: str, arguments: dict) -> dict:
            return call(settings, name, arguments)

        user = await asyncio.to_thread(ask, "user.create", {"username": "ada", "password": PASSWORD})
        count = await asyncio.to_thread(ask, "dlq.count", {})
        backup = await asyncio.to_thread(ask, "db.backup", {"path": str(tmp_path / "copy.db")})
        verified = await asyncio.to_thread(ask, "db.verify", {})

    assert user["user"]["username"] == "ada"
    assert count == {"count": 0}
    assert (tmp_path / "copy.db").stat().st_size == backup["size_bytes"]
    assert verified["good"] is True
