"""One moment of the store on MySQL: REPEATABLE READ, beside nodes that write."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from pingme.adapters import snapshot_rows as rows
from pingme.adapters.mysql_connection import Address, Connection
from pingme.adapters.mysql_start import STEP_S, check_server, check_whole, pending_steps, reach, read_meta
from pingme.adapters.mysql_verify import SNAPSHOT
from pingme.adapters.store_mysql_load import HEAD, marks, unpack
from pingme.domain.errors import StoreUnavailable
from pingme.domain.events import KIND_NUMBERS
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

_USERS = f"SELECT {rows.USER} FROM users u WHERE u.user_id > %s ORDER BY u.user_id LIMIT %s"  # noqa: S608  # constants
_DEVICES = f"""
SELECT {rows.DEVICE} FROM users u STRAIGHT_JOIN devices d ON d.user = u.id
WHERE u.user_id >= %s AND (u.user_id > %s OR d.device_id > %s) ORDER BY u.user_id, d.device_id LIMIT %s
"""  # noqa: S608  # constants
_CONVERSATIONS = f"""
SELECT {rows.CONVERSATION} FROM conversations c LEFT JOIN events h ON h.conversation = c.id AND h.seq = {HEAD}
WHERE c.id > 0 AND c.conversation_id > %s ORDER BY c.conversation_id LIMIT %s
"""  # noqa: S608  # constants
_IN = "FROM conversations c STRAIGHT_JOIN {} ON {}.conversation = c.id"
_MEMBERS = f"""
SELECT {rows.MEMBER} {_IN.format("members m", "m")} JOIN users u ON u.id = m.user
WHERE c.conversation_id IN ({{ids}}) ORDER BY c.conversation_id, u.user_id
"""  # constants
_EVENTS = f"""
SELECT {rows.EVENT}, e.kind = {KIND_NUMBERS["edit"]} AND EXISTS (SELECT 1 FROM events t
    WHERE t.conversation = e.conversation AND t.seq = e.target_seq AND t.recalled_seq IS NOT NULL)
{_IN.format("events e", "e")} LEFT JOIN users u ON u.id = e.sender
WHERE c.conversation_id IN ({{ids}}) AND e.seq BETWEEN %s AND %s ORDER BY c.conversation_id, e.seq
"""  # noqa: S608  # constants
_REACTIONS = f"""
SELECT {rows.REACTION} {_IN.format("reactions r", "r")} JOIN users u ON u.id = r.user
WHERE c.conversation_id IN ({{ids}}) AND r.seq BETWEEN %s AND %s ORDER BY c.conversation_id, r.seq, r.at_seq
"""  # constants
_REFUSALS = f"""
SELECT {rows.REFUSAL} FROM events e LEFT JOIN users u ON u.id = e.sender WHERE e.conversation = 0
ORDER BY e.server_ts, u.user_id, e.msg_id LIMIT %s OFFSET %s
"""  # noqa: S608  # constants
_LETTERS = f"SELECT {rows.LETTER} FROM dead_letters ORDER BY id LIMIT %s OFFSET %s"  # noqa: S608  # constants


class MysqlSnapshot:
    """`Snapshot` of a database.

    Args:
        connection: in a read transaction of its own.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def count_events(self) -> int:
        """See `Snapshot.count_events`."""
        sql = "SELECT COUNT(*) FROM events WHERE conversation > 0"
        return (await self._read(sql, (), lambda row: int(row[0])))[0]

    async def users(self, after: str, limit: int) -> Sequence[UserRecord]:
        """See `Snapshot.users`."""
        return await self._read(_USERS, (after, limit), rows.user_of)

    async def devices(self, after: tuple[str, str], limit: int) -> Sequence[DeviceRecord]:
        """See `Snapshot.devices`."""
        user_id, device_id = after
        return await self._read(_DEVICES, (user_id, user_id, device_id, limit), rows.device_of)

    async def conversations(self, after: str, limit: int) -> Sequence[ConversationRecord]:
        """See `Snapshot.conversations`."""
        return await self._read(_CONVERSATIONS, (after, limit), rows.conversation_of)

    async def members(self, conversation_ids: Sequence[str]) -> Sequence[MemberRecord]:
        """See `Snapshot.members`."""
        return await self._read(_named(_MEMBERS, conversation_ids), conversation_ids, rows.member_of)

    async def events(
        self, conversation_ids: Sequence[str], first_seq: int, last_seq: int
    ) -> Sequence[EventRecord]:
        """See `Snapshot.events`."""
        parameters = (*conversation_ids, first_seq, last_seq)
        return await self._read(_named(_EVENTS, conversation_ids), parameters, _event_of)

    async def reactions(
        self, conversation_ids: Sequence[str], first_seq: int, last_seq: int
    ) -> Sequence[ReactionRecord]:
        """See `Snapshot.reactions`."""
        parameters = (*conversation_ids, first_seq, last_seq)
        return await self._read(_named(_REACTIONS, conversation_ids), parameters, rows.reaction_of)

    async def refusals(self, offset: int, limit: int) -> Sequence[RefusalRecord]:
        """See `Snapshot.refusals`."""
        return await self._read(_REFUSALS, (limit, offset), _refusal_of)

    async def dead_letters(self, offset: int, limit: int) -> Sequence[DeadLetterRecord]:
        """See `Snapshot.dead_letters`."""
        return await self._read(_LETTERS, (limit, offset), rows.letter_of)

    async def _read(self, sql: str, parameters: Sequence[object], make: Callable[[Any], T]) -> list[T]:
        found = (await self._connection.execute(sql, parameters)).rows
        with rows.whole_rows():
            return [make(row) for row in found]


def _named(sql: str, ids: Sequence[str]) -> str:
    return sql.format(ids=marks(ids))


def _event_of(row: Sequence[Any]) -> EventRecord:
    return rows.event_of(row, unpack(row[4]), bytes(row[7]))


def _refusal_of(row: Sequence[Any]) -> RefusalRecord:
    return rows.refusal_of(row, unpack(row[2]), bytes(row[3]).decode())


@asynccontextmanager
async def mysql_snapshot(address: Address) -> AsyncGenerator[MysqlSnapshot]:
    """Hold one moment of the store, which may be in use.

    Raises:
        StoreUnavailable: it is not there, is no whole store of PingMe, or its schema is not this program's.
    """
    place = f"{address.host}:{address.port}/{address.name}"
    async with reach(address, statement_s=STEP_S) as connection:
        await check_server(connection)
        meta = await read_meta(connection)
        if meta is None:
            raise StoreUnavailable(f"{place} is no PingMe database")
        check_whole(meta, address.name)
        if pending_steps(meta):
            raise StoreUnavailable(f"{place} has an older schema: run `pingme db upgrade` first")
        await connection.execute_all(SNAPSHOT, count=2)
        yield MysqlSnapshot(connection)
