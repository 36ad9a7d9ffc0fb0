"""A Redis for the tests that need one; each may kill its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.services.redis import Redis


def _installed() -> Redis:
    """Return a Redis that is installed: CI installs it, elsewhere the test is skipped by name."""
    redis = Redis()
    if redis.missing() is not None and os.environ.get("CI") == "true":
        redis.install()
        assert redis.missing() is None, redis.missing()
    if (missing := redis.missing()) is not None:
        pytest.skip(f"redis is not here: {missing}")
    return redis


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """One Redis for the tests of a module; what one of them stops it starts again."""
    redis = _installed()
    redis.start(tmp_path_factory.mktemp("redis"))
    yield redis
    redis.stop()
