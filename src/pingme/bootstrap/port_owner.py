"""Which process holds a port: for an error message that helps. Linux only; elsewhere nobody is named."""

from __future__ import annotations

from pathlib import Path

_LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp, proc(5)


def owner_of_port(port: int) -> str:
    """Return ``name (pid N)`` of the process that listens on a TCP port, "" where it cannot be seen."""
    inodes = _listening_inodes(port)
    if not inodes:
        return ""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(link.readlink()) in inodes for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue  # gone, or somebody else's
    return ""


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
