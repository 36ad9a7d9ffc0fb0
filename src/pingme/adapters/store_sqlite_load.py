"""What a batch needs to know, read in a handful of aggregated statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from pingme.domain.events import KINDS
from pingme.domain.ids import pack_msg_id
from pingme.domain.model import Conversation, ConversationType, Member, RoleRank, Target
from pingme.pipeline.needs import Loaded, Needs
from pingme.pipeline.plan import REFUSED_KIND, Known, Log, MsgKey

REFUSED_NUMBER = 255  # the kind of refusals in the event table
_encode = msgspec.json.encode
_decode = msgspec.json.decode


def _aggregate(connection: sqlite3.Connection, sql: str, keys: Iterable[object]) -> list[list[Any]]:
    """Run a statement that returns ONE JSON array for a JSON array of keys."""
    (text,) = connection.execute(sql, (_encode(list(keys)).decode(),)).fetchone()
    rows: list[list[Any]] = _decode(text)
    return rows


_LOGS = """
SELECT json_group_array(json_array(c.conversation_id, c.id, c.type, c.name, c.announcement, c.avatar, c.history_policy,
  c.join_policy, c.dissolved, c.created_ts, e.seq, hex(e.hash),
  (SELECT count(*) FROM members m WHERE m.conversation = c.id AND m.until_seq IS NULL),
  (SELECT json_group_array(x.user_id) FROM members m JOIN users x ON x.id = m.user
   WHERE m.conversation = c.id AND c.type <> 2),
  (SELECT max(max(m.joined_seq, coalesce(m.until_seq, 0))) FROM members m WHERE m.conversation = c.id)))
FROM json_each(?) j JOIN conversations c ON c.conversation_id = j.value
JOIN events e ON e.conversation = c.id AND e.seq = (SELECT max(seq) FROM events WHERE conversation = c.id)
WHERE c.id > 0
"""
_USERS = """
SELECT json_group_array(json_array(u.user_id, u.id)) FROM json_each(?) j JOIN users u ON u.user_id = j.value
"""
_MEMBERS = """
SELECT json_group_array(json_array(c.conversation_id, u.user_id, m.role, m.joined_seq, m.from_seq, m.until_seq))
FROM json_each(?) j
JOIN conversations c ON c.conversation_id = json_extract(j.value, '$[0]')
JOIN users u ON u.user_id = json_extract(j.value, '$[1]')
JOIN members m ON m.conversation = c.id AND m.user = u.id
"""
_TARGETS = """
SELECT json_group_array(json_array(c.conversation_id, e.seq, e.kind, u.user_id, e.server_ts, e.recalled_seq IS NOT NULL,
  (SELECT json_group_array(json_array(r.emoji, x.user_id)) FROM reactions r JOIN users x ON x.id = r.user
   WHERE r.conversation = e.conversation AND r.seq = e.seq)))
FROM json_each(?) j
JOIN conversations c ON c.conversation_id = json_extract(j.value, '$[0]')
JOIN events e ON e.conversation = c.id AND e.seq = json_extract(j.value, '$[1]')
JOIN users u ON u.id = e.sender
"""
_GROUP_COUNTS = """
SELECT json_group_array(json_array(j.value,
  (SELECT count(*) FROM users u JOIN members m ON m.user = u.id JOIN conversations c ON c.id = m.conversation
   WHERE u.user_id = j.value AND m.until_seq IS NULL AND c.type = 2)))
FROM json_each(?) j
"""
KEYS_AT_ONCE = 64  # one text of this size, and one for a lone key: the rest of a chunk is NULL


def _existing_sql(keys: int) -> str:
    values = ", ".join(f"({place}, ?, ?)" for place in range(keys))
    return f"""
WITH k (place, msg_id, sender) AS (VALUES {values})
SELECT json_group_array(json_array(k.place, c.conversation_id, e.kind, e.seq, e.server_ts, hex(e.digest),
  CASE e.kind WHEN {REFUSED_NUMBER} THEN e.body END))
