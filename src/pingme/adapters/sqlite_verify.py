"""Proof that a store is what it was when its messages were acknowledged.

Looked at, in one moment of the file (a read transaction; writers go on):
- SQLite's own structures (`PRAGMA integrity_check`);
- every conversation's events: seq 1, 2, 3, … without a gap; sender and conversation exist;
- the digest of every event whose body stands as first stored (not of edited or recalled messages, nor of the edits of a
  recalled one, whose content was erased);
- the rolling hash from h(0) on (`pingme.domain.chain`).

Rows are read as ONE value a page, because a thread that steps row by row starves beside a busy loop (sqlite_database).
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from pingme.adapters.sqlite_backup import BackupFailed, integrity_faults
from pingme.adapters.sqlite_database import connect
from pingme.domain.chain import Heads, digest_of, first_hash, next_hash
from pingme.domain.events import KIND_NUMBERS, KINDS
from pingme.domain.ids import unpack_msg_id

Report = Callable[[str, int, int], None]

PAGE_ROWS = 1_000  # some 5 ms of the interpreter
FAULTS_MAX = 100  # listed; more are counted

# Text is read as hex: damaged bytes must be reported, not break the reading. One row too many in the middle of a
# conversation costs nothing, so pages simply go on after the last (conversation, seq).
_PAGE = """
SELECT json_group_array(json_array(e.conversation, e.seq, e.kind, typeof(e.msg_id), hex(e.msg_id), e.server_ts,
  hex(e.digest), hex(e.hash), hex(e.body), hex(c.conversation_id), hex(u.user_id),
  e.edited_seq IS NOT NULL OR e.recalled_seq IS NOT NULL OR e.kind = ? AND EXISTS (SELECT 1 FROM events t
    WHERE t.conversation = e.conversation AND t.seq = e.target_seq AND t.recalled_seq IS NOT NULL)))
