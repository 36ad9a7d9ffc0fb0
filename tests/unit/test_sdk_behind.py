"""Programs that are behind, or never listen: they stay online, see the present, and lose nothing that they ask for later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pingme.domain.errors import ErrorCode, Refused
from pingme.sdk import Client, ConnectionChanged, Event, LogEvent, Message, SendFailed, Synced, Typing
from pingme.sdk import ahead as ahead_module
from pingme.sdk import stream as stream_module
from pingme.sdk.ahead import Ahead
from pingme.sdk.events import event_of
from pingme.sdk.keeper import Keeper
from pingme.sdk.replica import Replica
from pingme.sdk.store import LocalStore
from pingme.sdk.stream import EventQueue, EventStream
from pingme.wire import frames
from pingme.wire.server_frames import HistoryPage, Item
from tests.fakes.clock import FakeClock
from tests.fakes.server import FakeServer

PASSWORD = "secret-password"


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeServer]:
    """A server whose clients hold few events, so that little fills them."""
    monkeypatch.setattr(stream_module, "MAX_QUEUED", 250)
    async with FakeServer() as running:
        yield running


async def say(server: FakeServer, numbers: range) -> None:
    for number in numbers:
        await server.say("alice", "bob", f"{number}")


async def take(stream: EventStream, count: int) -> list[str]:
    """Return the contents of the next messages of others."""
    found: list[str] = []
    async with asyncio.timeout(10):
        async for event in stream:
            if isinstance(event, Message) and not event.mine:
                found.append(event.content)
            if len(found) == count:
                return found
    raise AssertionError("the events ended")


async def reconnect(server: FakeServer, client: Client) -> None:
    """Break the line, and return when the client is up to date again."""
    server.received.clear()
    server.break_all()
    await server.wait_for(lambda: any(isinstance(frame, frames.Sync) for frame in server.received))
    async with asyncio.timeout(5):
        await client.wait_connected()


async def newest(server: FakeServer, client: Client) -> tuple[int, str]:
    """Return how far the client shows alice's conversation, once everything sent so far has reached it."""
    await client.send("a barrier: its ack comes behind all pushes", to=server.user("carol"))
    snapshot = client.conversation(server.private_id("alice", "bob"))
    assert snapshot is not None
    assert snapshot.last_message is not None
    return snapshot.last_seq, snapshot.last_message.content


async def test_a_program_that_never_listens_sees_the_present(server: FakeServer):
    """Its conversations go on beyond what the queue holds, through breaks, and all events come when it asks."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        await say(server, range(300))
        live = await newest(server, bob)
        await server.stop()
        await say(server, range(300, 400))
        await server.start()
        async with asyncio.timeout(5):
            await server.wait_for(lambda: len(server.peers) == 1)
            await bob.wait_connected()
        caught_up = await newest(server, bob)
        await say(server, range(400, 450))

        later = await newest(server, bob)

        assert (live, caught_up, later) == ((300, "299"), (400, "399"), (450, "449"))
        assert await take(bob.events(), 450) == [f"{number}" for number in range(450)]


async def test_a_program_that_never_listens_still_sends_when_it_closes(server: FakeServer):
    """With a full queue it is online again after a break, so what waits gets its moment at the end."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        await say(server, range(300))
        await newest(server, bob)
        await reconnect(server, bob)

        is_online = bob.is_online
        await bob.send("goodbye", to="alice", wait=False)

    assert is_online
    assert server.logs[server.private_id("alice", "bob")].items[-1].content == "goodbye"


