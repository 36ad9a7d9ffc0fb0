"""Delivered and read positions: answered at once, stored in batches, shown to those who care.

Rules of this file:
- A position moves on its owner's word only, forwards, never beyond what the owner may read.
- It is kept in memory until a flush has stored it (every 500 ms); every answer made here counts it.
- Others hear of the first move at once and of the rest with the next flush: at most two receipts per member,
  conversation and flush. In large groups only senders hear, as counts, at most once a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import structlog

from pingme.domain.errors import ErrorCode, Refused, StoreError
from pingme.domain.model import ConversationType
from pingme.ports.clock import Clock
from pingme.ports.push import LivePush, Signal
from pingme.ports.store import Access, Position, Store
from pingme.services.access import access_conversation, access_present
from pingme.services.receipt_counts import ReceiptCounts
from pingme.wire.encode import frame_of

log = structlog.get_logger(__name__)

AckType = Literal["delivered", "read"]
MAX_PENDING = 100_000  # positions in memory, some 40 MB: two minutes of 800 moves a second without a store
FLUSH_BATCH = 1_000  # positions per transaction


@dataclass(slots=True)
class Pending:
    """A position that is not stored yet, and who is to hear of it.

    Attributes:
        told: the positions that the others were last told of.
        group_size: present members of a group; 0 where it is none, or where the owner is a former member.
        peer_id: the other user of a private conversation.
    """

    delivered_seq: int
    read_seq: int
    group_size: int
    peer_id: str | None
    told: tuple[int, int]


class Receipts:
    """Moves positions and tells the others.

    Args:
        store: keeps them.
        push: tells the others.
        clock: when to flush.
        flush_ms: how long a position may stay in memory only: what a crash may lose.
        small_group: up to this many members everybody hears each receipt.
    """

    def __init__(
        self, store: Store, push: LivePush, clock: Clock, *, flush_ms: int = 500, small_group: int = 50
    ) -> None:
        self._store = store
        self._push = push
        self._clock = clock
        self._flush_ms = flush_ms
        self._small_group = small_group
        self._pending: dict[str, dict[str, Pending]] = {}
        self._count = 0
        self._counts = ReceiptCounts(store, push, clock)
        self._failing = False

    @property
    def pending(self) -> int:
        """How many positions are not stored yet."""
        return self._count

    async def ack(self, user_id: str, conversation_id: str, seq: int, ack_type: AckType) -> bytes:
        """Move the user's position and return the JSON payload of the ``ack_response``.

        Read implies delivered. A seq below the position changes nothing and is answered with what holds.

        Args:
            user_id: whose position.
            conversation_id: where; former members may acknowledge up to their removal.
            seq: everything up to it, at most the head.
            ack_type: which position.

        Raises:
            Refused: 40001/40002 for strangers, 10002 above the head, 10008 when too many positions wait.
            StoreUnavailable: access cannot be checked now.
        """
        access = await access_conversation(self._store, user_id, conversation_id)
        if not 1 <= seq <= access.head_seq:
            raise Refused(
                ErrorCode.INVALID_PARAMETERS, f"seq: expected at most {access.head_seq}, the head, got {seq}"
            )
        delivered, read = self.current(access)
        moved = (max(delivered, seq), max(read, seq) if ack_type == "read" else read)
        if moved != (delivered, read):
            self._move(access, *moved)
        return b'{"conversation_id":"%b","delivered_seq":%d,"read_seq":%d}' % (
            conversation_id.encode(),
            *moved,
        )

    def current(self, access: Access) -> tuple[int, int]:
        """Return delivered and read position of the member, those that are not stored yet included."""
        waiting = self._waiting(access.member.user_id, access.conversation.conversation_id)
        if waiting is None:
            return access.delivered_seq, access.read_seq
        return max(waiting.delivered_seq, access.delivered_seq), max(waiting.read_seq, access.read_seq)

    async def run(self) -> None:
        """Flush every ``flush_ms``, for ever; on cancellation the caller flushes once more."""
        while True:
            await self._clock.sleep_ms(self._flush_ms)
            await self.flush()

    async def flush(self, user_id: str | None = None) -> None:
        """Store the positions of one user, or of all; never raises for a store in trouble.

        What cannot be stored now stays and is tried again.
        """
        users = [user_id] if user_id is not None else list(self._pending)
        due = [
            (Position(conversation_id, user, waiting.delivered_seq, waiting.read_seq), waiting)
            for user in users
            for conversation_id, waiting in self._pending.get(user, {}).items()
        ]
        for start in range(0, len(due), FLUSH_BATCH):
            if not await self._save(due[start : start + FLUSH_BATCH]):
                break
        if user_id is None:
            await self._counts.tell(self._overlay)

    async def of(self, user_id: str, conversation_id: str, seq: int) -> dict[str, Any]:
        """Return who got and who read an event: ``{conversation_id, seq, delivered, read}``.

        The lists hold user ids of present members who may read the event, without its sender, in the order
        of joining; whoever read it got it, too.

        Raises:
            Refused: 40001/40002 for strangers, 40003 for former members, 10005 for no visible event.
            StoreUnavailable: it cannot be read now.
        """
        access = await access_present(self._store, user_id, conversation_id)
        if not access.member.from_seq <= seq <= access.head_seq:
            raise Refused(ErrorCode.NOT_FOUND, f"seq: no event {seq} in this conversation")
        page = await self._store.page(
            conversation_id, first_seq=seq, last_seq=seq, limit=1, newest=True, max_bytes=1
        )
        sender_id = page.events[0].sender_id
        delivered: list[str] = []
        read: list[str] = []
        for each in await self._store.members(conversation_id):
            member = each.member
            if not member.present or member.user_id == sender_id or member.from_seq > seq:
                continue
            got, has_read = self._overlay(conversation_id, member.user_id, each.delivered_seq, each.read_seq)
            if got >= seq:
                delivered.append(member.user_id)
            if has_read >= seq:
                read.append(member.user_id)
        return {"conversation_id": conversation_id, "seq": seq, "delivered": delivered, "read": read}

    def _waiting(self, user_id: str, conversation_id: str) -> Pending | None:
        mine = self._pending.get(user_id)
        return None if mine is None else mine.get(conversation_id)

    def _overlay(self, conversation_id: str, user_id: str, delivered: int, read: int) -> tuple[int, int]:
        """Return stored positions with what waits in memory on top."""
        waiting = self._waiting(user_id, conversation_id)
        if waiting is None:
            return delivered, read
        return max(delivered, waiting.delivered_seq), max(read, waiting.read_seq)

    def _move(self, access: Access, delivered_seq: int, read_seq: int) -> None:
        """Keep a new position; tell of it unless the others heard of this member since the last flush."""
        user_id, conversation_id = access.member.user_id, access.conversation.conversation_id
        waiting = self._waiting(user_id, conversation_id)
        if waiting is not None:
            was = waiting.delivered_seq
            waiting.delivered_seq, waiting.read_seq = delivered_seq, read_seq
        else:
            if self._count >= MAX_PENDING:
                raise Refused(ErrorCode.OVERLOADED, "too many positions wait for the store")
            was = access.delivered_seq
            waiting = _pending(access, delivered_seq, read_seq)
            self._pending.setdefault(user_id, {})[conversation_id] = waiting
            self._count += 1
            self._tell([(user_id, conversation_id, waiting)])
        if waiting.group_size > self._small_group:
            first_seq = min(was, access.read_seq) + 1
            self._counts.moved(conversation_id, first_seq, max(delivered_seq, read_seq))

    async def _save(self, due: Sequence[tuple[Position, Pending]]) -> bool:
        """Store some positions and tell of those that moved on since they were told."""
        self._tell(
            [
                (position.user_id, position.conversation_id, waiting)
                for position, waiting in due
                if waiting.told != (waiting.delivered_seq, waiting.read_seq)
            ]
        )
        try:
            await self._store.save_positions([position for position, _ in due])
        except StoreError as exc:
            if not self._failing:
                log.warning("positions_not_stored", error=str(exc), waiting=self._count)
            self._failing = True
            return False
        if self._failing:
            log.info("positions_stored_again", waiting=self._count)
        self._failing = False
        for position, waiting in due:
            if (waiting.delivered_seq, waiting.read_seq) == (position.delivered_seq, position.read_seq):
                self._forget(position.user_id, position.conversation_id, waiting)
        return True

    def _forget(self, user_id: str, conversation_id: str, stored: Pending) -> None:
        mine = self._pending.get(user_id)
        if mine is None or mine.get(conversation_id) is not stored:
            return  # another flush has stored it as well
        del mine[conversation_id]
        self._count -= 1
        if not mine:
            del self._pending[user_id]

    def _tell(self, moved: Sequence[tuple[str, str, Pending]]) -> None:
        """Show positions to the user's own devices and to those who hear single receipts."""
        signals: list[Signal] = []
        for user_id, conversation_id, waiting in moved:
            waiting.told = (waiting.delivered_seq, waiting.read_seq)
            frame = receipt_frame(conversation_id, user_id, *waiting.told)
            signals.append(Signal(f"user:{user_id}", frame))
            if waiting.peer_id is not None:
                signals.append(Signal(f"user:{waiting.peer_id}", frame))
            elif 0 < waiting.group_size <= self._small_group:
                signals.append(Signal(f"group:{conversation_id}", frame, user_id))
        if signals:
            self._push.publish_signals(signals)


def _pending(access: Access, delivered_seq: int, read_seq: int) -> Pending:
    """Return a new entry; nobody else hears of a former member's positions."""
    user_id = access.member.user_id
    group = access.conversation.type is ConversationType.GROUP and access.member.present
    return Pending(
        delivered_seq,
        read_seq,
        group_size=access.conversation.member_count if group else 0,
        peer_id=access.peer_id if access.peer_id != user_id else None,
        told=(0, 0),
    )


def receipt_frame(conversation_id: str, user_id: str, delivered_seq: int, read_seq: int) -> bytes:
    """Return the whole WebSocket frame of one member's receipt."""
    return frame_of(
        "receipt",
        b'{"conversation_id":"%b","user_id":"%b","delivered_seq":%d,"read_seq":%d}'
        % (conversation_id.encode(), user_id.encode(), delivered_seq, read_seq),
    )
