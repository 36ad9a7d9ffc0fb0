"""Who is there: grace, debounce, watch lists, and nobody's business but of those who share a conversation."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from pingme.adapters.presence_memory import MemoryPresence
from pingme.domain.errors import ErrorCode, Refused, StoreUnavailable
from pingme.ports.presence import PresenceEntry
from pingme.services.presence import PresenceService
from tests.fakes.chat_world import ChatWorld
from tests.fakes.clock import START_MS
from tests.fakes.push import frame_text


class Screen:
    """A watcher that remembers what it was told."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def push(self, frame: bytes, /) -> None:
        self.frames.append(frame)

    def taken(self) -> list[tuple[str, str]]:
        taken = shown(self.frames)
        self.frames = []
        return taken


def shown(frames: Sequence[bytes]) -> list[tuple[str, str]]:
    payloads = [frame_text(frame)["payload"] for frame in frames]
    return [(payload["user_id"], payload["status"]) for payload in payloads]


class Flaky(MemoryPresence):
    """Presence that is away while `broken`."""

    broken = False

    async def put(self, user_id: str, device_id: str, status: Literal["online", "away"]) -> None:
        self.check()
        await super().put(user_id, device_id, status)

    async def drop(self, user_id: str, device_id: str) -> None:
        self.check()
        await super().drop(user_id, device_id)

    async def query(self, user_ids: Sequence[str]) -> Sequence[PresenceEntry]:
        if self.broken:
            return [PresenceEntry(user_id, "unknown") for user_id in user_ids]
        return await super().query(user_ids)

    def check(self) -> None:
        if self.broken:
            raise Refused(ErrorCode.CACHE_ERROR)


