"""Doors: upgrades happen a few in each turn of the loop."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from time import perf_counter

import pytest

from pingme.edge import doors as module
from pingme.edge.doors import FREE_S, Doors


def work(seconds: float) -> None:
    """Hold the loop, as an upgrade does."""
    until = perf_counter() + seconds
    while perf_counter() < until:
        pass


async def test_the_first_of_a_turn_need_not_wait():
    """Who comes alone passes at once, in every turn."""
    doors = Doors()

    for _ in range(3):
        assert doors.open
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_short_upgrades_share_a_turn():
    """While there is time in a turn, everybody passes."""
    doors = Doors()

    assert [doors.open for _ in range(3)] == [True, True, True]


async def test_a_storm_enters_in_order_and_the_loop_turns_in_between():
    """Twenty long upgrades at once: first come, first served, and never two in one turn."""
    doors, entered, turns = Doors(), [], 0

    def come(number: int) -> None:
        entered.append((number, turns))
        work(2 * FREE_S)

    for number in range(20):
        if doors.open:
            come(number)
        else:
            doors.wait(lambda number=number: come(number))
    async with asyncio.timeout(10):
        while doors.waiting:
            await asyncio.sleep(0)
            turns += 1

    assert [number for number, _ in entered] == list(range(20))
    assert len({turn for _, turn in entered}) >= 19  # the first one came before the loop turned
    assert doors.waiting == 0


async def test_the_loop_rests_while_somebody_waits(monkeypatch: pytest.MonkeyPatch):
    """Between two turns it has nothing to do: the store's threads get the interpreter then."""
    monkeypatch.setattr(module, "FREE_S", 0.0)
    monkeypatch.setattr(module, "REST_S", 0.05)
    doors, entered = Doors(), [perf_counter()]
    assert doors.open

    for _ in range(3):
        doors.wait(lambda: entered.append(perf_counter()))
    async with asyncio.timeout(10):
        while doors.waiting:  # noqa: ASYNC110  # as below
            await asyncio.sleep(0.001)

    pauses = [after - before for before, after in pairwise(entered)]
    assert min(pauses) >= 0.049, pauses  # a timer of the loop may be a millisecond early


async def test_nobody_passes_those_who_wait(monkeypatch: pytest.MonkeyPatch):
    """While somebody waits, the doors are closed for who comes later."""
    monkeypatch.setattr(module, "FREE_S", 0.0)
    doors, entered = Doors(), []
    assert doors.open

    assert not doors.open
    doors.wait(lambda: entered.append("first"))
    assert not doors.open
    doors.wait(lambda: entered.append("second"))
    async with asyncio.timeout(10):
        while doors.waiting:  # noqa: ASYNC110  # the turns themselves are the test
            await asyncio.sleep(0)

    assert entered == ["first", "second"]
