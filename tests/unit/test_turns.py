"""Turns: pieces of work for clients, between which the loop is everybody else's."""

from __future__ import annotations

import asyncio
from time import perf_counter

from pingme.services.turns import FREE_S, Turns

LONG_S = 2 * FREE_S


def work(seconds: float) -> None:
    """Hold the loop, as a read does."""
    until = perf_counter() + seconds
    while perf_counter() < until:
        pass


class Ticks:
    """Counts the turns of the loop."""

    def __init__(self) -> None:
        self.count = 0
        self._tick()

    def _tick(self) -> None:
        self.count += 1
        self._handle = asyncio.get_running_loop().call_soon(self._tick)

    def stop(self) -> None:
        self._handle.cancel()


async def test_long_pieces_are_done_one_per_turn_of_the_loop():
    """Five connections with long pieces: between any two of them the loop has turned."""
    turns, ticks, at = Turns(), Ticks(), []

    async def connection() -> None:
        for _ in range(4):
            await turns.take()
            at.append(ticks.count)
            work(LONG_S)

    await asyncio.gather(*(connection() for _ in range(5)))
    ticks.stop()

    assert len(at) == 20
    assert len(set(at)) == 20
    assert turns.waiting == 0


async def test_short_pieces_do_not_wait():
    """What fits into the free time of one turn is done in it."""
    turns, ticks = Turns(), Ticks()
    began = ticks.count

    for _ in range(3):
        await turns.take()

    assert ticks.count == began
    ticks.stop()


async def test_nobody_waits_for_more_than_one_piece_of_each_other():
    """A greedy connection does not hold up one that comes later."""
    turns, order = Turns(), []

    async def connection(name: str, pieces: int) -> None:
        for _ in range(pieces):
            await turns.take()
            order.append(name)
            work(LONG_S)

    greedy = [asyncio.create_task(connection(name, 10)) for name in "abc"]
    await asyncio.sleep(0)
    await connection("late", 1)

    assert order.index("late") <= 2 * len(greedy)
    await asyncio.gather(*greedy)


async def test_the_loop_rests_from_pieces_as_long_as_they_take():
    """Ten long pieces of several connections take about twice their time, not less."""
    turns = Turns()

    async def connection() -> None:
        await turns.take()
        work(LONG_S)

    began_s = perf_counter()
    await asyncio.gather(*(connection() for _ in range(10)))

    assert perf_counter() - began_s > 1.5 * 10 * LONG_S


async def test_who_has_gone_is_passed_over():
    """A cancelled waiter costs the next one nothing."""
    turns, done = Turns(), []

    async def connection(name: str) -> None:
        await turns.take()
        done.append(name)
        work(LONG_S)

    tasks = [asyncio.create_task(connection(name)) for name in "abc"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.wait(tasks, timeout=10)

    assert done == ["a", "c"]
    assert turns.waiting == 0
