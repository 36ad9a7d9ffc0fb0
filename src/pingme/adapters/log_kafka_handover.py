"""What the consumer's thread of the Kafka log tells the event loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import Message

from pingme.domain.errors import ErrorCode

Commit = tuple[int, str]  # offset, metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What the thread tells the event loop; each is called in the loop, in the order of the calls.

    Attributes:
        ready: the topic is there.
        refused: the topic cannot be used; the text says why.
        assigned: partitions that are this node's now, each with the metadata that were committed of it last, or "".
        revoked: partitions that are not this node's any more.
        fetched: messages, in order.
        committed: what the group has committed of the watched partitions.
        fault: what went wrong (50001, 50005).
        reachable: a broker answers, or none does, with what was said.
    """

    ready: Callable[[], None]
    refused: Callable[[str], None]
    assigned: Callable[[Mapping[int, str]], None]
    revoked: Callable[[Sequence[int]], None]
    fetched: Callable[[Sequence[Message]], None]
    committed: Callable[[Mapping[int, Commit]], None]
    fault: Callable[[ErrorCode, str], None]
    reachable: Callable[[bool, str], None]