FROM (SELECT * FROM events WHERE (conversation, seq) > (?, ?) ORDER BY conversation, seq LIMIT ?) e
LEFT JOIN conversations c ON c.id = e.conversation
LEFT JOIN users u ON u.id = e.sender
"""


class EventRow(msgspec.Struct, array_like=True):
    """One event as a page gives it; hex is empty where a joined row is missing."""

    conversation: int
    seq: int
    kind: int
    msg_id_type: str
    msg_id: str
    server_ts: int
    digest: str
    hash: str
    body: str
    conversation_id: str
    sender_id: str
    changed: int


_decode = msgspec.json.Decoder(list[EventRow]).decode


@dataclass(slots=True)
class Verified:
    """What was looked at and what is wrong.

    Attributes:
        faults: one line each, at most `FAULTS_MAX`.
        fault_count: all of them.
        digests: events whose digest was computed again.
        heads: one value of all conversations (`pingme.domain.chain.Heads`); stores that have the same have the same events.
    """

    path: str
    epoch: str = ""
    conversations: int = 0
    events: int = 0
    digests: int = 0
    heads: str = ""
    fault_count: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """True when nothing is wrong."""
        return self.fault_count == 0

    def note(self, fault: str) -> None:
        """Add a fault."""
        self.fault_count += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(fault)


@dataclass(slots=True)
class Walk:
    """Where in which conversation the walk stands, and the hash so far."""

    conversation: int = 0
    conversation_id: str = ""
    seq: int = 0
    hash: bytes = b""
    heads: Heads = field(default_factory=Heads)

    def close(self) -> str:
        """Leave the conversation, and return the value of all heads so far."""
        if self.seq:
            self.heads.add(self.conversation_id, self.seq, self.hash)
        return self.heads.hex()


def verify(path: Path, *, report: Report, considerate: bool = False) -> Verified:
    """Look at a whole database, which may be in use.

    Args:
        path: the file.
        report: phases ``integrity`` and ``events``. When it raises, the work ends.
        considerate: True rests as long as it works, for a process that has more to do.

    Raises:
        BackupFailed: there is no such file, or it is no database of PingMe.
    """
    result = Verified(str(path))
    if not path.is_file():
        raise BackupFailed(f"there is no database at {path}")
    try:
        with contextlib.closing(connect(path, read_only=True)) as connection:
            connection.text_factory = bytes
            connection.execute("BEGIN")
            result.epoch = _epoch(connection, path)
            _verify(connection, result, report, considerate=considerate)
    except sqlite3.DatabaseError as exc:
        result.note(f"the file cannot be read any further: {exc}")
    return result


def _epoch(connection: sqlite3.Connection, path: Path) -> str:
    try:
        row = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
    except sqlite3.OperationalError as exc:
        raise BackupFailed(f"{path} is no PingMe database: {exc}") from exc
    return row[0].decode("utf-8", "replace") if row else ""


def _verify(connection: sqlite3.Connection, result: Verified, report: Report, *, considerate: bool) -> None:
    report("integrity", 0, 0)
    connection.text_factory = str
    for fault in integrity_faults(connection):
        result.note(f"SQLite: {fault}")
    connection.text_factory = bytes
    (total,) = connection.execute("SELECT count(*) FROM events WHERE conversation > 0").fetchone()
    walk = Walk()
    for page in _pages(connection, considerate=considerate):
        for row in page:
            verify_event(row, walk, result)
        result.events += len(page)
        report("events", result.events, total)
    result.heads = walk.close()


def _pages(connection: sqlite3.Connection, *, considerate: bool) -> Iterator[list[EventRow]]:
    """Yield all events but refusals, by conversation and seq.

    Raises:
        sqlite3.DatabaseError: the file, or a row of it, cannot be read.
    """
    after = (0, 2**62)  # conversation 0 holds refusals: they have no chain
    while True:
        started = time.monotonic()
        (text,) = connection.execute(_PAGE, (KIND_NUMBERS["edit"], *after, PAGE_ROWS)).fetchone()
        try:
            page = _decode(text)
        except msgspec.DecodeError as exc:
            message = f"a row after conversation {after[0]}, seq {after[1]} is of another shape: {exc}"
            raise sqlite3.DatabaseError(message) from exc
        if not page:
            return
        page.sort(key=lambda row: (row.conversation, row.seq))  # an aggregate keeps no order by contract
        yield page
        after = (page[-1].conversation, page[-1].seq)
        if considerate:
            time.sleep(time.monotonic() - started)


def verify_event(row: EventRow, walk: Walk, result: Verified) -> None:
    """Look at one event; they come by conversation and seq, of whichever database."""
    if row.conversation != walk.conversation:
        _begin(row, walk, result)
    where = f"conversation {walk.conversation_id} seq {row.seq}"
    if row.seq != walk.seq + 1:
        result.note(f"{where}: expected seq {walk.seq + 1}: events are missing")
    digest, kept = bytes.fromhex(row.digest), bytes.fromhex(row.hash)
    _verify_digest(row, digest, where, walk, result)
    if next_hash(walk.hash, digest) != kept:
        result.note(f"{where}: the rolling hash does not follow from the event before")
    # Going on from what is kept, one fault is one line and not one for every event after it.
    walk.seq, walk.hash = row.seq, kept


def _begin(row: EventRow, walk: Walk, result: Verified) -> None:
    walk.close()
    result.conversations += 1
    conversation_id = bytes.fromhex(row.conversation_id).decode("utf-8", "replace")
    if not conversation_id:
        conversation_id = f"#{row.conversation}"
        result.note(f"conversation {conversation_id}: has events and no row of its own")
    walk.conversation, walk.conversation_id = row.conversation, conversation_id
    walk.seq, walk.hash = 0, first_hash(conversation_id)


def _verify_digest(row: EventRow, digest: bytes, where: str, walk: Walk, result: Verified) -> None:
    if not 0 <= row.kind < len(KINDS):
        result.note(f"{where}: unknown kind {row.kind}")
        return
    if not row.sender_id:
        result.note(f"{where}: its sender does not exist")
        return
    if row.changed:
        return
    result.digests += 1
    raw = bytes.fromhex(row.msg_id)
    msg_id = unpack_msg_id(raw if row.msg_id_type == "blob" else raw.decode("utf-8", "replace"))
    sender_id = bytes.fromhex(row.sender_id).decode("utf-8", "replace")
    body = bytes.fromhex(row.body)
    kind = KINDS[row.kind]
    if digest != digest_of(body, walk.conversation_id, kind, msg_id, sender_id, row.seq, row.server_ts):
        result.note(f"{where}: the {kind} is not what was stored (digest)")
