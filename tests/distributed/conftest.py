"""Two nodes on one Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.two_nodes import TwoNodes, two_nodes
from tests.services.redis import Redis
from tests.services.redis_fixtures import redis

__all__ = ["redis"]


@pytest.fixture
async def world(tmp_path: Path, redis: Redis) -> AsyncIterator[TwoNodes]:
    """Two nodes with nothing said yet."""
    async with two_nodes(tmp_path, redis) as world:
        yield world
