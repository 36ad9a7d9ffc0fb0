"""How often one user may do something that no unread socket holds back: sends over HTTP, and connects.

The meter is the generic cell rate algorithm (ITU-T I.371): one number per user, the time at which the next would come if all
came evenly.
"""

from __future__ import annotations

from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.clock import Clock

BURST_S = 3  # seconds' worth that may come at once: the socket's 60 sends for 20 a second
MAX_USERS = 50_000  # remembered at once: some 8 MB
MIN_SWEEP = 1_000  # users remembered before those that need not be are looked for


class UserRates:
    """A meter per user.

    Args:
        clock: the monotonic clock.
        per_s: how often per second and user; 0 = no limit.
    """

    def __init__(self, clock: Clock, per_s: int) -> None:
        self._clock = clock
        self._per_s = per_s
        self._every_ms = 1_000 / per_s if per_s else 0.0
        self._burst_ms = BURST_S * 1_000 - self._every_ms
        self._buckets: dict[str, float] = {}
        self._sweep_at = min(MIN_SWEEP, MAX_USERS)

    def take(self, user_id: str) -> None:
        """Count one operation.

        Raises:
            Refused: 10007 with retry_after_ms, the user is too fast.
        """
        wait_ms = self._spend(user_id, 0)
        if wait_ms:
            message = f"at most {self._per_s} operations a second"
            raise Refused(ErrorCode.TOO_MANY_REQUESTS, message, retry_after_ms=int(wait_ms) + 1)

    def reserve(self, user_id: str, within_ms: int) -> int | None:
        """Count one, and return in how many milliseconds it is its turn; None, and not counted, beyond ``within_ms``."""
        wait_ms = self._spend(user_id, within_ms)
        return None if wait_ms > within_ms else round(wait_ms)

    def _spend(self, user_id: str, within_ms: int) -> float:
        """Return how long this user has to wait, and count it unless that is too long."""
        if not self._every_ms:
            return 0.0
        now = self._clock.monotonic_ms()
        even_ms = max(self._buckets.get(user_id, 0.0), float(now))
        wait_ms = max(
            0.0, round(even_ms - self._burst_ms - now, 3)
        )  # rounded: a third of a second is no whole number
        if wait_ms <= within_ms:
            self._make_room(now)
            self._buckets[user_id] = even_ms + self._every_ms
        return wait_ms

    def _make_room(self, now: int) -> None:
        """Forget whoever is owed a whole burst again: they are as if they had never come."""
        if len(self._buckets) < self._sweep_at:
            return
        self._buckets = {user_id: even_ms for user_id, even_ms in self._buckets.items() if even_ms > now}
        if len(self._buckets) >= MAX_USERS:
            self._buckets.clear()  # a full bucket for everybody is kinder than a refusal
        self._sweep_at = min(MAX_USERS, max(MIN_SWEEP, 2 * len(self._buckets)))
