"""Redis is lost, emptied, stopped or somebody else's: sends go on, nothing is missing, and all is well again by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pingme.adapters.clock_system import SystemClock
from pingme.adapters.redis_link import RedisAddress, RedisLink, RedisUnfit
from pingme.domain.events import GroupCreatedBody
from pingme.wire.websocket import CloseCode
from tests.fakes.two_nodes import RedisNode, TwoNodes
from tests.services.redis import Redis


@pytest.fixture
def down(world: TwoNodes, redis: Redis) -> Iterator[Redis]:
    """The Redis of the world, which a test may kill: it runs again afterwards."""
    yield redis
    redis.stop()
    redis.again()


async def test_a_link_ends_when_it_is_told_to(world: TwoNodes, down: Redis) -> None:
    """Also when Redis goes at the same moment: a failure does not hide the cancellation."""
    task = world.one.tasks.pop("redis")
    down.kill()
    await asyncio.sleep(0)
    task.cancel()

    done, _ = await asyncio.wait({task}, timeout=10)
    assert done == {task}
    assert task.cancelled()


async def both(world: TwoNodes, *, up: bool) -> None:
    for node in (world.one, world.two):
        await node.connected(up=up)


async def shown(node: RedisNode, user_id: str, status: str) -> None:
    """Wait until Redis has it: devices are written ten times a second."""
    async with asyncio.timeout(10):
        while (await node.nodes.presence.query([user_id]))[0].status != status:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.05)


async def make_group(node: RedisNode, group_id: str, *user_ids: str) -> None:
    body = GroupCreatedBody(history_policy="from_join", join_policy="open", name="g", user_ids=user_ids)
    await node.publish("group_created", user_ids[0], group_id, body)


@pytest.mark.slow
async def test_without_redis_the_chat_goes_on(world: TwoNodes, down: Redis) -> None:
    """Acks and the own node at once, the other node by the head check; groups that are made meanwhile, too."""
    ann = await world.one.online("ua")
    cat = await world.one.online("uc")
    bob = await world.two.online("ub")
    down.kill()
    await both(world, up=False)

    ann.say("m1", to_user_id="ub")
    ann.say("m2", to_user_id="uc")

    assert len(await ann.hears("message_ack", 2)) == 2
    await cat.hears("message")
    assert [message["msg_id"] for message in await bob.hears("message")] == ["m1"]
    await make_group(world.one, "g1", "ua", "ub")
    await bob.hears("resync")  # who is a member is asked, not told
    ann.say("m3", group_id="g1")
    assert (await bob.hears("message", 2))[-1]["msg_id"] == "m3"
    assert world.two.nodes.fault.startswith("Redis at 127.0.0.1")


@pytest.mark.slow
async def test_redis_comes_back_by_itself(world: TwoNodes, down: Redis) -> None:
    """After a restart the nodes hear each other again and tell their clients to sync; nothing was missed."""
    ann = await world.one.online("ua")
    bob = await world.two.online("ub")
    down.kill()
    await both(world, up=False)
    ann.say("m1", to_user_id="ub")
    await bob.hears("message")

    down.again()
    await both(world, up=True)
    await bob.hears("resync")
    repaired = world.two.nodes.heads.repaired
    ann.say("m2", to_user_id="ub")

    await bob.hears("message", 2)
    assert [message["seq"] for message in bob.payloads("message")] == [1, 2]
    assert world.two.nodes.heads.repaired == repaired  # by push, not by the check
    assert world.two.nodes.fault == ""


@pytest.mark.slow
async def test_presence_is_unknown_without_redis_and_right_again_after_it(
    world: TwoNodes, down: Redis
) -> None:
    """Who is on this node is known here; of the others nothing can be said. A new Redis is told everything anew."""
    ann = await world.one.online("ua")
    await world.say_to("ua", "ub")
    await world.two.online("ub")
    ann.send("presence_watch", user_ids=["ub", "ua"])
    await world.one.until(lambda: {"user_id": "ub", "status": "online"} in ann.payloads("presence"))

    down.kill()
    await both(world, up=False)
    await world.one.until(lambda: ann.payloads("presence")[-1]["status"] == "unknown")
    assert [each.status for each in await world.one.nodes.presence.query(["ua", "ub"])] == [
        "online",
        "unknown",
    ]

    down.again()
    await both(world, up=True)
    await world.one.until(lambda: ann.payloads("presence")[-1]["status"] == "online")


@pytest.mark.slow
async def test_an_emptied_redis_is_filled_again(world: TwoNodes, redis: Redis) -> None:
    """After FLUSHALL push goes on, and each node writes its entries anew with its next refresh."""
    ann = await world.one.online("ua")
    bob = await world.two.online("ub")
    await shown(world.one, "ub", "online")
    await world.one.nodes.link.client.flushall()

    ann.say("m1", to_user_id="ub")
    await bob.hears("message")
    await world.two.nodes.presence.refresh()

    (entry,) = await world.one.nodes.presence.query(["ub"])
    assert entry.status == "online"


@pytest.mark.slow
async def test_a_revocation_without_redis_is_found_in_the_store(world: TwoNodes, down: Redis) -> None:
    """The other node asks which of its sessions stand, closes the one that does not, and no other."""
    bob = await world.two.online("ub")
    tablet = await world.two.online("ub", "tablet")
    down.kill()
    await both(world, up=False)

    await world.accounts.remove_device("ub", "d1")
    world.one.push.revoke("ub", "f-ub-d1", CloseCode.REVOKED)

    assert await bob.closed_with() == CloseCode.REVOKED
    await asyncio.sleep(0)
    assert tablet.close_code is None


@pytest.mark.slow
async def test_a_revocation_that_nobody_could_tell_is_found_in_the_store(world: TwoNodes) -> None:
    """This node has Redis; the one that ended the session has not, or died: nothing is pushed, and the socket closes."""
    bob = await world.two.online("ub")
    tablet = await world.two.online("ub", "tablet")

    await world.accounts.remove_device("ub", "d1")

    assert await bob.closed_with() == CloseCode.REVOKED
    assert tablet.close_code is None


@pytest.mark.slow
async def test_a_redis_that_answers_nothing_holds_nobody_up(world: TwoNodes, redis: Redis) -> None:
    """As behind a network that swallows packets: the beats notice, the store is asked, and it recovers."""
    ann = await world.one.online("ua")
    bob = await world.two.online("ub")
    redis.pause()
    try:
        ann.say("m1", to_user_id="ub")
        assert len(await ann.hears("message_ack")) == 1
        await bob.hears("message")
        await both(world, up=False)
    finally:
        redis.resume()
    await both(world, up=True)
    ann.say("m2", to_user_id="ub")

    await bob.hears("message", 2)
    assert {message["seq"] for message in bob.payloads("message")} == {1, 2}


async def test_nothing_grows_while_redis_is_away(world: TwoNodes, down: Redis) -> None:
    """What cannot be sent is dropped and counted; only revocations are kept."""
    ann = await world.one.online("ua")
    down.kill()
    await both(world, up=False)

    for number in range(40):
        ann.say(f"m{number}", to_user_id="ub")
    await ann.hears("message_ack", 40)
    world.one.push.revoke("ud", "f-ud-d1", CloseCode.REVOKED)

    push = world.one.nodes.push
    assert (len(push._waiting), len(push._answers), len(push._revocations)) == (0, 0, 1)
    assert push.dropped >= 40


@pytest.mark.slow
async def test_a_revocation_is_kept_until_redis_takes_it(world: TwoNodes, down: Redis) -> None:
    """It is sent when Redis is back, and then forgotten."""
    down.kill()
    await both(world, up=False)
    push = world.one.nodes.push
    push.revoke("ub", "f-ub-d1", CloseCode.REVOKED)
    assert len(push._revocations) == 1

    down.again()
    await both(world, up=True)
    await world.one.until(lambda: not push._revocations)


async def test_a_node_that_died_takes_its_users_with_it(tmp_path: Path, redis: Redis) -> None:
    """Its hash expires with its lease; the nodes that live tell who watches, and take it off the list."""
    world = TwoNodes(tmp_path, redis, lease_s=1)
    await world.add_users("ua", "ub", "uc", "ud")
    try:
        one, two = await world.node("one"), await world.node("two")
        await two.online("ub")
        await shown(one, "ub", "online")
        await one.nodes.presence.refresh()
        changed: list[object] = []
        one.nodes.presence.on_changed = changed.append

        two.tasks["presence_redis"].cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await two.tasks.pop("presence_redis")
        await shown(one, "ub", "offline")  # by Redis' own clock
        await one.nodes.presence.refresh()

        assert None in changed
    finally:
        await world.close()


# Whose Redis it is.


def link_of(redis: Redis, epoch: str, *, password: str | None = None, lease_s: int = 1) -> RedisLink:
    address = RedisAddress(host="127.0.0.1", port=redis.port, password=password)
    return RedisLink(address, epoch=epoch, node_id="n1", clock=SystemClock(), lease_s=lease_s)


@pytest.mark.slow
async def test_a_redis_of_another_store_is_refused(world: TwoNodes, redis: Redis) -> None:
    """A node on another store does not start, and says why; once the others have gone it may."""
    stranger = link_of(redis, "another-epoch")
    with pytest.raises(RedisUnfit, match=r"another store.*redis\.db"):
        await stranger.open()
    await stranger.close()

    for node in (world.one, world.two):
        await node.nodes.presence.write()
    await world.stop(world.one)
    await world.stop(world.two)
    heir = link_of(redis, "another-epoch")
    await heir.open()
    assert heir.up
    await heir.give_up()
    await heir.close()


async def test_a_wrong_password_stops_the_start(redis: Redis) -> None:
    """Waiting does not help: the text names the setting."""
    keeper = link_of(redis, "e1")
    await keeper.open()
    await keeper.client.config_set("requirepass", "secret")
    try:
        for password in (None, "wrong"):
            link = link_of(redis, "e1", password=password)
            with pytest.raises(RedisUnfit, match=r"redis\.password"):
                await link.open()
            await link.close()
        right = link_of(redis, "e1", password="secret")
        await right.open()
        assert right.up
        await right.close()
    finally:
        await keeper.client.config_set("requirepass", "")
        await keeper.give_up()
        await keeper.close()


async def test_a_redis_that_is_away_does_not_stop_the_start(redis: Redis) -> None:
    """The node starts degraded, and says what it cannot reach."""
    link = RedisLink(RedisAddress(host="127.0.0.1", port=1), epoch="e1", node_id="n1", clock=SystemClock())
    await link.open()
    assert (link.up, link.sure) == (False, False)
    assert "refused" in link.fault.lower() or "connect" in link.fault.lower()
    await link.close()
