"""For how long something of Kafka's library has not been well, in time that this process was there to see."""

from __future__ import annotations

from collections.abc import Callable

LOOK_MS = 1_000  # of one look at most: a process that was stopped for a minute has not waited for a minute


class Patience:
    """Adds up the time between looks; used by one thread, which looks more often than every second.

    Args:
        monotonic_ms: the clock.
    """

    def __init__(self, monotonic_ms: Callable[[], int]) -> None:
        self._monotonic_ms = monotonic_ms
        self._looked_ms = monotonic_ms()
        self._waited_ms = 0

    def waited_ms(self, *, is_well: bool) -> int:
        """Look, and return for how long it has not been well."""
        now = self._monotonic_ms()
        passed_ms, self._looked_ms = min(now - self._looked_ms, LOOK_MS), now
        self._waited_ms = 0 if is_well else self._waited_ms + passed_ms
        return self._waited_ms
