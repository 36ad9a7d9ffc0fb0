"""A send that another node has stored is answered here, though nobody could say so."""

from __future__ import annotations

import asyncio

import pytest

from pingme.domain.errors import ErrorCode, StoreUnavailable
from pingme.domain.events import Command, Outcome, RefusedOutcome, Stored
from pingme.pipeline import lost_answers
from pingme.pipeline.lost_answers import LostAnswers
from pingme.ports.log import Record
from pingme.services.pending import Pending
from tests.fakes.clock import FakeClock
from tests.fakes.commands import ADA, BOB, USERS, to_user
from tests.fakes.push import RecordingPush
from tests.fakes.store import MemoryStore


class Sender:
    def __init__(self) -> None:
        self.answers: list[Outcome] = []

    def settle(self, outcome: Outcome) -> None:
        self.answers.append(outcome)


class Node:
    """A node that waits; `store.save` is what the other node does."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock, users=USERS)
        self.pending = Pending("n1", self.clock, 60_000)
        self.push = RecordingPush()
        self.records: list[Record] = []
        self.lost = LostAnswers(
            lambda: [each for each in self.records if self.pending.waits(each.origin)],
            self.store,
            self.pending,
            self.push,
            self.clock,
        )

    def send(self, command: Command) -> Sender:
        sender = Sender()
        self.records.append(Record(command, self.pending.add(sender)))
        return sender


async def test_what_was_stored_elsewhere_is_answered_at_the_second_look() -> None:
    """With the first seq; what is not stored goes on waiting; nobody is answered twice."""
    node = Node()
    stored, waits = to_user(ADA, BOB, msg_id="m1"), to_user(ADA, BOB, msg_id="m2")
    first, second = node.send(stored), node.send(waits)
    await node.store.save([stored])

    await node.lost.look()
    assert first.answers == []
    await node.lost.look()
    await node.lost.look()

    (answer,) = first.answers
    assert isinstance(answer, Stored)
    assert answer.seq == 1
    assert (second.answers, node.lost.found) == ([], 1)


async def test_a_refusal_and_another_use_of_the_msg_id_are_answered_as_such() -> None:
    """What stands under the msg_id decides."""
    node = Node()
    refused, other = to_user(ADA, BOB, msg_id="m1"), to_user(ADA, BOB, "else", msg_id="m2")
    senders = [node.send(refused), node.send(other)]
    await node.store.refuse(refused, int(ErrorCode.NOT_ALLOWED_TO_WRITE), "no")
    await node.store.save([to_user(ADA, BOB, msg_id="m2")])

    await node.lost.look()
    await node.lost.look()

    codes = [each.code for sender in senders for each in sender.answers if isinstance(each, RefusedOutcome)]
    assert codes == [ErrorCode.NOT_ALLOWED_TO_WRITE, ErrorCode.MSG_ID_CONFLICT]


@pytest.mark.parametrize(("cut_off", "within_ms"), [(True, 200), (False, 2_000)])
async def test_it_looks_often_while_other_nodes_are_not_heard(cut_off: bool, within_ms: int) -> None:
    """An answer is read back within two looks; a store that is away is asked again."""
    node = Node()
    node.push.cut_off = cut_off
    command = to_user(ADA, BOB, msg_id="m1")
    sender = node.send(command)
    await node.store.save([command])
    running = asyncio.create_task(node.lost.run())

    await node.clock.advance(within_ms - lost_answers.CUT_OFF_MS)
    assert sender.answers == []
    await node.clock.advance(lost_answers.CUT_OFF_MS)

    assert len(sender.answers) == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_store_that_is_away_answers_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known, so everybody waits."""
    node = Node()
    sender = node.send(to_user(ADA, BOB, msg_id="m1"))
    await node.lost.look()

    async def away(*_: str) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(node.store, "find", away)
    with pytest.raises(StoreUnavailable):
        await node.lost.look()

    assert sender.answers == []
