"""Many connections: as fast as they come (connect), or open and quiet (idle)."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from pingme.cli.bench.client import Client, Load, open_client
from pingme.cli.bench.frames import now_us
from pingme.cli.bench.histogram import Histogram
from pingme.cli.bench.job import Interval, Job, PartResult
from pingme.cli.bench.link import Link
from pingme.cli.bench.pacing import Pacer
from pingme.cli.bench.window import INTERVAL_MIN_S, INTERVALS_MAX
from pingme.domain.errors import PingMeError

PORTS_PER_ADDRESS = 20_000  # of the 28 232 that Linux gives to one (address, server) pair
SYNC_TIMEOUT_S = 120.0


@dataclass(slots=True)
class Storm:
    """What happened: when each connection was open, and how long that took, in µs."""

    opened: list[tuple[int, int]] = field(default_factory=list)
    late: Histogram = field(default_factory=Histogram)


class ConnectClient(Client):
    """A client that only connects, and syncs if asked."""

    def __init__(self, load: Load, job: Job, place: int) -> None:
        super().__init__(load, job.users[place])
        self._with_sync = bool(job.settings.extra.get("sync"))
        self._synced: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.other = self._answer

    def _answer(self, data: bytes) -> None:
        if data.startswith(b'{"type":"sync_done"'):
            self._synced.set_result(None)
        else:
            self._other(data)

    async def arrive(self) -> None:
        """Connect, authenticate, and with ``sync`` catch up."""
        await open_client(self, source=source_of(self.user.number))
        if self._with_sync:
            self.send_frame("sync", {})
            try:
                await asyncio.wait_for(self._synced, SYNC_TIMEOUT_S)
            except TimeoutError as exc:
                raise PingMeError(f"{self.user.user_id}: no sync_done in {SYNC_TIMEOUT_S:.0f} s") from exc


def source_of(number: int) -> str | None:
    """Return the local address of a connection: the first ones need none, others come from 127.0.0.2 and on.

    A connection is known by its two addresses and ports, so one address is good for `PORTS_PER_ADDRESS`.
    """
    block = number // PORTS_PER_ADDRESS
    return f"127.0.0.{block + 1}" if block and sys.platform == "linux" else None


async def run_connect(link: Link, job: Job) -> PartResult:
    """Open every connection of this process: so many at once, or at a rate; all stay open until the last is."""
    load = Load(ordered_ids=True)
    clients = [ConnectClient(load, job, place) for place in range(len(job.users))]
    storm = Storm()
    start_us = await link.barrier("ready")
    await asyncio.sleep(max(0.0, (start_us - now_us()) / 1e6))
    cpu_s = time.process_time()
    if job.settings.rate:
        await _at_rate(clients, job, storm, start_us)
    else:
        await _at_once(clients, job, storm, link)
    cpu_s = time.process_time() - cpu_s
    await link.barrier("measured")
    result = _result(storm, start_us, load)
    result.cpu_s = cpu_s
    await _leave(link, load, clients)
    return result


async def _at_once(clients: Sequence[ConnectClient], job: Job, storm: Storm, link: Link) -> None:
    gate = asyncio.Semaphore(max(1, job.settings.in_flight // job.processes))

    async def one(client: ConnectClient) -> None:
        async with gate:
            began_us = now_us()
            await client.arrive()
            storm.opened.append((now_us(), now_us() - began_us))
        if len(storm.opened) % 100 == 0:
            link.progress(len(storm.opened), len(clients))

    await asyncio.gather(*(one(client) for client in clients))


async def _at_rate(clients: Sequence[ConnectClient], job: Job, storm: Storm, start_us: int) -> None:
    tasks: list[asyncio.Task[None]] = []
    waiting = iter(clients)
    finished = asyncio.Event()

    async def one(client: ConnectClient, intended_us: int) -> None:
        await client.arrive()
        storm.opened.append((now_us(), now_us() - intended_us))

    def send(intended_us: int) -> None:
        client = next(waiting, None)
        if client is None:
            finished.set()
            return
        storm.late.record(now_us() - intended_us)
        tasks.append(asyncio.create_task(one(client, intended_us)))

    pacer = Pacer(send, job.settings.rate * job.share, start_us)
    pacer.start()
    await finished.wait()
    pacer.stop()
    await asyncio.gather(*tasks)


def _result(storm: Storm, start_us: int, load: Load) -> PartResult:
    end_us = max(at for at, _ in storm.opened)
    step_us = int(max(INTERVAL_MIN_S, (end_us - start_us) / 1e6 / INTERVALS_MAX) * 1e6)
    total, intervals = Histogram(), []
    for begin in range(start_us, end_us, step_us):
        taken = Histogram()
        for at_us, took_us in storm.opened:
            if begin < at_us <= begin + step_us:
                taken.record(took_us)
        total.add(taken)
        elapsed_s = min(step_us, end_us - begin) / 1e6
        at_s = (begin - start_us) / 1e6
        intervals.append(Interval(at_s, elapsed_s, {"connects": len(taken)}, {"connect": taken.sparse()}))
    return PartResult(
        counts={"connects": len(storm.opened)},
        latency={"connect": total.sparse()} | ({"late": storm.late.sparse()} if len(storm.late) else {}),
        began_us=start_us,
        elapsed_s=(end_us - start_us) / 1e6,
        intervals=intervals,
        faults=load.faults,
        refusals=load.refusals,
    )


async def _leave(link: Link, load: Load, clients: Sequence[Client]) -> None:
    load.leaving = True
    for client in clients:
        client.transport.disconnect()
    await link.barrier("left")


async def run_idle(link: Link, job: Job) -> PartResult:
    """Open every connection, be quiet until the parent has looked at the server, and prove that all still live."""
    load = Load(ordered_ids=True)
    clients = [ConnectClient(load, job, place) for place in range(len(job.users))]
    await link.barrier("ready")
    storm = Storm()
    start_us = now_us()
    await _at_once(clients, job, storm, link)
    result = _result(storm, start_us, load)
    await link.barrier("open")
    await link.barrier("quiet")
    await _ping_all(clients, load)
    await link.barrier("pinged")
    await _leave(link, load, clients)
    return result


async def _ping_all(clients: Sequence[ConnectClient], load: Load) -> None:
    """Every connection must still answer: idle ones that were dropped would look cheap."""
    waiting = len(clients)
    done = asyncio.Event()

    def answer(data: bytes) -> None:
        nonlocal waiting
        if msgspec.json.decode(data)["type"] == "pong":
            waiting -= 1
            if waiting == 0:
                done.set()

    for client in clients:
        client.other = answer
        client.send_frame("ping", {})
    try:
        await asyncio.wait_for(done.wait(), SYNC_TIMEOUT_S)
    except TimeoutError:
        load.faults.note("silent", f"{waiting} of {len(clients)} idle connections answered no ping", waiting)
