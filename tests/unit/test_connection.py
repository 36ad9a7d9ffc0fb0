"""A connection over a fake pipe, with the real services behind it: every rule of the socket, without a socket."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingme.domain.events import Event, MemberJoinedBody, MemberRemovedBody, MessageBody, Stored
from pingme.domain.ids import UserId, private_conversation_id
from pingme.edge.connection import Connection
from pingme.edge.node import SocketRules
from pingme.services.turns import Turns
from pingme.wire.session import CLIENT_FRAME_TYPES
from pingme.wire.websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from tests.fakes.node_world import NodeWorld

USERS = ("ua", "ub", "uc")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[NodeWorld]:
    """A node with three accounts."""
    made = NodeWorld(tmp_path)
    await made.add_users(*USERS)
    yield made
    await made.close()


@asynccontextmanager
async def _world(
    folder: Path, rules: SocketRules | None = None, *, outbox_bytes: int = 1 << 20
) -> AsyncIterator[NodeWorld]:
    """A node with the same accounts and other bounds."""
    made = NodeWorld(folder, rules, outbox_bytes=outbox_bytes)
    await made.add_users(*USERS)
    try:
        yield made
    finally:
        await made.close()


async def test_a_connection_that_has_gone_is_let_go_at_once(world: NodeWorld):
    """Its next deadline does not keep it in memory: storms of reconnects stay small."""
    client = await world.online("ua")
    gone = weakref.ref(client.connection)

    client.connection.lost()
    del client
    await world.until(lambda: not world.node._tasks)
    gc.collect()

    assert gone() is None


async def test_a_token_that_ends_before_the_first_ping_ends_its_socket(world: NodeWorld):
    """The first look at an open connection comes in time for it."""
    client = world.client()
    client.send("auth", token="ua/d1/3", protocol=1)
    await client.hears("auth_ok")

    await world.seconds(4)

    assert client.close_code == 4401


# Authentication.


async def test_the_first_frame_must_be_auth(world: NodeWorld):
    """Anything else closes 4401, whatever it is."""
    for text in ('{"type":"ping"}', '{"type":"send","payload":{}}', "not JSON", '{"type":"nonsense"}'):
        client = world.client()

        client.text(text)

        assert await client.closed_with() == 4401


async def test_a_socket_that_says_nothing_is_closed_after_the_deadline(world: NodeWorld):
    """4401 after five seconds and not earlier; who does not answer the close frame is cut two seconds later."""
    client = world.client()

    await world.seconds(4)
    early = client.close_code
    await world.seconds(1)
    code = client.close_code
    await world.seconds(2)

    assert early is None
    assert code == 4401
    assert client.pipe.aborted


async def test_a_bad_token_is_told_and_closed(world: NodeWorld):
    """auth_fail says why, then 4401."""
    client = world.client()

    client.send("auth", id="1", token="nonsense", protocol=1)

    assert await client.closed_with() == 4401
    (fail,) = client.heard("auth_fail")
    assert (fail["id"], fail["payload"]["code"]) == ("1", 30005)


async def test_another_protocol_is_refused(world: NodeWorld):
    """A version that the server does not speak is an invalid parameter."""
    client = world.client()

    client.send("auth", token="ua/d1", protocol=2)

    assert await client.closed_with() == 4401
    assert client.payloads("auth_fail")[0]["code"] == 10002


async def test_frames_behind_auth_wait_for_it(world: NodeWorld):
    """A client may send at once: its frames are answered after auth_ok, in order."""
    client = world.client()

    client.send("auth", token="ua/d1", protocol=1)
    client.say("m1", to_user_id="ub")
    client.send("ping", id="p")
    client.say("m2", to_user_id="ub")
    await client.hears("message_ack", 2)

    assert client.heard()[0]["type"] == "auth_ok"
    assert [ack["msg_id"] for ack in client.payloads("message_ack")] == ["m1", "m2"]
    assert client.heard("pong")[0]["id"] == "p"


async def test_a_second_auth_renews_the_token(world: NodeWorld):
    """The socket lives as long as its newest token."""
    client = world.client()
    client.send("auth", token="ua/d1/20", protocol=1)
    await client.hears("auth_ok")
    await world.seconds(15)

    client.send("auth", token="ua/d1/20", protocol=1)
    await client.hears("auth_ok", 2)
    await world.seconds(15)
    alive = client.close_code is None
    await world.seconds(6)

    assert alive
    assert client.close_code == 4401


async def test_a_token_of_another_session_does_not_renew(world: NodeWorld):
    """Somebody else's token on an open socket closes it."""
    client = await world.online("ua")

    client.send("auth", token="ub/d1", protocol=1)

    assert await client.closed_with() == 4401


