"""A quarter of a large group stops reading while the others chat."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from tests.robust.chatter import Chatter, Pace
from tests.robust.drill import (
    SERVES_WITHIN_MS,
    UNLIMITED,
    UNNOTICED_MS,
    Crowd,
    Report,
    Result,
    Server,
    judge,
    latencies,
    make_world,
    now_s,
    sampled,
)

MIB = 1 << 20
RATIO = 2.0  # of the others' p99, with and without slow readers: "unmoved" on a machine that is not idle


@dataclass(frozen=True, slots=True)
class Params:
    people: int = 200
    writers: int = 10
    per_s: float = 1.5
    content_bytes: int = 8_000
    baseline_s: float = 20.0
    outbox_bytes: int = MIB
    closed_within_s: float = 300.0  # the kernel holds some 10 MB for each before the outbox grows
    compares: bool = True  # short runs have too few samples for a p99


SHORT = Params(
    people=40,
    writers=8,
    per_s=10.0,
    baseline_s=2.0,
    outbox_bytes=65_536,
    closed_within_s=60.0,
    compares=False,
)


async def run(params: Params, folder: Path, report: Report) -> Result:
    """Those who do not read are closed with 4413, come back and miss nothing; the others and the memory feel little."""
    result = Result("slow_readers")
    accounts, groups = await make_world(folder / "data", params.people, 1)
    env = UNLIMITED | {
        "PINGME_LIMITS__OUTBOX_BYTES": str(params.outbox_bytes),
        # Who does not read answers no ping either: 4408 would come before the kernel's buffers are full.
        "PINGME_WEBSOCKET__PONG_TIMEOUT": "600",
    }
    async with Server(folder / "data", env) as server:
        talk, listen = Pace(params.per_s, content_bytes=params.content_bytes), Pace(0)
        chatters = [
            Chatter(server.url, account, list(groups), talk if number < params.writers else listen)
            for number, account in enumerate(accounts)
        ]
        slow = chatters[-params.people // 4 :]
        others = chatters[: -len(slow)]
        people = Crowd(chatters, groups)
        people.tasks = [asyncio.create_task(one.run()) for one in chatters]
        rss: list[float] = []
        try:
            await people.connected()
            async with sampled(server.rss_mib, rss):
                before = await _chat(result, people, others, "before", params.baseline_s)
                rss_before = max(rss)
                report(f"p99 to the others with everybody reading: {before:.1f} ms")
                for one in slow:
                    one.reading.clear()
                began_s = now_s()
                closed = await _closed(server, len(slow), params.closed_within_s)
                during = latencies(result, "during", people.delivery_ms(began_s, now_s(), others))
                latencies(result, "during_ack", people.ack_ms(began_s, now_s()))
                result.note(closed_4413=closed, closed_after_s=now_s() - began_s)
                result.expect(
                    closed >= len(slow), f"of {len(slow)} slow readers {closed} were closed with 4413"
                )
                report(
                    f"{closed} closed with 4413 after {now_s() - began_s:.1f} s; p99 to the others {during:.1f} ms"
                )
            for one in slow:
                one.reading.set()
            await judge(result, people, folder / "data" / "pingme.db")
        finally:
            await people.leave()
        bound_mib = len(slow) * params.outbox_bytes / MIB
        result.note(ratio_p99=during / before if before else 0.0)
        result.note(rss_before_mib=rss_before, rss_max_mib=max(rss), outboxes_mib=bound_mib)
        bound_ms = max(RATIO * before, UNNOTICED_MS) if params.compares else SERVES_WITHIN_MS
        result.expect(during <= bound_ms, f"p99 to the others went from {before:.0f} to {during:.0f} ms")
        result.expect(
            max(rss) < rss_before + 2 * bound_mib + 100,
            f"memory went from {rss_before:.0f} to {max(rss):.0f} MiB",
        )
    return result


async def _chat(result: Result, people: Crowd, others: list[Chatter], name: str, seconds: float) -> float:
    began_s = now_s()
    await asyncio.sleep(seconds)
    latencies(result, f"{name}_ack", people.ack_ms(began_s, now_s()))
    return latencies(result, name, people.delivery_ms(began_s, now_s(), others))


async def _closed(server: Server, wanted: int, within_s: float) -> int:
    """Return how many were closed with 4413, when that is enough or the time is over."""
    end_s = now_s() + within_s
    while True:
        closed = int((await server.metrics()).get('pingme_closes_total{code="4413"}', 0))
        if closed >= wanted or now_s() > end_s:
            return closed
        await asyncio.sleep(0.5)
