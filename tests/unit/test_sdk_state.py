"""Snapshots: applying the events that follow gives what a fresh sync gives."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from pingme.domain.events import BODIES
from pingme.sdk import events as ev
from pingme.sdk import state
from pingme.sdk.state import Snapshot
from pingme.wire.server_frames import Item
from tests.fakes.server import FakeServer, Log

steps = st.lists(
    st.tuples(
        st.sampled_from(["message", "message", "edit", "recall", "reaction", "unreact", "name", "leave"]),
        st.integers(0, 2),
        st.integers(1, 12),
        st.sampled_from("👍👎"),
    ),
    max_size=25,
)


async def play(server: FakeServer, log: Log, script: list[tuple[str, int, int, str]]) -> None:
    """Let people do what they may."""
    for number, (kind, who, target, emoji) in enumerate(script):
        members = list(log.members)
        sender = members[who % len(members)]
        values = {
            "message": {"content": f"{number}", "content_type": "text"},
            "edit": {"target_seq": target, "content": f"edited {number}"},
            "recall": {"target_seq": target},
            "reaction": {"target_seq": target, "emoji": emoji},
            "unreact": {"target_seq": target, "emoji": emoji, "remove": True},
            "name": {"name": f"name {number}"},
            "leave": {},
        }[kind]
        wire_kind = {"unreact": "reaction", "name": "group_updated", "leave": "member_left"}.get(kind, kind)
        possible = "target_seq" not in values or (
            target <= len(log.items) and log.items[target - 1].kind == "message"
        )
        if possible and not (kind == "leave" and (sender == members[0] or len(members) < 3)):
            await server.append(log, wire_kind, sender, f"s{number}", dict(values))


@settings(max_examples=200, deadline=None)
@given(before=steps, after=steps)
def test_applied_events_equal_a_fresh_snapshot(
    before: list[tuple[str, int, int, str]], after: list[tuple[str, int, int, str]]
):
    """Snapshot at n, then the events n + 1 … m one by one: the same as a snapshot at m."""

    async def run() -> tuple[Snapshot, Snapshot]:
        server = FakeServer()
        group_id = await server.group("alice", "friends", ["bob", "carol"])
        log, me = server.logs[group_id], server.user("alice")
        await play(server, log, before)
        first = len(log.items)
        applied = state.snapshot_of(server.entry(log, me, 200), me)
        await play(server, log, after)
        for stored in log.items[first:]:
            applied = state.apply(applied, ev.event_of(stored, me), me)
        return applied, state.snapshot_of(server.entry(log, me, 200), me)

    applied, fresh = asyncio.run(run())

    assert applied == fresh


def test_a_refresh_keeps_older_messages_that_join():
    """A sync that brings the newest events leaves the ones before them, changed where they were changed."""

    async def run() -> tuple[Snapshot, Snapshot]:
        server = FakeServer()
        for number in range(10):
            await server.say("alice", "bob", f"{number}")
        log, me = server.logs[server.private_id("alice", "bob")], server.user("bob")
        old = state.snapshot_of(server.entry(log, me, 200), me)
        await server.append(log, "edit", server.user("alice"), "e", {"target_seq": 2, "content": "new"})
        await server.say("alice", "bob", "10")
        refreshed = state.refresh(old, server.entry(log, me, 2), me)
        return refreshed, state.snapshot_of(server.entry(log, me, 200), me)

    refreshed, fresh = asyncio.run(run())

    assert refreshed == fresh


def test_positions_only_grow_and_unread_follows():
    """Reading up to a seq leaves the later messages of others unread; going back changes nothing."""

    async def run() -> Snapshot:
        server = FakeServer()
        for number in range(5):
            await server.say("alice", "bob", f"{number}")
        log, me = server.logs[server.private_id("alice", "bob")], server.user("bob")
        return state.snapshot_of(server.entry(log, me, 200), me)

    snapshot = asyncio.run(run())

    read = state.positions(snapshot, delivered_seq=None, read_seq=3)
    back = state.positions(read, delivered_seq=1, read_seq=1)

    assert (snapshot.unread, read.unread, read.delivered_seq) == (5, 2, 3)
    assert back == read


def test_the_window_is_bounded():
    """At most WINDOW messages are kept, and window_from says from where."""

    async def run() -> Snapshot:
        server = FakeServer()
        await server.say("alice", "bob", "first")
        log, me = server.logs[server.private_id("alice", "bob")], server.user("bob")
        snapshot = state.snapshot_of(server.entry(log, me, 20), me)
        for number in range(state.WINDOW + 50):
            await server.say("alice", "bob", f"{number}")
        for item in log.items[1:]:
            snapshot = state.apply(snapshot, ev.event_of(item, me), me)
        return snapshot

    snapshot = asyncio.run(run())

    assert len(snapshot.messages) == state.WINDOW
    assert snapshot.messages[0].seq == snapshot.window_from == 52


def test_every_kind_of_event_has_its_class():
    """Each kind of the wire becomes its own class; kinds of a later version become OtherEvent."""
    for kind in [*BODIES, "from_the_future"]:
        item = Item(conversation_id="ga", seq=1, sender_id="ua", server_ts=1, kind=kind, user_ids=["ub"])
        event = ev.event_of(item, "ua")

        assert (type(event) is ev.OtherEvent) == (kind == "from_the_future")
        assert event.mine
        assert replace(event, seq=2).seq == 2
