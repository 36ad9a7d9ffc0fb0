"""Guessing gets slower; everybody else does not."""

from __future__ import annotations

import pytest

from pingme.domain.errors import ErrorCode, Refused
from pingme.services.throttle import LoginThrottle, RegistrationQuota, address_key, delay_ms
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def throttle(clock: FakeClock) -> LoginThrottle:
    return LoginThrottle(clock, failures=5, max_entries=100)


def wait_of(throttle: LoginThrottle, name: str = "ada", address: str = "192.0.2.1") -> int:
    try:
        throttle.check(name, address)
    except Refused as refused:
        return refused.retry_after_ms or -1
    return 0


def test_the_wait_doubles_up_to_a_minute() -> None:
    """None below the limit, then 1, 2, 4 … 60 s."""
    assert [delay_ms(count, 5) for count in range(4, 13)] == [
        *(0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000)
    ]
    assert delay_ms(10**9, 5) == 60_000


async def test_after_five_failures_a_name_waits(throttle: LoginThrottle, clock: FakeClock) -> None:
    """From wherever the next guess comes; not other names."""
    for number in range(5):
        assert wait_of(throttle) == 0
        throttle.fail("ada", f"192.0.2.{number}")

    with pytest.raises(Refused) as caught:
        throttle.check("ada", "198.51.100.7")
    assert caught.value.code is ErrorCode.TOO_MANY_REQUESTS
    assert caught.value.retry_after_ms == 1_000
    assert wait_of(throttle, "bob") == 0
    await clock.advance(400)
    assert wait_of(throttle) == 600
    await clock.advance(600)
    assert wait_of(throttle) == 0
    throttle.fail("ada", "192.0.2.1")
    assert wait_of(throttle) == 2_000


def test_an_address_that_tries_many_names_waits(throttle: LoginThrottle) -> None:
    """Four times as many failures are free, as many people may stand behind it."""
    for number in range(20):
        assert wait_of(throttle, f"name{number}") == 0
        throttle.fail(f"name{number}", "192.0.2.1")

    assert wait_of(throttle, "fresh") == 1_000
    assert wait_of(throttle, "fresh", "198.51.100.7") == 0


def test_success_forgets_the_name(throttle: LoginThrottle) -> None:
    """Four slips and a success start anew."""
    for _ in range(4):
        throttle.fail("ada", "192.0.2.1")
    throttle.succeed("ada")
    throttle.fail("ada", "192.0.2.1")

    assert wait_of(throttle) == 0


async def test_an_hour_forgets_everything(throttle: LoginThrottle, clock: FakeClock) -> None:
    """Counted from the last failure."""
    for _ in range(9):
        throttle.fail("ada", "192.0.2.1")
    await clock.advance(3_600_001)
    throttle.fail("ada", "192.0.2.1")

    assert wait_of(throttle) == 0


def test_the_wall_clock_does_not_matter(throttle: LoginThrottle, clock: FakeClock) -> None:
    """A jump of an hour shortens no wait and makes none longer."""
    for _ in range(5):
        throttle.fail("ada", "192.0.2.1")
    clock.jump_wall(3_600_000)
    assert wait_of(throttle) == 1_000
    clock.jump_wall(-7_200_000)
    assert wait_of(throttle) == 1_000


def test_memory_is_bounded(throttle: LoginThrottle) -> None:
    """The longest untouched entries go first."""
    for number in range(1_000):
        throttle.fail(f"name{number}", f"198.51.{number // 256}.{number % 256}")

    assert len(throttle) == 100


def test_an_ipv6_network_is_one_client() -> None:
    """Hosts own a whole /64; an IPv4 address in IPv6 clothes is the IPv4 address."""
    assert address_key("2001:db8::1") == address_key("2001:db8::ffff") != address_key("2001:db8:0:1::1")
    assert address_key("::ffff:192.0.2.1") == address_key("192.0.2.1") == "192.0.2.1"
    assert address_key("testclient") == "testclient"


async def test_registrations_of_an_address_are_counted_by_the_hour(clock: FakeClock) -> None:
    """The answer says when the next hour begins; 0 counts nothing."""
    quota = RegistrationQuota(clock, per_hour=2, max_entries=10)
    quota.take("192.0.2.1")
    await clock.advance(600_000)
    quota.take("192.0.2.1")
    quota.take("192.0.2.2")

    with pytest.raises(Refused) as caught:
        quota.take("192.0.2.1")

    assert caught.value.retry_after_ms == 3_000_000
    await clock.advance(3_000_000)
    quota.take("192.0.2.1")
    unlimited = RegistrationQuota(clock, per_hour=0)
    for _ in range(100):
        unlimited.take("192.0.2.1")
