"""Several workers of one log, run and seen as one."""

from __future__ import annotations

import asyncio

import pytest
from confluent_kafka import Message

from pingme.adapters.log_kafka_lane import KafkaLane
from pingme.domain.errors import StoreUnavailable
from pingme.domain.retry import RetryPolicy
from pingme.pipeline.lanes import Pipeline
from pingme.pipeline.worker import Worker
from pingme.wire.records import encode_record
from tests.fakes.clock import FakeClock
from tests.fakes.commands import ADA, BOB, CAI, USERS, to_user
from tests.fakes.dead_letters import MemoryDeadLetters
from tests.fakes.push import RecordingPush
from tests.fakes.store import MemoryStore


class Bench:
    """Two workers with one partition each, on one store."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock, users=USERS)
        self.push = RecordingPush()
        self.lanes = [
            KafkaLane((number,), lambda _record: None, lambda: None, self.clock.monotonic_ms, room=100)
            for number in (0, 1)
        ]
        self.pipeline = Pipeline([self._worker(lane) for lane in self.lanes])
        self.task = asyncio.create_task(self.pipeline.run())

    def _worker(self, lane: KafkaLane) -> Worker:
        letters = MemoryDeadLetters()
        return Worker(lane, self.store, letters, self.push, self.clock, policy=RetryPolicy(), keeps=True)

    async def fetch(self, partition: int, peer: str, msg_id: str) -> None:
        self.lanes[partition].assigned(partition)
        raw = encode_record(to_user(ADA, peer, msg_id=msg_id))
        self.lanes[partition].fetched([Message(topic="t", partition=partition, offset=0, value=raw)])
        await self.clock.advance(100)


async def test_the_state_is_the_sum_of_all_workers():
    """Batches and records add up; the queue of a log that keeps them makes nobody wait at a stop."""
    bench = Bench()
    await bench.fetch(0, BOB, "a")
    await bench.fetch(1, CAI, "b")

    assert (bench.pipeline.state.records, bench.pipeline.state.batches) == (2, 2)
    assert not bench.pipeline.busy
    bench.pipeline.stop()
    await bench.task


async def test_an_outage_that_one_worker_meets_is_the_nodes():
    """The one that began first counts."""
    bench = Bench()
    for _ in range(50):
        bench.store.fail_next(StoreUnavailable("away"))

    await bench.fetch(1, BOB, "a")

    assert bench.pipeline.store_away
    assert (bench.pipeline.state.outage_since_ms, bench.pipeline.state.outage_text) == (0, "away")
    bench.pipeline.stop()
    await bench.clock.advance(1_000)
    await bench.task


async def test_a_worker_that_fails_ends_the_pipeline_loudly(monkeypatch: pytest.MonkeyPatch):
    """The others must not go on as if nothing had happened."""
    bench = Bench()

    def broken() -> tuple[int, ...]:
        raise ZeroDivisionError

    monkeypatch.setattr(bench.lanes[1], "withdrawn", broken)
    bench.lanes[1].wake()
    await bench.clock.settle()
    bench.lanes[1].wake()

    with pytest.raises(BaseExceptionGroup) as failed:
        await bench.task
    assert failed.group_contains(ZeroDivisionError)
