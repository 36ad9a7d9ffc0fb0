"""Time and chance, as a port, so that tests and the simulation decide them."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Two clocks and a source of randomness.

    ``now_ms`` is for people to read and may jump; nothing may be ordered, timed or limited by it.
    """

    def now_ms(self) -> int:
        """Return Unix milliseconds (UTC)."""
        ...

    def monotonic_ms(self) -> int:
        """Return milliseconds since some moment; never goes back."""
        ...

    async def sleep_ms(self, delay_ms: int) -> None:
        """Return after at least this many milliseconds."""
        ...

    def entropy(self, size: int) -> bytes:
        """Return ``size`` unpredictable bytes, fit for secrets."""
        ...

    def jitter(self) -> float:
        """Return a number from 0 up to 1, for spreading retries."""
        ...
