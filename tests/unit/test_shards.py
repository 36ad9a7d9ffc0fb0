"""The shard of a conversation is part of the stored data: it may never change."""

from __future__ import annotations

from collections import Counter

from pingme.domain.shards import SHARDS, shard_of


def test_shards_are_those_of_the_formula():
    """SHA-256's first eight bytes, big-endian, modulo the count; computed elsewhere once and kept."""
    assert [shard_of(each) for each in ("p1", "g1", "u1", "")] == [3, 0, 10, 4]


def test_conversations_spread_over_all_shards():
    """Of 16 000 conversations every shard has about 1 000."""
    counts = Counter(shard_of(f"g{number}") for number in range(16_000))

    assert set(counts) == set(range(SHARDS))
    assert 850 < min(counts.values()) <= max(counts.values()) < 1_150
