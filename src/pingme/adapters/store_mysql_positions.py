"""Positions of members: many of them in two statements, whatever their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pingme.adapters.mysql_database import Transaction
from pingme.adapters.mysql_schema import KEY_SHIFT
from pingme.adapters.store_mysql_load import marks
from pingme.ports.store import Position

# Only rows that move are changed and stamped.
_MOVE = """
UPDATE members m JOIN (
  SELECT c.id AS conversation, u.id AS user, MAX(j.delivered) AS delivered_seq, MAX(j.readup) AS read_seq
  FROM JSON_TABLE(%s, '$[*]' COLUMNS (
    conversation_id VARCHAR(64) PATH '$[0]', user_id VARCHAR(64) PATH '$[1]',
    delivered BIGINT PATH '$[2]', readup BIGINT PATH '$[3]')) j
  STRAIGHT_JOIN conversations c ON c.conversation_id = j.conversation_id COLLATE {collation}
  STRAIGHT_JOIN users u ON u.user_id = j.user_id COLLATE {collation}
  GROUP BY c.id, u.id) moved ON m.conversation = moved.conversation AND m.user = moved.user
SET m.delivered_seq = GREATEST(m.delivered_seq, moved.delivered_seq), m.read_seq = GREATEST(m.read_seq, moved.read_seq),
  m.change_no = {number}
WHERE m.delivered_seq < moved.delivered_seq OR m.read_seq < moved.read_seq
"""
# In private chats the peer's row too, so that the peer's sync shows the ticks.
_STAMP_PEERS = """
UPDATE conversations c JOIN members x ON x.conversation = c.id JOIN members m ON m.conversation = c.id
SET m.change_no = {number}
WHERE c.type = 1 AND c.conversation_id IN ({ids}) AND x.change_no = {number}
"""


def number_of_shard(column: str, numbers: Mapping[int, int]) -> str:
    """Return the SQL of the number that belongs to the shard of a conversation's key."""
    cases = " ".join(f"WHEN {shard} THEN {number}" for shard, number in numbers.items())
    return f"(CASE {column} >> {KEY_SHIFT} {cases} END)"


async def write_positions(
    transaction: Transaction, positions: Sequence[Position], numbers: Mapping[int, int], *, collation: str
) -> bool:
    """Move positions forwards; tell whether any has moved."""
    rows = [
        (position.conversation_id, position.user_id, position.delivered_seq, position.read_seq)
        for position in positions
    ]
    number = number_of_shard("m.conversation", numbers)
    moved = await transaction.execute(
        _MOVE.format(collation=collation, number=number), (msgspec.json.encode(rows).decode(),)
    )
    if not moved.count:
        return False
    ids = sorted({position.conversation_id for position in positions})
    number = number_of_shard("c.id", numbers)
    await transaction.execute(_STAMP_PEERS.format(number=number, ids=marks(ids)), ids)
    return True