async def test_connects_without_pause_wait_and_are_turned_away_in_the_end(tmp_path: Path):
    """Three in a row are welcome; the next ones a second later each; one that would wait too long is closed with 4429."""
    async with _world(tmp_path, SocketRules(connects_per_s=1)) as world:
        for number in range(3):
            await world.online("ua", f"d{number}")
        waiting = [world.client() for _ in range(3)]
        for number, client in enumerate(waiting):
            client.send("auth", token=f"ua/w{number}", protocol=1)
        await world.online("ub")
        await world.until(lambda: waiting[2].close_code is not None)
        none_yet = [client.heard("auth_ok") for client in waiting]
        await world.seconds(1)
        await waiting[0].hears("auth_ok")
        second_yet = waiting[1].heard("auth_ok")
        await world.seconds(1)
        await waiting[1].hears("auth_ok")

    assert none_yet == [[], [], []]
    assert second_yet == []
    assert waiting[2].close_code == 4429


async def test_a_session_that_ends_while_its_connect_waits_is_not_let_in(tmp_path: Path):
    """It is closed with 4450 at once, and gets no auth_ok when its turn comes."""
    async with _world(tmp_path, SocketRules(connects_per_s=1)) as world:
        for number in range(3):
            await world.online("ua", f"d{number}")
        client = world.client()
        client.send("auth", token="ua/w", protocol=1)
        await world.until(lambda: client.connection.user_id == "ua")

        world.hub.close_sessions("ua", "f-ua-w", 4450)
        code = await client.closed_with()
        await world.seconds(2)

    assert code == 4450
    assert client.heard("auth_ok") == []


async def test_nothing_is_pushed_before_auth_ok(world: NodeWorld, monkeypatch: pytest.MonkeyPatch):
    """What happens while the memberships are read does not overtake auth_ok: the client's sync finds it."""
    await world.say_to("ua", "ub")
    reading, go_on = asyncio.Event(), asyncio.Event()
    channels = world.store.channels

    async def slow(user_id: str) -> object:
        reading.set()
        await go_on.wait()
        return await channels(user_id)

    monkeypatch.setattr(world.store, "channels", slow)
    client = world.client()
    client.send("auth", token="ub/d1", protocol=1)
    await reading.wait()

    body = MessageBody(content="early", content_type="text", to_user_id="ub")
    where = private_conversation_id(UserId("ua"), UserId("ub"))
    await world.publish("message", "ua", where, body)
    await world.publish("message", "ua", where, body)
    go_on.set()
    await client.hears("auth_ok")

    assert client.heard()[0]["type"] == "auth_ok"
    client.send("sync")
    (page,) = await client.hears("sync_page")
    assert page["conversations"][0]["last_seq"] == 3


# Frames.


async def test_an_unknown_type_is_answered_with_its_id(world: NodeWorld):
    """10002, refused, and the socket stays open."""
    client = await world.online("ua")

    client.send("dance", id="x7")
    (error,) = await client.hears("error")

    assert client.heard("error")[0]["id"] == "x7"
    assert (error["code"], error["outcome"], error["retryable"]) == (10002, "refused", False)
    assert client.close_code is None


