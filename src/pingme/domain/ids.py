"""Identifiers: their types, their alphabet, and the ones that are computed.

Formats: docs/protocol.md, "Values". Every id matches ``[A-Za-z0-9_-]{1,64}``, so it needs no escaping in JSON.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import NewType

UserId = NewType("UserId", str)
DeviceId = NewType("DeviceId", str)
ConversationId = NewType("ConversationId", str)
MsgId = NewType("MsgId", str)
Seq = NewType("Seq", int)

MAX_SEQ = 2**53 - 1  # the largest integer that every JSON reader holds exactly (RFC 8259 §6)

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_CANONICAL_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_is_id = _ID.match


def is_id(text: str) -> bool:
    """Tell whether text has the form of an id: 1 to 64 letters, digits, ``_`` or ``-``."""
    return _is_id(text) is not None


def private_conversation_id(one: UserId, other: UserId) -> ConversationId:
    """Return the id of the private conversation of two users, the same whoever asks.

    ``p`` + base32(SHA-256(min ‖ ":" ‖ max)[:16]), lower case, unpadded: 27 characters.
    """
    low, high = (one, other) if one <= other else (other, one)
    digest = hashlib.sha256(f"{low}:{high}".encode()).digest()[:16]
    return ConversationId("p" + base64.b32encode(digest).decode("ascii").rstrip("=").lower())


def time_ordered_id(prefix: str, now_ms: int, entropy: bytes) -> str:
    """Return a new id that sorts by time: prefix, 48 bits of milliseconds, then the entropy, in base32hex.

    Args:
        prefix: ``u`` for users, ``g`` for groups.
        now_ms: Unix milliseconds.
        entropy: at least 10 random bytes.
    """
    raw = (now_ms & (2**48 - 1)).to_bytes(6, "big") + entropy[:10].ljust(10, b"\0")
    return prefix + base64.b32hexencode(raw).decode("ascii").rstrip("=").lower()


def uuid7(now_ms: int, entropy: bytes) -> str:
    """Return a UUID version 7 (RFC 9562 §5.7) in canonical lower-case form.

    Args:
        now_ms: Unix milliseconds, 48 bits.
        entropy: at least 10 random bytes, of which 74 bits are used.
    """
    value = (now_ms & (2**48 - 1)) << 80 | int.from_bytes(entropy[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def pack_msg_id(msg_id: str) -> bytes | str:
    """Return the 16 bytes of a canonical lower-case UUID, and any other id unchanged.

    Only the canonical form is packed: two spellings of one UUID are two msg_ids.
    """
    if len(msg_id) == 36 and _CANONICAL_UUID.match(msg_id):  # 36: the length of a UUID in text
        return bytes.fromhex(msg_id.replace("-", ""))
    return msg_id


def unpack_msg_id(packed: bytes | str) -> MsgId:
    """Return the text that `pack_msg_id` was given."""
    if isinstance(packed, str):
        return MsgId(packed)
    text = packed.hex()
    return MsgId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
