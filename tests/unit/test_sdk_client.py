"""The client against a fake server: what it promises while lines break, answers are lost and programs are
slow.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from pingme.sdk import (
    Client,
    ConnectionChanged,
    Edited,
    ErrorCode,
    Event,
    LogEvent,
    Message,
    Reacted,
    Receipt,
    Refused,
    Replaced,
    SendFailed,
    SessionEnded,
    Typing,
)
from pingme.wire import frames
from pingme.wire import server_frames as wire
from tests.fakes.server import FakeServer

T = TypeVar("T")
PASSWORD = "secret-password"


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as running:
        yield running


async def next_of(client: Client, kind: type[T], check: Callable[[T], bool] = lambda _: True) -> T:
    """Return the next event of a kind."""
    async with asyncio.timeout(10):
        async for event in client.events():
            if isinstance(event, kind) and check(event):
                return event
    raise AssertionError("the events ended")


async def messages(client: Client, count: int) -> list[str]:
    """Return the contents of the next messages."""
    return [(await next_of(client, Message)).content for _ in range(count)]


async def test_two_users_chat(server: FakeServer):
    """What one sends, the other hears; both see it in order, each once."""
    async with server.client() as alice, server.client() as bob:
        await alice.register("alice", PASSWORD)
        await bob.register("bob", PASSWORD)

        sent = await alice.send("hello", to="bob")
        answered = await bob.send("hi", to="alice")

        assert sent is not None
        assert answered is not None
        assert (sent.seq, answered.seq, sent.duplicate) == (1, 2, False)
        assert await messages(alice, 2) == ["hello", "hi"]
        assert await messages(bob, 2) == ["hello", "hi"]
        assert alice.conversations()[0].unread == 1


async def test_a_lost_ack_is_a_resend_and_not_a_second_message(server: FakeServer):
    """The connection breaks after the server stored: the same msg_id goes again and comes back as a
    duplicate.
    """
    server.user("bob")
    async with server.client() as alice:
        await alice.register("alice", PASSWORD)
        server.swallow_answer.add("message_ack")
        sending = asyncio.create_task(alice.send("once", to="bob"))
        await server.wait_for(lambda: len(server.stored) == 1)
        server.swallow_answer.clear()

        server.break_all()
        sent = await sending

        assert sent is not None
        assert sent.duplicate
        assert len(server.logs[sent.conversation_id].items) == 1
        assert await messages(alice, 1) == ["once"]


async def test_sends_keep_their_order_through_breaks_and_retryable_errors(server: FakeServer):
    """Messages queued while the line breaks and the server is busy are stored once, in the order of the
    calls.
    """
    server.user("bob")
    busy = wire.ErrorPayload(code=10008, message="busy", outcome="refused", retryable=True, retry_after_ms=1)
    async with server.client() as alice:
        await alice.register("alice", PASSWORD)
        server.refuse = [busy, busy]
        for number in range(20):
            await alice.send(f"{number}", to="bob", wait=False)
            if number in {5, 12}:
                await server.wait_for(lambda: len(server.stored) > 2)
                server.break_all()

        assert await alice.flush(within_s=20)

        stored = [item.content for item in server.logs[server.private_id("alice", "bob")].items]
        assert stored == [f"{number}" for number in range(20)]


async def test_a_refused_send_is_an_error_with_its_code(server: FakeServer):
    """A definite no raises with the code of the table and leaves the outbox."""
    server.user("bob")
    async with server.client() as alice:
        await alice.register("alice", PASSWORD)
        refusal = wire.ErrorPayload(code=40005, message="blocked", outcome="refused", retryable=False)
        server.refuse = [refusal]

        with pytest.raises(Refused, match="blocked") as caught:
            await alice.send("hello", to="bob")

        assert caught.value.code == ErrorCode.NOT_ALLOWED_TO_WRITE
        assert await next_of(alice, SendFailed)
        assert (await alice.send("again", to="bob")) is not None


async def test_pushes_that_are_lost_are_fetched(server: FakeServer):
    """Events whose pushes never came appear in their places."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        await server.say("alice", "bob", "0")
        server.swallow_push = lambda item, _user: item.seq in {3, 4, 6}

        for number in range(1, 8):
            await server.say("alice", "bob", f"{number}")

        assert await messages(bob, 8) == [f"{number}" for number in range(8)]


