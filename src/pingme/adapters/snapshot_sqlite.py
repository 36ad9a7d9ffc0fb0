"""One moment of the embedded store, read by a process of its own: the server, if one runs, does not notice.

A read transaction of the write-ahead log; while it lasts, the log grows with what is written.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from pingme.adapters import snapshot_rows as rows
from pingme.adapters.sqlite_database import connect
from pingme.adapters.sqlite_schema import pending_steps
from pingme.domain.errors import StoreUnavailable
from pingme.domain.events import KIND_NUMBERS
from pingme.domain.ids import unpack_msg_id
from pingme.wire.export import (
    ConversationRecord,
    DeadLetterRecord,
    DeviceRecord,
    EventRecord,
    MemberRecord,
    ReactionRecord,
    RefusalRecord,
    UserRecord,
)

T = TypeVar("T")

_USERS = f"SELECT {rows.USER} FROM users u WHERE u.user_id > ? ORDER BY u.user_id LIMIT ?"  # noqa: S608  # constants
_DEVICES = f"""
SELECT {rows.DEVICE} FROM users u CROSS JOIN devices d ON d.user = u.id
WHERE u.user_id >= ?1 AND (u.user_id, d.device_id) > (?1, ?2) ORDER BY u.user_id, d.device_id LIMIT ?3
"""  # noqa: S608  # constants
_CONVERSATIONS = f"""
SELECT {rows.CONVERSATION} FROM conversations c LEFT JOIN events h
  ON h.conversation = c.id AND h.seq = (SELECT max(seq) FROM events WHERE conversation = c.id)
WHERE c.id > 0 AND c.conversation_id > ? ORDER BY c.conversation_id LIMIT ?
"""  # noqa: S608  # constants
# CROSS JOIN keeps SQLite from beginning with the larger table.
_IN = "FROM conversations c CROSS JOIN {} ON {}.conversation = c.id"
_WHERE = "WHERE c.conversation_id IN (SELECT value FROM json_each(?))"
_MEMBERS = f"""
SELECT {rows.MEMBER} {_IN.format("members m", "m")} JOIN users u ON u.id = m.user
{_WHERE} ORDER BY c.conversation_id, u.user_id
"""  # constants
_EVENTS = f"""
SELECT {rows.EVENT}, e.kind = {KIND_NUMBERS["edit"]} AND EXISTS (SELECT 1 FROM events t
    WHERE t.conversation = e.conversation AND t.seq = e.target_seq AND t.recalled_seq IS NOT NULL)
{_IN.format("events e", "e")} LEFT JOIN users u ON u.id = e.sender
{_WHERE} AND e.seq BETWEEN ? AND ? ORDER BY c.conversation_id, e.seq
"""  # noqa: S608  # constants
_REACTIONS = f"""
SELECT {rows.REACTION} {_IN.format("reactions r", "r")} JOIN users u ON u.id = r.user
{_WHERE} AND r.seq BETWEEN ? AND ? ORDER BY c.conversation_id, r.seq, r.at_seq
"""  # constants
_REFUSALS = f"""
SELECT {rows.REFUSAL} FROM events e LEFT JOIN users u ON u.id = e.sender WHERE e.conversation = 0
ORDER BY e.server_ts, u.user_id, CAST(e.msg_id AS BLOB) LIMIT ? OFFSET ?
"""  # noqa: S608  # constants
_LETTERS = f"SELECT {rows.LETTER} FROM dead_letters ORDER BY id LIMIT ? OFFSET ?"  # noqa: S608  # constants


class SqliteSnapshot:
    """`Snapshot` of a file.

    Args:
        connection: in a read transaction of its own.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def count_events(self) -> int:
        """See `Snapshot.count_events`."""
        return self._read("SELECT count(*) FROM events WHERE conversation > 0", (), lambda row: int(row[0]))[
            0
        ]

    async def users(self, after: str, limit: int) -> Sequence[UserRecord]:
        """See `Snapshot.users`."""
        return self._read(_USERS, (after, limit), rows.user_of)

    async def devices(self, after: tuple[str, str], limit: int) -> Sequence[DeviceRecord]:
        """See `Snapshot.devices`."""
        return self._read(_DEVICES, (*after, limit), rows.device_of)

    async def conversations(self, after: str, limit: int) -> Sequence[ConversationRecord]:
        """See `Snapshot.conversations`."""
        return self._read(_CONVERSATIONS, (after, limit), rows.conversation_of)

    async def members(self, conversation_ids: Sequence[str]) -> Sequence[MemberRecord]:
        """See `Snapshot.members`."""
        return self._read(_MEMBERS, (_json(conversation_ids),), rows.member_of)

    async def events(
        self, conversation_ids: Sequence[str], first_seq: int, last_seq: int
    ) -> Sequence[EventRecord]:
        """See `Snapshot.events`."""
        return self._read(_EVENTS, (_json(conversation_ids), first_seq, last_seq), _event_of)

    async def reactions(
        self, conversation_ids: Sequence[str], first_seq: int, last_seq: int
    ) -> Sequence[ReactionRecord]:
        """See `Snapshot.reactions`."""
        return self._read(_REACTIONS, (_json(conversation_ids), first_seq, last_seq), rows.reaction_of)

    async def refusals(self, offset: int, limit: int) -> Sequence[RefusalRecord]:
        """See `Snapshot.refusals`."""
        return self._read(_REFUSALS, (limit, offset), _refusal_of)

    async def dead_letters(self, offset: int, limit: int) -> Sequence[DeadLetterRecord]:
        """See `Snapshot.dead_letters`."""
        return self._read(_LETTERS, (limit, offset), rows.letter_of)

    def _read(self, sql: str, parameters: tuple[object, ...], make: Callable[[Any], T]) -> list[T]:
        try:
            found = self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as exc:
            raise StoreUnavailable(
                f"the store cannot be read: {exc}; look at it with `pingme db verify`"
            ) from exc
        with rows.whole_rows():
            return [make(row) for row in found]


def _json(ids: Sequence[str]) -> str:
    return msgspec.json.encode(list(ids)).decode()


def _event_of(row: Sequence[Any]) -> EventRecord:
    return rows.event_of(row, unpack_msg_id(row[4]), row[7].encode())


def _refusal_of(row: Sequence[Any]) -> RefusalRecord:
    return rows.refusal_of(row, unpack_msg_id(row[2]), row[3])


@contextlib.contextmanager
def sqlite_snapshot(path: Path) -> Iterator[SqliteSnapshot]:
    """Hold one moment of the database, which may be in use.

    Raises:
        StoreUnavailable: there is none, it cannot be read, or its schema is not this program's.
    """
    if not path.is_file():
        raise StoreUnavailable(f"there is no database at {path}")
    try:
        with contextlib.closing(connect(path, read_only=True)) as connection:
            connection.execute("BEGIN")
            if pending_steps(connection):  # the first read: from here on it is this moment
                raise StoreUnavailable(f"{path} has an older schema: run `pingme db upgrade` first")
            yield SqliteSnapshot(connection)
    except sqlite3.Error as exc:
        raise StoreUnavailable(f"cannot read {path}: {exc}") from exc
