"""Which shard, and so which Kafka partition, a conversation belongs to."""

from __future__ import annotations

from hashlib import sha256

SHARDS = 16  # kept in the store and equal to the partitions of the log: another count is another system


def shard_of(conversation_id: str, count: int = SHARDS) -> int:
    """Return the shard of a conversation, 0 to ``count`` - 1: the same in every process and for ever.

    The first 8 bytes of SHA-256 of the id, big-endian, modulo ``count``.
    """
    return int.from_bytes(sha256(conversation_id.encode()).digest()[:8], "big") % count
