"""Events that a snapshot cannot show yet, because the one before them has not come. Pure.

They are held for a moment; then only a sync helps. Timelines do the same for the program that listens, but they
wait for it, and snapshots do not.
"""

from __future__ import annotations

from pingme.wire.server_frames import Item

HOLD_MS = 1_000  # pushes overtake each other for moments, and timelines fetch after 200 ms; so a sync a second at most
MAX_HELD = 100  # of one conversation; the sync brings what is beyond


class Ahead:
    """Held events, by conversation; false when there are none."""

    def __init__(self) -> None:
        self._held: dict[str, dict[int, Item]] = {}
        self._since_ms: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._held)

    @property
    def due_at_ms(self) -> int | None:
        """The moment from which a sync is needed, None when nothing is held."""
        return min(self._since_ms.values()) + HOLD_MS if self._since_ms else None

    def hold(self, item: Item, now_ms: int) -> None:
        """Keep an event until those before it have come."""
        held = self._held.setdefault(item.conversation_id, {})
        self._since_ms.setdefault(item.conversation_id, now_ms)
        if len(held) < MAX_HELD:
            held[item.seq] = item

    def take(self, conversation_id: str, *, after_seq: int, now_ms: int) -> list[Item]:
        """Return what directly follows ``after_seq``, in order, and forget it and everything before it."""
        held = self._held.pop(conversation_id, {})
        since_ms = self._since_ms.pop(conversation_id, now_ms)
        ready: list[Item] = []
        while (item := held.get(after_seq + len(ready) + 1)) is not None:
            ready.append(item)
        left = {seq: item for seq, item in held.items() if seq > after_seq + len(ready)}
        if left:
            self._held[conversation_id] = left
            self._since_ms[conversation_id] = now_ms if ready else since_ms
        return ready

    def forget_before(self, moment_ms: int) -> None:
        """Forget what has been waiting since before a moment."""
        for conversation_id in [name for name, since_ms in self._since_ms.items() if since_ms < moment_ms]:
            del self._held[conversation_id], self._since_ms[conversation_id]

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()
        self._since_ms.clear()
