"""Whether the brokers are new enough. The protocol has no word for a broker's version, only for the requests that it knows.

librdkafka asks for those when it connects, and tells them in its debug log alone. ListOffsets has version 7 since Kafka 3.0
(KIP-734). A broker of which nothing is told is let pass.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pingme.adapters.kafka_topics import REACH_S, TopicUnusable, client_config
from pingme.domain.errors import KafkaUnavailable

LEAST_LIST_OFFSETS = 7
LOG_S = 0.2  # for what was logged while connecting to be handed over
_TOLD = re.compile(r"ApiKey ListOffsets \(\d+\) Versions \d+\.\.(\d+)")


def check_version(brokers: str) -> None:
    """Return unless a broker is older than Kafka 3.0.

    Args:
        brokers: comma-separated.

    Raises:
        TopicUnusable: one is older.
        KafkaUnavailable: none answers.
    """
    newest = newest_list_offsets(_connect(brokers))
    if newest is not None and newest < LEAST_LIST_OFFSETS:
        raise TopicUnusable(
            f"Kafka at {brokers} is older than 3.0, which PingMe needs: it knows ListOffsets up to version {newest}, "
            f"expected {LEAST_LIST_OFFSETS}; upgrade the brokers"
        )


def newest_list_offsets(lines: Iterable[str]) -> int | None:
    """Return the newest version of ListOffsets that all brokers in a log know; None where it says nothing of it."""
    found = [int(told[1]) for told in map(_TOLD.search, lines) if told]
    return min(found, default=None)


class _Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(record.getMessage())


def _connect(brokers: str) -> list[str]:
    """Connect once and return the log of it."""
    kept = _Lines()
    logger = logging.getLogger(__name__)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False  # the debug log is for reading here alone
    logger.addHandler(kept)
    config: dict[str, Any] = client_config(brokers)
    admin = AdminClient(config | {"debug": "feature", "log_level": 7, "logger": logger})
    try:
        admin.list_topics(timeout=REACH_S)
        admin.poll(LOG_S)
    except KafkaException as exc:
        raise KafkaUnavailable(str(exc.args[0].str())) from exc
    finally:
        logger.removeHandler(kept)
    return kept.lines
