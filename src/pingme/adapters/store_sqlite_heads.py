"""Which conversations have new events: by the order of insertion, without an index on the change number.

`events` is only ever appended to, by one writer, so change numbers grow with the rowid. A binary search finds the first
new row in some twenty steps; an index would cost every message (docs/adr/0007). NOT INDEXED leaves the rowid: the planner
would walk a whole index to have the groups in order.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import msgspec

from pingme.domain.events import KIND_NUMBERS, MEMBERSHIP_KINDS
from pingme.ports.store import HeadChange

_NUMBERS = ",".join(str(KIND_NUMBERS[kind]) for kind in sorted(MEMBERSHIP_KINDS))
_ROW_AT = "SELECT change_no FROM events WHERE rowid <= ? ORDER BY rowid DESC LIMIT 1"
_HEADS = f"""
SELECT json_group_array(json_array(c.conversation_id, h.first_seq, h.head_seq,
  (SELECT json_group_array(u.user_id) FROM members m JOIN users u ON u.id = m.user
   WHERE m.conversation = c.id AND c.type <> 2), h.members_seq))
FROM (
  SELECT conversation, min(seq) AS first_seq, max(seq) AS head_seq,
    coalesce(max(seq) FILTER (WHERE kind IN ({_NUMBERS})), 0) AS members_seq
  FROM events NOT INDEXED WHERE rowid > ? AND change_no <= ? AND conversation > 0 GROUP BY conversation LIMIT ?) h
JOIN conversations c ON c.id = h.conversation
"""  # noqa: S608  # constants


def heads_changed(
    connection: sqlite3.Connection, after: int, newest: int, limit: int
) -> tuple[list[HeadChange], bool]:
    """Return what has events with a change number above ``after``, up to ``newest``; and whether that is all."""
    text = connection.execute(_HEADS, (_last_row_before(connection, after), newest, limit + 1)).fetchone()[0]
    rows: list[list[Any]] = msgspec.json.decode(text)
    return [_change(row) for row in rows[:limit]], len(rows) <= limit


def _change(row: list[Any]) -> HeadChange:
    conversation_id, first_seq, head_seq, users, members_seq = row
    hearers: list[str] = msgspec.json.decode(users) if isinstance(users, str) else users
    return HeadChange(conversation_id, first_seq, head_seq, tuple(sorted(hearers)), members_seq)


def _last_row_before(connection: sqlite3.Connection, after: int) -> int:
    """Return the rowid below which no row is newer than ``after``, and above which every one is."""
    low, high = 0, int(connection.execute("SELECT coalesce(max(rowid), 0) FROM events").fetchone()[0])
    while low < high:
        middle = (low + high + 1) // 2
        found = connection.execute(_ROW_AT, (middle,)).fetchone()
        if found is None or found[0] <= after:
            low = middle
        else:
            high = middle - 1
    return low
