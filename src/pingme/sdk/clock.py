"""The computer's clock and dice, for the SDK."""

from __future__ import annotations

import asyncio
import os
import random
import time


class SystemClock:
    """`pingme.ports.clock.Clock` by the operating system."""

    def now_ms(self) -> int:
        """See `Clock.now_ms`."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """See `Clock.monotonic_ms`."""
        return time.monotonic_ns() // 1_000_000

    async def sleep_ms(self, delay_ms: int) -> None:
        """See `Clock.sleep_ms`."""
        await asyncio.sleep(delay_ms / 1000)

    def entropy(self, size: int) -> bytes:
        """See `Clock.entropy`."""
        return os.urandom(size)

    def jitter(self) -> float:
        """See `Clock.jitter`."""
        return random.random()  # noqa: S311  # spreads retries, keeps no secret
