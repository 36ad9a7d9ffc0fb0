"""When to try again and when to give a record up: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass

from pingme.domain.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff. With the defaults: 4 attempts, waits of 100, 200 and 400 ms.

    Attributes:
        max_retries: attempts after the first.
        initial_ms: the first wait.
        max_ms: no wait is longer, jitter aside.
        multiplier: each wait is this times the one before.
        dead_letters: False refuses an exhausted record (50003) instead of dead-lettering it (50006).
    """

    max_retries: int = 3
    initial_ms: int = 100
    max_ms: int = 10_000
    multiplier: float = 2.0
    dead_letters: bool = True


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Try again after this many milliseconds."""

    delay_ms: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Keep the record for people to look at."""

    code: ErrorCode


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Refuse the record for good; write the refusal down."""

    code: ErrorCode


def decide_retry(
    attempts: int, policy: RetryPolicy, jitter: float, code: ErrorCode = ErrorCode.DEAD_LETTERED
) -> RetryAfter | DeadLetter | GiveUp:
    """Decide what happens to a record whose save failed.

    Args:
        attempts: how often it was tried, from 1.
        policy: the configured policy.
        jitter: 0 to 1; adds at most 10 % to the wait, so that nodes do not retry in step.
        code: of the dead letter: 50006, or 20003 where a fault of this program is the cause.
    """
    if attempts <= policy.max_retries:
        delay = min(policy.initial_ms * policy.multiplier ** (attempts - 1), float(policy.max_ms))
        return RetryAfter(int(delay * (1 + 0.1 * jitter)))
    if policy.dead_letters:
        return DeadLetter(code)
    return GiveUp(ErrorCode.PERSIST_FAILED)
