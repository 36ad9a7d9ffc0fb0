"""The SQL of a plan: one INSERT in the good case, further statements of the same transaction where effects ask for them."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Mapping, Sequence

from pingme.adapters.store_sqlite_load import REFUSED_NUMBER
from pingme.domain.effects import (
    ConversationChanged,
    ConversationMade,
    MemberSet,
    MessageEdited,
    MessageRecalled,
    ProfileChanged,
    ReactionSet,
    SettingsChanged,
)
from pingme.domain.events import KIND_NUMBERS, MESSAGE
from pingme.domain.ids import pack_msg_id
from pingme.domain.model import Conversation
from pingme.domain.usernames import username_key
from pingme.pipeline.plan import REFUSED_KIND, Plan, Row

_INTO = (
    "INSERT INTO events (conversation, seq, change_no, kind, sender, msg_id, server_ts, client_ts,"
    " digest, hash, body, target_seq) "
)
INSERT_ONE = _INTO + "VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
"""The statement that inserts one event, for tools that fill a file with `executemany`."""

# Preparing an INSERT costs more than running it, and more than linearly: 1 ms for 128 rows, 4 ms for 256, 64 ms for 1 024;
# and batches come in all sizes. So there are four sizes to an octave, the rows that are too many are NULL and left out,
# a large batch is several INSERTs, and all sizes are prepared before the first message comes.
MAX_ROWS = 256
_SELECT = "SELECT {} FROM (VALUES {}) WHERE column1 IS NOT NULL"
_COLUMNS = 12
_ALL = ",".join(f"column{number + 1}" for number in range(_COLUMNS))
# Of a batch of plain messages some columns are the same in every row: eight parameters a row instead of twelve.
_PLAIN_COLUMNS = 8
_PLAIN_SHARED = 2  # change_no, server_ts
_PLAIN = f"column1,column2,?1,{MESSAGE},column3,column4,?2,column5,column6,column7,column8,NULL"
_NUMBERS = {**KIND_NUMBERS, REFUSED_KIND: REFUSED_NUMBER}

Statement = tuple[str, Sequence[object]]


def inserts_of(rows: Sequence[Row], change_no: int) -> list[Statement]:
    """Return the statements that insert these rows, which are one batch: they share their server_ts."""
    if len(rows) <= MAX_ROWS:
        return [_insert_of(rows, change_no)]
    return [_insert_of(rows[at : at + MAX_ROWS], change_no) for at in range(0, len(rows), MAX_ROWS)]


def common_inserts() -> list[str]:
    """Return the statements of plain messages, in every size: preparing them takes some 20 ms in all."""
    sizes = dict.fromkeys(padded(count + 1) for count in range(MAX_ROWS))
    return [_insert_sql(_PLAIN, size, _PLAIN_COLUMNS, _PLAIN_SHARED) for size in sizes]


def _insert_of(rows: Sequence[Row], change_no: int) -> Statement:
    count = len(rows)
    size = padded(count)
    if all(event.kind == "message" for _, _, _, event in rows):
        plain = _plain_parameters(rows, change_no)
        plain += (None,) * ((size - count) * _PLAIN_COLUMNS)
        return _insert_sql(_PLAIN, size, _PLAIN_COLUMNS, _PLAIN_SHARED), plain
    flat = _parameters(rows, change_no)
    flat += (None,) * ((size - count) * _COLUMNS)
    return _insert_sql(_ALL, size, _COLUMNS, 0), flat


def padded(count: int) -> int:
    """Return the size of the statement for ``count`` rows: count itself up to 8, then four to an octave."""
    step = 1 << max(0, (count - 1).bit_length() - 3)
    return -(-count // step) * step


@functools.cache  # 28 sizes of each kind
def _insert_sql(columns: str, size: int, width: int, shared: int) -> str:
    """Return the text of the statement: the parameters of all rows have numbers, after the shared ones."""
    first = shared + 1
    rows = (
        "(" + ",".join(f"?{number}" for number in range(at, at + width)) + ")"
        for at in range(first, first + size * width, width)
    )
    return _INTO + _SELECT.format(columns, ",".join(rows))


def _plain_parameters(rows: Sequence[Row], change_no: int) -> list[object]:
    flat: list[object] = [change_no, rows[0][3].server_ts]
    for log_key, sender_key, _, event in rows:
        flat += (
            log_key, event.seq, sender_key, pack_msg_id(event.msg_id), event.client_ts,
            event.digest, event.hash, event.payload.decode(),
        )  # fmt: skip
    return flat


def _parameters(rows: Sequence[Row], change_no: int) -> list[object]:
    flat: list[object] = []
    for log_key, sender_key, target_seq, event in rows:
        flat += (
            log_key, event.seq, change_no, _NUMBERS[event.kind], sender_key, pack_msg_id(event.msg_id),
            event.server_ts, event.client_ts, event.digest, event.hash, event.payload.decode(), target_seq,
        )  # fmt: skip
    return flat


def _conversation_values(conversation: Conversation) -> tuple[object, ...]:
    return (
        conversation.name,
        conversation.announcement,
        conversation.avatar,
        conversation.history_policy,
        conversation.join_policy,
        int(conversation.dissolved),
    )


_MAKE = """
INSERT INTO conversations (id, conversation_id, type, created_ts, name, announcement, avatar, history_policy, join_policy,
  dissolved) VALUES (?,?,?,?,?,?,?,?,?,?)