async def test_too_large_content_is_refused_and_names_the_message(world: NodeWorld):
    """8192 bytes of UTF-8 pass, one more is 40006; the answer carries id and msg_id."""
    client = await world.online("ua")

    client.say("fits", content="ä" * 4096, to_user_id="ub")
    client.send("send", id="x", msg_id="big", content="ä" * 4096 + "a", to_user_id="ub")
    (error,) = await client.hears("error")
    (ack,) = await client.hears("message_ack")

    assert (error["code"], error["msg_id"]) == (40006, "big")
    assert client.heard("error")[0]["id"] == "x"
    assert ack["msg_id"] == "fits"


async def test_a_frame_above_four_times_the_content_closes_1009(world: NodeWorld):
    """Fragments count together."""
    client = await world.online("ua")

    client.connection.receive_data(TEXT, b" " * 20_000, fin=False)
    client.connection.receive_data(CONTINUATION, b" " * 20_000, fin=True)

    assert await client.closed_with() == 1009


async def test_fragments_make_a_message_with_control_frames_between(world: NodeWorld):
    """RFC 6455 §5.4."""
    client = await world.online("ua")

    client.connection.receive_data(TEXT, b'{"type":', fin=False)
    client.connection.receive_control(PING, b"now", fin=True)
    client.connection.receive_data(CONTINUATION, b'"ping"}', fin=True)
    await client.hears("pong")

    assert (PONG, b"now") in client.pipe.frames()


async def test_pipelined_sends_keep_their_order_around_a_question(world: NodeWorld):
    """The first send to somebody asks the store; the ones behind it do not overtake, to whomever they go."""
    await world.group("ga", "ua", "ub")
    client = await world.online("ua")
    client.say("known", group_id="ga")
    await client.hears("message_ack")

    client.say("m1", group_id="ga")
    client.say("m2", to_user_id="uc")  # the question
    client.say("m3", group_id="ga")
    client.say("m4", to_user_id="uc")
    await client.hears("message_ack", 5)

    acks = client.payloads("message_ack")
    assert [ack["msg_id"] for ack in acks] == ["known", "m1", "m2", "m3", "m4"]
    assert [ack["seq"] for ack in acks] == [2, 3, 1, 4, 2]


async def test_a_refusal_in_the_line_does_not_hold_it(world: NodeWorld):
    """A send to nobody is answered 30001 and the next one goes through."""
    client = await world.online("ua")

    client.say("bad", to_user_id="nobody")
    client.say("good", to_user_id="ub")
    await client.hears("message_ack")

    assert [(e["code"], e["msg_id"]) for e in client.payloads("error")] == [(30001, "bad")]


async def test_a_stranger_gets_the_answer_of_a_missing_conversation(world: NodeWorld):
    """40001 and 40002, whether or not the place exists."""
    where, _ = await world.say_to("ua", "ub")
    await world.group("ga", "ua", "ub")
    client = await world.online("uc")

    client.say("m1", conversation_id=where)
    client.say("m2", conversation_id="p" + "a" * 26)
    client.say("m3", group_id="ga")
    client.say("m4", group_id="gb")
    errors = await client.hears("error", 4)

    assert [error["code"] for error in errors] == [40001, 40001, 40002, 40002]


async def test_a_message_needs_one_place(world: NodeWorld):
    """None or two of conversation, user and group are 10002."""
    client = await world.online("ua")

    client.say("m1")
    client.say("m2", to_user_id="ub", group_id="ga")
    errors = await client.hears("error", 2)

    assert [error["code"] for error in errors] == [10002, 10002]


# Bounds.


