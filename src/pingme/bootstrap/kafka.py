"""The Kafka side of a node; imported only where `kafka.brokers` is set."""

from __future__ import annotations

from dataclasses import dataclass

from pingme.adapters.dead_letters_kafka import KafkaDeadLetters
from pingme.adapters.kafka_faults import KafkaFaults
from pingme.adapters.log_kafka import KafkaLog
from pingme.config import Settings
from pingme.ports.clock import Clock


@dataclass(slots=True, kw_only=True)
class KafkaEngine:
    """What Kafka serves. Nothing is consumed before `KafkaLog.start`."""

    log: KafkaLog
    dead_letters: KafkaDeadLetters

    @property
    def faults(self) -> KafkaFaults:
        """What went wrong, for `/health` and the metrics."""
        return self.log.faults

    async def close(self) -> None:
        """Commit, leave the group, and let go of the connections."""
        await self.log.close()
        await self.dead_letters.close()


async def open_kafka(settings: Settings, clock: Clock, epoch: str) -> KafkaEngine:
    """Return the log and the dead letters on Kafka; a broker that is away is no reason not to start.

    Args:
        settings: with `kafka.brokers`.
        clock: time.
        epoch: of the store behind the log.

    Raises:
        TopicUnusable: the topic of messages has another number of partitions, may not be made, or nodes on another
            store use it.
    """
    kafka = settings.kafka
    brokers = ",".join(kafka.brokers)
    message_log = KafkaLog(
        brokers,
        f"{kafka.topic_prefix}-messages",
        kafka.consumer_group,
        clock,
        limit_records=settings.limits.log_records,
        direct_after_ms=kafka.direct_after_ms,
        epoch=epoch,
    )
    engine = KafkaEngine(log=message_log, dead_letters=KafkaDeadLetters(brokers, f"{kafka.topic_prefix}-dlq"))
    try:
        await message_log.check()
    except BaseException:
        await engine.close()
        raise
    return engine
