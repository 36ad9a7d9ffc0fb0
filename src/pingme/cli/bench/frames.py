"""Frames of the load as bytes: built from prepared parts, read at fixed offsets.

Every id of the bench has a fixed length (`USER_ID_LENGTH`, `CONVERSATION_ID_LENGTH`, a UUID as msg_id), so the only
part of a ``message`` or ``message_ack`` that varies in length is its seq. The last 12 hex digits of a msg_id are its
*tag*: the sender's number and the sender's own count. The first 16 bytes of the content are the time at which the
message should have been sent, in microseconds of the machine's monotonic clock, so any process can tell its age.
"""

from __future__ import annotations

import os
import time

from pingme.domain.ids import private_conversation_id, uuid7

USER_PREFIX = "ubench"
USER_ID_LENGTH = 12  # the prefix and six digits
CONVERSATION_ID_LENGTH = 27  # of a private conversation (docs/protocol.md, "Values"); groups are made as long
COUNT_BITS = 28  # of a tag: messages of one sender; the 20 bits above are the sender's number
MAX_SENDERS = 1 << 20
STAMP_BYTES = 16  # digits of the time in the content

_UUID = 36
_TAG = 12
_PUSH = b'{"type":"message","payload":{"conversation_id":"'
_ACK = b'{"type":"message_ack","payload":{"msg_id":"'

KIND_AT, KIND_END = 9, 17
KIND_PUSH = b'message"'
KIND_ACK = b"message_"

PUSH_ID_AT = len(_PUSH)
PUSH_ID_END = PUSH_ID_AT + CONVERSATION_ID_LENGTH
PUSH_SEQ_AT = PUSH_ID_END + len(b'","seq":')
# From the comma behind the seq on.
PUSH_TAG_FROM_COMMA = len(b',"msg_id":"') + _UUID - _TAG
PUSH_STAMP_FROM_COMMA = (
    PUSH_TAG_FROM_COMMA
    + _TAG
    + len(b'","sender_id":"')
    + USER_ID_LENGTH
    + len(b'","server_ts":')
    + 13  # digits of a time in milliseconds, until the year 2286
    + len(b',"content":"')
)

ACK_TAG_AT = len(_ACK) + _UUID - _TAG
ACK_TAG_END = ACK_TAG_AT + _TAG
ACK_ID_AT = ACK_TAG_END + len(b'","conversation_id":"')
ACK_ID_END = ACK_ID_AT + CONVERSATION_ID_LENGTH
ACK_SEQ_AT = ACK_ID_END + len(b'","seq":')
ACK_END = b'"duplicate":false}}'


def now_us() -> int:
    """Return the machine's monotonic clock in microseconds, the same for all its processes."""
    return time.monotonic_ns() // 1000


def tag_of(sender: int, count: int) -> int:
    """Return the tag of a sender's message number ``count``, from 1."""
    return sender << COUNT_BITS | count


def masked_frame(payload: bytes) -> bytes:
    """Return a client's text frame with the masking key 0, which leaves the payload as it is (RFC 6455 §5.3)."""
    return frame_header(len(payload)) + payload


def frame_header(length: int) -> bytes:
    """Return the header of a masked text frame with this many bytes, up to 65 535, and the masking key 0."""
    if length < 126:
        return bytes((0x81, 0x80 | length, 0, 0, 0, 0))
    return bytes((0x81, 0x80 | 126, length >> 8, length & 0xFF, 0, 0, 0, 0))


def user_id_of(number: int) -> str:
    """Return the id of the bench's user with a number below `MAX_SENDERS`."""
    return f"{USER_PREFIX}{number:06d}"


def group_id_of(members: int, number: int) -> str:
    """Return the id of the bench's group with so many members."""
    return f"gbench{members:07d}x{number:013d}"


def pair_id_of(one: str, other: str) -> str:
    """Return the id of a private conversation."""
    return private_conversation_id(one, other)  # type: ignore[arg-type]  # plain strings outside the domain


class MsgIds:
    """The first 24 characters of msg_ids.

    Args:
        ordered: True for UUIDv7, sorted by time; False for random ones, the hardest case for the store's index.
    """

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._until_us = 0
        self._prefix = b""

    def prefix(self, at_us: int) -> bytes:
        """Return the part before the tag; time-ordered ones are made anew every millisecond."""
        if not self._ordered:
            text = os.urandom(10).hex()
            return f"{text[:8]}-{text[8:12]}-4{text[12:15]}-a{text[15:18]}-".encode()
        if at_us >= self._until_us:
            self._prefix = uuid7(time.time_ns() // 1_000_000, os.urandom(10))[:24].encode()
            self._until_us = at_us + 1000
        return self._prefix


class SendTemplate:
    """A ``send`` frame to one conversation; only msg_id and the time in the content change.

    Args:
        target: such as ``"to_user_id":"ubench000001"``.
        payload_bytes: of the content, at least `STAMP_BYTES`.
    """

    __slots__ = ("_head", "_middle", "_tail")

    def __init__(self, target: str, payload_bytes: int) -> None:
        self._head = b'{"type":"send","payload":{"msg_id":"'
        self._middle = b'","content":"'
        self._tail = f'{"x" * (payload_bytes - STAMP_BYTES)}",{target}}}}}'.encode()
        length = len(self._head) + _UUID + len(self._middle) + STAMP_BYTES + len(self._tail)
        self._head = frame_header(length) + self._head

    def frame(self, prefix: bytes, tag: int, intended_us: int) -> bytes:
        """Return the whole frame."""
        return b"%b%b%012x%b%016d%b" % (self._head, prefix, tag, self._middle, intended_us, self._tail)
