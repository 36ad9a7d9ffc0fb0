"""Users on different nodes chat as if there were one."""

from __future__ import annotations

from pingme.domain.events import GroupCreatedBody, MemberJoinedBody, MemberLeftBody, MemberRemovedBody
from pingme.wire.pushed import PushedEvent
from pingme.wire.websocket import CloseCode
from tests.fakes.two_nodes import RedisNode, TwoNodes


async def make_group(node: RedisNode, group_id: str, *user_ids: str) -> None:
    body = GroupCreatedBody(history_policy="from_join", join_policy="open", name="g", user_ids=user_ids)
    await node.publish("group_created", user_ids[0], group_id, body)


async def test_a_message_reaches_the_other_node(world: TwoNodes) -> None:
    """The peer on the other node hears it once, the sender's other devices there too, the sender gets the ack."""
    ann = await world.one.online("ua")
    tablet = await world.two.online("ua", "tablet")
    bob = await world.two.online("ub")

    ann.say("m1", to_user_id="ub")

    (heard,) = await bob.hears("message")
    await tablet.hears("message")
    assert (heard["content"], heard["sender_id"], heard["seq"]) == ("hello", "ua", 1)
    assert len(ann.payloads("message_ack")) == 1
    assert ann.payloads("message") == []
    bob.say("m2", content="hi", to_user_id="ua")
    await ann.hears("message")
    assert len(bob.payloads("message")) == 1
    assert [payload["seq"] for payload in tablet.payloads("message")][-1:] == [2] or await tablet.hears(
        "message", 2
    )


async def test_a_conversation_stays_in_order(world: TwoNodes) -> None:
    """A hundred messages of one sender arrive on the other node in the order of their seqs, none twice."""
    ann = await world.one.online("ua")
    bob = await world.two.online("ub")

    for number in range(60):
        ann.say(f"m{number}", content=str(number), to_user_id="ub")

    heard = await bob.hears("message", 60)
    assert [each["seq"] for each in heard] == list(range(1, 61))


async def test_only_those_who_hear_a_conversation_are_told_to_sync(world: TwoNodes) -> None:
    """What the head check cannot give as it was: the members of a group, or the two of a private chat, and nobody else."""
    ann = await world.one.online("ua")
    bob = await world.two.online("ub")
    cat = await world.two.online("uc")
    await make_group(world.one, "g1", "ua", "uc")
    await cat.hears("event")

    world.two.hub.sync("p1", ("ua", "ub"))
    await bob.hears("resync")
    assert cat.payloads("resync") == []
    world.two.hub.sync("g1", ())
    await cat.hears("resync")

    assert (len(bob.payloads("resync")), ann.payloads("resync")) == (1, [])


async def test_what_comes_again_is_not_for_who_has_joined_since(world: TwoNodes) -> None:
    """The log may give a record again, and a repair may be late: the group syncs, and nobody hears an event too early."""
    bob = await world.two.online("ub")
    cat = await world.two.online("uc")
    await make_group(world.one, "g1", "ua", "ub")
    await bob.hears("event")
    ann = await world.one.online("ua")
    ann.say("m1", group_id="g1")
    (old,) = await bob.hears("message")
    await world.one.publish("member_joined", "ua", "g1", MemberJoinedBody(user_ids=("uc",)))
    await cat.hears("event")

    for _ in range(3):
        payload = b'{"content":"hello","content_type":"text"}'
        again = PushedEvent("g1", old["seq"], "message", "ua", "m1", old["server_ts"], payload, None)
        world.two.hub.receive([again])

    await cat.hears("resync")
    await bob.hears("resync")
    assert cat.payloads("message") == []
    assert [len(each.payloads("resync")) for each in (cat, bob)] == [1, 1]


