#!/usr/bin/env python3
"""Start throw-away engines for PingMe on free loopback ports, until Ctrl-C.

    scripts/services.py [--flush] [NAME …]     all that are installed, or those named

With --flush MariaDB brings every commit to the disk, as figures need it; without, only as far as the system's memory.

The lines that select them go to the standard output, as `export` lines for a shell. Nothing is kept.
"""

from __future__ import annotations

import shlex
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.services.mariadb import MariaDB  # needs the path above
from tests.services.registry import SERVICES, make_service
from tests.services.service import Service, ServiceFailed


def made(name: str, *, flush: bool) -> Service:
    """Return a service that is not started."""
    return MariaDB(flush=flush) if name == MariaDB.name else make_service(name)


def chosen(names: list[str], *, flush: bool) -> list[Service]:
    """Return the services that are named, or all that are installed.

    Raises:
        ServiceFailed: one that was named is unknown, or not installed.
    """
    unknown = sorted(set(names) - set(SERVICES))
    if unknown:
        raise ServiceFailed(f"{', '.join(unknown)}: unknown; there are {', '.join(SERVICES)}")
    found: list[Service] = []
    for name in names or SERVICES:
        service = made(name, flush=flush)
        missing = service.missing()
        if missing is None:
            found.append(service)
        elif names:
            raise ServiceFailed(f"{service.name}: {missing}")
        else:
            print(f"# {service.name} is left out: {missing}", file=sys.stderr)
    return found


def run(services: list[Service], folder: Path) -> None:
    """Start the services, say how to use them, and stop them when a signal comes."""
    started: list[Service] = []
    try:
        for service in services:
            place = folder / service.name
            place.mkdir()
            started.append(service)
            service.start(place)
            for name, value in service.env().items():
                print(f"export {name}={shlex.quote(value)}", flush=True)
        print(f"# running: {', '.join(each.name for each in started)}; Ctrl-C stops", file=sys.stderr)
        signal.pause()
    finally:
        for service in reversed(started):
            service.stop()


def main(arguments: list[str]) -> int:
    """Return the exit status."""
    flush = "--flush" in arguments
    names = [name for name in arguments if name != "--flush"]

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt  # also while a service starts

    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs deaf to SIGINT
        signal.signal(number, leave)
    try:
        with tempfile.TemporaryDirectory(prefix="pingme-services-") as folder:
            run(chosen(names, flush=flush), Path(folder))
    except ServiceFailed as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
