"""One server per module: scripts use people of their own, so they do not meet."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from pingme.sdk import Client
from tests.conversations.node_client import ROOT, NodeClient
from tests.conversations.people import MakeClient, Sdk
from tests.conversations.server import CHEAP_PASSWORDS, ServerProcess

BUILT = ROOT / "sdk" / "ts" / "dist" / "index.js"
WS = ROOT / "node_modules" / "ws"


def insist_on_node() -> None:
    """Skip what needs the built TypeScript SDK where it is not there; in CI that is a failure."""
    if shutil.which("node") and BUILT.exists() and WS.exists():
        return
    reason = "the TypeScript SDK is not built here: npm ci && npm run build -w @pingme/sdk"
    assert os.environ.get("CI") != "true", reason
    pytest.skip(reason)


@pytest.fixture(scope="module", params=["python", pytest.param("typescript", marks=pytest.mark.slow)])
def sdk(request: pytest.FixtureRequest) -> Sdk:
    """Both SDKs, one after the other: a script that takes this runs on each, on a server of its own."""
    if request.param == "python":
        return Sdk(Client)
    insist_on_node()
    return Sdk(cast(MakeClient, NodeClient))  # it has what the scripts use of a Client


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A running server, shared by the scripts of a module."""
    yield from run_shared_server(tmp_path_factory)


def run_shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a server; modules whose scripts take `sdk` have one for each of the SDKs."""
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