async def test_who_comes_online_after_joining_hears_nothing_from_before(world: TwoNodes) -> None:
    """The node knows of the joining only by the memberships that it reads: what is late and older is left to a sync."""
    await make_group(world.one, "g1", "ua", "ub")
    ann = await world.one.online("ua")
    ann.say("m1", group_id="g1")
    await ann.hears("message_ack")
    await world.one.publish("member_joined", "ua", "g1", MemberJoinedBody(user_ids=("uc",)))
    cat = await world.two.online("uc")
    payload = b'{"content":"hello","content_type":"text"}'

    world.two.hub.receive([PushedEvent("g1", 2, "message", "ua", "m1", 1, payload, None)])

    await cat.hears("resync")
    assert cat.payloads("message") == []


async def test_a_group_across_nodes(world: TwoNodes) -> None:
    """Who is added on one node hears it on the other, from the joining on; who did not belong hears nothing."""
    ann = await world.one.online("ua")
    bob = await world.two.online("ub")
    cat = await world.two.online("uc")
    await make_group(world.one, "g1", "ua", "ub")
    await bob.hears("event")

    ann.say("m1", group_id="g1")
    await bob.hears("message")
    await world.one.publish("member_joined", "ua", "g1", MemberJoinedBody(user_ids=("uc",)))
    ann.say("m2", group_id="g1")

    (heard,) = await cat.hears("message")
    assert heard["msg_id"] == "m2"
    assert [event["kind"] for event in cat.payloads("event")] == ["member_joined"]
    assert len(await bob.hears("message", 2)) == 2


async def test_who_is_removed_hears_the_removal_and_nothing_later(world: TwoNodes) -> None:
    """Wherever the removal was decided, and whoever writes next."""
    ann = await world.one.online("ua")
    bob = await world.two.online("ub")
    cat = await world.two.online("uc")
    await make_group(world.one, "g1", "ua", "ub", "uc")
    await bob.hears("event")

    await world.one.publish("member_removed", "ua", "g1", MemberRemovedBody(user_id="ub"))
    ann.say("m1", group_id="g1")
    await bob.hears(
        "event", 2
    )  # were cat's message first at this node, bob would be told to sync: the next test
    cat.say("m2", group_id="g1")

    await cat.hears("message")
    await ann.hears("message")
    assert [event["kind"] for event in bob.payloads("event")] == ["group_created", "member_removed"]
    assert bob.payloads("message") == []


async def test_a_lost_removal_is_noticed_before_the_next_message(world: TwoNodes) -> None:
    """The message names the membership change before it: the node reads the members first; the removed one syncs."""
    ann = await world.one.online("ua")
    bob = await world.two.online("ub")
    cat = await world.two.online("uc")
    await make_group(world.one, "g1", "ua", "ub", "uc")
    ann.say("m0", group_id="g1")
    await bob.hears("message")
    await world.remove("g1", "ua", "ub")  # stored, and no node was told

    ann.say("m1", group_id="g1")
    cat.say("m2", group_id="g1")  # cat's own node may not believe its old list either

    await cat.hears("message", 2)
    await bob.hears("resync")
    assert [message["msg_id"] for message in bob.payloads("message")] == ["m0"]


async def test_who_leaves_hears_nothing_later(world: TwoNodes) -> None:
    """Leaving on the own node ends it on both."""
    ann = await world.one.online("ua")
    bob = await world.two.online("ub")
    tablet = await world.one.online("ub", "tablet")
    await make_group(world.one, "g1", "ua", "ub")
    await bob.hears("event")

    await world.two.publish("member_left", "ub", "g1", MemberLeftBody())
    await ann.hears("event", 2)
    ann.say("m1", group_id="g1")
    await ann.hears("message_ack")
    ann.say("m2", to_user_id="ub")

    for device in (bob, tablet):
        assert [message["msg_id"] for message in await device.hears("message")] == ["m2"]


async def test_receipts_and_typing_cross_nodes(world: TwoNodes) -> None:
    """What is not stored is shown on the other node, too."""
    ann = await world.one.online("ua")
    bob = await world.two.online("ub")
    ann.say("m1", to_user_id="ub")
    (message,) = await bob.hears("message")

    bob.send("ack", conversation_id=message["conversation_id"], seq=1, ack_type="read")
    bob.send("typing", conversation_id=message["conversation_id"], active=True)

    (receipt, *_) = await ann.hears("receipt")
    assert (receipt["user_id"], receipt["read_seq"]) == ("ub", 1)
    (typing,) = await ann.hears("typing")
    assert (typing["user_id"], typing["active"]) == ("ub", True)


