"""The machine: open files, memory, the clock, the event loop; Python and the libraries."""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import os
import platform
import re
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pingme.cli.doctor.findings import Finding, fail, ok, size, warn
from pingme.config import Settings

FILES_BESIDE = 64  # the store, the log, listeners, scrapers
FEW_CONNECTIONS = 500  # a development server needs no more
MEMORY_WARN = 256 << 20
BYTES_PER_CONNECTION = 15_000  # docs/benchmarks.md
RELEASED_S = 1_767_225_600  # 2026-01-01: this program is not older
LATE_MS = 50.0
LOOKS = 20
LEAST_PYTHON = (3, 11)
# What makes the server fast, and what serves without it (docs/adr/0004); "" = nothing does.
FAST = {
    "uvloop": "asyncio's own loop",
    "picows": "PingMe's own reader of frames in plain Python",
    "httptools": "",
}


def check_files(settings: Settings) -> Iterator[Finding]:
    """Compare the limit on open files with the connections that the settings allow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.limits.connections
    possible = max(0, soft - FILES_BESIDE)
    text = f"{soft:,} open files: some {possible:,} connections; limits.connections is {wanted:,}"
    fix = f"ulimit -n {wanted + FILES_BESIDE} before the start, or limits.connections: {possible}"
    if hard != resource.RLIM_INFINITY and hard < wanted + FILES_BESIDE:
        fix += f" (above {hard:,} only root may raise it)"
    enough = possible >= wanted or (settings.app.env == "development" and possible >= FEW_CONNECTIONS)
    yield ok("machine.files", text) if enough else warn("machine.files", text, fix)


def check_memory() -> Iterator[Finding]:
    """Tell how much memory there is to have, in a container within its limit."""
    free = available_memory()
    if free is None:
        return
    text = f"{size(free)} of memory to have: some {free // BYTES_PER_CONNECTION:,} idle connections"
    if free < MEMORY_WARN:
        yield warn("machine.memory", text, "stop what else runs here, or give the machine more")
    else:
        yield ok("machine.memory", text)


def available_memory(root: Path = Path("/")) -> int | None:
    """Return the bytes that a process may still take (proc(5), cgroup v2), None where nobody tells."""
    try:
        info = (root / "proc/meminfo").read_text("ascii")
    except OSError:
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", info, re.MULTILINE)
    if found is None:
        return None
    free = int(found[1]) * 1024
    try:
        group = root / "sys/fs/cgroup"
        limit, used = (group / "memory.max").read_text(), (group / "memory.current").read_text()
        return min(free, int(limit) - int(used))
    except (OSError, ValueError):  # no container, or one without a limit: "max"
        return free


def check_clock() -> Iterator[Finding]:
    """Tell whether the clock can be right; order and limits do not hang on it, the times on messages do."""
    now_s = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_s))
    if now_s < RELEASED_S:
        text = f"the clock says {shown}, which is before this program was made"
        yield fail("machine.clock", f"{text}: tokens will not be good", "sudo timedatectl set-ntp true")
    else:
        yield ok("machine.clock", f"the clock says {shown}")


def check_loop() -> Iterator[Finding]:
    """Measure how late an idle event loop wakes up: what the rest of the machine takes from this process."""
    late_ms = asyncio.run(_lateness_ms())
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    text = f"an idle event loop wakes up {late_ms:.1f} ms late at worst; load {load:.1f} on {cores} cores"
    if late_ms > LATE_MS:
        yield warn("machine.loop", text, "see what keeps the machine busy: top")
    else:
        yield ok("machine.loop", text)


async def _lateness_ms() -> float:
    worst = 0.0
    for _ in range(LOOKS):
        before = time.perf_counter()
        await asyncio.sleep(0.005)
        worst = max(worst, time.perf_counter() - before - 0.005)
    return worst * 1_000


# Python and the libraries.


def check_python() -> Iterator[Finding]:
    """Tell which Python and which libraries run."""
    version = platform.python_version()
    if sys.version_info < LEAST_PYTHON:
        yield fail("python.version", f"Python {version}", "PingMe needs Python 3.11 or newer")
    else:
        yield ok("python.version", f"Python {version} ({platform.python_implementation()})")
    wrong = list(_libraries(importlib.metadata.requires("pingme") or []))
    yield from wrong
    yield from _fast_ones()
    if not wrong:
        count = sum("extra ==" not in each for each in importlib.metadata.requires("pingme") or [])
        yield ok("python.libraries", f"{count} libraries are there in the versions asked for")


def _libraries(requirements: list[str]) -> Iterator[Finding]:
    """Compare what is installed with what this PingMe asks for; extras are asked for by nobody."""
    for requirement in requirements:
        name, asked = parse_requirement(requirement)
        if "extra ==" in requirement or name == "uvloop":
            continue  # uvloop is not for every platform; whether it loads is looked at below
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield fail("python.libraries", f"{name} is missing", f"pip install '{name}{asked}'")
            continue
        if not satisfies(version, asked):
            text = f"{name} {version} is installed, this PingMe asks for {asked}"
            yield fail("python.libraries", text, f"pip install '{name}{asked}'")


def parse_requirement(requirement: str) -> tuple[str, str]:
    """Return the name and the versions of a requirement (PEP 508), such as ``picows`` and ``<2.4,>=2.3``."""
    head = requirement.partition(";")[0]
    found = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*\(?([^)]*)", head)
    assert found is not None, requirement
    return found[1], found[2].strip()


def satisfies(version: str, asked: str) -> bool:
    """Return whether a version fulfils ``>=`` and ``<`` (all that this project uses); others count as fulfilled."""
    have = numbers(version)
    for part in filter(None, (each.strip() for each in asked.split(","))):
        if part.startswith(">=") and have < numbers(part[2:]):
            return False
        if part.startswith("<") and not part.startswith("<=") and have >= numbers(part[1:]):
            return False
    return True


def numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: 2.3.1rc1 is (2, 3, 1)."""
    found = re.match(r"\s*(\d+(?:\.\d+)*)", version)
    return tuple(int(each) for each in found[1].split(".")) if found else ()


def _fast_ones() -> Iterator[Finding]:
    """Import what makes the server fast: a library may be installed and still not load."""
    loaded = []
    for name, instead in FAST.items():
        try:
            importlib.import_module(name)
        except ImportError as exc:
            fix = f"pip install --force-reinstall {name}"
            if instead:
                text = f"{name} does not load ({exc}): {instead} serves, which is slower"
                yield warn("python.speed", text, fix)
            else:
                yield fail(
                    "python.speed", f"{name} does not load ({exc}), and nothing serves without it", fix
                )
        else:
            loaded.append(f"{name} {importlib.metadata.version(name)}")
    if len(loaded) == len(FAST):
        yield ok("python.speed", f"{', '.join(loaded)} load")
