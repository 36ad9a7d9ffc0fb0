"""Clients of other makes run the same script and see the same."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.websocket.clients import (
    FRAGMENTS,
    GOODBYE,
    LARGEST,
    TOO_LARGE,
    Report,
    run_aiohttp,
    run_asyncio,
    run_sync,
)
from tests.websocket.conftest import Place

NODE_FOLDER = Path(__file__).parent / "node"
NODE_WITHIN_S = 50
WANTED: Report = {
    "header": "auth_ok",
    "extensions": "",
    "first": "auth_ok",
    "ack": "message_ack",
    "seq": 1,
    "stored": 8192,
    "fragments": "äöü",
    "pong": "ping",
    "binary": 1003,
    "too_large": 1009,
    "goodbye": GOODBYE,
}


def two(place: Place, name: str) -> tuple[str, str, str]:
    """Return the URL, the token of a new account, and the user id of another."""
    token, _ = place.register(f"{name}_from")
    _, friend_id = place.register(f"{name}_to")
    return f"ws://127.0.0.1:{place.port}/ws", token, friend_id


def test_websockets_with_threads(place: Place) -> None:
    """The synchronous client of websockets."""
    assert run_sync(*two(place, "sync")) == WANTED


@pytest.mark.parametrize(
    ("name", "run", "cannot"), [("asyncio", run_asyncio, ()), ("aiohttp", run_aiohttp, ("fragments",))]
)
def test_asyncio_clients(
    place: Place,
    name: str,
    run: Callable[[str, str, str], Coroutine[Any, Any, Report]],
    cannot: tuple[str, ...],
) -> None:
    """Those of websockets and of aiohttp."""
    assert asyncio.run(run(*two(place, name))) == WANTED | dict.fromkeys(cannot)


def node_for(make: str) -> str:
    """Return Node's path; where it, or a package, is missing the test is skipped on a laptop, and fails in CI."""
    node = shutil.which("node")
    missing = "node is not installed" if node is None else ""
    if make != "builtin" and not (NODE_FOLDER / "node_modules" / make).is_dir():
        missing = f"{make} is not installed: scripts/install_node_clients.sh"
    if missing and os.environ.get("CI"):
        pytest.fail(missing)
    if missing or node is None:
        pytest.skip(missing)
    return node


@pytest.mark.parametrize(
    ("make", "cannot"),
    [("ws", ()), ("undici", ("fragments", "pong")), ("builtin", ("header", "fragments", "pong"))],
)
def test_node_clients(place: Place, make: str, cannot: tuple[str, ...]) -> None:
    """Those of ws, undici and Node itself."""
    node = node_for(make)
    url, token, friend_id = two(place, make)
    told = {
        "url": url,
        "token": token,
        "toUserId": friend_id,
        "largest": LARGEST,
        "tooLarge": TOO_LARGE,
        "fragments": FRAGMENTS,
        "goodbye": GOODBYE,
    }

    ended = subprocess.run(
        [
            node,
            "--experimental-websocket",
            str(NODE_FOLDER / "client.mjs"),
            make,
        ],  # of its own, below Node 22
        input=json.dumps(told),
        capture_output=True,
        text=True,
        timeout=NODE_WITHIN_S,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == WANTED | dict.fromkeys(cannot)
