"""The server of a demo: `pingme serve` in a process of its own, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Self

import httpx

from pingme.cli.bench.server import FOREIGN, free_port
from pingme.domain.errors import PingMeError

READY_WITHIN_S = 30.0
READY_STEP_S = 0.02
STOPPED_WITHIN_S = 30.0  # docs/guarantees.md promises 25
SHOWN_BYTES = 2_000  # of its log, when it does not start
LOG_NAME = "server.log"


def check_port(port: int) -> None:
    """Raise `PingMeError` where a port of loopback cannot be had."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as exc:
        raise PingMeError(
            f"--port {port}: {os.strerror(exc.errno or 0)}; name another one, or leave --port out for any that is free"
        ) from exc


class House:
    """A server; an async context manager that stops it.

    Args:
        data_dir: its data folder, made when missing.
        work_dir: where its log is written.
        port: None = any free one.

    Attributes:
        url: its base URL.
    """

    def __init__(self, data_dir: Path, *, work_dir: Path, port: int | None = None) -> None:
        self._port = port or free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._log = work_dir / LOG_NAME
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        self._env = inherited | {
            "APP_HOST": "127.0.0.1",
            "APP_PORT": str(self._port),
            "PINGME_APP__DATA_DIR": str(data_dir),
            "PINGME_METRICS__PORT": "0",
            "PINGME_LOGGING__LEVEL": "warning",
        }
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        check_port(self._port)
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", "from pingme.cli.app import main; main()", "serve"),
                env=self._env,
                cwd=self._log.parent,  # no config/local.yml there
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl+C is ours: people leave first
            )
        try:
            await self._wait_ready()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def ended(self) -> str:
        """Return its last words, when it has ended by itself."""
        assert self._process is not None
        await self._process.wait()
        return self._last_words()

    async def _wait_ready(self) -> None:
        assert self._process is not None
        async with httpx.AsyncClient(trust_env=False) as http:
            for _ in range(int(READY_WITHIN_S / READY_STEP_S)):
                if self._process.returncode is not None:
                    raise PingMeError(f"the server does not start:\n{self._last_words()}")
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(f"{self.url}/health/ready")).status_code == httpx.codes.OK:
                        return
                await asyncio.sleep(READY_STEP_S)
        raise PingMeError(f"the server is not ready after {READY_WITHIN_S:.0f} s:\n{self._last_words()}")

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOPPED_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _last_words(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-SHOWN_BYTES:].strip()
