"""When a record is tried again, and when it is given up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingme.domain.errors import ErrorCode
from pingme.domain.retry import DeadLetter, GiveUp, RetryAfter, RetryPolicy, decide_retry


def test_the_defaults_are_four_attempts() -> None:
    """With waits of 100, 200 and 400 ms, then a dead letter."""
    decisions = [decide_retry(attempts, RetryPolicy(), 0.0) for attempts in range(1, 6)]

    dead = DeadLetter(ErrorCode.DEAD_LETTERED)
    assert decisions == [RetryAfter(100), RetryAfter(200), RetryAfter(400), dead, dead]


def test_without_dead_letters_a_record_is_refused() -> None:
    """With 50003, for good."""
    policy = RetryPolicy(max_retries=0, dead_letters=False)

    assert decide_retry(1, policy, 0.0) == GiveUp(ErrorCode.PERSIST_FAILED)


@given(
    st.integers(1, 101),
    st.integers(1, 600_000),
    st.integers(1, 600_000),
    st.floats(1, 10),
    st.floats(0, 1, exclude_max=True),
)
def test_every_wait_is_bounded(
    attempts: int, initial: int, longest: int, multiplier: float, jitter: float
) -> None:
    """For every policy that the configuration allows: never above the cap and a tenth, never shorter than before."""
    policy = RetryPolicy(max_retries=100, initial_ms=initial, max_ms=longest, multiplier=multiplier)

    decision = decide_retry(attempts, policy, jitter)

    if attempts > 100:
        assert decision == DeadLetter(ErrorCode.DEAD_LETTERED)
        return
    assert isinstance(decision, RetryAfter)
    plain = decide_retry(attempts, policy, 0.0)
    assert isinstance(plain, RetryAfter)
    assert min(initial, longest) <= plain.delay_ms <= decision.delay_ms <= longest * 1.1


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.999])
def test_jitter_adds_a_tenth_at_most(jitter: float) -> None:
    """So that nodes do not retry in step."""
    assert decide_retry(1, RetryPolicy(), jitter) == RetryAfter(int(100 + 10 * jitter))
