"""The workers of a node, seen as one: what runs, stops and tells of itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from pingme.pipeline.worker import Worker, WorkerState

SUMMED = frozenset({"batches", "records", "duplicates", "refused", "retries", "dead_lettered", "parked"})


class Pipeline:
    """Runs one worker, or several that share the partitions of a log.

    Args:
        workers: at least one.
    """

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._workers = workers

    async def run(self) -> None:
        """Run all workers until `stop`; the fault of one ends them all."""
        if len(self._workers) == 1:
            await self._workers[0].run()
            return
        async with asyncio.TaskGroup() as group:
            for number, worker in enumerate(self._workers):
                group.create_task(worker.run(), name=f"worker-{number}")

    def stop(self) -> None:
        """Make `run` return after the batches that the workers are at."""
        for worker in self._workers:
            worker.stop()

    @property
    def busy(self) -> bool:
        """True while something here would be lost with the process."""
        return any(worker.busy for worker in self._workers)

    @property
    def state(self) -> WorkerState:
        """What the workers tell, added up; of an outage the one that began first."""
        states = [worker.state for worker in self._workers]
        if len(states) == 1:
            return states[0]
        total = WorkerState(last_batch=max(state.last_batch for state in states))
        for name in SUMMED:
            setattr(total, name, sum(getattr(state, name) for state in states))
        for state in states:
            total.refused_by_code = dict(Counter(total.refused_by_code) + Counter(state.refused_by_code))
            since = state.outage_since_ms
            if since is not None and (total.outage_since_ms is None or since < total.outage_since_ms):
                total.outage_since_ms, total.outage_text = since, state.outage_text
            total.dead_letters_failing |= state.dead_letters_failing
        return total

    @property
    def store_away(self) -> bool:
        """True while a worker waits for the store."""
        return any(worker.state.outage_since_ms is not None for worker in self._workers)

    @property
    def publishing_degraded(self) -> bool:
        """True for a minute after publishing has failed (50004)."""
        return any(worker.publisher.degraded for worker in self._workers)

    @property
    def publish_failures(self) -> int:
        """How often publishing has failed."""
        return sum(worker.publisher.failures for worker in self._workers)