async def test_a_slow_program_is_online_after_a_break_and_loses_nothing(server: FakeServer):
    """It sends while its queue is full, and then takes every event once and in order."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        stream = bob.events()
        await say(server, range(10))
        first = await take(stream, 10)
        await say(server, range(10, 400))
        await newest(server, bob)
        await reconnect(server, bob)
        await say(server, range(400, 420))

        sent = await bob.send("I am slow", to="alice")
        rest = await take(stream, 410)

        assert sent is not None
        assert sent.seq == 421
        assert first + rest == [f"{number}" for number in range(420)]


async def test_a_push_that_is_lost_while_nobody_listens_is_synced(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
):
    """Holes are not fetched for a program that does not listen; its conversations are put right by a sync."""
    monkeypatch.setattr(ahead_module, "HOLD_MS", 10)
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        await say(server, range(3))
        await newest(server, bob)
        server.received.clear()
        server.swallow_push = lambda item, _user: item.content == "3"

        await say(server, range(3, 6))
        await server.wait_for(lambda: any(isinstance(frame, frames.Sync) for frame in server.received))

        assert await newest(server, bob) == (6, "5")
        assert await take(bob.events(), 6) == [f"{number}" for number in range(6)]


async def test_what_was_in_hand_at_a_restore_does_not_count_in_the_new_epoch(
    server: FakeServer, tmp_path: Path
):
    """An event of the old epoch, finished in the new one, leaves the place in the new log as it is."""
    log = server.logs
    async with server.client(tmp_path) as bob:
        await bob.register("bob", PASSWORD)
        await say(server, range(5))
        stream = bob.events()
        await take(stream, 5)  # the last one, seq 5, stays in hand
        restored = log[server.private_id("alice", "bob")]
        del restored.items[2:], restored.hashes[2:]
        restored.positions.clear()
        server.epoch = "e2"
        await reconnect(server, bob)
        again = await take(stream, 2)
    await say(server, range(5, 8))

    async with server.client(tmp_path) as bob:
        await bob.resume()
        new = await take(bob.events(), 3)

    assert again == ["0", "1"]
    assert new == ["5", "6", "7"]


def message(seq: int, conversation: str = "ga") -> Item:
    return Item(
        conversation_id=conversation,
        seq=seq,
        sender_id="ua",
        server_ts=1,
        kind="message",
        content=f"{seq}",
        content_type="text",
    )


class Listener:
    """A replica of one conversation, ``ga`` up to seq 1, and what it tells."""

    def __init__(self, *, has_room: bool = True, takes_pages: bool = True) -> None:
        self.clock = FakeClock()
        self.told: list[int] = []
        self.replica = Replica(
            self.clock,
            self._hear,
            has_room=lambda: has_room,
            takes_pages=lambda: takes_pages,
            touched=asyncio.Event(),
        )
        created = Item(conversation_id="ga", seq=1, sender_id="ua", server_ts=1, kind="group_created")
        self.replica.push(created)

    def _hear(self, event: Event) -> None:
        if isinstance(event, LogEvent):
            self.told.append(event.seq)

    @property
    def shown(self) -> int:
        return self.replica.snapshots["ga"].last_seq


async def test_pushes_without_room_are_shown_in_order():
    """One that overtook another waits for it; nothing is told, and everything is to be fetched."""
    listener = Listener(has_room=False)

    shown = []
    for seq in (2, 4, 5, 3):
        listener.replica.push(message(seq))
        shown.append(listener.shown)

    assert shown == [2, 2, 2, 5]
    assert listener.told == []
    assert listener.replica.due() == [("ga", 0)]
    assert not listener.replica.needs_sync


async def test_what_does_not_come_for_a_snapshot_needs_one_sync():
    """After a second; the sync that does not bring it either is not repeated."""
    listener = Listener(has_room=False, takes_pages=False)
    listener.replica.push(message(5))
    await listener.clock.advance(ahead_module.HOLD_MS - 1)
    early = listener.replica.needs_sync, listener.replica.next_due_ms()

    await listener.clock.advance(1)
    due = listener.replica.needs_sync
    listener.replica.begin_sync()
    listener.replica.end_sync()

    assert early == (False, 1)
    assert due
    assert not listener.replica.needs_sync


async def test_nothing_is_held_behind_a_hole_that_nobody_fetches():
    """While the program does not listen, a hole may stay for long: what comes behind it is fetched with it."""
    listener = Listener(takes_pages=False)
    listener.replica.push(message(3))  # held for a moment: the one before it may be on its way
    await listener.clock.advance(ahead_module.HOLD_MS)
    for seq in range(4, 2_000):
        listener.replica.push(message(seq))

    page = HistoryPage(conversation_id="ga", prev_hash="", events=[message(2)], has_more=True)
    listener.replica.page(1, page)

    assert listener.told == [1, 2, 3]
    assert listener.replica.due() == [("ga", 3)]


def test_what_waits_for_a_snapshot_is_bounded():
    """At most MAX_HELD events of one conversation are held."""
    ahead = Ahead()
    for seq in range(2, ahead_module.MAX_HELD + 50):
        ahead.hold(message(seq), 0)

    ready = ahead.take("ga", after_seq=1, now_ms=0)

    assert len(ready) == ahead_module.MAX_HELD
    assert not ahead
    assert ahead.due_at_ms is None


async def test_a_reset_writes_also_what_the_running_sync_had_written(tmp_path: Path):
    """A new epoch's sync may take longer than the pauses between writes; none of its conversations is lost."""
    listener = Listener()
    store = LocalStore(tmp_path)
    keeper = Keeper(store, listener.replica, listener.clock)
    await keeper.save()

    await keeper.begin_epoch("e2", wipe=True)
    await store.close()

    store = LocalStore(tmp_path)
    rows = store.rows("SELECT conversation_id FROM conversation")
    await store.close()
    assert rows == [("ga",)]