"""
_CHANGE = """
UPDATE conversations SET name=?, announcement=?, avatar=?, history_policy=?, join_policy=?, dissolved=? WHERE id=?
"""
# Positions are kept when somebody comes back; a new member has nothing unread before from_seq.
_MEMBER = """
INSERT INTO members (conversation, user, role, joined_seq, from_seq, until_seq, change_no) VALUES (?,?,?,?,?,?,?)
ON CONFLICT (conversation, user) DO UPDATE SET role=excluded.role, joined_seq=excluded.joined_seq,
  from_seq=excluded.from_seq, until_seq=excluded.until_seq, change_no=excluded.change_no
"""
_EDIT = "UPDATE events SET body=json_set(body, '$.content', ?), edited_seq=? WHERE conversation=? AND seq=?"
_PROFILE = """
UPDATE users SET nickname=coalesce(?, nickname), nickname_key=coalesce(?, nickname_key), email=coalesce(?, email),
  avatar=coalesce(?, avatar) WHERE id=?
"""
_ERASE = """
UPDATE events SET body=json_remove(json_set(body, '$.content', ''), '$.mentions'), recalled_seq=?
WHERE conversation=? AND seq=?
"""
_ERASE_EDITS = """
UPDATE events SET body=json_set(body, '$.content', '') WHERE conversation=? AND target_seq=? AND kind=?
"""
_SETTINGS = """
UPDATE members SET muted=coalesce(?, muted), pinned=coalesce(?, pinned), draft=coalesce(?, draft), change_no=?
WHERE conversation=(SELECT id FROM conversations WHERE conversation_id=?) AND user=?
"""


def effect_statements(plan: Plan, users: Mapping[str, int], change_no: int) -> list[Statement]:
    """Return the statements of the plan's effects, in order."""
    statements: list[Statement] = []
    for key, seq, conversation_id, effect in plan.effects:
        match effect:
            case ConversationMade(made):
                first = (key, conversation_id, int(made.type), made.created_ts)
                statements.append((_MAKE, (*first, *_conversation_values(made))))
            case ConversationChanged(changed):
                statements.append((_CHANGE, (*_conversation_values(changed), key)))
            case MemberSet(member):
                seqs = (member.joined_seq, member.from_seq, member.until_seq)
                statements.append((_MEMBER, (key, users[member.user_id], int(member.role), *seqs, change_no)))
            case MessageEdited(target_seq, content):
                statements.append((_EDIT, (content, seq, key, target_seq)))
            case MessageRecalled(target_seq):
                statements.extend(_recall(key, seq, target_seq))
            case ReactionSet(target_seq, user_id, emoji, present):
                statements.append(_reaction(key, seq, target_seq, users[user_id], emoji, present=present))
            case SettingsChanged():
                statements.append(_settings(effect, users, change_no))
            case ProfileChanged():
                statements.append(_profile(effect, users))
    return statements


def _profile(effect: ProfileChanged, users: Mapping[str, int]) -> Statement:
    nickname_key = None if effect.nickname is None else username_key(effect.nickname)
    return (_PROFILE, (effect.nickname, nickname_key, effect.email, effect.avatar, users[effect.user_id]))


def _recall(key: int, seq: int, target_seq: int) -> list[Statement]:
    """Erase the content from the message and from every edit of it; digests and hashes stay."""
    return [
        (
            _ERASE,
            (seq, key, target_seq),
        ),
        (
            _ERASE_EDITS,
            (key, target_seq, KIND_NUMBERS["edit"]),
        ),
        ("DELETE FROM reactions WHERE conversation=? AND seq=?", (key, target_seq)),
    ]


def _reaction(key: int, seq: int, target_seq: int, user: int, emoji: str, *, present: bool) -> Statement:
    if present:
        return (
            "INSERT INTO reactions (conversation, seq, emoji, user, at_seq) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
            (key, target_seq, emoji, user, seq),
        )
    return (
        "DELETE FROM reactions WHERE conversation=? AND seq=? AND emoji=? AND user=?",
        (key, target_seq, emoji, user),
    )


def _settings(effect: SettingsChanged, users: Mapping[str, int], change_no: int) -> Statement:
    return (
        _SETTINGS,
        (effect.muted, effect.pinned, effect.draft, change_no, effect.about, users[effect.user_id]),
    )


def write_plan(
    connection: sqlite3.Connection,
    inserts: Sequence[Statement],
    more: Sequence[Statement],
    block: Statement | None,
) -> None:
    """Write a plan in one transaction; a lone INSERT is its own.

    Args:
        connection: the writing connection, in autocommit mode.
        inserts: of all rows.
        more: the statements of the effects.
        block: reserves the next block of change numbers, where this transaction is the first of it.
    """
    if not more and block is None and len(inserts) == 1:
        connection.execute(*inserts[0])
        return
    connection.execute("BEGIN IMMEDIATE")
    if block is not None:
        connection.execute(*block)
    # Conversations and members first would break nothing, but effects on messages need their rows.
    for statement in (*inserts, *more):
        connection.execute(*statement)
    connection.execute("COMMIT")
