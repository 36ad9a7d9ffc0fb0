"""When a user's next connect may be answered: one that comes back without pause waits, and takes nobody else's time.

A connect costs the server some 0.4 ms, a hundred times a message. The meter is the generic cell rate algorithm (ITU-T
I.371): one number per user, the time at which a connect would come if they came evenly.
"""

from __future__ import annotations

from pingme.ports.clock import Clock

BURST_S = 3  # seconds' worth that is not delayed: all devices of a user come back at once after a restart
MAX_WAIT_MS = 2_000  # below the least time to authenticate that clients allow
MIN_SWEEP = 1_000  # users remembered before those that need not be are looked for


class UserPaces:
    """Spreads what each user does too often.

    Args:
        clock: the monotonic clock.
        per_s: how often per second and user; 0 = as often as they like.
    """

    def __init__(self, clock: Clock, per_s: int) -> None:
        self._clock = clock
        self._every_ms = 1_000 / per_s if per_s else 0.0
        self._burst_ms = BURST_S * 1_000 - self._every_ms
        self._even_ms: dict[str, float] = {}
        self._sweep_at = MIN_SWEEP

    def reserve(self, user_id: str) -> int | None:
        """Return in how many milliseconds it is this user's turn, at most `MAX_WAIT_MS`; None: too many wait already."""
        if not self._every_ms:
            return 0
        now = self._clock.monotonic_ms()
        even_ms = max(self._even_ms.get(user_id, 0.0), float(now))
        wait_ms = even_ms - self._burst_ms - now
        if wait_ms > MAX_WAIT_MS:
            return None
        self._even_ms[user_id] = even_ms + self._every_ms
        if len(self._even_ms) > self._sweep_at:
            self._sweep(now)
        return max(0, round(wait_ms))

    def _sweep(self, now: int) -> None:
        """Forget whoever is owed a whole burst again: they are as if they had never come."""
        self._even_ms = {user_id: even for user_id, even in self._even_ms.items() if even > now}
        self._sweep_at = max(MIN_SWEEP, 2 * len(self._even_ms))