class World(ChatWorld):
    """ua, ub and uc share a group; ux shares nothing with them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = Flaky()
        self.last_seen: dict[str, int] = {}
        self.fail_seen = False
        self.service = PresenceService(
            self.store, self.port, self.clock, self.keep_seen, read_last_seen=self.read_seen
        )

    async def keep_seen(self, user_id: str, seen_ms: int) -> None:
        if self.fail_seen:
            raise StoreUnavailable
        self.last_seen[user_id] = seen_ms

    async def read_seen(self, user_id: str) -> int | None:
        return self.last_seen.get(user_id)

    async def pass_ms(self, delay_ms: int) -> None:
        """Let time pass as `run` would, a turn every 100 ms."""
        for _ in range(delay_ms // 100):
            await self.clock.advance(100)
            await self.service.turn()

    async def statuses(self, asker: str, *user_ids: str) -> list[str]:
        return [entry.status for entry in await self.service.query(asker, user_ids)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.add_users("ua", "ub", "uc", "ux")
    await made.group("ga", "ua", "ub", "uc")
    yield made
    await made.close()


async def test_a_connected_user_is_online_at_once(world: World) -> None:
    """Who asks right after the connection gets the truth."""
    world.service.connected("ub", "phone")
    assert await world.statuses("ua", "ub", "uc") == ["online", "offline"]


async def test_the_last_device_goes_after_the_grace(world: World) -> None:
    """Until then the user is online; last_seen is the moment of the going."""
    world.service.connected("ub", "phone")
    world.service.connected("ub", "laptop")
    world.service.disconnected("ub", "phone")
    await world.pass_ms(6_000)
    assert await world.statuses("ua", "ub") == ["online"]

    world.service.disconnected("ub", "laptop")
    await world.pass_ms(4_900)
    assert await world.statuses("ua", "ub") == ["online"]
    await world.pass_ms(200)

    (entry,) = await world.service.query("ua", ["ub"])
    assert entry == PresenceEntry("ub", "offline", START_MS + 6_000)
    assert world.last_seen == {"ub": START_MS + 6_000}


async def test_a_return_within_the_grace_is_no_change(world: World) -> None:
    """Watchers hear nothing of a short break."""
    screen = Screen()
    world.service.connected("ub", "phone")
    await world.service.watch(screen, "ua", ["ub"])
    world.service.disconnected("ub", "phone")
    await world.pass_ms(4_000)
    world.service.connected("ub", "phone")
    await world.pass_ms(10_000)

    assert screen.taken() == []
    assert world.last_seen == {}


async def test_away_is_said_by_the_device(world: World) -> None:
    """Online beats away over all devices."""
    world.service.connected("ub", "phone")
    world.service.set_status("ub", "phone", "away")
    assert await world.statuses("ua", "ub") == ["away"]
    world.service.connected("ub", "laptop")
    assert await world.statuses("ua", "ub") == ["online"]


async def test_only_connected_devices_have_a_state(world: World) -> None:
    """A device that is not here, or is leaving, cannot say that it is."""
    world.service.set_status("ub", "phone", "online")
    world.service.disconnected("ub", "phone")
    assert await world.statuses("ua", "ub") == ["offline"]
    assert world.service._leaving == {}


async def test_watchers_hear_changes_after_the_debounce(world: World) -> None:
    """Several changes within 500 ms are told as one."""
    screen = Screen()
    assert shown(await world.service.watch(screen, "ua", ["ub", "uc"])) == [
        ("ub", "offline"),
        ("uc", "offline"),
    ]
    world.service.connected("ub", "phone")
    world.service.set_status("ub", "phone", "away")
    world.service.connected("uc", "phone")
    await world.pass_ms(400)
    assert screen.taken() == []

    await world.pass_ms(200)

    assert screen.taken() == [("ub", "away"), ("uc", "online")]


async def test_a_departure_is_told_within_two_seconds_after_the_grace(world: World) -> None:
    """Grace and debounce together."""
    screen = Screen()
    world.service.connected("ub", "phone")
    await world.service.watch(screen, "ua", ["ub"])
    world.service.disconnected("ub", "phone")
    await world.pass_ms(5_000)
    assert screen.taken() == []

    await world.pass_ms(2_000)

    assert screen.taken() == [("ub", "offline")]


async def test_strangers_are_unknown_and_stay_so(world: World) -> None:
    """Who shares no conversation, and who does not exist, look alike; no change of theirs is told."""
    screen = Screen()
    world.service.connected("ub", "phone")
    await world.pass_ms(1_000)

    frames = await world.service.watch(screen, "ux", ["ub", "u-nobody", "ux"])

    assert shown(frames) == [("ub", "unknown"), ("u-nobody", "unknown"), ("ux", "offline")]
    assert await world.statuses("ux", "ub") == ["unknown"]
    world.service.set_status("ub", "phone", "away")
    await world.pass_ms(1_000)
    assert screen.taken() == []


async def test_a_new_list_replaces_the_old_one(world: World) -> None:
    """Only those on the newest list are told; unwatch ends it all and leaves nothing behind."""
    screen = Screen()
    await world.service.watch(screen, "ua", ["ub"])
    await world.service.watch(screen, "ua", ["uc"])
    world.service.connected("ub", "phone")
    world.service.connected("uc", "phone")
    await world.pass_ms(1_000)
    assert screen.taken() == [("uc", "online")]

    world.service.unwatch(screen)
    world.service.set_status("uc", "phone", "away")
    await world.pass_ms(1_000)

    assert screen.taken() == []
    assert (world.service._watchers, world.service._watches, world.service._changed) == ({}, {}, {})


async def test_a_connection_that_goes_while_the_store_is_asked_watches_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No list of a closed connection stays in memory."""
    screen = Screen()
    share = world.store.share_conversation

    async def gone_meanwhile(user_id: str, others: Sequence[str]) -> set[str]:
        world.service.unwatch(screen)
        return await share(user_id, others)

    monkeypatch.setattr(world.store, "share_conversation", gone_meanwhile)

    assert await world.service.watch(screen, "ua", ["ub"]) == []
    assert (world.service._watchers, world.service._watches) == ({}, {})


