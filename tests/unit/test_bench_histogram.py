"""The histogram of durations against a plain sorted list."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingme.cli.bench.histogram import BUCKETS, MAX_US, Histogram, bucket_of, highest_of

VALUES = st.lists(st.integers(0, MAX_US), min_size=1, max_size=300)


def filled(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(VALUES, st.sampled_from([0.0, 0.5, 0.9, 0.99, 0.999, 1.0]))
def test_a_percentile_is_the_sorted_lists_within_its_bucket(values: list[int], share: float) -> None:
    """It is never below the exact value and at most 1/128 above."""
    exact = sorted(values)[max(0, math.ceil(round(share * len(values), 6)) - 1)]

    got = filled(values).percentile(share)

    assert exact <= got <= exact + exact / 128


@given(VALUES, VALUES)
def test_adding_two_is_recording_all_in_one(some: list[int], others: list[int]) -> None:
    """Histograms of several processes add up to the histogram of everything."""
    merged = filled(some)

    merged.add(Histogram(filled(others).sparse()))

    assert merged.sparse() == filled(some + others).sparse()


@given(st.integers(0, MAX_US))
def test_a_bucket_holds_its_values(value: int) -> None:
    """A value lies in its bucket: above the end of the one before, and at most at its own end."""
    bucket = bucket_of(value)

    assert highest_of(bucket - 1) < value <= highest_of(bucket) if bucket else value == 0


@pytest.mark.parametrize(("value", "bucket"), [(-5, 0), (MAX_US, BUCKETS - 1), (MAX_US + 1, BUCKETS - 1)])
def test_what_lies_outside_goes_to_the_ends(value: int, bucket: int) -> None:
    """Memory is bounded: no value makes a bucket of its own."""
    assert bucket_of(value) == bucket


def test_an_empty_histogram_has_zeros() -> None:
    """Nothing recorded is count 0 and times 0, not an error."""
    assert Histogram().summary_ms() == {
        "count": 0, "mean_ms": 0.0, "p50_ms": 0, "p90_ms": 0, "p99_ms": 0, "p999_ms": 0, "max_ms": 0,
    }  # fmt: skip


def test_the_curve_ends_at_all_values() -> None:
    """The curve ascends in both directions and its last point is the largest value with share 1."""
    points = list(filled([5, 1, 1, 200]).curve())

    assert points == [(0.5, 1), (0.75, 5), (1.0, 200)]