async def test_64_unanswered_sends_pause_reading_and_answers_resume_it(world: NodeWorld):
    """A client that does not wait for answers is not read until it has some."""
    world.node.rules = SocketRules(sends_burst=1000, sends_per_s=1000)
    client = await world.online("ua")
    client.say("first", to_user_id="ub")
    await client.hears("message_ack")

    for number in range(63):
        client.say(f"m{number}", to_user_id="ub")
    before = client.pipe.reading
    client.say("m63", to_user_id="ub")
    at_bound = client.pipe.reading
    await client.hears("message_ack", 65)

    assert (before, at_bound) == (True, False)
    assert client.pipe.reading


async def test_above_the_rate_the_socket_is_not_read_for_a_while(world: NodeWorld):
    """60 at once and 20 a second after that; time alone lets it go on."""
    client = await world.online("ua")
    for number in range(60):
        client.say(f"m{number}", to_user_id="ub")
        if number % 30 == 29:
            await client.hears("message_ack", number + 1)
    before = client.pipe.reading
    client.say("m60", to_user_id="ub")
    await client.hears("message_ack", 61)
    above = client.pipe.reading

    await world.clock.advance(60)
    await world.until(lambda: client.pipe.reading)

    assert (before, above) == (True, False)


async def test_sends_before_auth_ok_count_against_the_rate(tmp_path: Path):
    """What is held until the token is checked is not free: one above the burst is one too many there, too."""
    world = NodeWorld(tmp_path, SocketRules(sends_burst=10))
    await world.add_users(*USERS)
    client = world.client()
    client.send("auth", token="ua/d1", protocol=1)
    for number in range(10):
        client.say(f"m{number}", to_user_id="ub")
    before = client.pipe.reading
    client.say("m10", to_user_id="ub")
    above = client.pipe.reading
    await client.hears("message_ack", 11)

    await world.clock.advance(60)
    await world.until(lambda: client.pipe.reading)

    assert (before, above) == (True, False)
    await world.close()


async def test_a_paused_socket_counts_as_alive(world: NodeWorld):
    """We do not read it, so its silence is ours."""
    client = await world.online("ua")
    client.connection.pause()

    await world.seconds(90)

    assert client.close_code is None


async def test_much_at_once_closes_nobody_who_reads(tmp_path: Path):
    """After a pause of the store one tick may bring more than the bound; whoever had read everything gets it."""
    async with _world(tmp_path, outbox_bytes=4_000) as world:
        reader = await world.online("ub")
        writer = await world.online("ua")
        for number in range(10):
            writer.say(f"m{number}", content="x" * 1_000, to_user_id="ub")
        await reader.hears("message", 10)

    assert reader.close_code is None


async def test_who_asks_and_does_not_read_is_closed(world: NodeWorld):
    """Questions wait for the outbox to fall; when it does not for `pong_timeout`, 4413. One that falls is waited for."""
    slow, stuck = await world.online("ua"), await world.online("ub")
    slow.say("m", to_user_id="ub")
    await stuck.hears("message")
    for client in (slow, stuck):
        client.pipe.stuck = world.node.rules.outbox_pace_bytes + 1_000
        client.send("sync")
        await client.hears("sync_page")
    for _ in range(2 * world.node.rules.pong_timeout_s):
        slow.pipe.stuck -= 1
        slow.connection.receive_control(PONG, b"", fin=True)
        stuck.connection.receive_control(PONG, b"", fin=True)
        await world.seconds(1)
        await asyncio.sleep(0.006)
    await asyncio.sleep(0.3)

    assert (slow.close_code, await stuck.closed_with()) == (None, 4413)
    slow.pipe.stuck = 0
    await slow.hears("sync_done")


async def test_an_outbox_above_its_bound_closes_4413(world: NodeWorld):
    """A client that does not read is closed; others hear what it does not."""
    slow, quick = await world.online("ub"), await world.online("ub", "d2")
    slow.pipe.stuck = 1 << 20

    sender = await world.online("ua")
    sender.say("m", to_user_id="ub")

    assert await slow.closed_with() == 4413
    assert len(await quick.hears("message")) == 1
    assert slow.heard("message") == []


