"""One server per module: scripts use people of their own, so they do not meet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conversations.server import CHEAP_PASSWORDS, ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server, shared by the scripts of a module."""
    env = {
        "PINGME_LIMITS__PRESENCE_GRACE_S": "0.5",  # whoever leaves is offline sooner than by default
        "PINGME_LIMITS__SENDS_PER_S": "0",  # the rate has tests of its own
    }
    process = ServerProcess(tmp_path_factory.mktemp("server") / "data", env, CHEAP_PASSWORDS)
    asyncio.run(process.start())
    yield process
    asyncio.run(process.stop())


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A running server that the script may stop, kill and start."""
    process = ServerProcess(tmp_path / "data")
    asyncio.run(process.start())
    yield process
    if process.is_running:
        asyncio.run(process.stop())
