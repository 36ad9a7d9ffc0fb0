"""Digest and rolling hash agree with a general canonicaliser."""

from __future__ import annotations

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from pingme.domain.chain import digest_of, first_hash, next_hash
from pingme.domain.events import MessageBody, encode_body

SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


def text(value: str) -> str:
    """RFC 8785 §3.2.2.2: minimal escapes, everything else as it is."""
    escaped = (SHORT.get(ord(char)) or (f"\\u{ord(char):04x}" if ord(char) < 32 else char) for char in value)
    return f'"{"".join(escaped)}"'


def canonical(value: object) -> str:
    """RFC 8785 for what events hold."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return text(value)
        case dict():
            keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
            return "{" + ",".join(f"{text(key)}:{canonical(value[key])}" for key in keys) + "}"
        case list() | tuple():
            return "[" + ",".join(canonical(each) for each in value) + "]"
        case _:
            raise TypeError(value)


def h(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:16]


def test_a_known_digest() -> None:
    """So that other implementations can compare."""
    payload = b'{"content":"hello","content_type":"text","to_user_id":"u-b"}'

    digest = digest_of(payload, "p1", "message", "m1", "u-a", 1, 1_767_225_600_000)

    whole = (
        b'{"body":{"content":"hello","content_type":"text","to_user_id":"u-b"},"conversation_id":"p1",'
        b'"kind":"message","msg_id":"m1","sender_id":"u-a","seq":1,"server_ts":1767225600000}'
    )
    assert digest == h(whole)
    assert next_hash(first_hash("p1"), digest) == h(h(b"p1") + digest)


@given(
    st.text(),
    st.lists(st.text(), max_size=3),
    st.none() | st.integers(1, 2**53 - 1),
    st.integers(1, 2**53 - 1),
    st.integers(0, 2**53 - 1),
)
def test_the_digest_is_of_canonical_json(
    content: str, mentions: list[str], reply_to: int | None, seq: int, server_ts: int
) -> None:
    """For any content: control characters, quotes, line separators, beyond the basic plane."""
    body = MessageBody(content=content, content_type="text", mentions=tuple(mentions), reply_to=reply_to)
    payload = encode_body(body)
    fields: dict[str, object] = {"content": content, "content_type": "text", "mentions": mentions}
    if reply_to is not None:
        fields["reply_to"] = reply_to
    event: dict[str, object] = {
        "conversation_id": "g-1",
        "seq": seq,
        "kind": "message",
        "sender_id": "u-a",
        "msg_id": "m-1",
        "server_ts": server_ts,
        "body": fields,
    }

    assert payload.decode() == canonical(fields)
    assert digest_of(payload, "g-1", "message", "m-1", "u-a", seq, server_ts) == h(canonical(event).encode())
    assert json.loads(payload) == fields


@given(st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=5), st.integers(0, 4))
def test_any_change_changes_the_head(digests: list[bytes], where: int) -> None:
    """One flipped bit in one event gives another rolling hash."""
    where %= len(digests)
    changed = [*digests]
    changed[where] = bytes([changed[where][0] ^ 1]) + changed[where][1:]

    def head(chain: list[bytes]) -> bytes:
        rolling = first_hash("g-1")
        for digest in chain:
            rolling = next_hash(rolling, digest)
        return rolling

    assert head(digests) != head(changed)
    assert len(head(digests)) == 16
