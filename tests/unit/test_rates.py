"""How fast one user may send over HTTP."""

from __future__ import annotations

import pytest

from pingme.domain.errors import ErrorCode, Refused
from pingme.services import rates as rates_module
from pingme.services.rates import UserRates
from tests.fakes.clock import FakeClock


def spend(rates: UserRates, user_id: str, count: int) -> None:
    for _ in range(count):
        rates.take(user_id)


def test_a_burst_passes_and_the_next_is_told_how_long_to_wait():
    """Three seconds' worth at once, then 10007 with retry_after_ms."""
    rates = UserRates(FakeClock(), 20)
    spend(rates, "ua", 60)

    with pytest.raises(Refused) as refused:
        rates.take("ua")

    assert refused.value.code is ErrorCode.TOO_MANY_REQUESTS
    assert refused.value.retry_after_ms == 51


async def test_who_waits_as_told_passes():
    """retry_after_ms is enough."""
    clock = FakeClock()
    rates = UserRates(clock, 20)
    spend(rates, "ua", 60)

    await clock.advance(51)
    rates.take("ua")

    with pytest.raises(Refused):
        rates.take("ua")


async def test_the_bucket_never_holds_more_than_a_burst():
    """An hour of silence earns three seconds' worth."""
    clock = FakeClock()
    rates = UserRates(clock, 2)
    rates.take("ua")
    await clock.advance(3_600_000)

    spend(rates, "ua", 6)

    with pytest.raises(Refused):
        rates.take("ua")


def test_users_do_not_share():
    """One user's flood is not another's refusal."""
    rates = UserRates(FakeClock(), 1)
    spend(rates, "ua", 3)

    rates.take("ub")


def test_zero_is_no_limit():
    """As benchmarks set it."""
    spend(UserRates(FakeClock(), 0), "ua", 10_000)


async def test_a_jump_of_the_wall_clock_earns_nothing():
    """Limits count monotonic time."""
    clock = FakeClock()
    rates = UserRates(clock, 1)
    spend(rates, "ua", 3)

    clock.jump_wall(3_600_000)

    with pytest.raises(Refused):
        rates.take("ua")


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch):
    """Above the bound everybody starts anew."""
    monkeypatch.setattr(rates_module, "MAX_USERS", 3)
    rates = UserRates(FakeClock(), 1)

    for number in range(10):
        rates.take(f"u{number}")

    assert len(rates._buckets) <= 3
