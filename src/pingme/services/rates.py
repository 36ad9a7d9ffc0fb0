"""How fast one user may send over HTTP, where no socket can be left unread."""

from __future__ import annotations

from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.clock import Clock

BURST = 3  # seconds' worth that may come at once: the socket's 60 for 20 a second
MAX_USERS = 50_000  # remembered at once: some 8 MB


class UserRates:
    """A token bucket per user.

    Args:
        clock: the monotonic clock.
        per_s: operations per second; 0 = no limit.
    """

    def __init__(self, clock: Clock, per_s: int) -> None:
        self._clock = clock
        self._per_s = per_s
        self._buckets: dict[str, tuple[float, int]] = {}

    def take(self, user_id: str) -> None:
        """Count one operation.

        Raises:
            Refused: 10007 with retry_after_ms, the user is too fast.
        """
        if not self._per_s:
            return
        now = self._clock.monotonic_ms()
        full = float(self._per_s * BURST)
        left, since = self._buckets.get(user_id, (full, now))
        left = min(full, left + (now - since) * self._per_s / 1000)
        if left < 1:
            wait_ms = int((1 - left) * 1000 / self._per_s) + 1
            message = f"at most {self._per_s} operations a second"
            raise Refused(ErrorCode.TOO_MANY_REQUESTS, message, retry_after_ms=wait_ms)
        if len(self._buckets) >= MAX_USERS and user_id not in self._buckets:
            self._buckets.clear()  # a full bucket for everybody is kinder than a refusal
        self._buckets[user_id] = (left - 1, now)