async def test_a_flood_of_pings_closes_4429(world: NodeWorld):
    """50 control frames a second pass, the next one closes; a second later they would have passed."""
    calm, flooding = await world.online("ua"), await world.online("ub")
    for _ in range(50):
        calm.connection.receive_control(PING, b"", fin=True)
        flooding.connection.receive_control(PING, b"", fin=True)

    flooding.connection.receive_control(PING, b"", fin=True)
    await world.seconds(1)
    calm.connection.receive_control(PING, b"", fin=True)
    await world.clock.settle()

    assert flooding.close_code == 4429
    assert calm.close_code is None


async def test_a_flood_of_bad_frames_closes_4429(world: NodeWorld):
    """Errors are not free either."""
    client = await world.online("ua")

    for _ in range(51):
        client.text("nonsense")

    assert await client.closed_with() == 4429


@pytest.mark.parametrize("kind", ["typing", "presence_set", "presence_watch", "sync"])
async def test_a_flood_of_rare_frames_closes_4429(world: NodeWorld, kind: str):
    """Fifty a second are more than any program needs."""
    client = await world.online("ua")
    payload = {
        "typing": {"conversation_id": "g1", "active": True},
        "presence_set": {"status": "away"},
        "presence_watch": {"user_ids": ["ub"]},
        "sync": {},
    }[kind]

    for _ in range(51):
        client.send(kind, **payload)

    assert await client.closed_with() == 4429


async def test_a_socket_that_floods_after_its_close_is_not_read(world: NodeWorld):
    """What was on its way is passed over; then reading stops, and two seconds later the socket is cut."""
    client = await world.online("ua")
    for _ in range(51):
        client.connection.receive_control(PING, b"", fin=True)
    await client.closed_with()

    for number in range(63):
        client.connection.receive_data(TEXT, b"nonsense", fin=True)
        assert client.pipe.reading, number
    client.connection.receive_control(PING, b"", fin=True)
    await world.seconds(3)

    assert not client.pipe.reading
    assert client.pipe.aborted


async def test_silence_is_pinged_and_then_closed_4408(world: NodeWorld):
    """A ping after 30 s, the end after 60 s; a pong keeps the socket."""
    silent, alive = await world.online("ua"), await world.online("ub")

    await world.seconds(31)
    pinged = (PING, b"") in silent.pipe.frames()
    alive.connection.receive_control(PONG, b"", fin=True)
    await world.seconds(30)

    assert pinged
    assert silent.close_code == 4408
    assert alive.close_code is None


# The end.


async def test_a_newer_socket_of_the_device_replaces_the_older(world: NodeWorld):
    """4451 for the old one; another device of the user stays."""
    old, other = await world.online("ua"), await world.online("ua", "d2")

    new = await world.online("ua")

    assert await old.closed_with() == 4451
    assert (new.close_code, other.close_code) == (None, None)


async def test_a_revoked_session_is_closed(world: NodeWorld):
    """4450 for the session that was revoked, and for no other."""
    lost, kept = await world.online("ua"), await world.online("ua", "d2")

    world.push.revoke("ua", "f-ua-d1", 4450)

    assert await lost.closed_with() == 4450
    assert kept.close_code is None


async def test_a_late_revocation_leaves_the_newer_session_of_the_device(world: NodeWorld):
    """It may come an hour after a session has ended; whoever has logged in on the same device since stays."""
    newer = await world.online("ua")

    world.push.revoke("ua", "f-older", 4450)
    await world.seconds(1)

    assert newer.close_code is None


async def test_a_close_frame_is_answered_and_the_socket_closed(world: NodeWorld):
    """The same code comes back, after everything that was written before it."""
    client = await world.online("ua")
    client.send("ping")

    client.connection.receive_control(CLOSE, (1000).to_bytes(2, "big") + b"bye", fin=True)

    assert client.heard()[-1]["type"] == "pong"
    assert client.pipe.frames()[-1] == (CLOSE, (1000).to_bytes(2, "big"))
    assert client.pipe.closed


