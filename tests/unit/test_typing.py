"""Typing is shown to the others in the conversation, and to nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pingme.domain.events import GroupDissolvedBody
from pingme.services import typing as typing_module
from pingme.services.typing import Typing
from tests.fakes.chat_world import ChatWorld
from tests.fakes.push import RecordingPush


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ChatWorld]:
    made = ChatWorld(tmp_path)
    await made.add_users("ua", "ub", "uc")
    await made.group("ga", "ua", "ub")
    yield made
    await made.close()


@pytest.fixture
def push() -> RecordingPush:
    return RecordingPush()


@pytest.fixture
def typing(world: ChatWorld, push: RecordingPush) -> Typing:
    return Typing(world.store, push, world.clock)


async def test_a_group_sees_it(typing: Typing, push: RecordingPush) -> None:
    """The other members get it, the user's own connections do not."""
    await typing.set("ua", "ga", True)
    assert push.taken() == [("group:ga", "ua", {"conversation_id": "ga", "user_id": "ua", "active": True})]


async def test_the_peer_sees_it(world: ChatWorld, typing: Typing, push: RecordingPush) -> None:
    """In a private conversation the peer alone gets it."""
    conversation_id, _ = await world.say_to("ua", "ub")
    await typing.set("ua", conversation_id, False)
    payload = {"conversation_id": conversation_id, "user_id": "ua", "active": False}
    assert push.taken() == [("user:ub", "ua", payload)]


async def test_it_is_told_once_a_second(world: ChatWorld, typing: Typing, push: RecordingPush) -> None:
    """More is dropped, per user and conversation."""
    await typing.set("ua", "ga", True)
    await typing.set("ua", "ga", False)
    await typing.set("ub", "ga", True)
    assert [but for _, but, _ in push.taken()] == ["ua", "ub"]

    await world.clock.advance(1_000)
    await typing.set("ua", "ga", True)

    assert len(push.taken()) == 1


async def test_nobody_else_can_type(world: ChatWorld, typing: Typing, push: RecordingPush) -> None:
    """Strangers, former members, closed groups and one's own notes are ignored."""
    await world.remove("ga", "ua", "ub")
    own, _ = await world.say_to("ua", "ua")
    await typing.set("ub", "ga", True)
    await typing.set("uc", "ga", True)
    await typing.set("ua", "gx", True)
    await typing.set("ua", own, True)
    await world.do("group_dissolved", "ua", "ga", GroupDissolvedBody())
    await typing.set("ua", "ga", True)

    assert push.taken() == []


async def test_memory_is_bounded(
    world: ChatWorld, typing: Typing, push: RecordingPush, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bound of one second nothing is shown; after it memory is free again."""
    monkeypatch.setattr(typing_module, "MAX_KEPT", 1)
    await typing.set("ua", "ga", True)
    await typing.set("ub", "ga", True)
    assert len(push.taken()) == 1

    await world.clock.advance(1_000)
    await typing.set("ub", "ga", True)
    assert len(push.taken()) == 1
