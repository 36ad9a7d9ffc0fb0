"""Live delivery inside one process: straight into the hub."""

from __future__ import annotations

from collections.abc import Sequence

from pingme.ports.push import Delivery, PushReceiver, Signal


class MemoryPush:
    """`LivePush` for one node; the receiver is given once the hub exists."""

    def __init__(self) -> None:
        self.receiver: PushReceiver | None = None

    @property
    def connected(self) -> bool:
        """See `LivePush.connected`: there is no other node."""
        return True

    async def publish(self, batch: Sequence[Delivery]) -> None:
        """See `LivePush.publish`."""
        if self.receiver is not None:
            self.receiver.deliver(batch)

    def resync(self) -> None:
        """See `LivePush.resync`."""
        if self.receiver is not None:
            self.receiver.resync()

    def publish_signals(self, batch: Sequence[Signal]) -> None:
        """See `LivePush.publish_signals`."""
        if self.receiver is not None:
            self.receiver.signal(batch)

    def revoke(self, user_id: str, family_id: str, code: int) -> None:
        """See `LivePush.revoke`."""
        if self.receiver is not None:
            self.receiver.close_sessions(user_id, family_id, code)
