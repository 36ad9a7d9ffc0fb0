"""A real server in a process of its own, for conversation scripts."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx

READY_WITHIN_S = 30.0
# A password costs 140 ms of a core on purpose. Scripts that are not about passwords make some hundred accounts.
CHEAP_PASSWORDS = """
import argon2, functools
import pingme.services.passwords as passwords
passwords.PasswordHasher = functools.partial(argon2.PasswordHasher, time_cost=1, memory_cost=64, parallelism=1)
"""
STOPPED_WITHIN_S = 25.0  # docs/guarantees.md: SIGTERM ends within this


class ServerProcess:
    """`pingme serve` on a port of its own.

    Args:
        data_dir: its data folder; the same one again continues.
        env: further variables, ``PINGME_<SECTION>__<KEY>`` and the like.
        prelude: Python that the process runs before it becomes the server.
    """

    def __init__(self, data_dir: Path, env: Mapping[str, str] | None = None, prelude: str = "") -> None:
        self._prelude = prelude
        self.port = free_port()
        self._data_dir = data_dir
        self._log = data_dir.parent / f"{data_dir.name}.log"
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("PINGME_", "APP_"))
        }
        self._env = inherited | {
            "APP_HOST": "127.0.0.1",
            "APP_PORT": str(self.port),
            "PINGME_APP__DATA_DIR": str(data_dir),
            "PINGME_METRICS__PORT": "0",
            **(env or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """True between `start` and the end."""
        return self._process is not None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            await self.stop()

    async def start(self) -> None:
        """Start, and return when ``/health/ready`` says so."""
        program = f"{self._prelude}\nfrom pingme.cli.app import main; main()"
        command = self.command(program)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220  # a fork of a small process, in a test
                command, env=self._env, stdout=log, stderr=log, cwd=self._data_dir.parent
            )
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(READY_WITHIN_S):
            while not await self._is_ready(http):
                assert self._process.poll() is None, f"the server ended:\n{self.log()}"
                await asyncio.sleep(0.05)  # another process's readiness can only be asked for

    def command(self, program: str) -> list[str]:
        """Return the command line that runs this Python program as the server."""
        return [sys.executable, "-c", program, "serve"]

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send SIGTERM, or another signal, and return the exit status."""
        self.signal(number)
        return await self._ended()

    async def kill9(self) -> None:
        """End it as a power cut of the process: no goodbye, nothing flushed by itself."""
        self.signal(signal.SIGKILL)
        await self._ended()

    def signal(self, number: int) -> None:
        """Send a signal, SIGSTOP and SIGCONT for instance."""
        assert self._process is not None
        self._process.send_signal(number)

    def log(self) -> str:
        """Return what it printed."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    async def _ended(self) -> int:
        assert self._process is not None
        process, self._process = self._process, None
        try:
            return await asyncio.to_thread(process.wait, STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()  # nothing outlives its test
            process.wait()
            raise

    async def _is_ready(self, http: httpx.AsyncClient) -> bool:
        try:
            return (await http.get(f"{self.url}/health/ready")).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
