"""Sends that another node has stored are answered from the store when that node cannot say so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pingme.domain.errors import ErrorCode, StoreUnavailable
from pingme.domain.events import Command, Outcome, RefusedOutcome, Stored
from pingme.ports.log import Record
from pingme.services.answer_check import AWAY_MS, UP_MS, AnswerCheck
from pingme.services.pending import Pending
from tests.fakes.clock import FakeClock
from tests.fakes.commands import ADA, BOB, CAI, USERS, to_user
from tests.fakes.push import RecordingPush
from tests.fakes.store import MemoryStore


class Sender:
    """Somebody who waits for one answer."""

    def __init__(self, answers: list[Outcome]) -> None:
        self._answers = answers

    def settle(self, outcome: Outcome) -> None:
        self._answers.append(outcome)


class Node:
    """A node whose sends are stored elsewhere."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock, users=USERS)
        self.pending = Pending("n1", self.clock, 60_000)
        self.push = RecordingPush()
        self.records: list[Record] = []
        self.answers: list[Outcome] = []
        self.check = AnswerCheck(
            lambda limit: self.records[:limit], self.pending, self.store, self.push, self.clock
        )
        self._task = asyncio.create_task(self.check.run())

    def send(self, command: Command) -> None:
        self.records.append(Record(command, self.pending.add(Sender(self.answers))))

    async def advance(self, delay_ms: int) -> None:
        for _ in range(delay_ms // AWAY_MS):
            await self.clock.advance(AWAY_MS)
            await self.clock.settle()

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    made = Node()
    yield made
    await made.stop()


async def test_while_push_is_away_what_is_stored_is_answered_at_once(node: Node):
    """Two looks, 100 ms apart, find it; who asks once is answered once."""
    node.push.cut_off = True
    command = to_user(ADA, BOB)
    node.send(command)
    await node.store.save([command])

    await node.advance(5 * AWAY_MS)

    (outcome,) = node.answers
    assert isinstance(outcome, Stored)
    assert (outcome.seq, outcome.duplicate) == (1, True)
    assert node.check.answered == 1
    assert len(node.pending) == 0


async def test_what_is_not_stored_goes_on_waiting(node: Node):
    """It is answered when it is stored, not before."""
    node.push.cut_off = True
    command = to_user(ADA, BOB)
    node.send(command)
    await node.advance(5 * AWAY_MS)
    assert node.answers == []

    await node.store.save([command])
    await node.advance(2 * AWAY_MS)

    assert len(node.answers) == 1


async def test_an_answer_that_was_lost_in_a_moment_is_found_too(node: Node):
    """Push is there again, and what was told in between is not: the second look of every second finds it."""
    command = to_user(ADA, BOB)
    node.send(command)
    await node.store.save([command])
    await node.advance(UP_MS)
    assert node.answers == []

    await node.advance(UP_MS)

    assert len(node.answers) == 1


async def test_a_refusal_that_was_written_down_is_told(node: Node):
    """The sender hears why."""
    node.push.cut_off = True
    command = to_user(ADA, BOB)
    node.send(command)
    await node.store.refuse(command, ErrorCode.PERSIST_FAILED, "no")

    await node.advance(2 * AWAY_MS)

    assert node.answers == [RefusedOutcome(ErrorCode.PERSIST_FAILED, "no")]


async def test_a_msg_id_that_stands_for_something_else_is_left_to_the_pipeline(node: Node):
    """The log's worker refuses it (40004): the store alone cannot tell that it is still to come."""
    node.push.cut_off = True
    await node.store.save([to_user(ADA, CAI, msg_id="m-same")])
    node.send(to_user(ADA, BOB, msg_id="m-same"))

    await node.advance(5 * AWAY_MS)

    assert node.answers == []


async def test_a_store_that_is_away_is_asked_again(node: Node, monkeypatch: pytest.MonkeyPatch):
    """The check goes on; nothing is answered that is not known."""
    node.push.cut_off = True
    command = to_user(ADA, BOB)
    node.send(command)
    await node.store.save([command])

    async def away(_sender_id: str, _msg_id: str) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(node.store, "find", away)
        await node.advance(3 * AWAY_MS)
    assert node.answers == []

    await node.advance(2 * AWAY_MS)

    assert len(node.answers) == 1
