"""A store moves house: written to a file, proved, and read into another store (docs/moving.md).

Rules of this file:
- What is written was checked, and so is what is read, record by record (`pingme.wire.export_check`).
- Memory holds a page of rows and the ids of all accounts, however large the store is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pingme.ports.new_store import NewStore
from pingme.ports.snapshot import Snapshot
from pingme.wire.export import (
    BadExport,
    ConversationRecord,
    End,
    EventRecord,
    Header,
    LineReader,
    LineWriter,
    MemberRecord,
    ReactionRecord,
    Record,
)
from pingme.wire.export_check import ExportCheck, Inconsistent

Report = Callable[[str, int, int], None]
"""Called with the name of the phase, what is done, and how much there is (0: not known)."""

PAGE_ROWS = 2_000  # of events and accounts: some 1 MiB
CONVERSATIONS_AT_ONCE = 64  # whose rows one statement reads; a group has 1 000 members by default
BATCH_RECORDS = 2_000  # of one transaction of an import
BATCH_BYTES = (
    1 << 20
)  # of lines; a statement of MySQL made of them stays far below the least max_allowed_packet


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What went by.

    Attributes:
        counts: records of each type.
        digests: events whose digest was computed again.
        heads: one value of all conversations, the same before and after.
        sha256: of all lines before the file's last.
        epoch: of the store that was filled; "" for a file.
    """

    counts: dict[str, int] = field(default_factory=dict)
    digests: int = 0
    heads: str = ""
    sha256: str = ""
    epoch: str = ""


async def export_store(snapshot: Snapshot, write: Callable[[bytes], object], *, report: Report) -> Moved:
    """Write one moment of a store as the lines of an export.

    Args:
        snapshot: of the store.
        write: takes the next bytes of the file.
        report: phase ``export``, in events. When it raises, the work ends.

    Raises:
        BadExport: the store is damaged where the text says.
        StoreUnavailable: it cannot be read.
    """
    lines, check = LineWriter(), ExportCheck()
    total = await snapshot.count_events()
    write(lines.header())
    try:
        async for page in _pages(snapshot):
            part = []
            for record in page:
                check.take(record)
                part.append(lines.record(record))
            write(b"".join(part))
            report("export", check.counts["event"], total)
        heads = check.finish()
    except Inconsistent as exc:
        raise BadExport(
            f"the store cannot be exported as it is: {exc}; look at it with `pingme db verify`"
        ) from exc
    sha256 = lines.sha256
    write(lines.end(check.counts, heads))
    return Moved(counts=check.counts, digests=check.digests, heads=heads, sha256=sha256)


async def _pages(snapshot: Snapshot) -> AsyncIterator[Sequence[Record]]:
    """Yield all records of a store in the order of an export."""
    after = ""
    while users := await snapshot.users(after, PAGE_ROWS):
        yield users
        after = users[-1].user_id
    place = ("", "")
    while devices := await snapshot.devices(place, PAGE_ROWS):
        yield devices
        place = (devices[-1].user_id, devices[-1].device_id)
    after = ""
    while conversations := await snapshot.conversations(after, PAGE_ROWS):
        for group in _groups(conversations):
            async for page in _contents(snapshot, group):
                yield page
        after = conversations[-1].conversation_id
    for read in (snapshot.refusals, snapshot.dead_letters):
        async for page in _by_offset(read):
            yield page


async def _by_offset(
    read: Callable[[int, int], Awaitable[Sequence[Record]]],
) -> AsyncIterator[Sequence[Record]]:
    offset = 0
    while page := await read(offset, PAGE_ROWS):
        yield page
        offset += len(page)


def _groups(conversations: Iterable[ConversationRecord]) -> Iterator[list[ConversationRecord]]:
    """Put conversations together whose events make a page at most; a larger one stands alone."""
    group: list[ConversationRecord] = []
    events = 0
    for conversation in conversations:
        events += conversation.last_seq
        if group and (events > PAGE_ROWS or len(group) == CONVERSATIONS_AT_ONCE):
            yield group
            group, events = [], conversation.last_seq
        group.append(conversation)
    if group:
        yield group


async def _contents(
    snapshot: Snapshot, group: Sequence[ConversationRecord]
) -> AsyncIterator[Sequence[Record]]:
    ids = [conversation.conversation_id for conversation in group]
    members = await snapshot.members(ids)
    if len(group) > 1:
        newest = max(conversation.last_seq for conversation in group)
        yield _woven(
            group, members, await snapshot.events(ids, 1, newest), await snapshot.reactions(ids, 1, newest)
        )
        return
    yield [*group, *members]
    for read in (snapshot.events, snapshot.reactions):
        for first in range(1, group[0].last_seq + 1, PAGE_ROWS):
            yield await read(ids, first, first + PAGE_ROWS - 1)


def _woven(
    group: Sequence[ConversationRecord],
    members: Sequence[MemberRecord],
    events: Sequence[EventRecord],
    reactions: Sequence[ReactionRecord],
) -> list[Record]:
    """Put what stands in several conversations behind the conversation that it is of."""
    inside: dict[str, list[Record]] = {conversation.conversation_id: [conversation] for conversation in group}
    for part in (members, events, reactions):
        for record in part:
            inside[record.conversation_id].append(record)
    return [record for records in inside.values() for record in records]


def read_export(
    lines: Iterable[bytes], reader: LineReader, check: ExportCheck
) -> Iterator[tuple[Record, int]]:
    """Yield every record of a file, checked, with the length of its line.

    Raises:
        BadExport: the file is not what was exported; the text names the line. What was yielded before was good.
    """
    for line in lines:
        read = reader.read(line)
        try:
            if isinstance(read, End):
                _compare(read, check)
            elif not isinstance(read, Header):
                check.take(read)
                yield read, len(line)
        except Inconsistent as exc:
            raise reader.bad(str(exc)) from exc
    reader.finish()


def _compare(end: End, check: ExportCheck) -> None:
    heads = check.finish()
    if end.counts != check.counts:
        raise Inconsistent(f"the end counts {end.counts}, the file has {check.counts}")
    if end.heads != heads:
        raise Inconsistent(f"the end has heads {end.heads}, the file {heads}")


def verify_export(lines: Iterable[bytes]) -> Moved:
    """Read a whole file and keep nothing.

    Raises:
        BadExport: as `read_export`.
    """
    reader, check = LineReader(), ExportCheck()
    for _ in read_export(lines, reader, check):
        pass
    return _moved(reader, check, epoch="")


async def import_store(lines: Iterable[bytes], store: NewStore) -> Moved:
    """Fill an empty store from a file; when this raises, no server starts on what was filled.

    Raises:
        BadExport: as `read_export`.
        PingMeError: the store does not take it; the text says what to do.
    """
    reader, check = LineReader(), ExportCheck()
    try:
        await store.begin()
        for batch in _batches(read_export(lines, reader, check)):
            await store.write(batch)
            await asyncio.sleep(0)  # lets an interrupt in: a store of this process never waits
        epoch = await store.finish()
    except BaseException:
        await store.abandon()
        raise
    return _moved(reader, check, epoch=epoch)


def _batches(records: Iterable[tuple[Record, int]]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    for record, length in records:
        if batch and (len(batch) == BATCH_RECORDS or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch


def _moved(reader: LineReader, check: ExportCheck, *, epoch: str) -> Moved:
    return Moved(
        counts=check.counts, digests=check.digests, heads=check.finish(), sha256=reader.sha256, epoch=epoch
    )
