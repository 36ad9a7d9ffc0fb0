"""A hub that may not know who hears a group reads it first; what comes meanwhile waits, within bounds."""

from __future__ import annotations

import pytest

from pingme.domain.errors import StoreUnavailable
from pingme.edge import hub_nodes
from pingme.wire.pushed import PushedEvent
from tests.fakes.two_nodes import RedisNode, TwoNodes


def message(seq: int, members_seq: int) -> PushedEvent:
    return PushedEvent(
        "g1",
        seq,
        "message",
        "ua",
        f"m{seq}",
        1,
        b'{"content":"x","content_type":"text"}',
        None,
        (),
        members_seq,
    )


def receive(node: RedisNode, *items: PushedEvent) -> None:
    assert node.nodes.hub is not None
    node.nodes.hub.receive(items)


async def test_events_wait_in_order_for_the_members(world: TwoNodes) -> None:
    """The first names a change that this hub has not seen; the others come after it."""
    await world.group("g1", "ua", "ub")
    bob = await world.two.online("ub")

    receive(world.two, message(2, 1), message(3, 1), message(4, 1))

    assert bob.payloads("message") == []
    assert [each["seq"] for each in await bob.hears("message", 3)] == [2, 3, 4]
    receive(world.two, message(5, 1))
    assert [each["seq"] for each in await bob.hears("message", 4)] == [2, 3, 4, 5]  # known now: at once


async def test_who_has_just_joined_does_not_see_what_was_before(world: TwoNodes) -> None:
    """Found by reading, not by the event: the newcomer syncs, by the group's history policy."""
    await world.group("g1", "ua", "ub")
    bob, cat = await world.two.online("ub"), await world.two.online("uc")
    await world.say("ua", "g1")
    await world.join("g1", "ua", "uc")  # seq 3, and nobody was told

    receive(world.two, message(2, 1), message(4, 3))

    await cat.hears("resync")
    await bob.hears("message", 2)
    assert [each["seq"] for each in await cat.hears("message")] == [4]


async def test_more_than_may_wait_is_left_to_a_sync(world: TwoNodes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound costs a sync, no memory."""
    monkeypatch.setattr(hub_nodes, "MAX_HELD", 2)
    await world.group("g1", "ua", "ub")
    bob = await world.two.online("ub")

    receive(world.two, message(2, 1), message(3, 1), message(4, 1))

    await bob.hears("resync")
    assert [each["seq"] for each in bob.payloads("message")] == [2, 3]


async def test_without_the_store_nobody_is_given_what_may_not_be_theirs(
    world: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who heard the group are told to sync, where the store decides."""
    await world.group("g1", "ua", "ub")
    bob = await world.two.online("ub")

    async def away(_conversation_id: str) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "members", away)
        receive(world.two, message(2, 1))
        await bob.hears("resync")
    assert bob.payloads("message") == []
    receive(world.two, message(3, 1))
    assert [each["seq"] for each in await bob.hears("message")] == [3]
