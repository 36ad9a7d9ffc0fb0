"""What a real service of the tests is, and how one is shared by everybody who needs it at the same time.

Rules of this file:
- A service runs while somebody uses it. Users hold a shared lock on a file, which the kernel takes back when they die;
  a keeper of its own process waits for that file alone, and then stops the service and removes its data.
- In CI (`CI=true`) what is missing is installed, and what does not start fails the tests; elsewhere they are skipped.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Protocol, runtime_checkable

import pytest

START_S = 60  # a broker on a busy machine of two cores needs up to 20 s
STOP_S = 20
ROOT = Path(__file__).resolve().parent.parent.parent


class Service(Protocol):
    """An engine with throw-away data on a free loopback port."""

    name: str

    def missing(self) -> str | None:
        """Say what is not installed, or return None."""
        ...

    def start(self, folder: Path) -> None:
        """Start it with its data in this folder, which exists and is empty; return when it answers.

        Raises:
            ServiceFailed: it does not start; the text has the end of its log.
        """
        ...

    def stop(self) -> None:
        """Stop it and wait until it has gone."""
        ...

    def env(self) -> dict[str, str]:
        """Return the environment variables that make PingMe use it."""
        ...


@runtime_checkable
class Installable(Protocol):
    """A service that CI can install."""

    def install(self) -> None:
        """Install what `Service.missing` has named."""
        ...


class ServiceFailed(Exception):
    """A service that is installed does not start."""


def in_ci() -> bool:
    """Tell whether a missing service is a failure."""
    return os.environ.get("CI") == "true"


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Tell whether somebody accepts connections on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a service that was just started is ready.

    Raises:
        ServiceFailed: its process has ended, or `START_S` have passed.
    """
    deadline = time.monotonic() + START_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise ServiceFailed(f"{process.args!r} did not start:\n{tail(log)}")
        time.sleep(0.05)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and end it by force when it has not after `STOP_S`."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log: Path) -> str:
    """Return the end of a log file, for a message."""
    return log.read_text("utf-8", errors="replace")[-3_000:] if log.exists() else "(no log)"


def apt_install(*packages: str) -> None:
    """Install Debian packages in CI, as root or through sudo; one worker after the other, because apt-get locks."""
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with (Path(tempfile.gettempdir()) / "pingme-apt.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        subprocess.run([*sudo, "apt-get", "update", "-qq"], check=True)
        command = [*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        subprocess.run(command, check=True, env=env)


def insist_on_program(name: str, package: str) -> None:
    """Return when a program is installed; else install its package in CI, and skip the test by name elsewhere."""
    if shutil.which(name) is not None:
        return
    if not in_ci():
        pytest.skip(f"{name} is not installed: apt-get install {package}")
    apt_install(package)
    assert shutil.which(name) is not None, f"{package} has brought no {name}"


def insist(service: Service) -> None:
    """Return when the service is installed; else install it in CI, and skip the test by name elsewhere."""
    missing = service.missing()
    if missing is not None and in_ci():
        if isinstance(service, Installable):
            service.install()
        missing = service.missing()
        if missing is not None:
            pytest.fail(f"{service.name} is needed in CI: {missing}", pytrace=False)
    if missing is not None:
        pytest.skip(f"{service.name} is not here: {missing}")


def shared(service: Service, place: Path) -> Generator[dict[str, str]]:
    """Yield the environment of a service that all processes of this test run share.

    Args:
        service: which one; not started.
        place: a folder that those processes have in common.
    """
    insist(service)
    folder = place / f"service-{service.name}"
    found = folder / "env.json"
    with (place / f"{service.name}.users").open("a") as users:
        with (place / f"{service.name}.start").open("a") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)  # waits while a keeper that is done stops its service
            if not found.exists():
                _start_keeper(service, folder, found)
        env: dict[str, str] = json.loads(found.read_text("utf-8"))
        yield env


def _start_keeper(service: Service, folder: Path, found: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder.with_suffix(".keeper.log")
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.services.keeper", service.name, str(folder)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        wait_until(found.exists, keeper, log)
    except ServiceFailed as exc:
        pytest.fail(f"{service.name} does not start: {exc}", pytrace=False)
    keeper.returncode = 0  # it outlives this process: no warning about a child that nobody waits for
