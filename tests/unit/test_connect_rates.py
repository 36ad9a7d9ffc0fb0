"""How connects of one user are spread."""

from __future__ import annotations

from pingme.edge.opening import CONNECT_WAIT_MS
from pingme.services.rates import MIN_SWEEP, UserRates
from tests.fakes.clock import FakeClock


def test_a_burst_is_not_delayed_and_what_follows_comes_evenly():
    """Three seconds' worth at once, then one every tenth of a second; above two seconds of waiting it is too much."""
    paces = UserRates(FakeClock(), 10)

    waits = [paces.reserve("ua", CONNECT_WAIT_MS) for _ in range(52)]

    assert waits[:30] == [0] * 30
    assert waits[30:50] == list(range(100, 2_001, 100))
    assert waits[49] == CONNECT_WAIT_MS
    assert waits[50:] == [None, None]


async def test_whoever_was_turned_away_has_used_nothing():
    """A flood that goes on does not push its own turn away: a tenth of a second later there is one again."""
    clock = FakeClock()
    paces = UserRates(clock, 10)
    for _ in range(1_000):
        paces.reserve("ua", CONNECT_WAIT_MS)

    await clock.advance(100)

    assert [paces.reserve("ua", CONNECT_WAIT_MS), paces.reserve("ua", CONNECT_WAIT_MS)] == [
        CONNECT_WAIT_MS,
        None,
    ]


async def test_silence_earns_a_burst_and_no_more():
    """After an hour it is as at the beginning."""
    clock = FakeClock()
    paces = UserRates(clock, 2)
    for _ in range(7):
        paces.reserve("ua", CONNECT_WAIT_MS)
    await clock.advance(3_600_000)

    assert [paces.reserve("ua", CONNECT_WAIT_MS) for _ in range(7)] == [0] * 6 + [500]


def test_users_do_not_share():
    """One user's flood is not another's wait."""
    paces = UserRates(FakeClock(), 1)
    for _ in range(100):
        paces.reserve("ua", CONNECT_WAIT_MS)

    assert paces.reserve("ub", CONNECT_WAIT_MS) == 0


def test_no_rate_is_no_wait():
    """0 switches it off, and nobody is remembered."""
    paces = UserRates(FakeClock(), 0)

    assert {paces.reserve("ua", CONNECT_WAIT_MS) for _ in range(1_000)} == {0}
    assert not paces._buckets


async def test_only_those_who_came_lately_are_remembered():
    """A hundred thousand users who connect once each leave no more than the last seconds' behind."""
    clock = FakeClock()
    paces = UserRates(clock, 10)
    for number in range(100_000):
        if number % 100 == 0:
            await clock.advance(50)
        paces.reserve(f"u{number}", CONNECT_WAIT_MS)

    assert len(paces._buckets) <= 2 * MIN_SWEEP


def test_a_burst_of_a_rate_that_divides_no_second_is_whole():
    """Nine at three a second; the tenth waits for a third of a second."""
    paces = UserRates(FakeClock(), 3)

    assert [paces.reserve("ua", CONNECT_WAIT_MS) for _ in range(10)] == [0] * 9 + [333]