async def test_the_answer_to_our_close_frame_closes_the_socket(world: NodeWorld):
    """No second close frame is sent."""
    client = await world.online("ua")
    world.node.close_all()
    await client.closed_with()

    client.connection.receive_control(CLOSE, (1001).to_bytes(2, "big"), fin=True)
    await world.clock.settle()

    assert [opcode for opcode, _ in client.pipe.frames()].count(CLOSE) == 1
    assert client.pipe.closed


async def test_a_leaving_node_answers_what_still_asks_the_store(
    world: NodeWorld, monkeypatch: pytest.MonkeyPatch
):
    """An operation that waits for the store when the node begins to leave is answered before the close frame."""
    client = await world.online("ua")
    go_on = asyncio.Event()

    async def slow(_user_id: str) -> bool:
        await go_on.wait()
        return True

    monkeypatch.setattr(world.messages, "_user_exists", slow)
    client.say("m", to_user_id="ub")
    world.messages.draining = True
    leaving = asyncio.create_task(world.node.operations_answered(5_000))
    await world.clock.advance(100)
    waited = not leaving.done()
    go_on.set()
    await client.hears("error")
    await world.clock.advance(20)
    await leaving

    assert waited
    assert [(each["code"], each["msg_id"]) for each in client.payloads("error")] == [(10008, "m")]


class CountedTurns(Turns):
    """Turns that count how many were asked for."""

    taken = 0

    async def take(self) -> None:
        self.taken += 1
        await super().take()


async def test_sends_behind_a_question_take_no_turns_of_their_own(world: NodeWorld):
    """A burst to a new peer asks the store once; the messages behind the first only wait for it, in order."""
    client = await world.online("ua")
    turns = world.node.turns = CountedTurns()

    for number in range(8):
        client.say(f"m{number}", to_user_id="ub")
    acks = await client.hears("message_ack", 8)

    assert [(ack["msg_id"], ack["seq"]) for ack in acks] == [(f"m{n}", n + 1) for n in range(8)]
    assert turns.taken == 1


async def test_a_lost_socket_is_forgotten(world: NodeWorld):
    """Nothing of it stays with the node, and what it sent is stored all the same."""
    client = await world.online("ua")
    client.say("known", to_user_id="ub")
    await client.hears("message_ack")
    client.say("m", to_user_id="ub")
    assert len(world.pending) == 1

    client.connection.lost()
    await world.until(lambda: world.hot.messages_stored == 2)

    assert world.node.sockets == set()
    assert world.hub.users_online() == 0


# Who hears what.


async def test_the_connection_that_sent_gets_the_ack_and_not_the_message(world: NodeWorld):
    """The sender's other device and the other user get the message."""
    phone, desk, ben = await world.online("ua"), await world.online("ua", "d2"), await world.online("ub")

    phone.say("m", to_user_id="ub")
    await phone.hears("message_ack")
    (on_desk,) = await desk.hears("message")
    (at_ben,) = await ben.hears("message")

    assert on_desk == at_ben
    assert (at_ben["msg_id"], at_ben["seq"], at_ben["to_user_id"]) == ("m", 1, "ub")
    assert phone.heard("message") == []
    assert desk.heard("message_ack") == []


async def test_a_repeat_is_answered_and_not_delivered_again(world: NodeWorld):
    """The same msg_id twice: the same seq, duplicate true, one message for the others."""
    sender, other = await world.online("ua"), await world.online("ub")

    sender.say("m", to_user_id="ub")
    sender.say("m", to_user_id="ub")
    sender.say("m", content="different", to_user_id="ub")
    await sender.hears("error")

    assert [(a["seq"], a["duplicate"]) for a in sender.payloads("message_ack")] == [(1, False), (1, True)]
    assert sender.payloads("error")[0]["code"] == 40004
    assert len(other.heard("message")) == 1


