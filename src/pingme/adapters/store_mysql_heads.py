"""Which conversations have new events, on MySQL: by the index over shard and change number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pingme.adapters.mysql_database import MysqlDatabase
from pingme.adapters.store_mysql_load import marks
from pingme.domain.events import KIND_NUMBERS, MEMBERSHIP_KINDS
from pingme.domain.model import ConversationType
from pingme.ports.store import HeadChange, HeadChanges

_NUMBERS = ",".join(str(KIND_NUMBERS[kind]) for kind in sorted(MEMBERSHIP_KINDS))
# {limit}: of one shard's conversations.
_OF_SHARD = f"""
(SELECT conversation, MIN(seq) AS first_seq, MAX(seq) AS head_seq,
  COALESCE(MAX(CASE WHEN kind IN ({_NUMBERS}) THEN seq END), 0) AS members_seq
FROM events WHERE shard = %s AND change_no > %s AND change_no <= %s AND conversation > 0
GROUP BY conversation LIMIT {{limit}})
"""  # noqa: S608  # constants
_HEADS = """
SELECT h.conversation, c.conversation_id, c.type, h.first_seq, h.head_seq, h.members_seq
FROM ({shards}) h JOIN conversations c ON c.id = h.conversation LIMIT {limit}
"""
_HEARERS = """
SELECT m.conversation, u.user_id FROM members m JOIN users u ON u.id = m.user WHERE m.conversation IN ({keys})
"""


async def heads_changed(database: MysqlDatabase, since: Sequence[int], limit: int) -> HeadChanges:
    """See `Store.heads_changed`: one statement where nothing has changed, three where something has."""
    numbers = tuple(n for (n,) in await database.read("SELECT n FROM shards ORDER BY id"))
    parameters: list[object] = []
    for shard, (before, newest) in enumerate(zip(since, numbers, strict=True)):
        if newest > before:
            parameters += (shard, before, newest)
    if not parameters:
        return HeadChanges(numbers, (), complete=True)
    shards = " UNION ALL ".join([_OF_SHARD.format(limit=limit + 1)] * (len(parameters) // 3))
    found = await database.read(_HEADS.format(shards=shards, limit=limit + 1), parameters)
    rows = found[:limit]
    hearers = await _hearers(database, [row[0] for row in rows if row[2] != ConversationType.GROUP])
    changes = [_change(row, hearers) for row in rows]
    return HeadChanges(numbers, changes, complete=len(found) <= limit)


def _change(row: Sequence[Any], hearers: Mapping[int, Sequence[str]]) -> HeadChange:
    key, conversation_id, _, first_seq, head_seq, members_seq = row
    return HeadChange(
        conversation_id, int(first_seq), int(head_seq), tuple(sorted(hearers.get(key, ()))), int(members_seq)
    )


async def _hearers(database: MysqlDatabase, keys: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """Return who hears these private conversations and users' own logs."""
    found: dict[int, list[str]] = {}
    if keys:
        for key, user_id in await database.read(_HEARERS.format(keys=marks(keys)), keys):
            found.setdefault(key, []).append(user_id)
    return found
