"""The producer of the Kafka log, and the thread that asks it for what failed.

librdkafka's idempotent producer takes nothing ever again after a fatal error, a gap in its sequence for instance (its
INTRODUCTION.md, "Idempotent Producer"). Such a one is replaced; what it had not sent is told as undelivered.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from pingme.domain.errors import ErrorCode
from pingme.ports.log import Headers

log = structlog.get_logger(__name__)

POLL_S = 0.5  # the thread wakes by itself when a record failed
REPLACE_S = (
    5.0  # between producers, where each one fails for good at once: a right that is missing, for instance
)
TELL_S = 1.0  # for one that failed to say what it had not sent


class LogProducer(threading.Thread):
    """A producer that is there for ever, with a thread that serves its callbacks from `start` to `stop`.

    Args:
        config: of librdkafka.
        on_fatal: told what a producer failed of that is replaced; called in the thread.
    """

    def __init__(self, config: Mapping[str, Any], on_fatal: Callable[[str], None]) -> None:
        super().__init__(name="kafka-producer", daemon=True)
        self._config = dict(config)
        self._on_fatal = on_fatal
        self._producer = Producer(self._config)
        self._failed: Producer | None = None  # the one that takes nothing any more
        self._reason = ""
        self._due_s = 0.0  # before this no other one is made
        self._stopped = threading.Event()

    def __len__(self) -> int:
        """Return how many records are not sent yet."""
        return len(self._producer)

    def produce(self, topic: str, value: bytes, key: str, partition: int, headers: Headers) -> None:
        """Take a record; returns at once.

        Raises:
            BufferError: there is no room.
            KafkaException: it is not taken.
        """
        producer = self._producer
        try:
            producer.produce(topic, value, key, partition, headers=[*headers])
        except KafkaException as exc:
            if exc.args[0].code() == KafkaError._FATAL:  # librdkafka's own codes are named so
                self._reason, self._failed = exc.args[0].str(), producer
            raise

    def run(self) -> None:
        """Serve the callbacks until `stop`."""
        while not self._stopped.is_set():
            try:
                self._producer.poll(POLL_S)
                if self._failed is self._producer:
                    self._replace()
            except KafkaException as exc:  # `poll` raises a fatal error, once, and nothing else
                self._reason, self._failed = exc.args[0].str(), self._producer

    def stop(self) -> None:
        """Make the thread end."""
        self._stopped.set()

    def finish(self, timeout_s: float) -> None:
        """Send what waits, within this time, and forget the rest."""
        if timeout_s:
            with contextlib.suppress(KafkaException):
                self._producer.flush(timeout_s)
        self._producer.purge()

    def _replace(self) -> None:
        now = _monotonic_s()
        if now < self._due_s:
            return
        self._due_s = now + REPLACE_S
        log.error("producer_failed", code=int(ErrorCode.PRODUCER_ERROR), error=self._reason)
        failed = self._producer
        failed.purge()
        with contextlib.suppress(KafkaException):
            failed.flush(TELL_S)
        self._on_fatal(self._reason)
        self._producer = Producer(self._config)
        self._failed = None


def _monotonic_s() -> float:
    return time.monotonic()
