"""From the records of an export to values of rows, the same for every engine."""

from __future__ import annotations

from hashlib import sha256

from pingme.adapters.snapshot_rows import BYTES_KEY, KIND_NAMES
from pingme.domain.errors import StoreUnavailable
from pingme.domain.events import decode_body
from pingme.domain.usernames import username_key
from pingme.wire.export import ConversationRecord, DeadLetterRecord, EventRecord, UserRecord

_TYPES = {name: int(number) for number, name in KIND_NAMES.items()}
_WITH_TARGET = frozenset({"edit", "recall", "reaction"})


class NotEmpty(StoreUnavailable):
    """There is a store with something in it where an import would go."""


def user_values(record: UserRecord, nickname_key_chars: int | None = None) -> tuple[object, ...]:
    """Return the columns of an account after its key, with the keys of its names as this program computes them."""
    return (
        record.user_id, record.username, username_key(record.username), record.password_hash, record.nickname,
        username_key(record.nickname)[:nickname_key_chars] if record.nickname else "", record.email, record.avatar,
        int(record.disabled), record.created_ts, record.last_seen_ts,
    )  # fmt: skip


def conversation_values(record: ConversationRecord) -> tuple[object, ...]:
    """Return the columns of a conversation after its key."""
    return (
        record.conversation_id, _TYPES[record.kind], record.name, record.announcement, record.avatar,
        record.history_policy, record.join_policy, int(record.dissolved), record.created_ts,
    )  # fmt: skip


def target_of(record: EventRecord) -> int | None:
    """Return the seq of what an edit, recall or reaction is about; None for other kinds."""
    if record.kind not in _WITH_TARGET:
        return None
    return int(getattr(decode_body(record.kind, bytes(record.body)), "target_seq"))  # noqa: B009  # of three kinds


def letter_values(record: DeadLetterRecord) -> tuple[object, ...]:
    """Return the columns of a dead letter after its number."""
    named = record.sender_id or record.msg_id
    key = record.msg_id if named else f"{BYTES_KEY}{sha256(record.raw).hexdigest()}"
    return (
        record.sender_id, key, record.conversation_id, record.raw, record.code, record.error, record.attempts,
        record.origin, record.created_ts, record.replays,
    )  # fmt: skip
