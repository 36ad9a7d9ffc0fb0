"""How late the event loop is: what every client feels before anything else goes wrong."""

from __future__ import annotations

from collections.abc import Callable

from pingme.ports.clock import Clock

INTERVAL_MS = 250  # four looks a second cost nothing and see every pause that people notice


async def measure_loop_lag(
    clock: Clock, observe: Callable[[float], None], *, interval_ms: int = INTERVAL_MS
) -> None:
    """Sleep again and again and report how much later than asked the loop woke up; never returns.

    Args:
        clock: the time that is measured, in whole milliseconds.
        observe: called with seconds ≥ 0, such as ``metrics.loop_lag_seconds.observe``.
        interval_ms: between two looks.
    """
    while True:
        before_ms = clock.monotonic_ms()
        await clock.sleep_ms(interval_ms)
        late_ms = clock.monotonic_ms() - before_ms - interval_ms
        observe(max(0, late_ms) / 1000)
