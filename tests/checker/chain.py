"""Digest, rolling hash and ids of private conversations, made anew from docs/protocol.md."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

HASH_BYTES = 16


def h(data: bytes) -> bytes:
    """Return H of docs/protocol.md, "Rolling hash"."""
    return hashlib.sha256(data).digest()[:HASH_BYTES]


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 form of JSON made of objects, lists, strings, whole numbers and booleans.

    Raises:
        TypeError: there is a fraction in it, which no event has and whose form is RFC 8785's hard part.
    """
    return _write(value).encode()


def _write(value: Any) -> str:
    if isinstance(value, dict):
        # RFC 8785 §3.2.3: names are ordered by their UTF-16 code units.
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_write(name)}:{_write(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_write, value)) + "]"
    if isinstance(value, float):
        raise TypeError(f"canonical: expected a whole number, got {value!r}")
    return json.dumps(value, ensure_ascii=False)


def digest_of(event: dict[str, Any]) -> bytes:
    """Return the digest of an event; of ``event``, exactly the seven fields of the definition are given."""
    return h(canonical(event))


def first_hash(conversation_id: str) -> bytes:
    """Return h(0)."""
    return h(conversation_id.encode())


def next_hash(before: bytes, digest: bytes) -> bytes:
    """Return h(n) from h(n-1) and digest(n)."""
    return h(before + digest)


def private_id(one: str, other: str) -> str:
    """Return the conversation id of two users."""
    first, second = sorted((one, other))
    return "p" + base64.b32encode(h(f"{first}:{second}".encode())).decode().lower().rstrip("=")
