"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
SETTLE_ROUNDS = 20  # loop turns after each wake-up; enough for chains of awaits that touch no thread


class FakeClock:
    """`Clock` for tests: same seed, same entropy and jitter; time passes only in `advance`.

    Args:
        seed: of `entropy` and `jitter`.
        now_ms: where the wall clock starts.
    """

    def __init__(self, seed: int = 0, *, now_ms: int = START_MS) -> None:
        self._random = random.Random(seed)
        self._wall_offset_ms = now_ms
        self._monotonic_ms = 0
        self._order = itertools.count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        """See `Clock.now_ms`."""
        return self._wall_offset_ms + self._monotonic_ms

    def monotonic_ms(self) -> int:
        """See `Clock.monotonic_ms`."""
        return self._monotonic_ms

    async def sleep_ms(self, delay_ms: int) -> None:
        """See `Clock.sleep_ms`; returns when `advance` has passed the moment."""
        if delay_ms <= 0:
            await asyncio.sleep(0)
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic_ms + delay_ms, next(self._order), done))
        await done

    def entropy(self, size: int) -> bytes:
        """See `Clock.entropy`; predictable here."""
        return self._random.randbytes(size)

    def jitter(self) -> float:
        """See `Clock.jitter`; predictable here."""
        return self._random.random()

    @property
    def sleeping(self) -> int:
        """How many tasks wait in `sleep_ms`."""
        return sum(1 for _, _, done in self._sleepers if not done.done())

    async def advance(self, delay_ms: int) -> None:
        """Let this much time pass: wake each sleeper at its own moment, in order, and let it run."""
        end_ms = self._monotonic_ms + delay_ms
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end_ms:
            at_ms, _, done = heapq.heappop(self._sleepers)
            self._monotonic_ms = max(self._monotonic_ms, at_ms)
            if not done.done():
                done.set_result(None)
                await self.settle()
        self._monotonic_ms = end_ms
        await self.settle()

    def jump_wall(self, delta_ms: int) -> None:
        """Set the wall clock forwards or back, as NTP would; monotonic time does not move."""
        self._wall_offset_ms += delta_ms

    async def settle(self) -> None:
        """Let every task run until it waits for something."""
        for _ in range(SETTLE_ROUNDS):
            await asyncio.sleep(0)
