"""Ranges of one conversation, as far as the member may read it."""

from __future__ import annotations

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.ids import MAX_SEQ
from pingme.ports.store import Store
from pingme.services.access import access_conversation
from pingme.services.entries import read_range
from pingme.wire.encode import history_payload

MAX_EVENTS = 200  # of one page
PAGE_BYTES = 262_144  # of one page's events: a quarter of the default outbox


class History:
    """Pages of events for present and former members.

    Args:
        store: where the events are.
        page_bytes: bound on a page's events.
    """

    def __init__(self, store: Store, *, page_bytes: int = PAGE_BYTES) -> None:
        self._store = store
        self._page_bytes = page_bytes

    async def page(
        self,
        user_id: str,
        conversation_id: str,
        before_seq: int | None,
        after_seq: int | None,
        limit: int,
    ) -> bytes:
        """Return the JSON payload of a ``history_page``, at most ``page_bytes`` of events (but at least one event).

        Args:
            user_id: who asks.
            conversation_id: what about.
            before_seq: only events below it; alone, the newest of them.
            after_seq: only events above it, from there on; with before_seq the range between.
            limit: 1 to 200 events.

        Raises:
            Refused: 40001 or 40002 for strangers; 10002 for numbers out of range.
            StoreUnavailable: it cannot be read now.
        """
        check_range(before_seq, after_seq, limit)
        access = await access_conversation(self._store, user_id, conversation_id)
        found = await read_range(
            self._store,
            access,
            first_seq=1 if after_seq is None else after_seq + 1,
            last_seq=access.head_seq if before_seq is None else before_seq - 1,
            limit=limit,
            newest=after_seq is None,
            max_bytes=self._page_bytes,
        )
        return history_payload(conversation_id, found.prev_hash, found.items, has_more=found.has_more)


def check_range(before_seq: int | None, after_seq: int | None, limit: int) -> None:
    """Check what a client asks for.

    Raises:
        Refused: 10002.
    """
    if not 1 <= limit <= MAX_EVENTS:
        raise Refused(ErrorCode.INVALID_PARAMETERS, f"limit: expected 1 to {MAX_EVENTS}, got {limit}")
    if before_seq is not None and not 1 <= before_seq <= MAX_SEQ:
        raise Refused(ErrorCode.INVALID_PARAMETERS, "before_seq: expected a seq, from 1")
    if after_seq is not None and not 0 <= after_seq <= MAX_SEQ:
        raise Refused(ErrorCode.INVALID_PARAMETERS, "after_seq: expected a seq, or 0")
    if before_seq is not None and after_seq is not None and before_seq <= after_seq:
        raise Refused(ErrorCode.INVALID_PARAMETERS, "before_seq: expected more than after_seq")