async def test_what_happened_while_the_line_was_down_comes_in_order(server: FakeServer):
    """After a break everything in between arrives, also more than one page of it."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        await server.say("alice", "bob", "0")
        assert await messages(bob, 1) == ["0"]
        await server.stop()
        for number in range(1, 500):
            await server.say("alice", "bob", f"{number}")

        await server.start()

        assert await messages(bob, 499) == [f"{number}" for number in range(1, 500)]


async def test_messages_from_before_the_first_login_come_unless_another_device_had_them(server: FakeServer):
    """A device that knows nothing gets what nobody has received yet."""
    server.user("bob")
    for number in range(30):
        await server.say("alice", "bob", f"{number}")

    async with server.client() as bob:
        await bob.login("bob", PASSWORD)
        first = await messages(bob, 30)
        name = server.private_id("alice", "bob")
        await server.wait_for(lambda: server.logs[name].positions.get(bob.user_id, {}).get("delivered") == 30)
    async with server.client() as again:
        await again.login("bob", PASSWORD)
        await server.say("alice", "bob", "new")
        second = await messages(again, 1)

    assert first == [f"{number}" for number in range(30)]
    assert second == ["new"]


async def test_a_data_dir_keeps_the_place_the_session_and_the_outbox(server: FakeServer, tmp_path: Path):
    """A program that restarts goes on after the last event it took, and its unsent messages go out."""
    server.user("alice")
    async with server.client(tmp_path) as bob:
        await bob.register("bob", PASSWORD)
        for number in range(3):
            await server.say("alice", "bob", f"{number}")
        assert await messages(bob, 2) == ["0", "1"]
        await server.stop()
        await next_of(bob, ConnectionChanged, lambda event: event.state == "waiting")
        await bob.send("kept", to=server.user("alice"), wait=False)
    await server.start()
    await server.say("alice", "bob", "3")

    async with server.client(tmp_path) as bob:
        await bob.resume()
        heard = await messages(bob, 2)

    assert heard == ["3", "kept"]


async def test_a_slow_program_loses_nothing(server: FakeServer, monkeypatch: pytest.MonkeyPatch):
    """More events than the queue holds: the rest is fetched when there is room, and sends are answered
    meanwhile.
    """
    monkeypatch.setattr("pingme.sdk.stream.MAX_QUEUED", 250)
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        for number in range(700):
            await server.say("alice", "bob", f"{number}")

        assert (await bob.send("I am busy", to="alice")) is not None

        assert await messages(bob, 701) == [*[f"{number}" for number in range(700)], "I am busy"]


async def test_edits_recalls_and_reactions_change_the_conversation(server: FakeServer):
    """Operations come as events, and the conversation shows their effect."""
    async with server.client() as alice, server.client() as bob:
        await alice.register("alice", PASSWORD)
        await bob.register("bob", PASSWORD)
        sent = await alice.send("helo", to="bob")
        assert sent is not None
        where = sent.conversation_id

        await alice.edit(where, 1, "hello")
        await bob.react(where, 1, "👍")
        edited = await next_of(bob, Edited)
        await next_of(bob, Reacted)
        snapshot = bob.conversation(where)
        await alice.recall(where, 1)

        assert edited.content == "hello"
        assert snapshot is not None
        assert snapshot.messages[0].content == "hello"
        assert snapshot.messages[0].reactions[0].user_ids == (bob.user_id,)
        await next_of(bob, LogEvent, lambda event: event.seq == 4)
        snapshot = bob.conversation(where)
        assert snapshot is not None
        assert snapshot.messages[0].recalled


async def test_positions_and_typing_reach_the_other_one(server: FakeServer):
    """Taking a message says delivered by itself; read and typing are said by the program."""
    async with server.client() as alice, server.client() as bob:
        await alice.register("alice", PASSWORD)
        await bob.register("bob", PASSWORD)
        sent = await alice.send("hello", to="bob")
        assert sent is not None

        await messages(bob, 1)
        delivered = await next_of(alice, Receipt)
        bob.mark_read(sent.conversation_id)
        read = await next_of(alice, Receipt)
        await bob.typing(sent.conversation_id)
        typing = await next_of(alice, Typing)

        assert (delivered.delivered_seq, delivered.read_seq) == (1, 0)
        assert read.read_seq == 1
        assert typing.user_id == bob.user_id
        snapshot = bob.conversation(sent.conversation_id)
        assert snapshot is not None
        assert snapshot.unread == 0


async def test_positions_are_repeated_after_a_reconnect(server: FakeServer):
    """What a crash of the server may have lost is told again."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        await server.say("alice", "bob", "hello")
        await messages(bob, 1)
        name = server.private_id("alice", "bob")
        await server.wait_for(lambda: bob.user_id in server.logs[name].positions)
        server.logs[name].positions.clear()

        server.break_all()

        await server.wait_for(lambda: bob.user_id in server.logs[name].positions)


