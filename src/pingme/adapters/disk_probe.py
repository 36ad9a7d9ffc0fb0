"""How long this disk takes to keep a promise: small appends, each flushed before the next.

That is what a lone message costs at least, since its acknowledgement waits for one flush of SQLite's log.
"""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

APPEND_BYTES = 4_096  # a page of SQLite, the least that a commit appends to its log
APPENDS = 100  # 10 ms each on a plain hard disk: a second
BUDGET_S = 3.0  # whoever asks is waiting: a disk that is slower than this is measured with fewer
LEAST = 5  # fewer say nothing
PREFIX = ".pingme-fsync-"


@dataclass(frozen=True, slots=True)
class FsyncTimes:
    """Milliseconds per append and flush.

    Attributes:
        samples: how many were measured, `LEAST` or more.
        p50_ms, p99_ms, max_ms: nearest rank; with fewer than 100 samples p99 is the largest.
    """

    samples: int
    p50_ms: float
    p99_ms: float
    max_ms: float


def measure_fsync(folder: Path, *, appends: int = APPENDS, budget_s: float = BUDGET_S) -> FsyncTimes:
    """Append 4 KiB and flush it, again and again, in a new file of a folder; the file is removed.

    Blocks for at most about ``budget_s``, or `LEAST` flushes where those take longer. Not for the event loop.

    Args:
        folder: on the disk in question; must exist.
        appends: at least `LEAST`.
        budget_s: no append begins later than this, once there are `LEAST`.

    Raises:
        OSError: the folder takes no file, or the disk is full.
    """
    descriptor, name = tempfile.mkstemp(prefix=PREFIX, dir=folder)
    try:
        return summarize(_append(descriptor, max(appends, LEAST), budget_s))
    finally:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()


def summarize(seconds: list[float]) -> FsyncTimes:
    """Return the percentiles of one or more durations."""
    ordered = sorted(seconds)
    return FsyncTimes(
        len(ordered), _percentile(ordered, 0.5), _percentile(ordered, 0.99), ordered[-1] * 1_000
    )


def _append(descriptor: int, appends: int, budget_s: float) -> list[float]:
    block = os.urandom(APPEND_BYTES)  # a disk that squeezes out zeros must not look fast
    started = time.perf_counter()
    taken: list[float] = []
    for _ in range(appends):
        begun = time.perf_counter()
        if len(taken) >= LEAST and begun - started >= budget_s:
            break
        _write_all(descriptor, block)
        os.fsync(descriptor)
        taken.append(time.perf_counter() - begun)
    return taken


def _write_all(descriptor: int, block: bytes) -> None:
    left = memoryview(block)
    while left:  # a disk that is nearly full takes a part, then says ENOSPC
        left = left[os.write(descriptor, left) :]


def _percentile(ordered: list[float], share: float) -> float:
    """Return the smallest value that is not below ``share`` of all, in milliseconds (nearest rank)."""
    rank = max(math.ceil(share * len(ordered)), 1)
    return ordered[rank - 1] * 1_000
