"""Two servers per session, one for each way to read frames; a case passes when everybody else is still served."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.conversations.server import CHEAP_PASSWORDS, ServerProcess, free_port
from tests.websocket.raw import WITHIN_S, Raw, request

NO_PICOWS = "import sys; sys.modules['picows'] = None"
PASSWORD = "correct horse battery"
AUTH_DEADLINE_S = 3
MAX_FRAME_BYTES = 4 * 8192
CONTROL_FRAMES_PER_S = 500
OUTBOX_BYTES = 65_536
ENV = {
    "PINGME_LIMITS__AUTH_DEADLINE_S": str(AUTH_DEADLINE_S),
    "PINGME_LIMITS__CONTROL_FRAMES_PER_S": str(CONTROL_FRAMES_PER_S),
    "PINGME_LIMITS__SENDS_PER_S": "10000",
    "PINGME_LIMITS__SENDS_BURST": "10000",
    "PINGME_LIMITS__OUTBOX_BYTES": str(OUTBOX_BYTES),
    "PINGME_APP__ALLOWED_ORIGINS": '["https://app.example"]',
}


class Place:
    """A running server, somebody who is connected to it, and tokens."""

    def __init__(self, process: ServerProcess, metrics_port: int) -> None:
        self._process = process
        self._metrics_port = metrics_port
        self.port = process.port
        self.url = process.url
        self.healthy_token = self.register("healthy")[0]
        self.user_token = self.register("raw")[0]
        self.healthy = self.open(self.healthy_token)
        self.baseline = self.connections()

    def register(self, name: str) -> tuple[str, str]:
        """Return an access token and the user id of a new account."""
        with httpx.Client(base_url=f"{self.url}/api/v1", trust_env=False) as http:
            account = {"username": name, "password": PASSWORD}
            made = http.post("/auth/register", json=account).raise_for_status().json()
            login = http.post("/auth/login", json=account | {"device_id": "d1"}).raise_for_status().json()
        return login["data"]["token"], made["data"]["user"]["user_id"]

    def connect(self, *, receive_buffer: int | None = None) -> Raw:
        """Return a TCP connection."""
        return Raw(self.port, receive_buffer=receive_buffer)

    def upgraded(self) -> Raw:
        """Return a WebSocket that has not authenticated."""
        client = self.connect()
        client.write(request())
        assert client.answer().status == 101
        return client

    def open(self, token: str | None = None, *, receive_buffer: int | None = None) -> Raw:
        """Return a WebSocket that has; a newer one of the same token replaces it."""
        client = self.connect(receive_buffer=receive_buffer)
        client.write(request(f"Authorization: Bearer {token or self.user_token}"))
        assert client.answer().status == 101
        assert client.text()["type"] == "auth_ok"
        return client

    def figure(self, name: str) -> float:
        """Return a figure of the server's metrics, without labels."""
        text = httpx.get(f"http://127.0.0.1:{self._metrics_port}/metrics", trust_env=False).text
        found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
        assert found, name
        return float(found[1])

    def connections(self) -> float:
        """Return how many WebSockets are open."""
        return self.figure("pingme_connections")

    def settles(self) -> None:
        """Wait until every socket but the healthy one is gone."""
        end = time.monotonic() + WITHIN_S
        while self.connections() != self.baseline:
            assert time.monotonic() < end, f"{self.connections()} sockets, expected {self.baseline}"
            time.sleep(0.05)  # another process's figures can only be asked for

    def log(self) -> str:
        """Return what the server printed."""
        return self._process.log()


@pytest.fixture(scope="session", params=["picows", pytest.param("plain", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server that reads frames by picows, and one that cannot load it. At the end nothing is left open or broken."""
    metrics_port = free_port()
    process = ServerProcess(
        tmp_path_factory.mktemp(request.param) / "data",
        ENV | {"PINGME_METRICS__PORT": str(metrics_port)},
        prelude=CHEAP_PASSWORDS + (NO_PICOWS if request.param == "plain" else ""),
    )
    asyncio.run(process.start())
    try:
        made = Place(process, metrics_port)
        assert ("picows_missing" in made.log()) == (request.param == "plain")
        yield made
        made.settles()
        made.healthy.socket.close()
        assert "Traceback" not in made.log()
        assert "frame_failed" not in made.log()
    finally:
        asyncio.run(process.stop())


@pytest.fixture(autouse=True)
def everybody_else_is_served(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each case somebody else's socket still gets an answer."""
    yield
    if "place" in request.fixturenames:
        request.getfixturevalue("place").healthy.works()
