"""Hostile clients flood the server, each kind of frame in its turn, while healthy ones chat.

How the aim, healthy clients' p99 at most twice that without a flood, is measured: quiet and flooded slices take turns in
one run, and the medians over the rounds are compared. Between them attackers do the same to another server, which nobody
uses: the ratio of those slices is what the machine does to the measurement, because attackers share it with the healthy.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.robust.chatter import Pace
from tests.robust.drill import (
    SERVES_WITHIN_MS,
    UNNOTICED_MS,
    Crowd,
    Report,
    Result,
    Server,
    crowd,
    judge,
    now_s,
    plan_groups,
    sampled,
)
from tests.robust.history import percentile
from tests.robust.world import Account, World

KINDS = (
    "send", "refused", "ping", "connect", "reconnect", "bad_token", "sync", "history", "ack", "typing",
    "presence_watch",
)  # fmt: skip
RATIO = 2.0
NICE = 15  # attackers, and the other server, have machines of their own; here they leave the processor to this one
SETTLE_S = 0.3  # after a flood: what the kernel still holds of it is read


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
    rounds: int = 7
    slice_s: float = 2.5
    compares: bool = True  # short runs have too few samples for a p99


SHORT = Params(
    kinds=("send", "ping", "connect", "reconnect", "sync", "history", "presence_watch"),
    people=8,
    attackers=6,
    sockets_connect=60,
    hostile_groups=10,
    rounds=1,
    slice_s=0.8,
    compares=False,
)


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
    async with AsyncExitStack() as servers:
        other = None
        if params.compares:
            shutil.copytree(folder / "data", folder / "other")
            other = await servers.enter_async_context(Server(folder / "other"))
            _be_nice(other.pid)
        server = await servers.enter_async_context(Server(folder / "data"))
        async with crowd(server.url, accounts, groups, Pace(params.per_s)) as people:
            await asyncio.sleep(1)
            rss: list[float] = []
            async with sampled(server.rss_mib, rss):
                for kind in params.kinds:
                    task = _task(params, kind, hostile, targets)
                    await _one(result, params, kind, people, server, other, task, report)
            result.note(rss_first_mib=rss[0], rss_max_mib=max(rss))
            result.expect(max(rss) < rss[0] + 300, f"memory went from {rss[0]:.0f} to {max(rss):.0f} MiB")
            await judge(result, people, folder / "data" / "pingme.db")
        result.expect("Traceback" not in server.log(), "the server's log has a traceback")
    return result


def _task(params: Params, kind: str, hostile: list[Account], conversations: list[str]) -> dict[str, Any]:
    accounts = [asdict(account) for account in hostile]
    if kind == "connect":
        accounts = accounts[:1] * params.sockets_connect
    return {
        "kind": kind,
        "accounts": accounts,
        "conversations": conversations,
        "user_ids": [account.user_id for account in hostile] + [f"unobody{number}" for number in range(480)],
        "content_bytes": params.content_bytes,
    }


async def _one(
    result: Result,
    params: Params,
    kind: str,
    people: Crowd,
    server: Server,
    other: Server | None,
    task: dict[str, Any],
    report: Report,
) -> None:
    """Measure healthy clients without a flood, with one of the other server, and with one of theirs, in turns."""
    quiet: list[float] = []
    elsewhere: list[float] = []
    flooded: list[float] = []
    acked, cpu_s, flooded_s, lag = people.acked, 0.0, 0.0, 0.0
    async with AsyncExitStack() as both:
        here = await both.enter_async_context(_attackers(task | {"port": server.port}))
        there = other and await both.enter_async_context(_attackers(task | {"port": other.port}))
        for _ in range(params.rounds):
            quiet.append(await _slice(people, params.slice_s))
            if there:
                async with there.flooding():
                    elsewhere.append(await _slice(people, params.slice_s))
            async with here.flooding():
                began_s, cpu_before_s, before = now_s(), _cpu_s(server.pid), await server.metrics()
                flooded.append(await _slice(people, params.slice_s))
                lag = max(lag, _lag_ms(before, await server.metrics()))
                cpu_s += _cpu_s(server.pid) - cpu_before_s
                flooded_s += now_s() - began_s
        seen = await here.end()
    before_ms, during_ms = statistics.median(quiet), statistics.median(flooded)
    ratio = during_ms / before_ms if before_ms else 0.0
    machine_ms = statistics.median(elsewhere or quiet)
    cpu = cpu_s / flooded_s
    result.note(
        **{
            f"{kind}_quiet_p99_ms": before_ms,
            f"{kind}_elsewhere_p99_ms": machine_ms,
            f"{kind}_flooded_p99_ms": during_ms,
            f"{kind}_ratio": ratio,
            f"{kind}_server_cpu": cpu,
            f"{kind}_loop_lag_p90_ms": lag,
            f"{kind}_rss_mib": server.rss_mib(),
            f"{kind}_attackers": json.dumps(seen["seen"]),
        }
    )
    result.faults += [f"{kind}: an attacker broke: {fault}" for fault in seen["faults"]]
    result.expect(
        max(flooded) < SERVES_WITHIN_MS, f"{kind}: p99 of healthy clients was {max(flooded):.0f} ms"
    )
    result.expect(people.acked > acked, f"{kind}: nobody was served")
    allowed_ms = max(UNNOTICED_MS, RATIO * max(before_ms, machine_ms))
    result.expect(
        not params.compares or during_ms <= allowed_ms,
        f"{kind}: p99 of healthy clients went from {before_ms:.1f} to {during_ms:.1f} ms; "
        f"it is {machine_ms:.1f} ms while another server is flooded",
    )
    report(
        f"{kind}: p99 {before_ms:.1f} ms quiet, {machine_ms:.1f} ms while another server is flooded, {during_ms:.1f} ms "
        f"flooded; server: cpu {cpu:.2f}, loop late {lag} ms, {server.rss_mib():.0f} MiB; {seen['seen']}"
    )


def _be_nice(pid: int) -> None:
    """Let all threads of a process yield to others (on Linux each has its own niceness)."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.setpriority(os.PRIO_PROCESS, int(thread.name), NICE)


async def _slice(people: Crowd, seconds: float) -> float:
    """Return the p99 of healthy clients within a time, in milliseconds."""
    began_s = now_s()
    await asyncio.sleep(seconds)
    return percentile(people.delivery_ms(began_s, now_s()), 0.99)


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


class _Attackers:
    """The process of the attackers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def tell(self, line: str) -> None:
        """Give the task, or begin (``on``) or end (``off``) the flood."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    @asynccontextmanager
    async def flooding(self) -> AsyncIterator[None]:
        """Flood meanwhile, and let what the kernel still holds of it be read."""
        self.tell("on")
        yield
        self.tell("off")
        await asyncio.sleep(SETTLE_S)

    async def end(self) -> dict[str, Any]:
        """Return what they saw."""
        out, _ = await self._process.communicate(b"")  # b"" closes stdin, None would not
        answer: dict[str, Any] = json.loads(out)
        return answer


@asynccontextmanager
async def _attackers(task: dict[str, Any]) -> AsyncIterator[_Attackers]:
    """Start them, quiet at first."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.robust.hostile",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=lambda: os.nice(NICE),
    )
    try:
        made = _Attackers(process)
        made.tell(json.dumps(task))
        yield made
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
