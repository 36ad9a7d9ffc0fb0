"""`Presence`: who is connected where, over all devices."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pingme.adapters.clock_system import SystemClock
from pingme.adapters.presence_memory import MemoryPresence
from pingme.adapters.presence_redis import RedisPresence
from pingme.adapters.redis_link import RedisAddress, RedisLink
from pingme.ports.presence import Presence, PresenceEntry
from tests.services.redis import Redis
from tests.services.redis_fixtures import redis

__all__ = ["redis"]


@pytest.fixture(params=["memory", "redis"])
async def presence(request: pytest.FixtureRequest) -> AsyncIterator[Presence]:
    if request.param == "memory":
        yield MemoryPresence()
        return
    server: Redis = request.getfixturevalue("redis")
    address = RedisAddress(host="127.0.0.1", port=server.port)
    link = RedisLink(address, epoch="e1", node_id="n1", clock=SystemClock())
    presence = RedisPresence(link, SystemClock())
    await link.open()
    yield presence
    await presence.close()
    await link.close()


async def statuses(presence: Presence, *user_ids: str) -> list[str]:
    return [entry.status for entry in await presence.query(user_ids)]


async def test_nobody_is_there_at_first(presence: Presence) -> None:
    """A user without a device is offline, known or not; the answer keeps the order of the question."""
    assert list(await presence.query(["ub", "ua"])) == [
        PresenceEntry("ub", "offline"),
        PresenceEntry("ua", "offline"),
    ]
    assert list(await presence.query([])) == []


async def test_online_beats_away_beats_offline(presence: Presence) -> None:
    """The state of a user is the best of the devices'."""
    await presence.put("ua", "phone", "away")
    assert await statuses(presence, "ua", "ub") == ["away", "offline"]
    await presence.put("ua", "laptop", "online")
    assert await statuses(presence, "ua") == ["online"]
    await presence.put("ua", "laptop", "away")
    assert await statuses(presence, "ua") == ["away"]


async def test_a_user_goes_with_the_last_device(presence: Presence) -> None:
    """Dropping one device leaves the others; dropping an unknown one changes nothing."""
    await presence.put("ua", "phone", "online")
    await presence.put("ua", "laptop", "away")
    await presence.drop("ua", "phone")
    await presence.drop("ua", "tablet")
    await presence.drop("ub", "phone")
    assert await statuses(presence, "ua") == ["away"]
    await presence.drop("ua", "laptop")
    assert await statuses(presence, "ua") == ["offline"]


async def test_put_twice_is_one_entry(presence: Presence) -> None:
    """A device is there once, however often it is put."""
    await presence.put("ua", "phone", "online")
    await presence.put("ua", "phone", "online")
    await presence.drop("ua", "phone")
    assert await statuses(presence, "ua") == ["offline"]


async def test_a_user_may_be_asked_for_twice(presence: Presence) -> None:
    """Each place of the question has its answer."""
    await presence.put("ua", "phone", "online")
    assert await statuses(presence, "ua", "ub", "ua") == ["online", "offline", "online"]
