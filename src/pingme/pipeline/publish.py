"""Publishing, which may fail without touching what is stored: clients are told to fetch what they missed."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from pingme.domain.errors import ErrorCode
from pingme.ports.clock import Clock
from pingme.ports.push import Delivery, LivePush

log = structlog.get_logger(__name__)

RESYNC_WAIT_MS = (
    1_000  # between calls to sync while publishing goes on failing: each costs every client a question
)
DEGRADED_MS = 60_000  # after the last failure `/health` still shows it, so that somebody sees it


class Publisher:
    """Hands batches to live delivery; its faults end here.

    Args:
        push: how outcomes and events leave.
        clock: time.
    """

    def __init__(self, push: LivePush, clock: Clock) -> None:
        self._push = push
        self._clock = clock
        self._failed_ms: int | None = None
        self._told_ms: int | None = None
        self.failures = 0
        """How often publishing has failed (50004)."""
        self.resync_due_ms: int | None = None
        """When clients are to be told to sync, on the monotonic clock; None while there is no reason."""

    @property
    def degraded(self) -> bool:
        """True for a minute after the last failure."""
        return self._failed_ms is not None and self._clock.monotonic_ms() - self._failed_ms < DEGRADED_MS

    async def publish(self, batch: Sequence[Delivery]) -> None:
        """Publish; after a fault, which is logged, `resync_due_ms` is set."""
        try:
            await self._push.publish(batch)
        except Exception:
            log.exception("publish_failed", code=int(ErrorCode.DELIVERY_FAILED), records=len(batch))
            self._failed_ms = now = self._clock.monotonic_ms()
            self.failures += 1
            if self.resync_due_ms is None:
                self.resync_due_ms = (
                    now if self._told_ms is None else max(now, self._told_ms + RESYNC_WAIT_MS)
                )

    def resync_when_due(self) -> None:
        """Tell this node's clients to sync, if that is due; a fault is logged and it is tried again."""
        now = self._clock.monotonic_ms()
        if self.resync_due_ms is None or now < self.resync_due_ms:
            return
        self.resync_due_ms, self._told_ms = None, now
        try:
            self._push.resync()
        except Exception:
            log.exception("resync_failed", code=int(ErrorCode.DELIVERY_FAILED))
            self.resync_due_ms = now + RESYNC_WAIT_MS