FROM k CROSS JOIN users u ON u.user_id = k.sender CROSS JOIN events e ON e.msg_id = k.msg_id AND e.sender = u.id
JOIN conversations c ON c.id = e.conversation
"""  # noqa: S608  # constants


_EXISTING = {keys: _existing_sql(keys) for keys in (1, KEYS_AT_ONCE)}


def load(connection: sqlite3.Connection, needs: Needs) -> Loaded:
    """Read what a batch needs; one statement per sort of thing."""
    loaded = Loaded()
    if needs.logs:
        for row in _aggregate(connection, _LOGS, needs.logs):
            loaded.logs[str(row[0])] = _log(row)
    if needs.users:
        loaded.users = {
            str(user_id): int(key) for user_id, key in _aggregate(connection, _USERS, needs.users)
        }
    if needs.members:
        loaded.members = dict.fromkeys(needs.members)
        for row in _aggregate(connection, _MEMBERS, needs.members):
            loaded.members[str(row[0]), str(row[1])] = _member(row)
    if needs.targets:
        for row in _aggregate(connection, _TARGETS, needs.targets):
            loaded.targets[str(row[0]), int(row[1])] = _target(row)
    if needs.group_counts:
        loaded.group_counts = {
            str(user_id): int(count)
            for user_id, count in _aggregate(connection, _GROUP_COUNTS, needs.group_counts)
        }
    return loaded


def _log(row: list[Any]) -> Log:
    (
        cid,
        key,
        type_,
        name,
        announcement,
        avatar,
        history_policy,
        join_policy,
        dissolved,
        created,
        seq,
        hash_,
        count,
        peers,
        members_seq,
    ) = row
    conversation = Conversation(
        str(cid),
        ConversationType(int(type_)),
        name=str(name),
        announcement=str(announcement),
        avatar=str(avatar),
        history_policy=str(history_policy),
        join_policy=str(join_policy),
        dissolved=bool(dissolved),
        member_count=int(count),
        created_ts=int(created),
        peers=tuple(sorted(_texts(peers))),
    )
    return Log(int(key), conversation, int(seq), bytes.fromhex(str(hash_)), members_seq=int(members_seq or 0))


def _texts(value: Any) -> list[str]:
    """Return the strings of a nested JSON array, which SQLite gives as JSON or as text."""
    found: list[str] = _decode(value) if isinstance(value, str) else value
    return found


def _member(row: list[Any]) -> Member:
    _, user_id, role, joined_seq, from_seq, until_seq = row
    return Member(
        str(user_id),
        RoleRank(int(role)),
        int(joined_seq),
        int(from_seq),
        None if until_seq is None else int(until_seq),
    )


def _target(row: list[Any]) -> Target:
    _, seq, kind, sender_id, server_ts, recalled, reactions = row
    pairs: list[tuple[str, str]] = _decode(reactions) if isinstance(reactions, str) else reactions
    reactors = frozenset((emoji, user_id) for emoji, user_id in pairs)
    number = int(kind)
    name = KINDS[number] if number < len(KINDS) else REFUSED_KIND
    return Target(int(seq), name, str(sender_id), int(server_ts), bool(recalled), reactors)


def load_existing(connection: sqlite3.Connection, keys: Iterable[MsgKey]) -> dict[MsgKey, Known]:
    """Read which of these (sender_id, msg_id) are in the store already."""
    asked = list(keys)
    found: dict[MsgKey, Known] = {}
    for start in range(0, len(asked), KEYS_AT_ONCE):
        chunk = asked[start : start + KEYS_AT_ONCE]
        size = 1 if len(chunk) == 1 else KEYS_AT_ONCE
        parameters: list[object] = []
        for sender_id, msg_id in chunk:
            parameters += (pack_msg_id(msg_id), sender_id)
        parameters += [None] * (2 * size - len(parameters))
        (text,) = connection.execute(_EXISTING[size], parameters).fetchone()
        for place, *row in _decode(text):
            found[chunk[place]] = _known(row)
    return found


def _known(row: list[Any]) -> Known:
    conversation_id, kind, seq, server_ts, digest, body = row
    number = int(kind)
    if number < len(KINDS):
        return Known(str(conversation_id), KINDS[number], int(seq), int(server_ts), bytes.fromhex(digest))
    code, _, message = str(body).partition(" ")
    return Known("", REFUSED_KIND, int(seq), int(server_ts), bytes.fromhex(digest), int(code), message)
