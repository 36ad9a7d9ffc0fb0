"""What a figure depends on besides the program: machine, versions, disk."""

from __future__ import annotations

import contextlib
import os
import platform
import sqlite3
from importlib import metadata
from pathlib import Path
from typing import Any

import pingme
from pingme.adapters.disk_probe import measure_fsync

FSYNC_PROBES = 300


def machine() -> dict[str, Any]:
    """Return what the machine is."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "usable_cores": usable,
        "memory_bytes": _memory_bytes(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def versions() -> dict[str, str]:
    """Return the versions of what takes part."""
    found = {"python": platform.python_version(), "pingme": pingme.__version__}
    for name in ("picows", "uvloop", "uvicorn", "msgspec"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found | {"sqlite": sqlite3.sqlite_version}


def disk(folder: Path) -> dict[str, Any]:
    """Return how long the disk under a folder takes to append 4 KiB and flush it."""
    times = measure_fsync(folder, appends=FSYNC_PROBES)
    return {
        "p50_ms": round(times.p50_ms, 3),
        "p99_ms": round(times.p99_ms, 3),
        "folder": str(folder.absolute()),
    }