async def test_who_leaves_while_nothing_can_be_written_is_gone_for_all(world: TwoNodes) -> None:
    """A write failed, and everything is written anew: of who left meanwhile the others hear, too."""
    ann = await world.one.online("ua")
    await world.say_to("ua", "ub")
    ann.send("presence_watch", user_ids=["ub"])
    bob = await world.two.online("ub")
    await world.one.until(lambda: ann.payloads("presence")[-1:] == [{"user_id": "ub", "status": "online"}])
    presence = world.two.nodes.presence
    await presence.write()

    presence._devices.clear()
    presence._unwritten.clear()
    presence._written_anew = False
    await presence.write()

    await world.one.until(lambda: ann.payloads("presence")[-1]["status"] == "offline")
    assert bob.close_code is None


async def test_presence_crosses_nodes(world: TwoNodes) -> None:
    """Coming and going on one node is told to who watches on the other; one of two devices changes nothing."""
    ann = await world.one.online("ua")
    await world.say_to("ua", "ub")
    ann.send("presence_watch", user_ids=["ub"])
    (before,) = await ann.hears("presence")

    bob = await world.two.online("ub")
    await ann.hears("presence", 2)
    tablet = await world.one.online("ub", "tablet")
    bob.send("presence_set", status="away")
    tablet.send("presence_set", status="away")
    await ann.hears("presence", 3)

    assert [each["status"] for each in ann.payloads("presence")] == ["offline", "online", "away"]
    assert before["user_id"] == "ub"


async def test_a_revocation_closes_sockets_on_every_node(world: TwoNodes) -> None:
    """At once, and what the node remembers of the user's sessions is dropped."""
    bob = await world.two.online("ub")
    other = await world.two.online("ua")

    world.one.push.revoke("ub", "f-ub-d1", CloseCode.REVOKED)

    assert await bob.closed_with() == CloseCode.REVOKED
    assert "ub" in world.two.sessions.forgotten
    assert other.close_code is None


async def test_a_newer_socket_of_a_device_replaces_the_one_on_the_other_node(world: TwoNodes) -> None:
    """One socket per device, whichever nodes they reach."""
    old = await world.one.online("ub", "phone")
    tablet = await world.one.online("ub", "tablet")
    new = await world.two.online("ub", "phone")

    assert await old.closed_with() == CloseCode.REPLACED
    assert (new.close_code, tablet.close_code) == (None, None)


async def test_outcomes_find_the_node_that_waits(world: TwoNodes) -> None:
    """A record that another node's worker takes is answered where it was sent: stored, refused, and stored before."""
    ann = await world.one.online("ua")
    tablet = await world.one.online("ua", "tablet")
    bob = await world.two.online("ub")
    await world.one.messages.checked_command("ua", _to("ub", "warm"))
    taken = world.one.log
    world.one.worker.stop()
    await world.one._worker_task
    world.one.messages._log = world.two.log  # as if two's consumer had the partition

    ann.say("m1", to_user_id="ub")
    ann.say("m1", to_user_id="ub")
    ann.say("m1", content="something else", to_user_id="ub")

    await ann.hears("message_ack", 2)
    (refused,) = await ann.hears("error")
    await tablet.hears("message")
    await bob.hears("message")
    assert [ack["duplicate"] for ack in ann.payloads("message_ack")] == [False, True]
    assert refused["code"] == 40004
    assert ann.payloads("message") == []
    assert taken.depth() == 0


def _to(user_id: str, content: str):  # type: ignore[no-untyped-def]
    from pingme.wire.frames import SendPayload

    return SendPayload(msg_id="warm", to_user_id=user_id, content=content)
