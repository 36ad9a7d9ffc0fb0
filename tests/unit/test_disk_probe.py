"""The disk's own time for a flush."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pingme.adapters import disk_probe
from pingme.adapters.disk_probe import LEAST, measure_fsync, summarize


def test_percentiles_are_nearest_ranks() -> None:
    """Of 1 to 100 ms, half are at most 50 ms, and 99 of 100 at most 99 ms."""
    times = summarize([each / 1_000 for each in range(100, 0, -1)])

    assert times.samples == 100
    assert (times.p50_ms, times.p99_ms, times.max_ms) == pytest.approx((50, 99, 100))


def test_a_few_samples_have_their_largest_as_p99() -> None:
    """With fewer than 100 samples no other value is at or above 99 of 100."""
    times = summarize([0.001, 0.003, 0.002])

    assert (times.p50_ms, times.p99_ms, times.max_ms) == pytest.approx((2, 3, 3))


def test_each_append_is_flushed_and_the_file_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven appends are seven flushes of a file that grows by 4 KiB each, and nothing is left."""
    sizes: list[int] = []
    flush = os.fsync

    def watched(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", watched)

    times = measure_fsync(tmp_path, appends=7)

    assert times.samples == 7
    assert sizes == [4_096 * (n + 1) for n in range(7)]
    assert 0 < times.p50_ms <= times.p99_ms <= times.max_ms
    assert list(tmp_path.iterdir()) == []


def test_a_slow_disk_is_measured_with_fewer(tmp_path: Path) -> None:
    """When the budget is spent, the least number of appends is enough."""
    assert measure_fsync(tmp_path, appends=1_000, budget_s=0).samples == LEAST


def test_a_failing_disk_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk is raised as it is, and the file is removed all the same."""

    def fails(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk_probe.os, "fsync", fails)

    with pytest.raises(OSError, match="No space left"):
        measure_fsync(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Nothing is made where there is nothing."""
    with pytest.raises(FileNotFoundError):
        measure_fsync(tmp_path / "none")
