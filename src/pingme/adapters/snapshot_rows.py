"""From rows to the records of an export, the same for every engine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, cast

import msgspec

from pingme.domain.chain import first_hash
from pingme.domain.events import KINDS, decode_body, encode_body
from pingme.domain.model import ROLE_NAMES, ConversationType
from pingme.wire.export import (
    BadExport,
    ConversationRecord,
    DeadLetterRecord,
    DeviceRecord,
    EventRecord,
    MemberRecord,
    ReactionRecord,
    RefusalRecord,
    UserRecord,
)

USER = """u.user_id, u.username, u.password_hash, u.nickname, u.email, u.avatar, u.disabled, u.created_ts,
  u.last_seen_ts"""
DEVICE = "u.user_id, d.device_id, d.name, d.family_id, d.generation, d.rotated_ts, d.created_ts, d.expires_ts"
CONVERSATION = """c.conversation_id, c.type, c.name, c.announcement, c.avatar, c.history_policy, c.join_policy,
  c.dissolved, c.created_ts, h.seq, h.hash"""
MEMBER = """c.conversation_id, u.user_id, m.role, m.joined_seq, m.from_seq, m.until_seq, m.delivered_seq, m.read_seq,
  m.muted, m.pinned, m.draft"""
EVENT = """c.conversation_id, e.seq, e.kind, u.user_id, e.msg_id, e.server_ts, e.client_ts, e.body, e.digest, e.hash,
  e.edited_seq, e.recalled_seq"""  # and whether its message was recalled, for an edit
REACTION = "c.conversation_id, r.seq, r.emoji, u.user_id, r.at_seq"
REFUSAL = "e.server_ts, u.user_id, e.msg_id, e.body"
LETTER = "sender_id, msg_id, conversation_id, raw, code, error, attempts, origin, created_ts, replays"

KIND_NAMES = {
    ConversationType.PRIVATE: "private",
    ConversationType.GROUP: "group",
    ConversationType.SELF: "self",
}
BYTES_KEY = (
    "bytes:"  # what a dead letter without a msg_id has instead (`pingme.adapters.dead_letters_sqlite`)
)

Row = Sequence[Any]


@contextlib.contextmanager
def whole_rows() -> Iterator[None]:
    """Turn what rows of another shape raise into an error that says so.

    Raises:
        BadExport: a row holds what no PingMe has written.
    """
    try:
        yield
    except (msgspec.DecodeError, LookupError, ValueError, TypeError) as exc:
        raise BadExport(f"a row of the store is damaged: {exc}; look at it with `pingme db verify`") from exc


def user_of(row: Row) -> UserRecord:
    """Return the record of a row of `USER`."""
    user_id, username, password_hash, nickname, email, avatar, disabled, created_ts, last_seen_ts = row
    return UserRecord(
        user_id=user_id, username=username, password_hash=password_hash, nickname=nickname, email=email,
        avatar=avatar, disabled=bool(disabled), created_ts=created_ts, last_seen_ts=last_seen_ts,
    )  # fmt: skip


def device_of(row: Row) -> DeviceRecord:
    """Return the record of a row of `DEVICE`."""
    user_id, device_id, name, family_id, generation, rotated_ts, created_ts, expires_ts = row
    return DeviceRecord(
        user_id=user_id, device_id=device_id, name=name, family_id=family_id, generation=generation,
        rotated_ts=rotated_ts, created_ts=created_ts, expires_ts=expires_ts,
    )  # fmt: skip


def conversation_of(row: Row) -> ConversationRecord:
    """Return the record of a row of `CONVERSATION`."""
    cid, kind, name, announcement, avatar, history_policy, join_policy, dissolved, created_ts, seq, hash_ = (
        row
    )
    return ConversationRecord(
        conversation_id=cid,
        kind=cast("Any", KIND_NAMES[ConversationType(kind)]),
        name=name,
        announcement=announcement,
        avatar=avatar,
        history_policy=history_policy,
        join_policy=join_policy,
        dissolved=bool(dissolved),
        created_ts=created_ts,
        last_seq=seq or 0,
        last_hash=(first_hash(cid) if hash_ is None else bytes(hash_)).hex(),
    )


def member_of(row: Row) -> MemberRecord:
    """Return the record of a row of `MEMBER`."""
    cid, user_id, role, joined, from_seq, until, delivered, read, muted, pinned, draft = row
    return MemberRecord(
        conversation_id=cid, user_id=user_id, role=cast("Any", ROLE_NAMES[role]), joined_seq=joined,
        from_seq=from_seq, until_seq=until, delivered_seq=delivered, read_seq=read, muted=bool(muted),
        pinned=bool(pinned), draft=draft,
    )  # fmt: skip


def event_of(row: Row, msg_id: str, body: bytes) -> EventRecord:
    """Return the record of a row of `EVENT` and whether it is erased.

    Args:
        row: of the columns.
        msg_id: as its sender has written it.
        body: the bytes of the column; each engine has its own way to change content, so what was changed is written anew.
    """
    (
        cid,
        seq,
        number,
        sender_id,
        _,
        server_ts,
        client_ts,
        _,
        digest,
        hash_,
        edited_seq,
        recalled_seq,
        erased,
    ) = row
    kind = KINDS[number] if number < len(KINDS) else f"#{number}"
    if edited_seq is not None or recalled_seq is not None or erased:
        body = encode_body(decode_body(kind, body))
    return EventRecord(
        conversation_id=cid, seq=seq, kind=kind, sender_id=sender_id or "", msg_id=msg_id, server_ts=server_ts,
        client_ts=client_ts, body=msgspec.Raw(body), digest=bytes(digest).hex(), hash=bytes(hash_).hex(),
        edited_seq=edited_seq, recalled_seq=recalled_seq, erased=bool(erased),
    )  # fmt: skip


def reaction_of(row: Row) -> ReactionRecord:
    """Return the record of a row of `REACTION`."""
    cid, seq, emoji, user_id, at_seq = row
    return ReactionRecord(conversation_id=cid, seq=seq, emoji=emoji, user_id=user_id, at_seq=at_seq)


def refusal_of(row: Row, msg_id: str, body: str) -> RefusalRecord:
    """Return the record of a row of `REFUSAL`; the body is the code, a space and the text."""
    code, _, message = body.partition(" ")
    return RefusalRecord(
        server_ts=row[0], sender_id=row[1] or "", msg_id=msg_id, code=int(code), message=message
    )


def letter_of(row: Row) -> DeadLetterRecord:
    """Return the record of a row of `LETTER`."""
    sender_id, msg_id, conversation_id, raw, code, error, attempts, origin, created_ts, replays = row
    return DeadLetterRecord(
        sender_id=sender_id, msg_id="" if msg_id.startswith(BYTES_KEY) else msg_id, conversation_id=conversation_id,
        raw=bytes(raw), code=code, error=error, attempts=attempts, origin=origin, created_ts=created_ts,
        replays=replays,
    )  # fmt: skip
