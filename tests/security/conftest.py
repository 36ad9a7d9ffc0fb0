"""A real server per module, and what the suites of this folder share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conversations.server import CHEAP_PASSWORDS, ServerProcess

UNHURRIED = {
    "PINGME_LIMITS__SENDS_PER_S": "0",  # also over HTTP: the rate has tests of its own
    "PINGME_LIMITS__LOGIN_FAILURES": "1000",
}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the fuzz tests out of a run of fast ones: collecting them makes thousands of requests, for seconds."""
    return True if collection_path.name == "test_fuzz.py" and config.option.markexpr == "not slow" else None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server without rates."""
    process = ServerProcess(tmp_path_factory.mktemp("server") / "data", UNHURRIED, CHEAP_PASSWORDS)
    asyncio.run(process.start())
    yield process
    asyncio.run(process.stop())


@pytest.fixture(scope="module")
def http(server: ServerProcess) -> Iterator[httpx.Client]:
    """A client of the server; keeps connections."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        yield client
