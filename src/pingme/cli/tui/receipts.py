"""Ticks: how far one's own messages got, from positions. Pure."""

from __future__ import annotations

from collections import defaultdict

from pingme.cli.tui.text import Tick
from pingme.sdk.events import Message, Receipt
from pingme.sdk.state import Snapshot


class GroupReceipts:
    """The positions of members that were heard of; in large groups counts take their place."""

    def __init__(self) -> None:
        self._positions: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
        self._counts: dict[str, tuple[int, int, int]] = {}

    def take(self, receipt: Receipt) -> None:
        """Note a receipt."""
        if receipt.user_id is not None:
            delivered, read = receipt.delivered_seq or 0, receipt.read_seq or 0
            self._positions[receipt.conversation_id][receipt.user_id] = (max(delivered, read), read)
        elif receipt.seq is not None:
            self._counts[receipt.conversation_id] = (receipt.seq, receipt.delivered or 0, receipt.read or 0)

    def note(self, conversation_id: str, seq: int, *, delivered: list[str], read: list[str]) -> None:
        """Note who got and who read an event, as the server answers it."""
        positions = self._positions[conversation_id]
        for user_id in delivered:
            old = positions.get(user_id, (0, 0))
            positions[user_id] = (max(old[0], seq), max(old[1], seq) if user_id in read else old[1])

    def tick(self, message: Message, others: int) -> Tick:
        """Return the ticks of one's own message in a group of ``others`` other members."""
        seq, delivered, read = self._counts.get(message.conversation_id, (0, 0, 0))
        if seq < message.seq:
            positions = [
                place
                for user, place in self._positions[message.conversation_id].items()
                if user != message.sender_id
            ]
            delivered = sum(place[0] >= message.seq for place in positions)
            read = sum(place[1] >= message.seq for place in positions)
        if others > 0 and read >= others:
            return Tick.READ
        return Tick.DELIVERED if others > 0 and delivered >= others else Tick.SENT


def tick_of(message: Message, snapshot: Snapshot | None, receipts: GroupReceipts) -> Tick | None:
    """Return the ticks of a message, None for those of others."""
    if not message.mine or snapshot is None:
        return None
    if snapshot.info.type == "group":
        return receipts.tick(message, (snapshot.info.member_count or 1) - 1)
    if snapshot.peer_read_seq >= message.seq:
        return Tick.READ
    return Tick.DELIVERED if snapshot.peer_delivered_seq >= message.seq else Tick.SENT
