"""Who waits for which answer."""

from __future__ import annotations

from pingme.domain.events import Outcome, RefusedOutcome, Stored
from pingme.ports.log import Origin
from pingme.services.pending import Pending
from tests.fakes.clock import FakeClock


class Noted:
    """A waiter that notes its answers."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def settle(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def test_an_answer_is_given_once():
    """The second outcome of the same attempt finds nobody."""
    pending, waiter = Pending("n1", FakeClock(), 10_000), Noted()
    origin = pending.add(waiter)

    first, second = pending.take(origin), pending.take(origin)

    assert (first, second, len(pending)) == (waiter, None, 0)


def test_other_nodes_and_replays_find_nobody():
    """An origin of another node, or none, is not ours to answer."""
    pending = Pending("n1", FakeClock(), 10_000)
    origin = pending.add(Noted())

    assert pending.take(Origin("n2", origin.attempt)) is None
    assert pending.take(None) is None
    assert len(pending) == 1


async def test_silence_is_an_unknown_outcome_and_never_a_refusal():
    """After 10 s the waiter hears 10009; an answer that comes later finds nobody."""
    clock = FakeClock()
    pending, waiter = Pending("n1", clock, 10_000), Noted()
    origin = pending.add(waiter)
    await clock.advance(9_900)
    pending.tick()
    early = list(waiter.outcomes)

    await clock.advance(200)
    pending.tick()

    (outcome,) = waiter.outcomes
    assert early == []
    assert isinstance(outcome, RefusedOutcome)
    assert outcome.code == 10009
    assert pending.take(origin) is None


async def test_only_what_is_due_is_given_up():
    """Younger ones go on waiting."""
    clock = FakeClock()
    pending, old, young = Pending("n1", clock, 1_000), Noted(), Noted()
    pending.add(old)
    await clock.advance(600)
    pending.tick()
    pending.add(young)

    await clock.advance(500)
    pending.tick()

    assert (len(old.outcomes), len(young.outcomes), len(pending)) == (1, 0, 1)


async def test_a_waiter_that_sends_again_at_once_is_not_given_up_with_it():
    """Adding from within an answer is allowed."""
    clock = FakeClock()
    pending = Pending("n1", clock, 1_000)

    class Again(Noted):
        def settle(self, outcome: Outcome) -> None:
            super().settle(outcome)
            pending.add(self)

    waiter = Again()
    pending.add(waiter)
    await clock.advance(1_000)
    pending.tick()

    assert (len(waiter.outcomes), len(pending)) == (1, 1)


def test_a_stored_outcome_reaches_its_waiter():
    """What is taken is settled by the taker."""
    pending, waiter = Pending("n1", FakeClock(), 1_000), Noted()
    outcome = Stored("g1", 1, 2, False)

    taken = pending.take(pending.add(waiter))
    assert taken is not None
    taken.settle(outcome)

    assert waiter.outcomes == [outcome]
