"""Proof that a store on MySQL is what it was when its messages were acknowledged: seqs, digests and rolling hashes.

All pages are read in one snapshot (REPEATABLE READ), beside nodes that write; the server's own structures are for its own
tools (CHECK TABLE).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pingme.adapters.mysql_connection import Address, Connection
from pingme.adapters.mysql_start import STEP_S, check_server, reach, read_meta
from pingme.adapters.sqlite_verify import EventRow, Report, Verified, Walk, verify_event
from pingme.adapters.store_mysql_load import unpack
from pingme.domain.errors import StoreUnavailable
from pingme.domain.events import KIND_NUMBERS

PAGE_ROWS = 1_000
SNAPSHOT = (
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT"
)
# Two ranges of the primary key, which an OR of them in one condition would not be.
_PAGE = f"""
SELECT e.conversation, e.seq, e.kind, e.msg_id, e.server_ts, HEX(e.digest), HEX(e.hash), HEX(e.body),
  HEX(c.conversation_id), HEX(u.user_id), e.edited_seq IS NOT NULL OR e.recalled_seq IS NOT NULL
    OR (e.kind = {KIND_NUMBERS["edit"]} AND EXISTS (SELECT 1 FROM events t
      WHERE t.conversation = e.conversation AND t.seq = e.target_seq AND t.recalled_seq IS NOT NULL))
FROM ((SELECT * FROM events WHERE conversation = %s AND seq > %s ORDER BY seq LIMIT {PAGE_ROWS})
  UNION ALL (SELECT * FROM events WHERE conversation > %s ORDER BY conversation, seq LIMIT {PAGE_ROWS})
  ORDER BY conversation, seq LIMIT {PAGE_ROWS}) e
LEFT JOIN conversations c ON c.id = e.conversation LEFT JOIN users u ON u.id = e.sender
ORDER BY e.conversation, e.seq
"""  # noqa: S608  # constants


async def verify(address: Address, *, report: Report) -> Verified:
    """Look at a whole store, which may be in use.

    Args:
        address: with the name of the database.
        report: phase ``events``.

    Raises:
        StoreUnavailable: it is not there, or is no store of PingMe.
    """
    result = Verified(f"{address.host}:{address.port}/{address.name}")
    async with reach(address, statement_s=STEP_S) as connection:
        await check_server(connection)
        meta = await read_meta(connection)
        if meta is None:
            raise StoreUnavailable(f"{result.path} is no PingMe database")
        result.epoch = meta.epoch
        if meta.importing:
            result.note("an import into this store was not finished, or is running")
        await connection.execute_all(SNAPSHOT, count=2)
        await _verify(connection, result, report)
    return result


async def _verify(connection: Connection, result: Verified, report: Report) -> None:
    counted = await connection.execute("SELECT COUNT(*) FROM events WHERE conversation > 0")
    total = int(counted.rows[0][0])
    walk, after = Walk(), (0, 2**62)  # conversation 0 holds refusals: they have no chain
    while True:
        rows = (await connection.execute(_PAGE, (*after, after[0]))).rows
        if not rows:
            break
        for row in rows:
            verify_event(_event(row), walk, result)
        after = (rows[-1][0], rows[-1][1])
        result.events += len(rows)
        report("events", result.events, total)
    result.heads = walk.close()


def _event(row: Sequence[Any]) -> EventRow:
    conversation, seq, kind, msg_id, server_ts, digest, hash_, body, conversation_id, sender_id, changed = row
    text = unpack(msg_id).encode().hex()
    return EventRow(
        conversation, seq, kind, "text", text, server_ts, digest, hash_, body,
        conversation_id or "", sender_id or "", int(changed),
    )  # fmt: skip
