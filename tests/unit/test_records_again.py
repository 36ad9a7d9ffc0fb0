"""One node with Kafka and no Redis: a record that the log gives again changes nobody's membership, and leaks nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pingme.bootstrap.app import open_app
from pingme.bootstrap.server import ServerApp
from pingme.config import AppSettings, KafkaSettings, MetricsSettings, Settings
from pingme.domain.events import (
    Command,
    GroupCreatedBody,
    MemberJoinedBody,
    MemberRemovedBody,
    MessageBody,
    RefusedOutcome,
)
from pingme.edge.hub import Hub
from pingme.edge.hub_nodes import NodesHub
from tests.fakes.node_world import NodeWorld


class KeptLogWorld(NodeWorld):
    """A node as `ServerApp` makes it with Kafka alone; a command that is replayed is a record that comes again."""

    keeps = True

    def make_hub(self, outbox_bytes: int) -> Hub:
        return NodesHub(self.pending, self.hot, outbox_bytes=outbox_bytes, store=self.store, clock=self.clock)

    async def take(self, command: Command) -> None:
        """Let the log give a record, for the first time or again."""
        assert not isinstance(await self.messages.replay(command), RefusedOutcome)

    async def close_node(self) -> None:
        await self.hub.finish()
        await super().close_node()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[KeptLogWorld]:
    """A node with three accounts, and the group ``g1`` of ``ua`` and ``ub``."""
    made = KeptLogWorld(tmp_path)
    await made.add_users("ua", "ub", "uc")
    body = GroupCreatedBody(history_policy="from_join", join_policy="open", name="g", user_ids=("ua", "ub"))
    await made.take(made.command("group_created", "ua", "g1", body))
    yield made
    await made.close()


def text(content: str) -> MessageBody:
    return MessageBody(content=content, content_type="text")


async def test_a_joining_that_comes_again_brings_nobody_back(world: KeptLogWorld) -> None:
    """Who was removed meanwhile hears nothing of it, and nothing later."""
    ann, cat = await world.online("ua"), await world.online("uc")
    joining = world.command("member_joined", "ua", "g1", MemberJoinedBody(user_ids=("uc",)))
    await world.take(joining)
    await world.take(world.command("member_removed", "ua", "g1", MemberRemovedBody(user_id="uc")))

    await world.take(joining)
    await world.take(world.command("message", "ub", "g1", text("after")))

    await ann.hears("message")
    await world.clock.settle()
    assert [event["kind"] for event in cat.payloads("event")][-1] == "member_removed"
    assert cat.payloads("message") == []


async def test_a_joining_that_comes_again_brings_nobody_back_where_nobody_listens(
    world: KeptLogWorld,
) -> None:
    """Nothing is remembered of a group without listeners: the next event finds out who is a member."""
    cat = await world.online("uc")
    joining = world.command("member_joined", "ua", "g1", MemberJoinedBody(user_ids=("uc",)))
    await world.take(joining)
    await world.take(world.command("member_removed", "ua", "g1", MemberRemovedBody(user_id="uc")))

    await world.take(joining)
    await world.take(world.command("message", "ub", "g1", text("after")))
    await cat.hears("resync")

    assert cat.payloads("message") == []
    assert cat.connection.groups == frozenset()


async def test_a_message_that_comes_again_is_not_for_who_has_joined_since(world: KeptLogWorld) -> None:
    """Those who hear the group are told to sync instead."""
    ann, cat = await world.online("ua"), await world.online("uc")
    before = world.command("message", "ub", "g1", text("before"))
    await world.take(before)
    await world.take(world.command("member_joined", "ua", "g1", MemberJoinedBody(user_ids=("uc",))))

    await world.take(before)
    await ann.hears("resync")

    assert cat.payloads("message") == []
    assert len(ann.payloads("message")) == 1


async def test_a_removal_that_comes_again_removes_nobody_twice(world: KeptLogWorld) -> None:
    """Who was let in again stays."""
    bob = await world.online("ub")
    removal = world.command("member_removed", "ua", "g1", MemberRemovedBody(user_id="ub"))
    await world.take(removal)
    await world.take(world.command("member_joined", "ua", "g1", MemberJoinedBody(user_ids=("ub",))))

    await world.take(removal)
    await world.take(world.command("message", "ua", "g1", text("welcome")))

    (heard,) = await bob.hears("message")
    assert heard["content"] == "welcome"


@pytest.mark.slow
async def test_a_server_with_kafka_alone_has_this_hub(tmp_path: Path) -> None:
    """And without any engine the plain one: its log gives every record once."""
    app = AppSettings(data_dir=tmp_path, host="127.0.0.1", port=0)
    for kafka, kind in ((KafkaSettings(brokers=["127.0.0.1:1"]), NodesHub), (KafkaSettings(), Hub)):
        opened = await open_app(Settings(app=app, metrics=MetricsSettings(port=0), kafka=kafka))
        try:
            assert type(ServerApp(opened).hub) is kind
        finally:
            await opened.stop()
