"""Redis with throw-away data."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

START_S = 30
ATTEMPTS = 3  # the free port may be taken before it is used


class Redis:
    """A Redis server on a free loopback port; nothing is kept. It can be killed, stopped and started again."""

    name = "redis"

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self.port = 0

    def missing(self) -> str | None:
        """Say what is not installed, or return None."""
        return None if shutil.which("redis-server") else "redis-server not found (Debian: redis-server)"

    def install(self) -> None:
        """Install it in CI."""
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.run([*sudo, "apt-get", "update", "-qq"], check=True)
        command = [*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "redis-server"]
        subprocess.run(command, check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})

    def start(self, folder: Path) -> None:
        """Start it with its log in this folder; return when it answers."""
        self._folder = folder
        for attempt in range(1, ATTEMPTS + 1):
            self.port = self.port or _free_port()
            if self._started(folder):
                return
            assert attempt < ATTEMPTS, (folder / "redis.log").read_text("utf-8")
            self.port = 0

    def again(self) -> None:
        """Start it again, empty, where it was."""
        assert self._folder is not None
        self.start(self._folder)

    def start_again(self) -> None:
        """Start it again, empty, where it was: what the drills call `again`."""
        self.again()

    def signal(self, number: int) -> None:
        """Send it a signal, SIGSTOP and SIGCONT for instance; nothing when it does not run."""
        if self._process is not None:
            self._process.send_signal(number)

    def _started(self, folder: Path) -> bool:
        command = [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", str(folder), "--logfile", str(folder / "redis.log"), "--daemonize", "no",
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if _answers(self.port):
                return True
            time.sleep(0.02)
        self.stop()
        return False

    def stop(self) -> None:
        """Stop it and wait until it has gone."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a goodbye."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it answer nothing, as behind a network that swallows packets, until `resume`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def env(self) -> dict[str, str]:
        """Return the environment variables that make PingMe use it."""
        return {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.port)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False
