"""A server whose store was restored: what a client knew is of another epoch, and touches nothing of the new one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pingme.sdk import Client, Event, Message, Synced
from pingme.sdk import stream as stream_module
from pingme.sdk.stream import EventStream
from pingme.wire import frames
from tests.fakes.server import FakeServer

PASSWORD = "secret-password"


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as running:
        yield running


async def say(server: FakeServer, count: int, text: str) -> None:
    for number in range(count):
        await server.say("alice", "bob", f"{text} {number}")


async def take(stream: EventStream, count: int) -> list[Event]:
    """Return the next messages, and every end of a sync before the last of them."""
    found: list[Event] = []
    async with asyncio.timeout(10):
        async for event in stream:
            if isinstance(event, Message | Synced):
                found.append(event)
                count -= isinstance(event, Message)
            if count == 0:
                return found
    raise AssertionError("the events ended")


def restore(server: FakeServer, where: str) -> None:
    """Empty a conversation, under a new epoch."""
    log = server.logs[where]
    for held in (log.items, log.hashes, log.positions, log.changed):
        held.clear()
    server.stored.clear()
    server.epoch = "e2"


async def restored(server: FakeServer, bob: Client, where: str) -> None:
    """Come back with another store of six messages, and wait for the client."""
    await server.stop()
    restore(server, where)
    await say(server, 6, "NEW")
    await server.start()
    async with asyncio.timeout(5):
        await server.wait_for(lambda: any(isinstance(frame, frames.Sync) for frame in server.received))
        await bob.wait_connected()


def epochs(server: FakeServer) -> list[tuple[str, str | None]]:
    """Return what was asked for, with the epoch that it named."""
    kinds = (frames.Send, frames.Edit, frames.Recall, frames.React)
    return [
        (type(frame).__name__, frame.payload.epoch) for frame in server.received if isinstance(frame, kinds)
    ]


async def test_what_waits_over_a_restore_names_the_epoch_of_its_seq(server: FakeServer):
    """A plain message names none: it means the same in any store."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        await say(server, 5, "old")
        where = server.private_id("alice", "bob")
        await take(bob.events(), 5)
        server.received.clear()
        await server.stop()
        await bob.edit(where, 5, "x", wait=False)
        await bob.recall(where, 5, wait=False)
        await bob.react(where, 5, "👍", wait=False)
        await bob.send("an answer", conversation=where, reply_to=5, wait=False)
        await bob.send("plain", conversation=where, wait=False)
        await server.start()
        await restored(server, bob, where)
        assert await bob.flush()

    asked = [("Edit", "e1"), ("Recall", "e1"), ("React", "e1"), ("Send", "e1"), ("Send", None)]
    assert list(dict.fromkeys(epochs(server))) == asked


async def test_the_epoch_is_the_one_that_the_program_has_heard_of(server: FakeServer):
    """Until it takes `Synced(reset=True)`, its seqs are of before, and it reads nothing by them."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        await say(server, 5, "old")
        where = server.private_id("alice", "bob")
        stream = bob.events()
        await take(stream, 5)
        await restored(server, bob, where)
        server.received.clear()

        await bob.react(where, 5, "👍")
        bob.mark_read(where, 5)
        early = bob.conversation(where)
        await take(stream, 6)
        await bob.react(where, 5, "👍")
        bob.mark_read(where, 5)
        await bob.flush()
        await server.wait_for(lambda: server.logs[where].positions[bob.user_id]["read"] == 5)

    assert early is not None
    assert early.read_seq == 0
    assert [one for one in epochs(server) if one[0] == "React"] == [("React", "e1"), ("React", "e2")]


async def test_no_more_is_read_than_there_is(server: FakeServer):
    """A seq beyond the newest would make read what comes later."""
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        await say(server, 1, "one")
        where = server.private_id("alice", "bob")
        await take(bob.events(), 1)

        bob.mark_read(where, 5)
        bob.mark_read("gunknown", 5)
        await server.wait_for(lambda: bob.user_id in server.logs[where].positions)
        await say(server, 3, "more")
        await take(bob.events(), 3)
        shown = bob.conversation(where)

    assert shown is not None
    assert (shown.read_seq, shown.unread) == (1, 3)


async def test_a_restore_is_told_before_anything_of_it(server: FakeServer, monkeypatch: pytest.MonkeyPatch):
    """However much comes with it: a program that learns of it later takes new for old."""
    monkeypatch.setattr(stream_module, "MAX_QUEUED", 50)
    monkeypatch.setattr(stream_module, "ROOM_FOR_PAGE", 10)
    async with server.client() as bob:
        await bob.register("bob", PASSWORD)
        await say(server, 5, "old")
        where = server.private_id("alice", "bob")
        stream = bob.events()
        await take(stream, 5)
        await server.stop()
        restore(server, where)
        for number in range(100):
            await server.say(f"peer{number % 10}", "bob", f"NEW {number}")
        await server.start()
        await bob.wait_connected()
        heard = await take(stream, 100)

    resets = [place for place, event in enumerate(heard) if isinstance(event, Synced) and event.reset]
    first = next(place for place, event in enumerate(heard) if isinstance(event, Message))
    assert len(resets) == 1
    assert resets[0] < first


async def test_a_first_sync_that_was_cut_short_is_of_an_epoch(server: FakeServer, tmp_path: Path):
    """What it kept is dropped when the store is another one at the next start."""
    await say(server, 5, "old")
    where = server.private_id("alice", "bob")
    server.swallow_answer = {"sync_done"}
    bob = server.client(tmp_path)
    logging_in = asyncio.create_task(bob.login("bob", PASSWORD))
    await take(bob.events(), 5)
    logging_in.cancel()
    await asyncio.wait([logging_in])
    await bob.close()
    server.swallow_answer = set()
    restore(server, where)
    await say(server, 4, "NEW")

    async with server.client(tmp_path) as bob:
        await bob.resume()
        heard = await take(bob.events(), 4)
        shown = bob.conversation(where)

    assert [event.content for event in heard if isinstance(event, Message)] == [f"NEW {n}" for n in range(4)]
    assert shown is not None
    assert shown.last_seq == 4
