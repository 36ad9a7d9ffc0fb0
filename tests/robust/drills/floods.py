"""Hostile clients flood the server, each kind of frame in its turn, while healthy ones chat."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.robust.chatter import Pace
from tests.robust.drill import (
    Crowd,
    Report,
    Result,
    Server,
    crowd,
    judge,
    latencies,
    now_s,
    plan_groups,
    sampled,
)
from tests.robust.world import Account, World

KINDS = (
    "send", "refused", "ping", "connect", "bad_token", "sync", "history", "ack", "typing", "presence_watch"
)  # fmt: skip
RATIO = 2.0  # the aim; recorded, not asserted: machines are noisy
NICE = 15  # attackers have machines of their own; here they leave the processor to the server
SERVES_WITHIN_MS = 3_000.0  # what is asserted: healthy clients are served


@dataclass(frozen=True, slots=True)
class Params:
    kinds: tuple[str, ...] = KINDS
    people: int = 20
    per_s: float = 5.0
    attackers: int = 20
    sockets_connect: int = 500
    hostile_groups: int = 100
    group_messages: int = 200
    content_bytes: int = 4_000
    baseline_s: float = 8.0
    flood_s: float = 10.0


SHORT = Params(people=8, attackers=6, sockets_connect=60, hostile_groups=10, baseline_s=2.5, flood_s=2.5)


async def run(params: Params, folder: Path, report: Report) -> Result:
    """Healthy clients are served all the time, memory is bounded, and all promises hold."""
    result = Result("floods")
    world = World(folder / "data")
    accounts = await world.accounts([f"p{number}" for number in range(params.people)])
    hostile = await world.accounts([f"h{number}" for number in range(params.attackers)])
    groups = plan_groups(accounts, max(2, params.people // 5))
    for group_id, members in groups.items():
        await world.group(group_id, members)
    targets = [
        await world.group(f"ghostile{number}", hostile, messages=params.group_messages)
        for number in range(params.hostile_groups)
    ]
    await world.close()
    async with Server(folder / "data") as server:
        async with crowd(server.url, accounts, groups, Pace(params.per_s)) as people:
            await asyncio.sleep(1)
            rss: list[float] = []
            async with sampled(server.rss_mib, rss):
                for kind in params.kinds:
                    task = _task(params, kind, server.port, hostile, targets)
                    await _one(result, params, kind, people, server, task, report)
                    await asyncio.sleep(0.5)
            result.note(rss_first_mib=rss[0], rss_max_mib=max(rss))
            result.expect(max(rss) < rss[0] + 300, f"memory went from {rss[0]:.0f} to {max(rss):.0f} MiB")
            await judge(result, people, folder / "data" / "pingme.db")
        result.expect("Traceback" not in server.log(), "the server's log has a traceback")
    return result


def _task(
    params: Params, kind: str, port: int, hostile: list[Account], conversations: list[str]
) -> dict[str, Any]:
    accounts = [asdict(account) for account in hostile]
    if kind == "connect":
        accounts = accounts[:1] * params.sockets_connect
    return {
        "kind": kind,
        "port": port,
        "accounts": accounts,
        "conversations": conversations,
        "user_ids": [account.user_id for account in hostile] + [f"unobody{number}" for number in range(480)],
        "content_bytes": params.content_bytes,
        "seconds": params.flood_s,
    }


async def _one(
    result: Result,
    params: Params,
    kind: str,
    people: Crowd,
    server: Server,
    task: dict[str, Any],
    report: Report,
) -> None:
    """Measure healthy clients before and during one flood."""
    began_s = now_s()
    await asyncio.sleep(params.baseline_s)
    before = latencies(result, f"{kind}_before", people.delivery_ms(began_s, now_s()))
    began_s, acked, cpu_s = now_s(), people.acked, _cpu_s(server.pid)
    lag = await server.metrics()
    seen = await _flood(task)
    ended_s = now_s()
    lag_ms = _lag_ms(lag, await server.metrics())
    during = latencies(result, f"{kind}_during", people.delivery_ms(began_s, ended_s))
    ratio = during / before if before else 0.0
    cpu = (_cpu_s(server.pid) - cpu_s) / (ended_s - began_s)
    result.note(**{f"{kind}_loop_lag_p90_ms": lag_ms, f"{kind}_rss_mib": server.rss_mib()})
    result.note(
        **{f"{kind}_ratio": ratio, f"{kind}_server_cpu": cpu, f"{kind}_attackers": json.dumps(seen["seen"])}
    )
    result.faults += [f"{kind}: an attacker broke: {fault}" for fault in seen["faults"]]
    result.expect(during < SERVES_WITHIN_MS, f"{kind}: p99 of healthy clients was {during:.0f} ms")
    result.expect(people.acked > acked, f"{kind}: nobody was served")
    over = "" if ratio <= RATIO else "  (above the aim)"
    report(
        f"{kind}: p99 {before:.1f} ms before, {during:.1f} ms during, ratio {ratio:.1f}{over}; "
        f"server: cpu {cpu:.2f}, loop late {lag_ms} ms, {server.rss_mib():.0f} MiB; {seen['seen']}"
    )


def _lag_ms(before: dict[str, float], after: dict[str, float]) -> float:
    """Return the bucket of the server's loop lag below which 90 % of the looks between two scrapes fell."""
    prefix = 'pingme_loop_lag_seconds_bucket{le="'
    counts = {
        float(name[len(prefix) : -2]): count - before.get(name, 0.0)
        for name, count in after.items()
        if name.startswith(prefix)
    }
    whole = max(counts.values(), default=0.0)
    return min((bound * 1000 for bound, count in counts.items() if count >= 0.9 * whole), default=0.0)


def _cpu_s(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _flood(task: dict[str, Any]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.robust.hostile",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=lambda: os.nice(NICE),
    )
    out, _ = await process.communicate(json.dumps(task).encode())
    answer: dict[str, Any] = json.loads(out)
    return answer
