"""Digest and rolling hash: one value that proves two copies of a conversation equal, event by event.

    H(x)      = the first 16 bytes of SHA-256(x)
    digest(n) = H(canonical JSON of {body, conversation_id, kind, msg_id, sender_id, seq, server_ts})
    h(0)      = H(conversation_id)
    h(n)      = H(h(n-1) ‖ digest(n))
    heads     = H(the sum, modulo 2^256 and in 32 bytes, of SHA-256("conversation_id seq h(seq)") over all conversations)

Canonical JSON is RFC 8785. Ids need no escaping and the keys below stand in order, so formatting gives it directly;
`tests/unit/test_chain.py` compares with a general canonicaliser.
"""

from __future__ import annotations

from hashlib import sha256

HASH_BYTES = 16  # 128 bits: enough against accident and second pre-image, half of SHA-256 in every row


def first_hash(conversation_id: str) -> bytes:
    """Return h(0) of a conversation, 16 bytes."""
    return sha256(conversation_id.encode()).digest()[:HASH_BYTES]


def digest_of(
    payload: bytes, conversation_id: str, kind: str, msg_id: str, sender_id: str, seq: int, server_ts: int
) -> bytes:
    """Return the digest of an event as first stored, 16 bytes. Positional: it runs once a message.

    ``payload`` is the canonical JSON of the event's body; the rest are the fields of the event.
    """
    return sha256(
        b'{"body":%b,"conversation_id":"%b","kind":"%b","msg_id":"%b","sender_id":"%b","seq":%d,"server_ts":%d}'
        % (
            payload,
            conversation_id.encode(),
            kind.encode(),
            msg_id.encode(),
            sender_id.encode(),
            seq,
            server_ts,
        )
    ).digest()[:HASH_BYTES]


def next_hash(previous: bytes, digest: bytes) -> bytes:
    """Return h(n) from h(n-1) and digest(n), 16 bytes."""
    return sha256(previous + digest).digest()[:HASH_BYTES]


class Heads:
    """One value of all conversations' heads: two stores that have the same have the same events.

    A sum, because stores hold conversations in different orders, and sorting millions of heads would take their memory.
    """

    def __init__(self) -> None:
        self._sum = 0

    def add(self, conversation_id: str, seq: int, rolling: bytes) -> None:
        """Take a conversation's newest seq and the hash there; each conversation once."""
        line = f"{conversation_id} {seq} {rolling.hex()}"
        self._sum = (self._sum + int.from_bytes(sha256(line.encode()).digest(), "big")) % (1 << 256)

    def hex(self) -> str:
        """Return the value so far, 32 hexadecimal digits."""
        return sha256(self._sum.to_bytes(32, "big")).digest()[:HASH_BYTES].hex()
