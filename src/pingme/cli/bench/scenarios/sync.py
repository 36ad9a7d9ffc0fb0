"""Users with many conversations catch up: one after the other, then all at once; a healthy client feels how long
the server is away meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from pingme.cli.bench.client import Client, Load, open_client
from pingme.cli.bench.frames import now_us
from pingme.cli.bench.histogram import Histogram
from pingme.cli.bench.job import Interval, Job, PartResult
from pingme.cli.bench.link import Link
from pingme.cli.bench.pacing import Pacer
from pingme.cli.bench.pages import check_sync
from pingme.cli.bench.scenarios.history import last_answers
from pingme.domain.errors import PingMeError

SYNC_WITHIN_S = 300.0
PINGS_PER_S = 200  # of the healthy client: one every 5 ms


class Syncer:
    """One user who catches up, from nothing, as a new device does."""

    def __init__(self, load: Load, client: Client, heads: dict[str, int]) -> None:
        self.client = client
        self._load = load
        self._heads = heads
        self._pages: list[bytes] = []
        self._done = asyncio.Event()
        client.other = self._answer
        self._plain = client._other  # what else may come

    def _answer(self, data: bytes) -> None:
        if data.startswith(b'{"type":"sync_page"'):
            self._pages.append(data)
        elif data.startswith(b'{"type":"sync_done"'):
            self._done.set()
        else:
            self._plain(data)

    async def sync(self, taken: Histogram) -> None:
        """Sync, record the time to ``sync_done``, and check what came."""
        self._pages, began_us = [], now_us()
        self._done.clear()
        self.client.send_frame("sync", {})
        try:
            await asyncio.wait_for(self._done.wait(), SYNC_WITHIN_S)
        except TimeoutError as exc:
            raise PingMeError(f"{self.client.user.user_id}: no sync_done in {SYNC_WITHIN_S:.0f} s") from exc
        taken.record(now_us() - began_us)

    def check(self) -> int:
        """Check the last answer, after the time that is measured; return its bytes."""
        check_sync(self._pages, self._heads, self._load.faults)
        return sum(map(len, self._pages))


async def run_sync(link: Link, job: Job) -> PartResult:
    """One process syncs, another one pings: the second's times are not blurred by the first's work."""
    load = Load(ordered_ids=True)
    run: Callable[[Link, Job, Load], Awaitable[PartResult]] = (
        _ping if job.users[0].number == job.settings.extra["prober"] else _sync
    )
    result = await run(link, job, load)
    load.leaving = True
    await link.barrier("left")
    result.faults, result.refusals = load.faults, load.refusals
    return result


async def _sync(link: Link, job: Job, load: Load) -> PartResult:
    syncers = []
    for user in job.users:
        heads = {room.conversation_id: room.head for room in job.rooms if user.number in room.members}
        syncers.append(Syncer(load, Client(load, user), heads))
        await open_client(syncers[-1].client)
    await link.barrier("ready")
    one, together = Histogram(), Histogram()
    for syncer in syncers:
        await syncer.sync(one)
        link.progress(len(one), 2 * len(syncers))
    for syncer in syncers:
        syncer.check()
    await link.barrier("one by one")
    cpu_s, began_us = time.process_time(), now_us()
    await asyncio.gather(*(syncer.sync(together) for syncer in syncers))
    elapsed_s = (now_us() - began_us) / 1e6
    cpu_s = time.process_time() - cpu_s
    await link.barrier("together")
    size = sum(syncer.check() for syncer in syncers)
    return PartResult(
        counts={"syncs": len(together)},
        latency={"sync, one by one": one.sparse(), "sync, all at once": together.sparse()},
        began_us=began_us,
        elapsed_s=elapsed_s,
        cpu_s=cpu_s,
        intervals=[Interval(0.0, elapsed_s, {"syncs": len(together)}, {})],
        figures={"bytes_per_sync": size // len(syncers)},
    )


async def _ping(link: Link, job: Job, load: Load) -> PartResult:
    (user,) = job.users
    client = Client(load, user)
    await open_client(client)
    await link.barrier("ready")
    one = await _probe(client, load, link, "one by one")
    together = await _probe(client, load, link, "together")
    return PartResult(
        latency={"ping, one by one": one.sparse(), "ping, all at once": together.sparse()},
        counts={"syncs": 0},
    )


async def _probe(client: Client, load: Load, link: Link, until: str) -> Histogram:
    """Ping from now until every process has come to a barrier; a late pong counts from when its ping was due."""
    taken = Histogram()

    def ping(intended_us: int) -> None:
        client.ask("ping", {}, lambda _data: taken.record(now_us() - intended_us))

    pacer = Pacer(ping, PINGS_PER_S, now_us())
    pacer.start()
    await link.barrier(until)
    pacer.stop()
    await last_answers([client], load)
    return taken