async def test_a_fault_at_one_delivery_costs_the_others_nothing(
    world: NodeWorld, monkeypatch: pytest.MonkeyPatch
):
    """Everybody who waits is answered, the other events are pushed, and connections are told to sync."""
    ada, bob = await world.online("ua"), await world.online("ub")
    push = world.hub._push

    def faulty(event: Event, stored: Stored, sender: Connection | None) -> None:
        if event.msg_id == "m1":
            raise ZeroDivisionError("a fault of ours")
        push(event, stored, sender)

    monkeypatch.setattr(world.hub, "_push", faulty)
    for msg_id in ("m0", "m1", "m2"):
        ada.say(msg_id, to_user_id="ub")
    acks = await ada.hears("message_ack", 3)
    await bob.hears("resync")

    assert [ack["seq"] for ack in acks] == [1, 2, 3]
    assert [message["msg_id"] for message in await bob.hears("message", 2)] == ["m0", "m2"]
    assert world.worker.publisher.failures == 1


async def test_a_removed_member_hears_the_removal_and_nothing_later(world: NodeWorld):
    """The event of the removal is the last that reaches the removed member."""
    await world.group("ga", "ua", "ub", "uc")
    owner, removed, stays = await world.online("ua"), await world.online("ub"), await world.online("uc")

    await world.publish("member_removed", "ua", "ga", MemberRemovedBody(user_id="ub"))
    owner.say("later", group_id="ga")
    await stays.hears("message")

    assert [event["kind"] for event in removed.payloads("event")] == ["member_removed"]
    assert removed.heard("message") == []


async def test_a_joiner_hears_the_joining_and_what_follows(world: NodeWorld):
    """The event of the joining is the first that reaches the new member."""
    await world.group("ga", "ua", "ub")
    owner, joiner = await world.online("ua"), await world.online("uc")
    owner.say("before", group_id="ga")
    await owner.hears("message_ack")

    await world.publish("member_joined", "ua", "ga", MemberJoinedBody(user_ids=("uc",)))
    owner.say("after", group_id="ga")
    (message,) = await joiner.hears("message")

    assert message["msg_id"] == "after"
    assert [event["kind"] for event in joiner.payloads("event")] == ["member_joined"]


async def test_frames_of_one_tick_leave_in_one_write(world: NodeWorld):
    """A socket is written once per tick, whatever it was sent."""
    client = await world.online("ua")
    before = client.pipe.writes

    for number in range(10):
        client.send("ping", id=f"{number}")
    await client.hears("pong", 10)

    assert client.pipe.writes == before + 1


# Anything at all.

OPCODES = st.sampled_from([TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG, 3, 7, 11, 15])
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.timeout(120)
async def test_nothing_raises_whatever_arrives(world: NodeWorld):
    """Bytes, fragments, control frames and JSON of every shape: an answer or a close frame, never an exception."""
    opened = [await world.online("ua", "d0")]

    @given(st.lists(st.tuples(OPCODES, st.binary(max_size=200), st.booleans()), max_size=6))
    def bytes_never_raise(frames: list[tuple[int, bytes, bool]]) -> None:
        for client in (world.client(), opened[-1]):
            for opcode, payload, fin in frames:
                if opcode >= 8:
                    client.connection.receive_control(opcode, payload, fin=fin)
                else:
                    client.connection.receive_data(opcode, payload, fin=fin)

    @given(st.sampled_from(CLIENT_FRAME_TYPES), SHAPES)
    def frames_never_raise(kind: str, payload: object) -> None:
        for client in (world.client(), opened[-1]):
            client.text(json.dumps({"type": kind, "payload": payload}))

    frames_never_raise()
    await world.clock.settle()
    opened.append(await world.online("ua", "d1"))
    bytes_never_raise()
    await world.clock.settle()

    assert 1011 not in world.hot.closes
