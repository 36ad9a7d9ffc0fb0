"""Fills a data folder with messages before a run: a store of millions of messages in minutes.

Users are made as for a run, and every conversation by the store itself (its first message is saved like any other). The
messages after that are the rows the store would have written (its INSERT, its digest and rolling hash, its ids), many in
one transaction and without a flush of each; at the end everything is flushed. `pingme db verify` passes.

The server must not run meanwhile; the caller holds the data folder's lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pingme.adapters.clock_system import SystemClock
from pingme.adapters.sqlite_database import SqliteDatabase, connect
from pingme.adapters.store_sqlite import SqliteStore
from pingme.adapters.store_sqlite_write import INSERT_ONE
from pingme.cli.bench.frames import pair_id_of, user_id_of
from pingme.cli.bench.world import make_accounts
from pingme.domain.chain import digest_of, next_hash
from pingme.domain.errors import PingMeError
from pingme.domain.events import MESSAGE, Command, MessageBody, RefusedOutcome, encode_body, make_command
from pingme.domain.ids import pack_msg_id, uuid7
from pingme.domain.model import RuleLimits

Report = Callable[[int, int], None]
Pair = tuple[int, int]
"""A private chat, by the numbers of its two users."""

TRANSACTION_ROWS = 250_000  # a transaction of them changes every page of the index once, and not more often
SAVED_AT_ONCE = 1_000  # commands of one `save`, its bound
REPORT_ROWS = 10_000
CACHE_KIB = 512 * 1024  # the inner and the newest pages of both indices of some 10 million rows
CHECKPOINT_PAGES = 50_000
CHANGE_ROWS = 100  # messages of one (pretended) transaction: they share a change number
CHANGES_MAX = 500_000  # half a block of change numbers (`store_sqlite.CHANGE_BLOCK`)
PAST_MS = 30 * 86_400_000  # the messages spread over the last 30 days
UNREAD = 3  # newest messages that nobody has read yet

_HEADS = """
SELECT c.id, c.conversation_id, e.seq, e.hash FROM conversations c
JOIN events e ON e.conversation = c.id AND e.seq = (SELECT max(seq) FROM events WHERE conversation = c.id)
WHERE c.type = 1
"""
_READ = """
UPDATE members SET delivered_seq = h.seq, read_seq = max(read_seq, h.seq - ?)
FROM (SELECT conversation, max(seq) AS seq FROM events WHERE conversation > 0 GROUP BY conversation) h
WHERE h.conversation = members.conversation
"""


@dataclass(frozen=True, slots=True)
class Filling:
    """What to fill in.

    Attributes:
        messages: in these chats together when it is done, those already there included.
        pairs: the private chats, each once; they get the messages in turn, in a new random order each turn.
        users: accounts with the numbers from 0 on; every number in ``pairs`` is below.
        payload_bytes: of each message's content.
        ordered_ids: msg_ids ordered by time, or random.
    """

    messages: int
    pairs: Sequence[Pair]
    users: int
    payload_bytes: int = 64
    ordered_ids: bool = True


def spread(
    messages: int, conversations: int, *, payload_bytes: int = 64, ordered_ids: bool = True
) -> Filling:
    """Return a filling whose chats are spread evenly: user i has chats with i + 1, i + 2, …

    There are some 50 chats per user, of everybody with neighbours by number, so users 0 and 1 share one.
    """
    users = max(2, min(conversations + 1, conversations // 25 + 100))
    pairs = [(place % users, (place % users + 1 + place // users) % users) for place in range(conversations)]
    return Filling(messages, pairs, users, payload_bytes, ordered_ids)


def fill(data_dir: Path, filling: Filling, report: Report) -> int:
    """Fill the store and return how many messages these chats have now.

    Args:
        data_dir: made when missing; may have messages already, which count.
        filling: what to fill in.
        report: called with messages done and in all.

    Raises:
        PingMeError: the store refuses.
    """
    if filling.messages < len(filling.pairs):
        raise PingMeError(
            f"expected at least one message in each of {len(filling.pairs)} conversations, got {filling.messages}"
        )
    path = data_dir / "pingme.db"
    change_no = asyncio.run(_begin(path, filling))
    with contextlib.closing(connect(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        rows = _Rows(connection, filling, change_no)
        with _index_aside(connection, aside=not filling.ordered_ids):
            while rows.left:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(INSERT_ONE, rows.take(TRANSACTION_ROWS, report))
                connection.execute("COMMIT")
        connection.execute(_READ, (UNREAD,))
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    _flush(path)
    return rows.total


def _flush(path: Path) -> None:
    """Bring to the disk what was checkpointed without a flush."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _PastClock(SystemClock):
    """The time at which the filling begins."""

    def now_ms(self) -> int:
        """Return the moment `PAST_MS` ago."""
        return super().now_ms() - PAST_MS


async def _begin(path: Path, filling: Filling) -> int:
    """Make users, and conversations by their first message; return the newest change number."""
    database = SqliteDatabase(path)
    try:
        await make_accounts(database, [user_id_of(number) for number in range(filling.users)])
        store = SqliteStore(database, _PastClock(), RuleLimits())
        known = {row[0] for row in database.read("SELECT conversation_id FROM conversations WHERE type = 1")}
        commands = [command for command in _first_messages(filling) if command.conversation_id not in known]
        for at in range(0, len(commands), SAVED_AT_ONCE):
            for outcome in await store.save(commands[at : at + SAVED_AT_ONCE]):
                if isinstance(outcome, RefusedOutcome):
                    raise PingMeError(f"the store refuses a first message: {outcome.message}")
        return (await store.change_numbers())[0]
    finally:
        await database.close()


