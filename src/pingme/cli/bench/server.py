"""The server under test: a process of its own, on its own core, and what it costs."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pingme.domain.errors import PingMeError

READY_STEP_S = 0.005  # between two questions whether it is ready: what `ready_s` is wrong by
READY_WITHIN_S = 60.0  # a store of millions of messages opens at once; a cold disk may not
STOPPED_WITHIN_S = 30.0  # docs/guarantees.md promises 25
SHOWN_BYTES = 2_000  # of the server's log, when it does not start
FOREIGN = ("PINGME_", "APP_", "DB_", "REDIS_", "KAFKA_", "JWT_")  # variables that would set the server up
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy

LIMITS_OFF = {
    "PINGME_LIMITS__SENDS_PER_S": "0",
    "PINGME_LIMITS__HTTP_SENDS_PER_S": "0",
    "PINGME_LIMITS__CONTROL_FRAMES_PER_S": "100000",
    "PINGME_LIMITS__CONNECTIONS": "10000000",
    "PINGME_LIMITS__GROUPS_PER_USER": "100000",
    "PINGME_LIMITS__GROUP_MEMBERS": "100000",
}
"""Bounds that a load would meet. Queues and back-pressure stay as they are by default."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The server at one moment: seconds of CPU since its start, all threads; resident memory in bytes."""

    at_s: float
    cpu_s: float
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores the server and the load run on; empty where they are not pinned."""

    server: tuple[int, ...] = ()
    load: tuple[int, ...] = ()


def choose_cores(*, pin: bool) -> Cores:
    """Give the server one core and the load the others; with one core, or without `sched_setaffinity`, pin nothing."""
    if not pin or not hasattr(os, "sched_setaffinity"):
        return Cores()
    mine = sorted(os.sched_getaffinity(0))
    return Cores((mine[0],), tuple(mine[1:])) if len(mine) > 1 else Cores()


def ending_signals() -> list[signal.Signals]:
    """Return what ends a command besides Ctrl-C: SIGTERM, and SIGHUP where nohup has not had it ignored."""
    hung_up = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGTERM, *hung_up]


def free_port() -> int:
    """Return a port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def words_of(command: str) -> list[str]:
    """Return the words of a command, as a shell would take them.

    Raises:
        PingMeError: a quotation is left open.
    """
    try:
        return shlex.split(command)
    except ValueError as exc:
        raise PingMeError(f"--server-command: {exc}: {command}") from exc


class BenchServer:
    """`pingme serve` on loopback, with limits on rates off; a context manager that stops it.

    Args:
        data_dir: its data folder.
        cores: where it may run.
        command: another command that serves; "" = this installation's `pingme serve`.
        base: its environment, but for what differs from server to server; None = this process's, without any settings,
            and limits off.

    Attributes:
        ready_s: seconds from its start as a process to the first 200 of `/health/ready`; 0 before that.
    """

    def __init__(
        self, data_dir: Path, *, cores: Cores, command: str = "", base: Mapping[str, str] | None = None
    ) -> None:
        self.port = free_port()
        self.metrics_port = free_port()
        self._data_dir = data_dir
        self._cores = cores
        self._command = words_of(command) or [
            sys.executable, "-c", "from pingme.cli.app import main; main()", "serve",
        ]  # fmt: skip
        self._log = data_dir.parent / f"{data_dir.name}-bench-server.log"
        self._env = dict(_plain_environment() if base is None else base) | {
            "APP_HOST": "127.0.0.1",
            "APP_PORT": str(self.port),
            "PINGME_APP__DATA_DIR": str(data_dir),
            "PINGME_METRICS__PORT": str(self.metrics_port),
            "PINGME_LOGGING__LEVEL": "warning",
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.ready_s = 0.0

    @property
    def url(self) -> str:
        """Of the WebSocket."""
        return f"ws://127.0.0.1:{self.port}/ws"

    def __enter__(self) -> BenchServer:
        began_s = time.monotonic()
        self._process = self._start()
        try:
            if self._cores.server:
                os.sched_setaffinity(self._process.pid, self._cores.server)
            self._wait_ready()
            self.ready_s = time.monotonic() - began_s
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            with self._log.open("wb") as log:
                return subprocess.Popen(  # noqa: S603  # our own command
                    self._command,
                    env=self._env,
                    cwd=self._log.parent,  # no config/local.yml there
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C is ours to handle
                )
        except OSError as exc:
            self._log.unlink(missing_ok=True)
            raise PingMeError(
                f"cannot start the server, {shlex.join(self._command)}: {exc.strerror}: {exc.filename}"
            ) from exc

    @property
    def ended(self) -> bool:
        """True when it is not running."""
        return self._process is None or self._process.poll() is not None

    def check(self) -> None:
        """Raise `PingMeError` with its last words if it has ended by itself."""
        if self.ended:
            raise PingMeError(f"the server ended:\n{self.last_words()}")

    def last_words(self) -> str:
        """Return the end of its log."""
        text = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        return text[-SHOWN_BYTES:].strip()

    def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL when that does not help."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOPPED_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._log.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it with SIGKILL, as the system does when memory is short; it is given no time for anything."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            self.check()
            ready = f"http://127.0.0.1:{self.port}/health/ready"
            with contextlib.suppress(OSError), _OPENER.open(ready, timeout=1):
                return
            time.sleep(READY_STEP_S)
        raise PingMeError(f"the server is not ready after {READY_WITHIN_S:.0f} s:\n{self.last_words()}")

    def sample(self) -> Sample:
        """Return what it has used.

        Raises:
            PingMeError: it has ended.
        """
        self.check()
        assert self._process is not None
        try:
            return sample_of(self._process.pid)
        except OSError as exc:
            raise PingMeError(f"the server ended:\n{self.last_words()}") from exc

    def peak_rss_bytes(self) -> int:
        """Return its largest resident memory so far, where the system tells."""
        assert self._process is not None
        with contextlib.suppress(OSError):
            found = re.search(
                r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
            )
            if found:
                return int(found[1]) * 1024
        return 0

    def metrics(self) -> dict[str, float]:
        """Return its samples by name, with labels as they stand in the text; {} where there are none."""
        try:
            with _OPENER.open(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
                lines = answer.read().decode("utf-8").splitlines()
        except (OSError, urllib.error.URLError):
            return {}
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}


def _plain_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)} | LIMITS_OFF


def sample_of(pid: int) -> Sample:
    """Return the CPU time and the resident memory of a process, from /proc or from ps.

    Raises:
        OSError: there is no such process.
    """
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return Sample(time.monotonic(), cpu_s, int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))
    output = _ps(["-o", "time=,rss=", "-p", str(pid)])
    if len(output) != 2:
        raise ProcessLookupError(pid)
    cpu_s = 0.0
    for part in re.split("[:-]", output[0]):
        cpu_s = cpu_s * 60 + float(part)
    return Sample(time.monotonic(), cpu_s, int(output[1]) * 1024)


def _ps(arguments: Sequence[str]) -> list[str]:
    done = subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return done.stdout.split()
