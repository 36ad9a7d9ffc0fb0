"""Identifiers: their alphabet, and those that are computed."""

from __future__ import annotations

import base64
import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingme.domain.ids import (
    UserId,
    is_id,
    pack_msg_id,
    private_conversation_id,
    time_ordered_id,
    unpack_msg_id,
    uuid7,
)

CANONICAL = "0190163d-8694-739b-aea5-966c26f8ad91"
ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@pytest.mark.parametrize("text", ["a", "A-z_09", "x" * 64, CANONICAL, "-", "_"])
def test_ids_are_recognised(text: str) -> None:
    """1 to 64 letters, digits, _ and -."""
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "x" * 65, "a b", "a\n", "\n", "é", "a.b", "a\x00", "٣", "a\u200b", '"'])
def test_other_texts_are_no_ids(text: str) -> None:
    """A line break at the end and digits of other scripts count as what they are."""
    assert not is_id(text)


def test_a_private_conversation_has_one_id() -> None:
    """Computed from both users in the order of their ids, as the protocol says."""
    expected = "p" + base64.b32encode(hashlib.sha256(b"u-a:u-b").digest()[:16]).decode().rstrip("=").lower()

    assert private_conversation_id(UserId("u-a"), UserId("u-b")) == expected
    assert private_conversation_id(UserId("u-b"), UserId("u-a")) == expected
    assert is_id(expected)
    assert len(expected) == 27


@given(ids, ids, ids)
def test_private_conversations_of_other_pairs_differ(one: str, other: str, third: str) -> None:
    """Only the same two users share an id."""
    first = private_conversation_id(UserId(one), UserId(other))
    second = private_conversation_id(UserId(one), UserId(third))

    assert (first == second) == (other == third)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=12))
def test_time_ordered_ids_sort_by_time(one_ms: int, other_ms: int, entropy: bytes) -> None:
    """As text, and they are ids."""
    one, other = time_ordered_id("u", one_ms, entropy), time_ordered_id("u", other_ms, entropy)

    assert (one < other) == (one_ms < other_ms)
    assert is_id(one)
    assert one.startswith("u")


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=16))
def test_uuid7_is_one(now_ms: int, entropy: bytes) -> None:
    """Version 7, RFC variant, canonical lower case, time first."""
    text = uuid7(now_ms, entropy)

    value = uuid.UUID(text)
    assert (value.version, value.variant, str(value)) == (7, uuid.RFC_4122, text)
    assert value.int >> 80 == now_ms
    assert isinstance(pack_msg_id(text), bytes)


@given(ids | st.uuids().map(str) | st.uuids().map(lambda value: str(value).upper()))
def test_a_packed_msg_id_comes_back(msg_id: str) -> None:
    """Exactly as it was."""
    assert unpack_msg_id(pack_msg_id(msg_id)) == msg_id


def test_only_canonical_uuids_are_packed() -> None:
    """Another spelling is another msg_id."""
    assert pack_msg_id(CANONICAL) == uuid.UUID(CANONICAL).bytes
    for other in (CANONICAL.upper(), CANONICAL.replace("-", ""), CANONICAL + "0", CANONICAL[:-1] + "\n"):
        assert pack_msg_id(other) == other
