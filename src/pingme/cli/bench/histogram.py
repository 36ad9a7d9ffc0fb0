"""A histogram of durations with bounded memory and a bounded relative error, as HdrHistogram has it.

Values are whole microseconds. Up to 255 every value has a bucket; above, each power of two is cut into 128 buckets, so a
bucket is at most 1/128 of its value wide. 3 200 buckets reach 2^31 µs (36 minutes); what is longer counts as that.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

EXACT = 256  # values below have a bucket each
HALF = EXACT // 2  # buckets per power of two above
MAX_US = (1 << 31) - 1
BUCKETS = EXACT + HALF * (31 - 8)

PERCENTILES: tuple[tuple[str, float], ...] = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999))


def bucket_of(value_us: int) -> int:
    """Return the bucket of a value; what lies outside 0 … `MAX_US` goes to the nearest end."""
    if value_us < EXACT:
        return max(value_us, 0)
    value_us = min(value_us, MAX_US)
    shift = value_us.bit_length() - 8
    return shift * HALF + (value_us >> shift)


def highest_of(bucket: int) -> int:
    """Return the largest value of a bucket, in microseconds."""
    if bucket < EXACT:
        return bucket
    shift = bucket // HALF - 1
    return ((bucket - shift * HALF + 1) << shift) - 1


class Histogram:
    """Counts of durations.

    Args:
        counts: sparse counts by bucket, as `sparse` gives them.
    """

    __slots__ = ("_counts",)

    def __init__(self, counts: Iterable[tuple[int, int]] = ()) -> None:
        self._counts = array("Q", bytes(8 * BUCKETS))
        for bucket, count in counts:
            self._counts[bucket] += count

    def record(self, value_us: int) -> None:
        """Count one duration."""
        self._counts[bucket_of(value_us)] += 1

    def add(self, other: Histogram) -> None:
        """Count everything that another one has counted."""
        for bucket, count in other.sparse():
            self._counts[bucket] += count

    def sparse(self) -> list[tuple[int, int]]:
        """Return (bucket, count) of the buckets that are not empty, ascending."""
        return [(bucket, count) for bucket, count in enumerate(self._counts) if count]

    def __len__(self) -> int:
        return sum(self._counts)

    def percentile(self, share: float) -> int:
        """Return the smallest bucket's end below which a share of all values lies, in µs; 0 when empty.

        Args:
            share: 0 … 1. The value is at least the exact percentile (the ceil(share·n)-th smallest value, the
                first for 0) and at most 1/128 above.
        """
        total = len(self)
        wanted = max(1, _ceil(share * total))
        seen = 0
        for bucket, count in self.sparse():
            seen += count
            if seen >= wanted:
                return highest_of(bucket)
        return 0

    def mean_us(self) -> float:
        """Return the mean, to within the buckets' width; 0 when empty."""
        total = len(self)
        return sum(highest_of(bucket) * count for bucket, count in self.sparse()) / total if total else 0.0

    def curve(self) -> Iterator[tuple[float, int]]:
        """Yield (share of values at or below, value in µs) of every bucket that is not empty, ascending."""
        total, seen = len(self), 0
        for bucket, count in self.sparse():
            seen += count
            yield seen / total, highest_of(bucket)

    def summary_ms(self) -> dict[str, float]:
        """Return count, mean, percentiles up to p99.9 and the largest value; times in milliseconds."""
        named = {f"{name}_ms": self.percentile(share) / 1000 for name, share in PERCENTILES}
        return {
            "count": len(self),
            "mean_ms": round(self.mean_us() / 1000, 4),
            **named,
            "max_ms": self.percentile(1.0) / 1000,
        }


def _ceil(value: float) -> int:
    """Round up, forgiving what floating point adds: 0.999 · 1 000 is 999, not a little more."""
    return -int(-(value - 1e-9) // 1)
