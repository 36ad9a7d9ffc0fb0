"""`Store.heads_changed` and `Stored.members_seq`: what nodes need of a store to repair what live push lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pingme.domain.errors import StoreUnavailable
from pingme.domain.model import RuleLimits
from pingme.ports.store import HeadChange
from tests.fakes.commands import (
    ADA,
    BOB,
    CAI,
    GROUP,
    create_group,
    join,
    private,
    profile,
    remove,
    to_group,
    to_user,
)
from tests.fakes.store_worlds import MemoryWorld, MysqlWorld, SqliteWorld, World

PAIR = private(ADA, BOB)


@pytest.fixture(params=["memory", "sqlite", "mysql"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    limits = RuleLimits()
    world: World
    if request.param == "memory":
        world = MemoryWorld(limits)
    elif request.param == "sqlite":
        world = SqliteWorld(limits, tmp_path)
    else:
        world = MysqlWorld(limits, request.getfixturevalue("mariadb"))
    await world.open()
    yield world
    await world.close()
    await world.drop()


async def look(world: World, since: tuple[int, ...], limit: int = 100) -> dict[str, HeadChange]:
    found = await world.store.heads_changed(since, limit)
    assert found.complete
    return {change.conversation_id: change for change in found.changes}


async def test_nothing_has_changed_since_now(world: World) -> None:
    """Without new events there is nothing, and the numbers stay."""
    await world.stored(to_user(ADA, BOB))
    now = await world.store.change_numbers()

    found = await world.store.heads_changed(now, 10)

    assert (list(found.changes), found.numbers, found.complete) == ([], now, True)


async def test_each_conversation_comes_once_with_its_range(world: World) -> None:
    """First and newest seq since then, and who hears a private conversation."""
    await world.stored(to_user(ADA, BOB))
    since = await world.store.change_numbers()
    await world.stored(to_user(BOB, ADA), to_user(ADA, BOB))
    await world.stored(to_user(ADA, BOB), profile(CAI))

    found = await look(world, since)

    assert found[PAIR] == HeadChange(PAIR, 2, 4, tuple(sorted((ADA, BOB))), 0)
    assert found[CAI] == HeadChange(CAI, 1, 1, (CAI,), 0)
    assert len(found) == 2


async def test_the_next_look_goes_on_where_this_one_ended(world: World) -> None:
    """The numbers of an answer are the since of the next: every event comes in exactly one look."""
    since = await world.store.change_numbers()
    await world.stored(to_user(ADA, BOB))
    first = await world.store.heads_changed(since, 10)
    await world.stored(to_user(ADA, BOB))
    second = await world.store.heads_changed(first.numbers, 10)

    assert [(change.first_seq, change.head_seq) for change in (*first.changes, *second.changes)] == [
        (1, 1),
        (2, 2),
    ]


async def test_changes_of_members_are_named(world: World) -> None:
    """members_seq is the newest membership event of the range, 0 when there is none; groups name no hearers."""
    since = await world.store.change_numbers()
    await world.stored(create_group(ADA), join(ADA, BOB), to_group(ADA))
    assert await look(world, since) == {GROUP: HeadChange(GROUP, 1, 3, (), 2)}

    since = await world.store.change_numbers()
    await world.stored(to_group(BOB))
    assert (await look(world, since))[GROUP].members_seq == 0

    since = await world.store.change_numbers()
    await world.stored(remove(ADA, BOB), to_group(ADA))
    assert await look(world, since) == {GROUP: HeadChange(GROUP, 5, 6, (), 5)}


async def test_refusals_are_no_change(world: World) -> None:
    """What was refused is written down, but no conversation has moved."""
    since = await world.store.change_numbers()
    await world.refused(to_group(CAI))

    assert await look(world, since) == {}


async def test_more_than_the_limit_is_said(world: World) -> None:
    """With more conversations than asked for the answer is not complete, and its numbers are the newest."""
    since = await world.store.change_numbers()
    await world.stored(to_user(ADA, BOB), to_user(ADA, CAI), to_user(BOB, CAI))

    found = await world.store.heads_changed(since, 2)

    assert (len(found.changes), found.complete, found.numbers) == (
        2,
        False,
        await world.store.change_numbers(),
    )


async def test_a_restart_does_not_hide_what_came_before(world: World) -> None:
    """A store that was opened again answers for what was written before."""
    since = await world.store.change_numbers()
    await world.stored(to_user(ADA, BOB))
    await world.reopen()

    assert list(await look(world, since)) == [PAIR]


async def test_each_event_tells_the_membership_change_before_it(world: World) -> None:
    """members_seq of an outcome is the seq of the last change of members before it, also after a restart."""
    outcomes = await world.stored(
        create_group(ADA), to_group(ADA), join(ADA, BOB, CAI), to_group(BOB), remove(ADA, CAI), to_group(ADA)
    )
    assert [outcome.members_seq for outcome in outcomes] == [0, 1, 1, 3, 3, 5]

    await world.reopen()
    repeated = to_group(BOB)
    (later,) = await world.stored(repeated)
    (again,) = await world.stored(repeated)
    assert (later.members_seq, again.members_seq, again.duplicate) == (5, 5, True)


async def test_a_store_that_is_away_says_so() -> None:
    """The look fails as a whole, and the same since serves the next."""
    world = MemoryWorld(RuleLimits())
    await world.open()
    since = await world.store.change_numbers()
    await world.stored(to_user(ADA, BOB))
    world.store.fail_next(StoreUnavailable("away"))

    with pytest.raises(StoreUnavailable):
        await world.store.heads_changed(since, 10)
    assert list(await look(world, since)) == [PAIR]
