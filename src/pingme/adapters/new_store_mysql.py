"""The store of an import on MySQL: filled in its place, under a mark that keeps every node from starting.

Rules of this file:
- The mark (``importing`` in `meta`) is set before anything is written and goes in the transaction that makes the store whole.
- While it stands there are no rows of shards, so that a node that was running all the same cannot write a message.
- Indices of events are made at the end, sorted: in the order of the file their entries would be spread over all of them.
- Every event has change number 1: newer ones come from the shards' rows, which begin there.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from pingme.adapters.mysql_connection import Address, Connection
from pingme.adapters.mysql_errors import DuplicateKey
from pingme.adapters.mysql_schema import KEY_SHIFT, STEPS
from pingme.adapters.mysql_start import (
    IMPORTING,
    STEP_S,
    Server,
    check_server,
    ensure_database,
    make_shards,
    reach,
    read_meta,
    set_meta,
    upgrade_schema,
)
from pingme.adapters.new_store_rows import (
    NotEmpty,
    conversation_values,
    letter_values,
    target_of,
    user_values,
)
from pingme.adapters.store_mysql_load import REFUSED_NUMBER, pack
from pingme.adapters.store_mysql_write import NICKNAME_KEY_CHARS
from pingme.domain.errors import StoreError, StoreRejected, StoreUnavailable
from pingme.domain.events import KIND_NUMBERS
from pingme.domain.model import ROLE_RANKS
from pingme.domain.shards import SHARDS, shard_of
from pingme.wire.export import (
    ConversationRecord,
    DeadLetterRecord,
    DeviceRecord,
    EventRecord,
    MemberRecord,
    ReactionRecord,
    Record,
    RefusalRecord,
    UserRecord,
)

GONE_S, GONE_LOOKS = 0.1, 20  # connections that were closed a moment ago are still listed
CLEAN_S = 30  # of one statement that throws away what broke off
NO_HASH = "0" * 32
_CHANGE_NO = 1
_TABLES = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)")
_INDEX = re.compile(r"^  ((?:UNIQUE )?KEY `(\w+)` .*?),?$", re.MULTILINE)

_COLUMNS: dict[str, str] = {
    "users": "id, user_id, username, username_key, password_hash, nickname, nickname_key, email, avatar, disabled,"
    " created_ts, last_seen_ts",
    "devices": "user, device_id, name, family_id, generation, rotated_ts, created_ts, expires_ts",
    "conversations": "id, conversation_id, type, name, announcement, avatar, history_policy, join_policy, dissolved,"
    " created_ts",
    "members": "conversation, user, role, joined_seq, from_seq, until_seq, delivered_seq, read_seq, muted, pinned, draft,"
    " change_no",
    "reactions": "conversation, seq, emoji, user, at_seq",
    "edits": "conversation, target_seq, seq",
    "dead_letters": "sender_id, msg_id, conversation_id, raw, code, error, attempts, origin, created_ts, replays",
}
_EVENTS = (
    "INSERT INTO events (conversation, seq, change_no, kind, sender, msg_id, server_ts, client_ts, digest, hash, body,"
    " edited_seq, recalled_seq, target_seq) VALUES "
)
_NOT_EMPTY = """
SELECT EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM events) OR EXISTS (SELECT 1 FROM dead_letters)
"""
_OTHERS = (
    "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
)


class MysqlNewStore:
    """`NewStore` in a database, which is made when it is missing and the user may.

    Args:
        address: where it is, with the name of the database.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._stack = contextlib.AsyncExitStack()
        self._connection: Connection | None = None
        self._server = Server("", "", "")
        self._marked = False
        self._indices: list[str] = []
        self._users: dict[str, int] = {}
        self._newest = [0] * SHARDS  # the key given last in each shard, without the shard
        self._conversation = 0  # the key of the one that is being filled
        self._refusals = 0
        self._makers: dict[type[Record], Callable[[Any, _Rows], None]] = {
            UserRecord: self._user,
            DeviceRecord: self._device,
            ConversationRecord: self._begin_conversation,
            MemberRecord: self._member,
            EventRecord: self._event,
            ReactionRecord: self._reaction,
            RefusalRecord: self._refusal,
            DeadLetterRecord: self._letter,
        }

    @property
    def place(self) -> str:
        """See `NewStore.place`."""
        return f"{self._address.host}:{self._address.port}/{self._address.name}"

    @property
    def _open(self) -> Connection:
        assert self._connection is not None  # `begin` has opened it
        return self._connection

    async def begin(self) -> None:
        """See `NewStore.begin`."""
        await ensure_database(self._address, statement_s=STEP_S)
        connection = await self._stack.enter_async_context(reach(self._address, statement_s=STEP_S))
        self._connection = connection
        self._server = await check_server(connection)
        name = self._address.name
        got = await connection.execute("SELECT GET_LOCK(%s, 0)", (f"pingme.import.{name}"[:64],))
        if got.rows[0][0] != 1:
            raise StoreUnavailable(f"another import into {self.place} is running")
        await self._check_alone(connection)
        meta = await read_meta(connection)
        if meta is not None and meta.importing:
            self._marked = True
            await self._clean(connection)
        await self._upgrade(connection)
        if (await connection.execute(_NOT_EMPTY)).rows[0][0]:
            raise NotEmpty(
                f"{self.place} is a store with something in it, and an import fills an empty one only: choose another "
                "database.name (DB_NAME)"
            )
        self._marked = True
        await set_meta(connection, IMPORTING, "1")
        await connection.execute("DELETE FROM shards")
        await self._drop_indices(connection)

    async def _check_alone(self, connection: Connection) -> None:
        others = await self._others(connection)
        for _ in range(GONE_LOOKS):
            if not others:
                return
            await asyncio.sleep(GONE_S)
            others = await self._others(connection)
        raise StoreUnavailable(f"{self.place} is in use ({others} other connections): stop all nodes first")

    @staticmethod
    async def _others(connection: Connection) -> int:
        return int((await connection.execute(_OTHERS)).rows[0][0])

    async def _upgrade(self, connection: Connection) -> None:
        await upgrade_schema(connection, database=self._address.name, collation=self._server.collation)

    async def _clean(self, connection: Connection) -> None:
        """Throw away what an import has written; only ever under the mark."""
        tables = [name for step in STEPS for name in _TABLES.findall(" ".join(step))]
        await connection.execute(f"DROP TABLE IF EXISTS {', '.join(tables)}")
        await connection.execute("DELETE FROM meta WHERE name = 'schema'")

    async def _drop_indices(self, connection: Connection) -> None:
        created = str((await connection.execute("SHOW CREATE TABLE events")).rows[0][1])
        found = _INDEX.findall(created)
        self._indices = [definition for definition, _ in found]
        await connection.execute("ALTER TABLE events " + ", ".join(f"DROP INDEX {name}" for _, name in found))

    async def write(self, records: Sequence[Record]) -> None:
        """See `NewStore.write`."""
        connection, made = self._open, _Rows()
        for record in records:
            self._makers[type(record)](record, made)
        await connection.execute("START TRANSACTION")
        for table, values in made.rows.items():
            columns = _COLUMNS[table]
            one = f"({','.join(['%s'] * len(values[0]))})"
            sql = f"INSERT INTO {table} ({columns}) VALUES {','.join([one] * len(values))}"  # noqa: S608  # constants
            await connection.execute(sql, [value for row in values for value in row])
        if made.events:
            await connection.execute(_EVENTS + ",".join(made.events))
        await connection.execute("COMMIT")

    async def finish(self) -> str:
        """See `NewStore.finish`."""
        connection = self._open
        try:
            await connection.execute(
                "ALTER TABLE events " + ", ".join(f"ADD {each}" for each in self._indices)
            )
        except DuplicateKey as exc:
            raise StoreRejected(
                f"the file holds what no store can, two records of one msg_id: {exc}"
            ) from exc
        if int((await connection.execute("SELECT COUNT(*) FROM users")).rows[0][0]) != len(self._users):
            raise StoreUnavailable(
                f"somebody else has written to {self.place}: stop all nodes, and import again"
            )
        await connection.execute("START TRANSACTION")
        await make_shards(connection, _CHANGE_NO)
        epoch = secrets.token_hex(8)
        await set_meta(connection, "epoch", epoch)
        await connection.execute("DELETE FROM meta WHERE name = %s", (IMPORTING,))
        await connection.execute("COMMIT")
        self._marked = False
        await self._stack.aclose()
        return epoch

    async def abandon(self) -> None:
        """See `NewStore.abandon`."""
        with contextlib.suppress(StoreError):
            await self._stack.aclose()
        if not self._marked:
            return
        with contextlib.suppress(StoreError):  # then the mark stands, and says it
            async with reach(self._address, statement_s=CLEAN_S) as connection:
                await self._clean(connection)
                await self._upgrade(connection)
                await connection.execute("DELETE FROM meta WHERE name = %s", (IMPORTING,))

    # From records to rows.

    def _user(self, record: UserRecord, made: _Rows) -> None:
        key = self._users[record.user_id] = len(self._users) + 1
        made.rows["users"].append((key, *user_values(record, NICKNAME_KEY_CHARS)))

    def _device(self, record: DeviceRecord, made: _Rows) -> None:
        made.rows["devices"].append(
            (
                self._users[record.user_id], record.device_id, record.name, record.family_id, record.generation,
                record.rotated_ts, record.created_ts, record.expires_ts,
            )
        )  # fmt: skip

    def _begin_conversation(self, record: ConversationRecord, made: _Rows) -> None:
        shard = shard_of(record.conversation_id)
        self._newest[shard] += 1
        self._conversation = shard << KEY_SHIFT | self._newest[shard]
        made.rows["conversations"].append((self._conversation, *conversation_values(record)))

    def _member(self, record: MemberRecord, made: _Rows) -> None:
        made.rows["members"].append(
            (
                self._conversation, self._users[record.user_id], int(ROLE_RANKS[record.role]), record.joined_seq,
                record.from_seq, record.until_seq, record.delivered_seq, record.read_seq, int(record.muted),
                int(record.pinned), record.draft, _CHANGE_NO,
            )
        )  # fmt: skip

    def _event(self, record: EventRecord, made: _Rows) -> None:
        """Numbers and hexadecimal digits need no quoting, and the column of bodies is binary."""
        target_seq = target_of(record)
        made.events.append(
            "(%d,%d,%d,%d,%d,x'%s',%d,%s,x'%s',x'%s',x'%s',%s,%s,%s)" % (  # noqa: UP031  # as store_mysql_write
                self._conversation, record.seq, _CHANGE_NO, KIND_NUMBERS[record.kind], self._users[record.sender_id],
                pack(record.msg_id).hex(), record.server_ts, _null(record.client_ts), record.digest, record.hash,
                bytes(record.body).hex(), _null(record.edited_seq), _null(record.recalled_seq), _null(target_seq),
            )
        )  # fmt: skip
        if record.kind == "edit":
            made.rows["edits"].append((self._conversation, target_seq, record.seq))

    def _reaction(self, record: ReactionRecord, made: _Rows) -> None:
        made.rows["reactions"].append(
            (self._conversation, record.seq, record.emoji, self._users[record.user_id], record.at_seq)
        )

    def _refusal(self, record: RefusalRecord, made: _Rows) -> None:
        """All of them stand in the part of the first shard."""
        self._refusals += 1
        body = f"{record.code} {record.message}".encode().hex()
        sender, msg_id = self._users[record.sender_id], pack(record.msg_id).hex()
        made.events.append(
            f"(0,{self._refusals},{_CHANGE_NO},{REFUSED_NUMBER},{sender},x'{msg_id}',{record.server_ts},NULL,"
            f"x'{NO_HASH}',x'{NO_HASH}',x'{body}',NULL,NULL,NULL)"
        )

    @staticmethod
    def _letter(record: DeadLetterRecord, made: _Rows) -> None:
        made.rows["dead_letters"].append(letter_values(record))


class _Rows:
    """The rows of one batch: by table, and events as the values of one INSERT."""

    def __init__(self) -> None:
        self.rows: dict[str, list[tuple[object, ...]]] = defaultdict(list)
        self.events: list[str] = []


def _null(number: int | None) -> object:
    return "NULL" if number is None else number
