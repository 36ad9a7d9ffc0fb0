"""`LocalPush`: what is published reaches this node's hub, in order, whatever carries it to the others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from pingme.adapters.clock_system import SystemClock
from pingme.adapters.push_memory import MemoryPush
from pingme.adapters.push_redis import RedisPush
from pingme.adapters.redis_link import RedisAddress, RedisLink
from pingme.domain.events import MessageBody, RefusedOutcome, Stored, make_command
from pingme.ports.log import Origin
from pingme.ports.push import Delivery, LocalPush, Signal
from tests.services.redis import Redis
from tests.services.redis_fixtures import redis

__all__ = ["redis"]


class Hub:
    """Records what it is handed."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.fault: Exception | None = None

    def deliver(self, batch: Sequence[Delivery]) -> None:
        self.told.extend(batch)
        if self.fault is not None:
            raise self.fault

    def signal(self, batch: Sequence[Signal]) -> None:
        self.told.extend(batch)

    def resync(self) -> None:
        self.told.append("resync")

    def close_sessions(self, user_id: str, family_id: str, code: int) -> None:
        self.told.append((user_id, family_id, code))


@pytest.fixture(params=["memory", "redis", "redis that is away"])
async def push(request: pytest.FixtureRequest) -> AsyncIterator[LocalPush]:
    if request.param == "memory":
        yield MemoryPush()
        return
    port = 1
    if request.param == "redis":
        server: Redis = request.getfixturevalue("redis")
        port = server.port
    link = RedisLink(RedisAddress(host="127.0.0.1", port=port), epoch="e1", node_id="n1", clock=SystemClock())
    push = RedisPush(link, lambda _conversation_id, _seq: None)
    await link.open()
    yield push
    await link.close()


def delivery(seq: int, *, origin: Origin | None = None) -> Delivery:
    command = make_command(
        "message",
        sender_id="ua",
        msg_id=f"m{seq}",
        conversation_id="g1",
        body=MessageBody(content="hello", content_type="text"),
    )
    return Delivery(Stored("g1", seq, 1_000, duplicate=False), origin, command)


async def test_batches_are_handed_over_at_once_and_in_order(push: LocalPush) -> None:
    """When publish returns, this node's hub has them; a refusal goes the same way."""
    push.receiver = hub = Hub()
    batch = [delivery(1), delivery(2, origin=Origin("n1", 1))]
    refused = Delivery(RefusedOutcome(40003, "no"), Origin("another", 2), batch[0].command)

    await push.publish(batch)
    await push.publish([refused])

    assert hub.told == [*batch, refused]


async def test_without_a_hub_nothing_is_handed_over(push: LocalPush) -> None:
    """Before there is one, publishing is no error."""
    await push.publish([delivery(1)])
    push.publish_signals([Signal("user:ua", b"frame")])
    push.revoke("ua", "f1", 4450)
    push.resync()

    push.receiver = hub = Hub()
    assert hub.told == []


async def test_signals_revocations_and_resyncs_reach_the_hub(push: LocalPush) -> None:
    """At once, without waiting."""
    push.receiver = hub = Hub()
    signal = Signal("group:g1", b"frame", "ua")

    push.publish_signals([signal])
    push.revoke("ua", "f1", 4451)
    push.resync()

    assert hub.told == [signal, ("ua", "f1", 4451), "resync"]


async def test_a_hub_at_fault_is_told_to_who_publishes(push: LocalPush) -> None:
    """The publisher sees to it that clients sync (50004)."""
    push.receiver = hub = Hub()
    hub.fault = ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await push.publish([delivery(1)])