def failed(number: int) -> SendFailed:
    return SendFailed(f"m{number}", "ga", Refused(ErrorCode.INVALID_PARAMETERS, "no"))


async def test_refusals_are_told_however_full_the_queue_is(monkeypatch: pytest.MonkeyPatch):
    """Nothing brings them again; hints are dropped, and there is a bound for refusals, too."""
    monkeypatch.setattr(stream_module, "MAX_QUEUED", 2)
    monkeypatch.setattr(stream_module, "ROOM_FOR_OWN", 3)
    queue = EventQueue(asyncio.Event(), on_handed=lambda _: None, on_finished=lambda _name, _seq: None)
    for number in range(2):
        queue.put(Typing("ga", f"u{number}", active=True))

    queue.put(Typing("ga", "u9", active=True))
    for number in range(5):
        queue.put(failed(number))

    queue.end(None)
    heard = [event async for event in EventStream(queue)]
    assert [type(event) for event in heard] == [Typing, Typing, SendFailed, SendFailed, SendFailed]


async def test_a_new_epoch_leaves_what_the_client_says_of_itself():
    """Log entries and hints of the old epoch mean nothing now; a refused send is still refused. The restore comes next."""
    queue = EventQueue(asyncio.Event(), on_handed=lambda _: None, on_finished=lambda _name, _seq: None)
    for event in (Typing("ga", "ua", active=True), ConnectionChanged("connecting"), failed(1)):
        queue.put(event)

    queue.reset()

    queue.end(None)
    assert [type(event) async for event in EventStream(queue)] == [ConnectionChanged, SendFailed, Synced]


async def test_what_one_of_two_iterators_is_busy_with_comes_again():
    """However far the other one is: everything before its event counts as dealt with, and nothing behind it."""
    finished: list[tuple[str, int]] = []
    queue = EventQueue(
        asyncio.Event(), on_handed=lambda _: None, on_finished=lambda *done: finished.append(done)
    )
    for seq in range(1, 5):
        queue.put(event_of(message(seq), "ub"))
    slow, quick = EventStream(queue), EventStream(queue)

    await anext(slow)
    for _ in range(3):
        await anext(quick)
    quick.finish()
    behind = max(seq for _, seq in finished)
    slow.finish()

    assert behind == 0
    assert finished[-1] == ("ga", 4)