async def test_who_left_the_last_shared_conversation_is_not_watched_for_long(world: World) -> None:
    """After a minute a change asks again who may watch."""
    screen = Screen()
    await world.service.watch(screen, "ua", ["ub", "uc"])
    await world.remove("ga", "ua", "ub")
    await world.pass_ms(60_000)
    world.service.connected("ub", "phone")
    world.service.connected("uc", "phone")

    await world.pass_ms(1_000)

    assert screen.taken() == [("uc", "online")]


async def test_at_most_five_hundred_are_watched(world: World) -> None:
    """What is beyond the bound is left out, and doubles count once."""
    frames = await world.service.watch(Screen(), "ua", ["ub", "ub", *(f"u{n}" for n in range(600))])
    assert len(frames) == 500


async def test_an_outage_of_presence_is_unknown_and_then_repaired(world: World) -> None:
    """While the port is away nothing fails; what it missed is said when it is back."""
    world.port.broken = True
    world.service.connected("ub", "phone")
    assert await world.statuses("ua", "ub") == ["unknown"]
    await world.pass_ms(500)

    world.port.broken = False
    await world.pass_ms(100)

    assert await world.statuses("ua", "ub") == ["online"]


async def test_last_seen_waits_for_the_store(world: World) -> None:
    """A store in trouble delays it and changes nothing else; answers know it already."""
    world.fail_seen = True
    world.service.connected("ub", "phone")
    world.service.disconnected("ub", "phone")
    await world.pass_ms(6_000)
    (entry,) = await world.service.query("ua", ["ub"])
    assert (entry.last_seen_ts, world.last_seen) == (START_MS, {})

    world.fail_seen = False
    await world.pass_ms(100)

    assert world.last_seen == {"ub": START_MS}


async def test_closing_stores_last_seen_of_those_who_are_here(world: World) -> None:
    """A node that leaves remembers who was there."""
    world.service.connected("ub", "phone")
    await world.service.close()
    assert world.last_seen == {"ub": START_MS}


async def test_run_turns_by_the_clock(world: World) -> None:
    """One sleeper, however many users there are."""
    screen = Screen()
    await world.service.watch(screen, "ua", ["ub"])
    running = asyncio.create_task(world.service.run())
    world.service.connected("ub", "phone")

    await world.clock.advance(700)

    assert world.clock.sleeping == 1
    assert screen.taken() == [("ub", "online")]
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_presence_of_many_is_bounded_per_turn(world: World) -> None:
    """More changes than one turn tells are told by the next ones; none is lost."""
    users = [f"m{n:03}" for n in range(700)]
    await world.add_users(*users)
    await world.group("gb", "ua", *users)
    screen = Screen()
    other = Screen()
    await world.service.watch(screen, "ua", users[:400])
    await world.service.watch(other, "ua", users[400:])
    for user in users:
        world.service.connected(user, "phone")

    told: list[Any] = []
    await world.pass_ms(1_000)
    told = screen.taken() + other.taken()

    assert sorted(user for user, _ in told) == users


async def test_what_changes_on_another_node_is_told(world: World) -> None:
    """Who watches hears of it after the debounce, if the state is another than was told."""
    screen = Screen()
    await world.service.watch(screen, "ua", ["ub", "uc"])
    await world.port.put("ub", "elsewhere", "online")

    world.service.changed_elsewhere(["ub", "uc", "ux"])
    await world.pass_ms(600)
    assert screen.taken() == [("ub", "online")]

    world.service.changed_elsewhere(["ub"])
    await world.pass_ms(600)
    assert screen.taken() == []


async def test_all_who_are_watched_are_looked_at_when_anybody_may_have_changed(world: World) -> None:
    """After a break of the connection between nodes: unknown while it lasts, then what is."""
    screen = Screen()
    await world.service.watch(screen, "ua", ["ub", "uc"])
    world.port.broken = True
    assert world.port.on_changed is not None
    world.port.on_changed(None)
    await world.pass_ms(600)
    assert sorted(screen.taken()) == [("ub", "unknown"), ("uc", "unknown")]

    world.port.broken = False
    world.port.on_changed(None)
    await world.pass_ms(600)
    assert sorted(screen.taken()) == [("ub", "offline"), ("uc", "offline")]
