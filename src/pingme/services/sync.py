"""Catching up: what changed for a user since a token, conversation by conversation.

Rules of this file:
- Change numbers are read first, then memberships and heads: what commits in between comes again with
  the next token, so nothing is lost. No clock is asked.
- Answers are built while they are sent: of what is to come only conversation ids are held, and the loop is free after each one.
- Events reach exactly the head that the entry names, so hashes fit whatever is written meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Annotated

import msgspec

from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.store import Access, Store
from pingme.services.cursors import pack, unpack
from pingme.services.entries import head_fields, read_range

MAX_EVENTS = 200  # per conversation
WITH_EVENTS = (
    50  # conversations of a first sync that come with events: what a screen shows and some scrolling
)
CHUNK = 50  # conversations that are read together
MAX_CONVERSATIONS = 200  # per HTTP page
ENTRY_SPARE_BYTES = 256  # prev_hash, brackets and the page around an entry

Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]  # what a store's counters hold
_encode = msgspec.json.Encoder().encode
Flush = Callable[[str], Awaitable[None]]
Turn = Callable[[], Awaitable[None]]


async def _next_turn() -> None:
    await asyncio.sleep(0)


class _Token(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The inside of a ``since`` token: the store's epoch and its change numbers, one per shard."""

    epoch: str
    numbers: tuple[Number, ...]


