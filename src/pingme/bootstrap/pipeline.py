"""The write path of a node, put together: where commands go, and the workers on the far side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pingme.adapters.log_memory import MemoryLog
from pingme.bootstrap.engines import Engines
from pingme.config import Settings
from pingme.domain.retry import RetryPolicy
from pingme.pipeline.direct import OwnedLog
from pingme.pipeline.lanes import Pipeline
from pingme.pipeline.worker import Worker
from pingme.ports.clock import Clock
from pingme.ports.log import CommandLog, MessageLog
from pingme.services.pending import Pending


@dataclass(frozen=True, slots=True)
class WritePath:
    """Where commands go, and who works on them.

    Attributes:
        log: for services.
        pipeline: the workers.
        owned: the same as ``log`` where that is outside this process; it must be run, too.
    """

    log: CommandLog
    pipeline: Pipeline
    owned: OwnedLog | None = None


def retry_policy(settings: Settings) -> RetryPolicy:
    """Return the retry policy, which the embedded pipeline shares with Kafka's."""
    kafka = settings.kafka
    return RetryPolicy(
        kafka.retry_max_attempts,
        kafka.retry_initial_backoff,
        kafka.retry_max_backoff,
        kafka.retry_multiplier,
        kafka.enable_dlq,
    )


def build_write_path(
    settings: Settings,
    engines: Engines,
    pending: Pending,
    clock: Clock,
    *,
    observe: Callable[[int, float], None],
) -> WritePath:
    """Return the write path on these engines, not yet running.

    Args:
        settings: complete and checked.
        engines: opened for these settings.
        pending: the unanswered sends of this node.
        clock: the engines' own.
        observe: see `Worker`.
    """
    kafka = engines.kafka

    def worker(message_log: MessageLog) -> Worker:
        return Worker(
            message_log,
            engines.database.store,
            engines.dead_letters,
            engines.push,
            clock,
            policy=retry_policy(settings),
            outage_refuse_ms=settings.limits.outage_refuse_ms,
            keeps=kafka is not None,
            observe=observe,
        )

    if kafka is None:
        return WritePath(engines.log, Pipeline([worker(engines.log)]))
    direct = MemoryLog(2 * settings.limits.log_records)  # `OwnedLog` bounds what is unanswered
    lanes = kafka.log.lanes(engines.database.writers)
    pipeline = Pipeline([*map(worker, lanes), worker(direct)])
    owned = OwnedLog(
        kafka.log,
        direct,
        pending,
        clock,
        node_id=engines.node_id,
        direct_after_ms=settings.kafka.direct_after_ms,
        limit_records=settings.limits.log_records,
        store_away=lambda: pipeline.store_away,
    )
    return WritePath(owned, pipeline, owned)
