"""Measures how long a thread waits for the interpreter beside a busy uvloop: ``python -m tests.figures.rests``.

The thread sleeps for 10 ms, over and over, as a writer that waits for its disk; the loop works in turns of some length, and
rests after each for 1 ms or not at all. See docs/adr/0003. On one core (``taskset -c 0``) nobody waits.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
import time

import uvloop

SECONDS = 3.0
PAUSE_S = 0.01
TURNS_MS = (0.07, 0.2, 0.7)
INTERVALS_MS = (1.0, 0.1)
REST_S = 0.001


def waits_ms(turn_ms: float, *, rests: bool) -> list[float]:
    """Return by how much each pause of the thread was longer than asked for, the longest last."""
    found: list[float] = []
    done = threading.Event()

    def sleeper() -> None:
        while not done.is_set():
            began_s = time.perf_counter()
            time.sleep(PAUSE_S)
            found.append((time.perf_counter() - began_s - PAUSE_S) * 1000)

    async def busy() -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        end_s = time.perf_counter() + SECONDS

        def turn() -> None:
            until_s = time.perf_counter() + turn_ms / 1000
            while (now_s := time.perf_counter()) < until_s:
                pass
            if now_s > end_s:
                end.set()
            elif rests:
                loop.call_later(REST_S, turn)
            else:
                loop.call_soon(turn)

        turn()
        await end.wait()

    thread = threading.Thread(target=sleeper)
    thread.start()
    uvloop.run(busy())
    done.set()
    thread.join()
    return sorted(found)


def main() -> None:
    print("interval  turn     rests  pauses  p50       longest")
    for interval_ms, turn_ms, rests in itertools.product(INTERVALS_MS, TURNS_MS, (False, True)):
        sys.setswitchinterval(interval_ms / 1000)
        found = waits_ms(turn_ms, rests=rests)
        print(
            f"{interval_ms:5.1f} ms  {turn_ms:4.2f} ms  {'yes' if rests else 'no':5}  {len(found):6}  "
            f"{found[len(found) // 2]:6.1f} ms  {found[-1]:7.1f} ms"
        )


if __name__ == "__main__":
    main()