def _first_messages(filling: Filling) -> Iterator[Command]:
    before_ms = _PastClock().now_ms()
    for one, other in filling.pairs:
        sender_id, to_user_id = user_id_of(one), user_id_of(other)
        body = MessageBody(content="x" * filling.payload_bytes, content_type="text", to_user_id=to_user_id)
        yield make_command(
            "message",
            sender_id=sender_id,
            msg_id=uuid7(before_ms, os.urandom(10)),
            conversation_id=pair_id_of(sender_id, to_user_id),
            body=body,
        )


@contextlib.contextmanager
def _index_aside(connection: sqlite3.Connection, *, aside: bool) -> Iterator[None]:
    """Leave the index of msg_ids out meanwhile, and build it in one go: random ids would go to random pages."""
    if not aside:
        yield
        return
    (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'events_by_msg_id'").fetchone()
    connection.execute("DROP INDEX events_by_msg_id")
    try:
        yield
    finally:
        connection.execute(sql)


class _Side:
    """One user in one chat, as the rows need it."""

    __slots__ = ("key", "payload", "user_id")

    def __init__(self, key: int, user_id: str, payload: bytes) -> None:
        self.key = key
        self.user_id = user_id
        self.payload = payload


class _Chat:
    """A chat and its newest event."""

    __slots__ = ("conversation_id", "hash", "key", "seq", "sides")

    def __init__(
        self, key: int, conversation_id: str, seq: int, hash_: bytes, sides: tuple[_Side, _Side]
    ) -> None:
        self.key = key
        self.conversation_id = conversation_id
        self.seq = seq
        self.hash = hash_
        self.sides = sides


class _Rows:
    """Makes rows, one chat after the other in a new random order each turn, the two sides in turn."""

    def __init__(self, connection: sqlite3.Connection, filling: Filling, change_no: int) -> None:
        self._chats = _chats(connection, filling)
        there = sum(chat.seq for chat in self._chats)
        self.total: int = max(filling.messages, there)
        self.left = self.total - there
        self._ordered_ids = filling.ordered_ids
        self._change_no = change_no
        self._per_change = max(CHANGE_ROWS, -(-self.left // CHANGES_MAX))
        self._step_ms = PAST_MS / max(1, self.left)
        self._first_ms = _PastClock().now_ms()
        self._dice = random.Random(1)  # noqa: S311  # the same order every time
        self._entropy = random.Random().randbytes  # noqa: S311  # unique is enough, and the system's are slow
        self._turn = self._chats[:0]
        self._made = 0

    def take(self, count: int, report: Report) -> Iterator[tuple[object, ...]]:
        """Yield the parameters of at most ``count`` rows."""
        for _ in range(min(count, self.left)):
            if not self._turn:
                self._turn = self._chats.copy()
                self._dice.shuffle(self._turn)
            yield self._row(self._turn.pop())
            self.left -= 1
            if self.left % REPORT_ROWS == 0:
                report(self.total - self.left, self.total)

    def _row(self, chat: _Chat) -> tuple[object, ...]:
        """Return the next message of a chat: the columns in the order of `INSERT_ONE`."""
        made = self._made
        self._made = made + 1
        seq = chat.seq = chat.seq + 1
        side = chat.sides[seq & 1]
        at_ms = self._first_ms + int(made * self._step_ms)
        entropy = self._entropy(16)
        msg_id = uuid7(at_ms, entropy) if self._ordered_ids else _uuid4(entropy)
        digest = digest_of(side.payload, chat.conversation_id, "message", msg_id, side.user_id, seq, at_ms)
        chat.hash = next_hash(chat.hash, digest)
        return (
            chat.key, seq, self._change_no + 1 + made // self._per_change, MESSAGE, side.key, pack_msg_id(msg_id),
            at_ms, None, digest, chat.hash, side.payload.decode(), None,
        )  # fmt: skip


def _uuid4(entropy: bytes) -> str:
    """Return a random UUID (RFC 9562 §5.4) in canonical form."""
    text = entropy.hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def _chats(connection: sqlite3.Connection, filling: Filling) -> list[_Chat]:
    """Return the chats of a filling as they stand in the store."""
    heads = {row[1]: row for row in connection.execute(_HEADS)}
    users = dict(connection.execute("SELECT user_id, id FROM users").fetchall())
    content = "x" * filling.payload_bytes
    chats = []
    for one, other in filling.pairs:
        ids = user_id_of(one), user_id_of(other)
        key, conversation_id, seq, hash_ = heads[pair_id_of(*ids)]
        first, second = (
            _Side(
                users[mine],
                mine,
                encode_body(MessageBody(content=content, content_type="text", to_user_id=theirs)),
            )
            for mine, theirs in (ids, ids[::-1])
        )
        chats.append(_Chat(key, conversation_id, seq, hash_, (first, second)))
    return chats
