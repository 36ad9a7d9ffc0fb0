"""One moment of a store, read in pages for an export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

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


class Snapshot(Protocol):
    """What one read transaction sees; writers go on beside it, and nothing that they commit is seen.

    Every call returns a page in the order of the export (`pingme.wire.export_check`); ids are compared byte by byte. One
    call at a time. Every call raises `StoreUnavailable` when the store cannot be read, and `BadExport` where a row has no
    record; what is wrong with records is found by whoever checks them.
    """

    async def count_events(self) -> int:
        """Return how many events there are, without refusals."""
        ...

    async def users(self, after: str, limit: int) -> Sequence[UserRecord]:
        """Return accounts by user_id, from the first one after ``after``."""
        ...

    async def devices(self, after: tuple[str, str], limit: int) -> Sequence[DeviceRecord]:
        """Return login sessions by (user_id, device_id), from the first one after ``after``."""
        ...

    async def conversations(self, after: str, limit: int) -> Sequence[ConversationRecord]:
        """Return conversations with their heads by conversation_id, from the first one after ``after``."""
        ...

    async def members(self, conversation_ids: Sequence[str]) -> Sequence[MemberRecord]:
        """Return all memberships of these conversations, by (conversation_id, user_id)."""
        ...

    async def events(
        self, conversation_ids: Sequence[str], first_seq: int, last_seq: int
    ) -> Sequence[EventRecord]:
        """Return the events with these seqs, both inclusive, by (conversation_id, seq)."""
        ...

    async def reactions(
        self, conversation_ids: Sequence[str], first_seq: int, last_seq: int
    ) -> Sequence[ReactionRecord]:
        """Return the reactions on messages with these seqs, by (conversation_id, seq, at_seq)."""
        ...

    async def refusals(self, offset: int, limit: int) -> Sequence[RefusalRecord]:
        """Return definite refusals by (server_ts, sender_id, msg_id), leaving out the first ``offset``."""
        ...

    async def dead_letters(self, offset: int, limit: int) -> Sequence[DeadLetterRecord]:
        """Return the dead letters of the store's table as they were put, leaving out the first ``offset``."""
        ...
