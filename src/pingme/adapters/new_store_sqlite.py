"""The embedded store of an import: a draft beside the database's place, which takes the place when it is whole.

Rules of this file:
- Nothing is flushed and nothing can be rolled back before the end: a draft that broke off is thrown away, by this
  process or by the next import. The caller holds the data folder's lock.
- Indices are made at the end, sorted: in the order of the file their entries would be spread over all of them.
- change_no is the event's server_ts, so that conversations come newest first as before; the numbers of servers begin above.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pingme.adapters.new_store_rows import (
    NotEmpty,
    conversation_values,
    letter_values,
    target_of,
    user_values,
)
from pingme.adapters.sqlite_backup import flush
from pingme.adapters.sqlite_database import connect
from pingme.adapters.sqlite_schema import new_epoch, upgrade_schema
from pingme.adapters.store_sqlite import CHANGE_BLOCK
from pingme.adapters.store_sqlite_load import REFUSED_NUMBER
from pingme.domain.errors import StoreError, StoreRejected, StoreUnavailable
from pingme.domain.events import KIND_NUMBERS
from pingme.domain.ids import pack_msg_id
from pingme.domain.model import ROLE_RANKS
from pingme.pipeline.plan import NO_DIGEST
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

OWNER_ONLY = 0o600  # it holds password hashes and every message

_INSERTS: dict[type[Record], str] = {
    UserRecord: """INSERT INTO users (id, user_id, username, username_key, password_hash, nickname, nickname_key, email,
        avatar, disabled, created_ts, last_seen_ts) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)""",
    DeviceRecord: """INSERT INTO devices (user, device_id, name, family_id, generation, rotated_ts, created_ts,
        expires_ts) VALUES (?,?,?,?,?,?,?,?)""",
    ConversationRecord: """INSERT INTO conversations (id, conversation_id, type, name, announcement, avatar,
        history_policy, join_policy, dissolved, created_ts) VALUES (?,?,?,?,?,?,?,?,?,?)""",
    MemberRecord: """INSERT INTO members (conversation, user, role, joined_seq, from_seq, until_seq, delivered_seq,
        read_seq, muted, pinned, draft, change_no) VALUES (?,?,?,?,?,?,?,?,?,?,?,1)""",
    EventRecord: """INSERT INTO events (conversation, seq, change_no, kind, sender, msg_id, server_ts, client_ts, digest,
        hash, body, edited_seq, recalled_seq, target_seq) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)""",
    ReactionRecord: "INSERT INTO reactions (conversation, seq, emoji, user, at_seq) VALUES (?,?,?,?,?)",
    RefusalRecord: f"""INSERT INTO events (conversation, seq, change_no, kind, sender, msg_id, server_ts, digest, hash, body)
        VALUES (0,?,?,{REFUSED_NUMBER},?,?,?,?,?,?)""",  # noqa: S608  # a number
    DeadLetterRecord: """INSERT INTO dead_letters (sender_id, msg_id, conversation_id, raw, code, error, attempts,
        origin, created_ts, replays) VALUES (?,?,?,?,?,?,?,?,?,?)""",
}
_ANYTHING = """
SELECT EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM events) OR EXISTS (SELECT 1 FROM dead_letters)
"""
_INDICES = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
_DOUBLED = """
SELECT u.user_id, count(*) FROM events e JOIN users u ON u.id = e.sender GROUP BY e.msg_id, e.sender
HAVING count(*) > 1 LIMIT 1
"""


class SqliteNewStore:
    """`NewStore` on a file.

    Args:
        path: where the database will stand.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.importing")
        self._connection: sqlite3.Connection | None = None
        self._indices: list[str] = []
        self._users: dict[str, int] = {}
        self._conversations = 0  # the key of the one that is being filled
        self._refusals = 0
        self._newest_ts = 0
        self._values: dict[type[Record], Callable[[Any], tuple[object, ...]]] = {
            UserRecord: self._user,
            DeviceRecord: self._device,
            ConversationRecord: self._conversation,
            MemberRecord: self._member,
            EventRecord: self._event,
            ReactionRecord: self._reaction,
            RefusalRecord: self._refusal,
            DeadLetterRecord: letter_values,
        }

    @property
    def place(self) -> str:
        """See `NewStore.place`."""
        return str(self._path)

    async def begin(self) -> None:
        """See `NewStore.begin`."""
        with self._explained():
            self._check_empty()
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._remove_draft()
            self._draft.touch(OWNER_ONLY)
            connection = self._connection = connect(self._draft)
            # temp_store: what is sorted for an index of millions of rows belongs on the disk.
            for pragma in (
                "journal_mode=OFF",
                "synchronous=OFF",
                "locking_mode=EXCLUSIVE",
                "temp_store=FILE",
            ):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            upgrade_schema(connection)
            for name, sql in connection.execute(_INDICES).fetchall():
                self._indices.append(str(sql))
                connection.execute(f"DROP INDEX {name}")

    def _check_empty(self) -> None:
        if not self._path.exists():
            return
        with contextlib.closing(connect(self._path)) as connection:
            upgrade_schema(connection)
            if connection.execute(_ANYTHING).fetchone()[0]:
                raise NotEmpty(
                    f"{self._path} is a store with something in it, and an import fills an empty one only: choose another "
                    "app.data_dir, or move that file away"
                )
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    async def write(self, records: Sequence[Record]) -> None:
        """See `NewStore.write`."""
        assert self._connection is not None  # `begin` has opened it
        with self._explained():
            self._connection.execute("BEGIN")
            kind, values = type(records[0]), list[tuple[object, ...]]()
            for record in records:
                if type(record) is not kind:
                    self._connection.executemany(_INSERTS[kind], values)
                    kind, values = type(record), []
                values.append(self._values[kind](record))
            self._connection.executemany(_INSERTS[kind], values)
            self._connection.execute("COMMIT")

    async def finish(self) -> str:
        """See `NewStore.finish`."""
        connection = self._connection
        assert connection is not None  # `begin` has opened it
        with self._explained():
            self._make_indices(connection)
            block = (self._newest_ts // CHANGE_BLOCK + 1) * CHANGE_BLOCK
            connection.execute("INSERT INTO meta (key, value) VALUES ('change_block', ?)", (block,))
            new_epoch(connection, keep=False)
            (epoch,) = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
            self._close()
            flush(self._draft)
            for leftover in self._beside(self._path):
                leftover.unlink(
                    missing_ok=True
                )  # of the empty store: a log would be replayed into the new file
            self._draft.replace(self._path)
            flush(self._path.parent)
        return str(epoch)

    def _make_indices(self, connection: sqlite3.Connection) -> None:
        try:
            for sql in self._indices:
                connection.execute(sql)
        except sqlite3.IntegrityError as exc:
            found = connection.execute(_DOUBLED).fetchone()
            who = f"two records of {found[0]} have the same msg_id" if found else str(exc)
            raise StoreRejected(f"the file holds what no store can: {who}") from exc

    async def abandon(self) -> None:
        """See `NewStore.abandon`."""
        with contextlib.suppress(sqlite3.Error):
            self._close()
        self._remove_draft()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _remove_draft(self) -> None:
        for path in (self._draft, *self._beside(self._draft)):
            path.unlink(missing_ok=True)

    @staticmethod
    def _beside(path: Path) -> list[Path]:
        """Return the files that SQLite may keep beside a database."""
        return [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal")]

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors of the system and of SQLite into the port's."""
        try:
            yield
        except StoreError:
            raise
        except sqlite3.IntegrityError as exc:
            raise StoreRejected(f"the file holds what no store can: {exc}") from exc
        except (OSError, sqlite3.Error) as exc:
            reason = getattr(exc, "strerror", None) or exc
            raise StoreUnavailable(f"cannot import into {self._path}: {reason}") from exc

    # From records to rows.

    def _user(self, record: UserRecord) -> tuple[object, ...]:
        key = self._users[record.user_id] = len(self._users) + 1
        return (key, *user_values(record))

    def _device(self, record: DeviceRecord) -> tuple[object, ...]:
        return (
            self._users[record.user_id], record.device_id, record.name, record.family_id, record.generation,
            record.rotated_ts, record.created_ts, record.expires_ts,
        )  # fmt: skip

    def _conversation(self, record: ConversationRecord) -> tuple[object, ...]:
        self._conversations += 1
        return (self._conversations, *conversation_values(record))

    def _member(self, record: MemberRecord) -> tuple[object, ...]:
        return (
            self._conversations, self._users[record.user_id], int(ROLE_RANKS[record.role]), record.joined_seq,
            record.from_seq, record.until_seq, record.delivered_seq, record.read_seq, record.muted, record.pinned,
            record.draft,
        )  # fmt: skip

    def _event(self, record: EventRecord) -> tuple[object, ...]:
        self._newest_ts = max(self._newest_ts, record.server_ts)
        return (
            self._conversations, record.seq, record.server_ts, KIND_NUMBERS[record.kind], self._users[record.sender_id],
            pack_msg_id(record.msg_id), record.server_ts, record.client_ts, bytes.fromhex(record.digest),
            bytes.fromhex(record.hash), bytes(record.body).decode(), record.edited_seq, record.recalled_seq,
            target_of(record),
        )  # fmt: skip

    def _reaction(self, record: ReactionRecord) -> tuple[object, ...]:
        return (
            self._conversations, record.seq, record.emoji, self._users[record.user_id], record.at_seq,
        )  # fmt: skip

    def _refusal(self, record: RefusalRecord) -> tuple[object, ...]:
        self._refusals += 1
        self._newest_ts = max(self._newest_ts, record.server_ts)
        return (
            self._refusals, record.server_ts, self._users[record.sender_id], pack_msg_id(record.msg_id),
            record.server_ts, NO_DIGEST, NO_DIGEST, f"{record.code} {record.message}",
        )  # fmt: skip
