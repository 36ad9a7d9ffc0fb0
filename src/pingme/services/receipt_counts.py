"""Receipts of large groups: how many members got and read a message, told to its sender only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from pingme.domain.errors import StoreError
from pingme.ports.clock import Clock
from pingme.ports.push import LivePush, Signal
from pingme.ports.store import MemberPosition, Store
from pingme.wire.encode import frame_of

log = structlog.get_logger(__name__)

INTERVAL_MS = 1_000  # between two tellings of one conversation
NEWEST_EVENTS = 20  # of the range that positions moved over: older senders look when they open the message
MAX_CONVERSATIONS = 10_000  # that wait to be told; more of them wait for their members' next move
PER_ROUND = 50  # conversations per flush: each costs two reads

Overlay = Callable[[str, str, int, int], tuple[int, int]]
"""From (conversation_id, user_id, stored delivered, stored read) to the positions that hold now."""


@dataclass(slots=True)
class _Moved:
    """The seqs that positions of a conversation moved over since its senders were told."""

    first_seq: int
    last_seq: int


class ReceiptCounts:
    """Collects moves in large groups and tells senders the counts, at most once a second per conversation.

    Args:
        store: who is a member, and how far.
        push: tells the senders.
        clock: for the interval.
    """

    def __init__(self, store: Store, push: LivePush, clock: Clock) -> None:
        self._store = store
        self._push = push
        self._clock = clock
        self._moved: dict[str, _Moved] = {}
        self._told_ms: dict[str, int] = {}  # in the order of time; older than the interval is dropped

    def moved(self, conversation_id: str, first_seq: int, last_seq: int) -> None:
        """Note that somebody's position moved over these seqs."""
        known = self._moved.get(conversation_id)
        if known is not None:
            known.first_seq = min(known.first_seq, first_seq)
            known.last_seq = max(known.last_seq, last_seq)
        elif len(self._moved) < MAX_CONVERSATIONS:
            self._moved[conversation_id] = _Moved(first_seq, last_seq)

    async def tell(self, overlay: Overlay) -> None:
        """Tell the senders concerned; a store in trouble only delays it."""
        now_ms = self._clock.monotonic_ms()
        told = self._told_ms
        while told and now_ms - told[oldest := next(iter(told))] >= INTERVAL_MS:
            del told[oldest]
        due = [conversation_id for conversation_id in self._moved if conversation_id not in told]
        for conversation_id in due[:PER_ROUND]:
            moved = self._moved.pop(conversation_id)
            try:
                signals = await self._signals(conversation_id, moved, overlay)
            except StoreError as exc:
                self.moved(conversation_id, moved.first_seq, moved.last_seq)
                log.debug("receipt_counts_delayed", conversation_id=conversation_id, error=str(exc))
                return
            told[conversation_id] = now_ms
            if signals:
                self._push.publish_signals(signals)

    async def _signals(self, conversation_id: str, moved: _Moved, overlay: Overlay) -> list[Signal]:
        newest = await self._newest_by_sender(conversation_id, moved)
        if not newest:
            return []
        members = [each for each in await self._store.members(conversation_id) if each.member.present]
        present = {each.member.user_id for each in members}
        positions = [(each.member.user_id, *_position(conversation_id, each, overlay)) for each in members]
        return [
            Signal(
                f"user:{sender_id}", counts_frame(conversation_id, seq, *_count(positions, sender_id, seq))
            )
            for sender_id, seq in newest.items()
            if sender_id in present
        ]

    async def _newest_by_sender(self, conversation_id: str, moved: _Moved) -> dict[str, int]:
        """Return the newest message of each sender among the newest events that positions moved over."""
        page = await self._store.page(
            conversation_id,
            first_seq=max(moved.first_seq, moved.last_seq - NEWEST_EVENTS + 1, 1),
            last_seq=moved.last_seq,
            limit=NEWEST_EVENTS,
            newest=True,
            max_bytes=262_144,
        )
        return {view.sender_id: view.seq for view in page.events if view.kind == "message"}


def _position(conversation_id: str, each: MemberPosition, overlay: Overlay) -> tuple[int, int]:
    return overlay(conversation_id, each.member.user_id, each.delivered_seq, each.read_seq)


def _count(positions: Sequence[tuple[str, int, int]], sender_id: str, seq: int) -> tuple[int, int]:
    """Return how many members besides the sender got, and read, everything up to ``seq``."""
    others = [(got, read) for user_id, got, read in positions if user_id != sender_id]
    return sum(got >= seq for got, _ in others), sum(read >= seq for _, read in others)


def counts_frame(conversation_id: str, seq: int, delivered: int, read: int) -> bytes:
    """Return the whole WebSocket frame of a receipt in counts."""
    return frame_of(
        "receipt",
        b'{"conversation_id":"%b","seq":%d,"delivered":%d,"read":%d}'
        % (conversation_id.encode(), seq, delivered, read),
    )
