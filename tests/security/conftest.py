"""A real server per module, and what the suites of this folder share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from tests.conversations.server import ServerProcess

UNHURRIED = {
    "PINGME_LIMITS__SENDS_PER_S": "0",  # also over HTTP: the rate has tests of its own
    "PINGME_LIMITS__LOGIN_FAILURES": "1000",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server without rates."""
    process = ServerProcess(tmp_path_factory.mktemp("server") / "data", UNHURRIED)
    asyncio.run(process.start())
    yield process
    asyncio.run(process.stop())


@pytest.fixture(scope="module")
def http(server: ServerProcess) -> Iterator[httpx.Client]:
    """A client of the server; keeps connections."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        yield client
