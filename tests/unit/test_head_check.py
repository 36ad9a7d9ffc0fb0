"""What live push did not bring is given from the store, once, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from pingme.domain.errors import StoreUnavailable
from pingme.domain.events import Command, Stored
from pingme.services import head_check
from pingme.services.head_check import Brought, HeadCheck
from pingme.wire.pushed import Pushed, PushedEvent
from tests.fakes.clock import FakeClock
from tests.fakes.commands import (
    ADA,
    BOB,
    CAI,
    GROUP,
    USERS,
    create_group,
    edit,
    join,
    private,
    recall,
    to_group,
    to_user,
)
from tests.fakes.push import RecordingPush
from tests.fakes.store import MemoryStore

PAIR = private(ADA, BOB)


class Receiver:
    """A hub that hears some conversations and records what it is given."""

    def __init__(self, *heard: str) -> None:
        self.heard = set(heard)
        self.given: list[tuple[str, int]] = []
        self.reloaded: list[str] = []
        self.told_to_sync: list[tuple[str, tuple[str, ...]]] = []

    def receive(self, batch: Sequence[Pushed]) -> None:
        for item in batch:
            assert isinstance(item, PushedEvent)
            self.given.append((item.conversation_id, item.seq))

    def hears(self, conversation_id: str, hearers: Sequence[str]) -> bool:
        return conversation_id in self.heard

    def sync(self, conversation_id: str, hearers: Sequence[str]) -> None:
        self.told_to_sync.append((conversation_id, tuple(hearers)))

    def reload(self, conversation_id: str) -> None:
        self.reloaded.append(conversation_id)


class Bench:
    """A check over the fake store, looked at by hand."""

    def __init__(self, *heard: str) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock, users=USERS)
        self.push = RecordingPush()
        self.brought = Brought()
        self.receiver = Receiver(*heard)
        self.check = HeadCheck(
            self.store, self.push, self.clock, self.brought, lambda: self.receiver, since=(0,)
        )

    async def store_events(self, *commands: Command) -> None:
        for outcome in await self.store.save(commands):
            assert isinstance(outcome, Stored)


async def test_what_push_has_brought_is_not_given_again() -> None:
    """Seq by seq: a hole below the newest is seen, too."""
    bench = Bench(PAIR)
    await bench.store_events(*[to_user(ADA, BOB) for _ in range(4)])
    for seq in (1, 2, 4):
        bench.brought.note(PAIR, seq)

    await bench.check.look()
    assert bench.receiver.given == []
    await bench.check.look()

    assert bench.receiver.given == [(PAIR, 3)]
    await bench.check.look()
    assert len(bench.receiver.given) == 1


async def test_what_is_on_its_way_is_waited_for() -> None:
    """An event that comes between two looks is not given by the check."""
    bench = Bench(PAIR)
    await bench.store_events(to_user(ADA, BOB))
    await bench.check.look()
    bench.brought.note(PAIR, 1)
    await bench.check.look()

    assert bench.receiver.given == []


async def test_while_push_is_away_nothing_is_waited_for() -> None:
    """The first look gives it."""
    bench = Bench(PAIR)
    bench.push.cut_off = True
    await bench.store_events(to_user(ADA, BOB), to_user(ADA, CAI))

    await bench.check.look()

    assert bench.receiver.given == [(PAIR, 1)]  # and not what nobody here hears


async def test_a_lost_change_of_members_is_read_from_the_store() -> None:
    """The group is read again, even if nobody here hears it yet: somebody may have joined."""
    bench = Bench()
    bench.push.cut_off = True
    await bench.store_events(create_group(ADA), join(ADA, BOB), to_group(ADA))

    await bench.check.look()

    assert (bench.receiver.reloaded, bench.receiver.given) == ([GROUP], [])


async def test_what_was_changed_before_it_could_be_given_is_left_to_a_sync() -> None:
    """An edited or recalled message is not given with another content than was stored first; who hears it syncs."""
    bench = Bench(PAIR)
    bench.push.cut_off = True
    await bench.store_events(*[to_user(ADA, BOB) for _ in range(3)])
    await bench.store_events(edit(ADA, PAIR, 1, "better"), recall(ADA, PAIR, 2))

    await bench.check.look()
    await bench.check.look()

    assert bench.receiver.given == [(PAIR, 3), (PAIR, 4), (PAIR, 5)]
    [(told, hearers)] = bench.receiver.told_to_sync
    assert (told, set(hearers)) == (PAIR, {ADA, BOB})


async def test_a_store_in_trouble_delays_the_repair() -> None:
    """Nothing of it is forgotten: the next look gives what this one could not."""
    bench = Bench(PAIR)
    bench.push.cut_off = True
    await bench.store_events(to_user(ADA, BOB))
    bench.store.fail_next(StoreUnavailable("away"))

    with pytest.raises(StoreUnavailable):
        await bench.check.look()
    await bench.check.look()

    assert bench.receiver.given == [(PAIR, 1)]


async def test_too_much_is_left_to_a_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """More conversations than a look may have, or more events of one: clients are told to sync."""
    monkeypatch.setattr(head_check, "MAX_CONVERSATIONS", 1)
    monkeypatch.setattr(head_check, "MAX_EVENTS", 2)
    many, long = Bench(), Bench(PAIR)
    for bench in (many, long):
        bench.push.cut_off = True
    await many.store_events(to_user(ADA, BOB), to_user(ADA, CAI))
    await long.store_events(*[to_user(ADA, BOB) for _ in range(3)])

    await many.check.look()
    await long.check.look()

    assert (many.push.resyncs, long.push.resyncs) == (1, 1)
    assert long.receiver.given == []


async def test_only_the_last_looks_are_remembered() -> None:
    """What push has brought is forgotten after three looks."""
    brought = Brought()
    brought.note(PAIR, 1)
    for _ in range(head_check.KEPT_LOOKS - 1):
        brought.turn()
    assert brought.missing(PAIR, [1]) == []
    brought.turn()
    assert brought.missing(PAIR, [1]) == [1]


async def test_it_runs_once_a_second_through_outages() -> None:
    """A look that fails ends nothing."""
    bench = Bench(PAIR)
    bench.push.cut_off = True
    task = asyncio.create_task(bench.check.run())
    bench.store.fail_next(StoreUnavailable("away"))
    await bench.clock.advance(1_000)
    await bench.store_events(to_user(ADA, BOB))
    await bench.clock.advance(1_000)
    task.cancel()

    assert bench.receiver.given == [(PAIR, 1)]
