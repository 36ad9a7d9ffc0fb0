"""Dead letters in a table of the store on MySQL, where all nodes see them.

Undecodable records have no (sender_id, msg_id): they stand under the hash of their bytes, as embedded.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from pingme.adapters.mysql_database import MysqlDatabase
from pingme.adapters.store_mysql_load import marks
from pingme.domain.errors import DeadLetterFailed, StoreError
from pingme.ports.dead_letters import DeadLetterRecord

LIST_MAX = 1_000
PURGED_AT_ONCE = 1_000
_COLUMNS = "id, sender_id, msg_id, conversation_id, raw, code, error, attempts, origin, created_ts, replays"
_PUT = """
INSERT INTO dead_letters (sender_id, msg_id, conversation_id, raw, code, error, attempts, origin, created_ts, replays)
VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s,%s)
ON DUPLICATE KEY UPDATE conversation_id=%s, raw=%s, code=%s, error=%s, attempts=%s, origin=%s
"""


def _key(letter: DeadLetterRecord) -> tuple[str, str]:
    if letter.sender_id or letter.msg_id:
        return letter.sender_id, letter.msg_id
    return "", f"bytes:{sha256(letter.raw).hexdigest()}"  # ":" is in no msg_id


def _record(row: Sequence[Any]) -> DeadLetterRecord:
    id_, sender_id, msg_id, conversation_id, raw, code, error, attempts, origin, created_ts, replays = row
    return DeadLetterRecord(
        id=id_,
        sender_id=sender_id,
        msg_id="" if msg_id.startswith("bytes:") else msg_id,
        conversation_id=conversation_id,
        raw=raw,
        code=code,
        error=error,
        attempts=attempts,
        origin=origin,
        created_ts=created_ts,
        replays=replays,
    )


class MysqlDeadLetters:
    """`DeadLetters` on MySQL.

    Args:
        database: open.
    """

    def __init__(self, database: MysqlDatabase) -> None:
        self._database = database

    async def put(self, letter: DeadLetterRecord) -> None:
        """See `DeadLetters.put`."""
        content = (
            letter.conversation_id, letter.raw, int(letter.code), letter.error, letter.attempts, letter.origin,
        )  # fmt: skip
        values = (*_key(letter), *content, letter.created_ts, letter.replays, *content)
        try:
            await self._write(_PUT, values)
        except StoreError as exc:
            message = f"the dead letter could not be written: {exc}"
            raise DeadLetterFailed(message) from exc

    async def list(self, *, after_id: int = 0, limit: int = 100) -> Sequence[DeadLetterRecord]:
        """See `DeadLetters.list`."""
        bounded = max(1, min(limit, LIST_MAX))
        sql = f"SELECT {_COLUMNS} FROM dead_letters WHERE id > %s ORDER BY id LIMIT %s"  # noqa: S608  # a constant
        return [_record(row) for row in await self._database.read(sql, (after_id, bounded))]

    async def show(self, letter_id: int) -> DeadLetterRecord | None:
        """See `DeadLetters.show`."""
        sql = f"SELECT {_COLUMNS} FROM dead_letters WHERE id = %s"  # noqa: S608  # a constant
        rows = await self._database.read(sql, (letter_id,))
        return _record(rows[0]) if rows else None

    async def mark_replayed(self, letter_id: int) -> None:
        """See `DeadLetters.mark_replayed`."""
        await self._write("UPDATE dead_letters SET replays = replays + 1 WHERE id = %s", (letter_id,))

    async def purge(self, letter_ids: Sequence[int] | None = None) -> int:
        """See `DeadLetters.purge`."""
        if letter_ids is None:
            return await self._write("DELETE FROM dead_letters", ())
        purged = 0
        for start in range(0, len(letter_ids), PURGED_AT_ONCE):
            ids = [int(letter_id) for letter_id in letter_ids[start : start + PURGED_AT_ONCE]]
            purged += await self._write(f"DELETE FROM dead_letters WHERE id IN ({marks(ids)})", ids)  # noqa: S608
        return purged

    async def count(self) -> int:
        """See `DeadLetters.count`."""
        return int((await self._database.read("SELECT COUNT(*) FROM dead_letters"))[0][0])

    async def _write(self, sql: str, parameters: Sequence[object]) -> int:
        answer = await self._database.write(lambda transaction: transaction.execute(sql, parameters))
        return answer.count
