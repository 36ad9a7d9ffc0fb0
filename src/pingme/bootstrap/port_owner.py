"""Which process holds a port. Linux only; elsewhere nobody is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp, proc(5)


def owner_of_port(port: int) -> str:
    """Return ``name (pid N)`` of the process that listens on a TCP port, "" where it cannot be seen."""
    for process in _holders(port):
        try:
            return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue  # gone
    return ""


def pids_of_port(port: int) -> tuple[int, ...]:
    """Return the processes that listen on a TCP port, as far as they can be seen; a port that forks share has several."""
    return tuple(sorted(int(process.name) for process in _holders(port)))


def _holders(port: int) -> Iterator[Path]:
    inodes = _listening_inodes(port)
    if not inodes:
        return
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(link.readlink()) in inodes for link in (process / "fd").iterdir()):
                yield process
        except OSError:
            continue  # gone, or somebody else's


def _listening_inodes(port: int) -> set[str]:
    found: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found
