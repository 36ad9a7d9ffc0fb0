"""Dead letters in a table of the embedded store.

Undecodable records have no (sender_id, msg_id), and the table wants one: they stand under the hash of their
bytes, so that only equal bytes replace each other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.domain.errors import DeadLetterFailed, StoreError
from pingme.ports.dead_letters import DeadLetterRecord

LIST_MAX = 1_000
_PUT = """
INSERT INTO dead_letters
  (sender_id, msg_id, conversation_id, raw, code, error, attempts, origin, created_ts, replays)
VALUES (?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (sender_id, msg_id) DO UPDATE SET conversation_id=excluded.conversation_id, raw=excluded.raw,
  code=excluded.code, error=excluded.error, attempts=excluded.attempts, origin=excluded.origin
"""
_COLUMNS = (
    "id, sender_id, msg_id, conversation_id, hex(raw), code, error, attempts, origin, created_ts, replays"
)
# One value for the whole page: see the rules of sqlite_database.
_LIST = (
    f"SELECT json_group_array(json_array({_COLUMNS})) FROM"  # noqa: S608  # a constant of this file
    " (SELECT * FROM dead_letters WHERE id > ? ORDER BY id LIMIT ?)"
)
_SHOW = f"SELECT json_array({_COLUMNS}) FROM dead_letters WHERE id = ?"  # noqa: S608  # a constant of this file

Columns = tuple[int, str, str, str, str, int, str, int, str, int, int]
_decode_row = msgspec.json.Decoder(Columns).decode
_decode_rows = msgspec.json.Decoder(list[Columns]).decode


def _key(letter: DeadLetterRecord) -> tuple[str, str]:
    if letter.sender_id or letter.msg_id:
        return letter.sender_id, letter.msg_id
    return "", f"bytes:{sha256(letter.raw).hexdigest()}"  # ":" is in no msg_id


def _record(row: Columns) -> DeadLetterRecord:
    id_, sender_id, msg_id, conversation_id, raw, code, error, attempts, origin, created_ts, replays = row
    return DeadLetterRecord(
        id=id_,
        sender_id=sender_id,
        msg_id="" if msg_id.startswith("bytes:") else msg_id,
        conversation_id=conversation_id,
        raw=bytes.fromhex(raw),
        code=code,
        error=error,
        attempts=attempts,
        origin=origin,
        created_ts=created_ts,
        replays=replays,
    )


class SqliteDeadLetters:
    """`DeadLetters` in the embedded store.

    Args:
        database: the open file.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def put(self, letter: DeadLetterRecord) -> None:
        """See `DeadLetters.put`."""
        values = (
            *_key(letter), letter.conversation_id, letter.raw, int(letter.code), letter.error,
            letter.attempts, letter.origin, letter.created_ts, letter.replays,
        )  # fmt: skip
        try:
            await self._write(_PUT, values)
        except StoreError as exc:
            message = f"the dead letter could not be written: {exc}"
            raise DeadLetterFailed(message) from exc

    async def list(self, *, after_id: int = 0, limit: int = 100) -> Sequence[DeadLetterRecord]:
        """See `DeadLetters.list`."""
        bounded = max(1, min(limit, LIST_MAX))

        def job(connection: sqlite3.Connection) -> str:
            (text,) = connection.execute(_LIST, (after_id, bounded)).fetchone()
            return str(text)

        return [_record(row) for row in _decode_rows(await self._database.read_large(job))]

    async def show(self, letter_id: int) -> DeadLetterRecord | None:
        """See `DeadLetters.show`."""
        rows = self._database.read(_SHOW, (letter_id,))
        return _record(_decode_row(str(rows[0][0]))) if rows else None

    async def mark_replayed(self, letter_id: int) -> None:
        """See `DeadLetters.mark_replayed`."""
        await self._write("UPDATE dead_letters SET replays = replays + 1 WHERE id = ?", (letter_id,))

    async def purge(self, letter_ids: Sequence[int] | None = None) -> int:
        """See `DeadLetters.purge`."""
        if letter_ids is None:
            return await self._write("DELETE FROM dead_letters", ())
        ids = msgspec.json.encode([int(letter_id) for letter_id in letter_ids]).decode()
        return await self._write(
            "DELETE FROM dead_letters WHERE id IN (SELECT value FROM json_each(?))", (ids,)
        )

    async def count(self) -> int:
        """See `DeadLetters.count`."""
        return int(str(self._database.read("SELECT count(*) FROM dead_letters")[0][0]))

    async def _write(self, sql: str, parameters: tuple[object, ...]) -> int:
        return await self._database.write(lambda connection: connection.execute(sql, parameters).rowcount)
