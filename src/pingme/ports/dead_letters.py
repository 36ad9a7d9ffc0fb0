"""Where records go that could not be stored, and how people get them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class DeadLetterRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was given up, as it was.

    Attributes:
        id: given by the adapter; 0 before it is put.
        sender_id, msg_id: who would have sent what; empty when the bytes cannot be decoded.
        raw: the record's own bytes (`pingme.wire.records`).
        code: why, from the table of errors.
        error: the last error's text, without content.
        attempts: how often it was tried.
        origin: where it came from: ``topic/partition/offset``; ``memory/0/<n>`` embedded.
        created_ts: Unix milliseconds of the first time it was put.
        replays: how often it was sent again by an operator.
        headers: what stood beside the record in a log outside the process; a table of a store does not keep them.
    """

    id: int = 0
    sender_id: str
    msg_id: str
    conversation_id: str
    raw: bytes
    code: int
    error: str
    attempts: int
    origin: str
    created_ts: int
    replays: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


class DeadLetters(Protocol):
    """At most one dead letter per (sender_id, msg_id); nothing is lost that `put` has confirmed."""

    async def put(self, letter: DeadLetterRecord) -> None:
        """Keep a record; returns when it is on disk. A second letter of the same (sender_id, msg_id) replaces it.

        Raises:
            DeadLetterFailed: it is not kept; the record must not be given up.
        """
        ...

    async def list(self, *, after_id: int = 0, limit: int = 100) -> Sequence[DeadLetterRecord]:
        """Return letters in ascending id, at most ``limit`` (1 to 1 000), with ids above ``after_id``."""
        ...

    async def show(self, letter_id: int) -> DeadLetterRecord | None:
        """Return one letter, or None."""
        ...

    async def mark_replayed(self, letter_id: int) -> None:
        """Count a replay of this letter; it stays until it is purged or stored."""
        ...

    async def purge(self, letter_ids: Sequence[int] | None = None) -> int:
        """Delete these letters, or all of them; return how many were deleted."""
        ...

    async def count(self) -> int:
        """Return how many letters there are."""
        ...