class _Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where an HTTP walk stands: the token it began with, the token it will end with, and how far it is."""

    began: str | None
    done: str
    skip: Number


class SyncAnswer:
    """One answer to ``sync``: `pages` as often as there are, then `done`."""

    def __init__(self, entries: AsyncGenerator[bytes, None], done: bytes, page_bytes: int) -> None:
        self._entries = entries
        self._page_bytes = page_bytes
        self.done = done
        """The JSON payload of ``sync_done``."""

    async def pages(self) -> AsyncIterator[bytes]:
        """Yield the JSON payload of each ``sync_page``; may be iterated once.

        Raises:
            StoreUnavailable: the rest cannot be read now; the client syncs again with the token it has.
        """
        page: list[bytes] = []
        size = 0
        async with aclosing(self._entries) as entries:
            async for entry in entries:
                if page and size + len(entry) + 1 > self._page_bytes:
                    yield b'{"conversations":[%b]}' % b",".join(page)
                    page, size = [], 0
                page.append(entry)
                size += len(entry) + 1
        if page:
            yield b'{"conversations":[%b]}' % b",".join(page)


class Sync:
    """Answers ``sync`` and ``GET /messages/offline`` alike.

    Args:
        store: the truth.
        page_bytes: bound on a page; one conversation always fits, its older events stay out.
        flush: called with the user before reading, so that positions not yet stored are in the answer.
        turn: awaited before each conversation: others work in between.
    """

    def __init__(
        self,
        store: Store,
        *,
        page_bytes: int = 262_144,
        flush: Flush | None = None,
        turn: Turn = _next_turn,
    ) -> None:
        self._store = store
        self._page_bytes = page_bytes
        self._flush = flush
        self._turn = turn

    def encode_since(self, epoch: str, numbers: Sequence[int]) -> str:
        """Return an opaque, url-safe token of an epoch and change numbers."""
        return pack(_Token(epoch, tuple(numbers)))

    def decode_since(self, token: str) -> tuple[str, tuple[int, ...]]:
        """Return the epoch and change numbers in a token.

        Raises:
            Refused: 10002, it is not a token.
        """
        found = unpack(token, _Token, field="since")
        return found.epoch, found.numbers

    async def open(self, user_id: str, since: str | None, limit: int) -> SyncAnswer:
        """Begin an answer: everything that changed for the user after ``since``.

        Args:
            user_id: who asks.
            since: the token of an earlier answer. None, or one of another epoch: all conversations, newest
                first, the first 50 with events and the rest without.
            limit: events per conversation, the newest ones, 0 to 200.

        Raises:
            Refused: 10002 for a malformed token or limit.
            StoreUnavailable: it cannot be read now.
        """
        after = self._after(since, limit)
        changed, token = await self._changed(user_id, after)
        with_events = WITH_EVENTS if after is None else len(changed)
        return SyncAnswer(
            self._entries(user_id, changed, limit, with_events), self.done_payload(token), self._page_bytes
        )

    def done_payload(self, token: str) -> bytes:
        """Return the JSON payload of the ``sync_done`` with this token."""
        return b'{"since":%b,"epoch":%b}' % (_encode(token), _encode(self._store.epoch))

    async def offline(self, user_id: str, since: str | None, limit: int, cursor: str | None) -> bytes:
        """Return one page of the same answer for HTTP: ``{conversations, next_cursor?, since, epoch}``.

        The token of the first page is carried through the walk: whoever takes all pages and goes on with it
        loses nothing. Conversations may move to the front or come in between meanwhile, which shifts others
        back, never forward: skipping as many as were given repeats one now and then, and omits only what the
        next ``since`` brings.

        Args:
            user_id: who asks.
            since: as in `open`; with a cursor it is ignored.
            limit: as in `open`.
            cursor: ``next_cursor`` of the page before.

        Raises:
            Refused: 10002 for a malformed token, cursor or limit.
            StoreUnavailable: it cannot be read now.
        """
        walk = unpack(cursor, _Cursor, field="cursor") if cursor is not None else None
        began = walk.began if walk is not None else since
        after = self._after(began, limit)
        changed, token = await self._changed(user_id, after)
        skip = 0
        if walk is not None:
            # A restore in the middle of a walk: its numbers are of another history, so it begins again.
            epoch, _ = self.decode_since(walk.done)
            skip, token = (walk.skip, walk.done) if epoch == self._store.epoch else (0, token)
        with_events = max(WITH_EVENTS - skip, 0) if after is None else len(changed)
        page = await self._fill(self._entries(user_id, changed[skip:], limit, with_events))
        given = skip + len(page)
        following = b""
        if given < len(changed):
            following = b',"next_cursor":%b' % _encode(pack(_Cursor(began, token, given)))
        tail = self.done_payload(token)[1:]
        return b'{"conversations":[%b]%b,%b' % (b",".join(page), following, tail)

    async def _fill(self, entries: AsyncGenerator[bytes, None]) -> list[bytes]:
        """Take entries while they fit into a page."""
        page: list[bytes] = []
        size = 0
        async with aclosing(entries):
            async for entry in entries:
                size += len(entry) + 1
                if page and (size > self._page_bytes or len(page) == MAX_CONVERSATIONS):
                    break
                page.append(entry)
        return page

    def _after(self, since: str | None, limit: int) -> tuple[int, ...] | None:
        """Return the change numbers to compare with; None for everything."""
        if not 0 <= limit <= MAX_EVENTS:
            raise Refused(ErrorCode.INVALID_PARAMETERS, f"limit: expected 0 to {MAX_EVENTS}, got {limit}")
        if since is None:
            return None
        epoch, numbers = self.decode_since(since)
        same = epoch == self._store.epoch and len(numbers) == self._store.shards
        return numbers if same else None

    async def _changed(self, user_id: str, after: Sequence[int] | None) -> tuple[Sequence[str], str]:
        """Return the conversations that changed, and the token that the answer ends with: read first."""
        if self._flush is not None:
            await self._flush(user_id)
        token = self.encode_since(self._store.epoch, await self._store.change_numbers())
        return await self._store.changed(user_id, after), token

    async def _entries(
        self, user_id: str, changed: Sequence[str], limit: int, with_events: int
    ) -> AsyncGenerator[bytes, None]:
        """Yield the JSON of each conversation; the first ``with_events`` come with events."""
        for start in range(0, len(changed), CHUNK):
            accesses = await self._store.accesses(user_id, changed[start : start + CHUNK])
            unread = await self._store.unread(user_id, accesses)
            for place, access in enumerate(accesses):
                await self._turn()
                yield await self._entry(access, unread[place], limit if start + place < with_events else 0)

    async def _entry(self, access: Access, unread: int, limit: int) -> bytes:
        head = head_fields(access, unread)
        if limit == 0:
            # Something precedes the empty list: a member may read at least the event of joining.
            last_hash = access.head_hash.hex().encode()
            return b'{%b,"prev_hash":"%b","events":[],"events_complete":false}' % (head, last_hash)
        found = await read_range(
            self._store,
            access,
            first_seq=1,
            last_seq=access.head_seq,
            limit=limit,
            newest=True,
            max_bytes=self._page_bytes - len(head) - ENTRY_SPARE_BYTES,
        )
        return b'{%b,"prev_hash":"%b","events":[%b],"events_complete":%b}' % (
            head,
            found.prev_hash.hex().encode(),
            b",".join(found.items),
            b"false" if found.has_more else b"true",
        )
