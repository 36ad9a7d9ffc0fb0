"""The timing wheel looks at each thing when its second comes."""

from __future__ import annotations

import asyncio
import weakref

from pingme.edge.wheel import NOWHERE, PIECE, SLOTS, Wheel
from tests.fakes.clock import FakeClock


class Noted:
    """Something that notes when it was looked at, and says when it wants to be seen again."""

    def __init__(self, *again: int) -> None:
        self.seen: list[int] = []
        self.slot = NOWHERE
        self._again = list(again)

    def check(self, now_s: int) -> int:
        self.seen.append(now_s)
        return self._again.pop(0) if self._again else 0


async def turn(clock: FakeClock, wheel: Wheel, seconds: int) -> None:
    for _ in range(seconds):
        await clock.advance(1000)
        wheel.advance()


async def test_a_thing_is_seen_at_its_second_and_again_when_it_says():
    """First after 3 s, then 5 s later, then never."""
    clock = FakeClock()
    wheel, thing = Wheel(clock), Noted(5)
    wheel.add(thing, 3)

    await turn(clock, wheel, 30)

    assert thing.seen == [3, 8]


async def test_nothing_is_lost_when_the_loop_was_stuck():
    """After a pause of seconds, or of hours, everything that is due is seen once, at once."""
    clock = FakeClock()
    wheel = Wheel(clock)
    things = [Noted() for _ in range(10)]
    for number, thing in enumerate(things):
        wheel.add(thing, number + 1)

    await clock.advance(7_000_000)
    wheel.advance()

    assert [thing.seen for thing in things] == [[7_000]] * 10


async def test_a_long_wait_is_seen_earlier_and_not_forgotten():
    """Waits beyond the wheel end at its last slot; the thing says how much longer."""
    clock = FakeClock()
    wheel, thing = Wheel(clock), Noted(37)
    wheel.add(thing, 100)

    await turn(clock, wheel, 120)

    assert thing.seen == [SLOTS - 1, SLOTS - 1 + 37]


async def test_no_wait_is_shorter_than_a_second():
    """Zero and negative waits mean the next second, never an endless loop."""
    clock = FakeClock()
    wheel, thing = Wheel(clock), Noted(-5)
    wheel.add(thing, 0)

    await turn(clock, wheel, 3)

    assert thing.seen == [1, 2]


async def test_jumps_of_the_wall_clock_do_not_matter():
    """Deadlines count monotonic time."""
    clock = FakeClock()
    wheel, thing = Wheel(clock), Noted()
    wheel.add(thing, 2)

    clock.jump_wall(3_600_000)
    await turn(clock, wheel, 1)
    early = list(thing.seen)
    clock.jump_wall(-7_200_000)
    await turn(clock, wheel, 1)

    assert (early, thing.seen) == ([], [2])


async def test_a_thing_stands_in_one_place():
    """Added again, it is not looked at where it stood before."""
    clock = FakeClock()
    wheel, thing = Wheel(clock), Noted()
    wheel.add(thing, 3)
    wheel.add(thing, 10)

    await turn(clock, wheel, 30)

    assert thing.seen == [10]


async def test_what_is_gone_is_not_kept():
    """A dropped thing is not looked at, and the wheel holds it no more."""
    clock = FakeClock()
    wheel, thing = Wheel(clock), Noted()
    wheel.add(thing, 3)
    wheel.drop(thing)
    wheel.drop(thing)
    gone = weakref.ref(thing)
    del thing

    await turn(clock, wheel, 5)

    assert gone() is None


async def test_a_crowd_in_one_second_is_looked_at_in_pieces():
    """Between two pieces of the same second the loop turns."""
    clock = FakeClock()
    wheel = Wheel(clock)
    things = [Noted() for _ in range(3 * PIECE)]
    for thing in things:
        wheel.add(thing, 1)
    turning = asyncio.create_task(wheel.run())
    counts: list[int] = []

    await clock.advance(1000)
    async with asyncio.timeout(10):
        while not counts or counts[-1] < len(things):
            await asyncio.sleep(0)
            counts.append(sum(bool(thing.seen) for thing in things))
    turning.cancel()

    assert {PIECE, 2 * PIECE} <= set(counts)
