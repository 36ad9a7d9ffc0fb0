"""What the way to Redis survives, without a Redis."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from pingme.adapters.redis_link import RedisAddress, RedisLink
from tests.fakes.clock import FakeClock


class Lost:
    """Stands for redis-py's client: each command finds the connection lost, in the way that is given."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault
        self.asked = 0

    async def info(self, _section: str) -> dict[str, str]:
        self.asked += 1
        raise self._fault

    async def aclose(self) -> None:
        raise self._fault


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(RedisConnectionError("refused"), id="redis-py"),
        pytest.param(ConnectionResetError("reset"), id="system"),
        pytest.param(TimeoutError("silent"), id="silence"),
        pytest.param(RuntimeError("unable to perform operation; the handler is closed"), id="uvloop"),
    ],
)
async def test_whatever_says_that_redis_is_away_it_is_tried_again(fault: Exception) -> None:
    """The link goes on for ever, and says what is wrong: none of these may end the node."""
    clock = FakeClock()
    link = RedisLink(RedisAddress(host="127.0.0.1"), epoch="e1", node_id="n1", clock=clock)
    link.client = lost = Lost(fault)
    running = asyncio.create_task(link.run())
    await clock.advance(10_000)

    assert not running.done()
    assert lost.asked > 2
    assert str(fault) in link.fault

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await link.close()
