"""What a running server says of itself through the admin socket."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pingme.bootstrap.app import open_app
from pingme.bootstrap.server import ServerApp
from pingme.cli.admin import NoServer, call_server
from pingme.config import AppSettings, MetricsSettings, Settings
from pingme.domain.errors import ErrorCode
from pingme.sdk import Client

PASSWORD = "correct horse battery"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    app = AppSettings(data_dir=tmp_path, host="127.0.0.1", port=0)
    return Settings(app=app, metrics=MetricsSettings(port=0))


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[ServerApp]:
    """A whole server in this process."""
    server = ServerApp(await open_app(settings))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def test_a_server_tells_who_it_is_and_what_it_did(settings: Settings) -> None:
    """One chat of two people is found in every part of the answer."""
    async with serving(settings) as server:
        url = f"http://127.0.0.1:{server.port}"
        async with Client(url) as ada, Client(url) as bob:
            await ada.register("ada", PASSWORD)
            await bob.register("bob", PASSWORD)
            await ada.send("hello", to="bob")

            status = await call_server(settings, "server.status", {})

    assert (status["pid"], status["listening"]) == (os.getpid(), ["127.0.0.1", server.port])
    assert (status["status"], status["not_ready"], status["metrics"]) == ("healthy", "", [])
    assert status["gauges"]["connections"] == status["gauges"]["users"] == 2
    assert status["gauges"]["conversations"] == 1
    assert status["gauges"]["store_away_ms"] is None
    assert status["counters"]["messages_stored"] == 1
    assert status["counters"]["connects"] == 2
    assert status["counters"]["logins"]["success"] == 2
    assert status["histograms"]["commit_seconds"]["counts"][-1] >= 1
    assert status["process"]["rss_bytes"] > 1 << 20
    assert status["uptime_s"] >= 0


async def test_connects_stay_when_the_sockets_are_gone(settings: Settings) -> None:
    """Sockets that came and went are counted once each, by their close code too."""
    async with serving(settings) as server:
        url = f"http://127.0.0.1:{server.port}"
        async with Client(url) as ada:
            await ada.register("ada", PASSWORD)
        await server.node.all_gone.wait()

        status = await call_server(settings, "server.status", {})

    assert status["gauges"]["connections"] == 0
    assert status["counters"]["connects"] == 1
    assert sum(status["counters"]["closes"].values()) == 1


async def test_codes_are_texts_and_histograms_are_complete(settings: Settings) -> None:
    """Each histogram counts one bucket more than it has bounds; codes are JSON keys."""
    async with serving(settings) as server:
        server.app.metrics.hot.count_refusal(ErrorCode.OVERLOADED)
        server.app.metrics.hot.count_close(4413)

        status = await call_server(settings, "server.status", {})

    assert status["counters"]["refused"] == {"10008": 1}
    assert status["counters"]["closes"]["4413"] == 1
    for histogram in status["histograms"].values():
        assert len(histogram["counts"]) == len(histogram["bounds"]) + 1
        assert histogram["counts"] == sorted(histogram["counts"])
    json.dumps(status, allow_nan=False)


def test_without_a_server_nobody_answers(settings: Settings, tmp_path: Path) -> None:
    """Asking makes nothing: neither a lock nor a folder."""
    with pytest.raises(NoServer, match="no server runs"):
        asyncio.run(call_server(settings, "server.status", {}))

    assert list(tmp_path.iterdir()) == []
