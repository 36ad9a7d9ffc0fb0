"""The receiver of live delivery where nobody is connected: outcomes still reach whoever waits for them."""

from __future__ import annotations

from collections.abc import Sequence

from pingme.ports.push import Delivery, Signal
from pingme.services.pending import Pending


class Answers:
    """`PushReceiver` without sockets, for commands that work on the store while no server runs.

    Args:
        pending: who waits.
    """

    def __init__(self, pending: Pending) -> None:
        self._pending = pending

    def deliver(self, batch: Sequence[Delivery]) -> None:
        """See `PushReceiver.deliver`."""
        for delivery in batch:
            waiter = self._pending.take(delivery.origin)
            if waiter is not None:
                waiter.settle(delivery.outcome)

    def signal(self, batch: Sequence[Signal]) -> None:
        """See `PushReceiver.signal`; nobody is there to see it."""

    def resync(self) -> None:
        """See `PushReceiver.resync`; nobody has a live stream."""

    def close_sessions(self, user_id: str, family_id: str, code: int) -> None:
        """See `PushReceiver.close_sessions`; no socket is open."""
