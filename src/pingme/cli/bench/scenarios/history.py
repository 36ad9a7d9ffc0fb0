"""Pages of history: somewhere in one of the reader's chats, backwards, as a client scrolls."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from pingme.cli.bench.client import Client, Load
from pingme.cli.bench.frames import now_us
from pingme.cli.bench.job import Job, PartResult, RoomPlan
from pingme.cli.bench.link import Link
from pingme.cli.bench.mix import PAGE
from pingme.cli.bench.pacing import Pacer
from pingme.cli.bench.pages import check_history
from pingme.cli.bench.scenarios.traffic import open_clients
from pingme.cli.bench.window import Window

LAST_ANSWERS_S = 10.0


class Reader:
    """One user who reads; asks for the next page when the last has come, or when it is time."""

    def __init__(self, load: Load, client: Client, rooms: Sequence[RoomPlan]) -> None:
        self.client = client
        self.reading = False
        self.closed_loop = False
        self._load = load
        self._rooms = rooms
        self._dice = random.Random(client.user.number)  # noqa: S311  # the same pages every time

    def ask(self, intended_us: int) -> None:
        """Ask for a page that ends anywhere."""
        room = self._rooms[self._dice.randrange(len(self._rooms))]
        before_seq = self._dice.randint(2, room.head + 1)
        payload = {"conversation_id": room.conversation_id, "before_seq": before_seq, "limit": PAGE}

        def answered(data: bytes) -> None:
            self._load.took("history", intended_us)
            check_history(data, room.conversation_id, before_seq, PAGE, self._load.faults)
            if self.reading and self.closed_loop:
                self.ask(now_us())

        self.client.ask("history", payload, answered)


async def run_history(link: Link, job: Job) -> PartResult:
    """Read for the measured time; every page is checked."""
    load = Load(ordered_ids=True)
    readers = readers_of(load, job)
    await open_clients([reader.client for reader in readers], link)
    start_us = await link.barrier("ready")
    window = Window(load, start_us + int(job.settings.warmup_s * 1e6), job.settings.seconds)
    await asyncio.sleep(max(0.0, (start_us - now_us()) / 1e6))
    stop = _begin(load, readers, job, start_us)
    result = await window.measure()
    stop()
    for reader in readers:
        reader.reading = False
    await last_answers([reader.client for reader in readers], load)
    if job.settings.rate:
        window.add_after(result)
    await link.barrier("heads", {})
    load.leaving = True
    for reader in readers:
        reader.client.leave()
    result.faults, result.refusals = load.faults, load.refusals
    return result


def readers_of(load: Load, job: Job) -> list[Reader]:
    """Return a reader for each user here who has something to read."""
    rooms: dict[int, list[RoomPlan]] = {}
    for room in job.rooms:
        for number in room.members:
            rooms.setdefault(number, []).append(room)
    return [
        Reader(load, Client(load, user), rooms[user.number]) for user in job.users if user.number in rooms
    ]


def _begin(load: Load, readers: Sequence[Reader], job: Job, start_us: int) -> Callable[[], None]:
    for reader in readers:
        reader.reading = True
        reader.closed_loop = not job.settings.rate
    if job.settings.rate:
        turn = 0

        def send(intended_us: int) -> None:
            nonlocal turn
            load.late_us.record(now_us() - intended_us)
            readers[turn % len(readers)].ask(intended_us)
            turn += 1

        pacer = Pacer(send, job.settings.rate * job.share, start_us)
        pacer.start()
        return pacer.stop
    for place in range(max(1, job.settings.in_flight // job.processes)):
        readers[place % len(readers)].ask(now_us())
    return lambda: None


async def last_answers(clients: Sequence[Client], load: Load) -> None:
    """Wait for what was asked; what does not come is a fault."""
    until_us = now_us() + LAST_ANSWERS_S * 1e6
    while (open_ := sum(len(client.waiting) for client in clients)) and now_us() < until_us:  # noqa: ASYNC110  # rare
        await asyncio.sleep(0.02)
    if open_:
        load.faults.note("unanswered", f"{open_} requests have no answer after {LAST_ANSWERS_S:.0f} s", open_)