async def test_an_expired_token_is_refreshed(server: FakeServer):
    """4401 leads to fresh tokens and a new connection, without the program."""
    async with server.client() as alice:
        await alice.register("alice", PASSWORD)
        server.tokens.clear()

        await server.close_all(4401)
        await next_of(alice, ConnectionChanged, lambda event: event.state == "waiting")
        await alice.wait_connected()

        assert "POST /auth/refresh" in server.api.calls


@pytest.mark.parametrize(("code", "error"), [(4450, SessionEnded), (4451, Replaced)])
async def test_a_final_close_code_stops_the_client(server: FakeServer, code: int, error: type[Exception]):
    """Revoked and replaced clients do not come back; whoever waits is told why."""
    async with server.client() as alice:
        await alice.register("alice", PASSWORD)

        await server.close_all(code)

        with pytest.raises(error):
            await drain(alice)
        with pytest.raises(error):
            await alice.send("too late", to="alice")


async def test_a_new_epoch_forgets_and_resyncs(server: FakeServer):
    """After a restore of the server's store the client starts anew and shows what the server has."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        await server.say("alice", "bob", "before")
        await messages(bob, 1)
        server.epoch = "e2"
        log = server.logs[server.private_id("alice", "bob")]
        log.items.clear()
        log.hashes.clear()
        log.positions.clear()
        await server.stop()
        await server.say("alice", "bob", "after")

        await server.start()

        assert await messages(bob, 1) == ["after"]


async def test_history_walks_both_ways(server: FakeServer):
    """Down from the newest and up from the beginning give the same list."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        for number in range(25):
            await server.say("alice", "bob", f"{number}")
        name = server.private_id("alice", "bob")

        down = [event.seq async for event in bob.history(name, page=10)]
        up = [event.seq async for event in bob.history(name, after_seq=0, page=10)]
        few = [event.seq async for event in bob.history(name, before_seq=11, limit=4, page=3)]

        assert up == list(range(1, 26))
        assert down == up[::-1]
        assert few == [10, 9, 8, 7]


async def test_a_draining_server_is_left_and_found_again(server: FakeServer):
    """`reconnect` ends the connection after its answers, and the client comes back."""
    async with server.client() as alice:
        await alice.register("alice", PASSWORD)
        leave = wire.encode_server_frame("reconnect", wire.Reconnect(after_ms=1, reason="draining"))

        await server.peers[0].socket.send(leave, text=True)
        await next_of(alice, ConnectionChanged, lambda event: event.state == "waiting")
        await alice.wait_connected()

        assert len(server.peers) == 1


async def test_groups_and_their_members(server: FakeServer):
    """A group's members hear of it; the removed one hears nothing later."""
    async with server.client() as alice, server.client() as bob:
        await bob.register("bob", PASSWORD)
        await alice.register("alice", PASSWORD)
        group = await alice.create_group("friends", ["bob"])
        await alice.send("welcome", group=group.group_id)
        assert await messages(bob, 1) == ["welcome"]

        await alice.groups.remove(group.group_id, bob.user_id)
        await alice.send("he is gone", group=group.group_id)
        await server.say("alice", "bob", "sorry")

        assert await messages(bob, 1) == ["sorry"]
        snapshot = bob.conversation(group.group_id)
        assert snapshot is not None
        assert snapshot.info.former


async def test_requests_without_an_answer_are_sent_again(server: FakeServer, monkeypatch: pytest.MonkeyPatch):
    """A send that vanished is repeated on the same connection under the same msg_id."""
    server.user("bob")
    monkeypatch.setattr("pingme.sdk.sender.ANSWER_TIMEOUT_S", 0.05)
    async with server.client() as alice:
        await alice.register("alice", PASSWORD)
        lost: list[frames.AnyClientFrame] = []

        def swallow(frame: frames.AnyClientFrame) -> bool:
            if isinstance(frame, frames.Send) and not lost:
                lost.append(frame)
                return True
            return False

        server.swallow = swallow

        sent = await alice.send("hello", to="bob")

        assert sent is not None
        assert [lost[0].payload.msg_id] == [sent.msg_id]  # type: ignore[union-attr]


async def drain(client: Client) -> list[Event]:
    """Return every event up to the end."""
    async with asyncio.timeout(10):
        return [event async for event in client.events()]


async def test_many_users_are_looked_up_together(server: FakeServer):
    """Known ones are not asked for again, and ids that nobody has are left out."""
    async with server.client() as alice, server.client() as bob:
        await alice.register("alice", PASSWORD)
        await bob.register("bob", PASSWORD)

        found = await alice.people.get_many([bob.user_id, alice.user_id, "u-nobody"])
        server.users.clear()
        again = await alice.people.get_many([bob.user_id])

        assert {key: user.name for key, user in found.items()} == {bob.user_id: "bob", alice.user_id: "alice"}
        assert again[bob.user_id].username == "bob"
