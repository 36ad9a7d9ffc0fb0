"""One run: prepare the folder, start the server, load it, look at it meanwhile, and put the results together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pingme.adapters.data_lock import DataLock
from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.cli.bench.crew import Crew
from pingme.cli.bench.filler import Filling, fill, spread
from pingme.cli.bench.frames import now_us, user_id_of
from pingme.cli.bench.job import Job, RoomPlan
from pingme.cli.bench.observed import Observed
from pingme.cli.bench.plans import Plan, group_room
from pingme.cli.bench.results import run_record
from pingme.cli.bench.server import BenchServer, Cores, Sample
from pingme.cli.bench.world import BenchUser, heads_of, make_groups, make_users
from pingme.cli.progress import Report, progress_bar
from pingme.domain.errors import PingMeError

START_IN_US = 100_000  # between the word and the first message, so that all processes begin together
QUIET_SHARE = 0.02  # of a core: a server below it has nothing left to do
QUIET_WITHIN_S = 30.0
QUIET_STEP_S = 1.0
FILES_BESIDE = 200  # descriptors of a process that are no connections of the load


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how runs take place.

    Attributes:
        data_dir: an existing folder to use and keep; None = a new one for each run.
        parent: where new folders are made; None = the system's place.
        prepared_messages, prepared_conversations: filled in beforehand, besides what a plan asks for; 0 = none.
        command: another command that serves.
    """

    data_dir: Path | None = None
    parent: Path | None = None
    prepared_messages: int = 0
    prepared_conversations: int = 0
    cores: Cores = Cores()  # noqa: RUF009  # frozen
    command: str = ""


def run_plan(plan: Plan, place: Place) -> dict[str, Any]:
    """Run a plan and return its record (docs/bench.md, "JSON").

    Raises:
        PingMeError: it cannot run; figures of what did not run to its end are never returned.
    """
    with open_place(plan, place) as (data_dir, report):
        report({"phase": "preparing", "done": 0, "total": 0})
        with DataLock(data_dir):
            users, rooms = prepare(plan, data_dir)
        with BenchServer(data_dir, cores=place.cores, command=place.command) as server:
            return load_server(server, plan, users=users, rooms=rooms, place=place, report=report)


@contextlib.contextmanager
def open_place(plan: Plan, place: Place) -> Iterator[tuple[Path, Report]]:
    """Make the data folder and fill it; the block gets it, and a progress bar, on the cores of the load."""
    with _folder(place) as data_dir, _on_load_cores(place.cores), progress_bar(plan.label) as report:
        raise_file_limit(plan.users)
        with DataLock(data_dir):
            for filling in fillings_of(plan, place):
                fill(
                    data_dir,
                    filling,
                    lambda done, total: report({"phase": "filling the store", "done": done, "total": total}),
                )
        yield data_dir, report


def load_server(
    server: BenchServer,
    plan: Plan,
    *,
    users: Sequence[BenchUser],
    rooms: Sequence[RoomPlan],
    place: Place,
    report: Report,
) -> dict[str, Any]:
    """Put a plan's load on a running server and return the record."""
    watch = Watch(server, plan, report)
    with Crew(jobs_of(plan, server.url, users, rooms), place.cores.load) as crew:
        parts = crew.run(watch.barrier, poll=watch.poll, progress=watch.progress)
    watch.finish()
    return run_record(plan, parts, watch.observed())


@contextlib.contextmanager
def _folder(place: Place) -> Iterator[Path]:
    if place.data_dir is not None:
        yield place.data_dir.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="pingme-bench-", dir=place.parent) as folder:
        yield Path(folder) / "data"


@contextlib.contextmanager
def _on_load_cores(cores: Cores) -> Iterator[None]:
    """Keep this process away from the server's core while it runs."""
    if not cores.load:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores.load)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def decide_file_limit(connections: int, soft: int, hard: int) -> int:
    """Return the soft limit of open files that the server and the load need, not below the one there is.

    Raises:
        PingMeError: the hard limit is too low; the text says what to change.
    """
    unlimited, needed = resource.RLIM_INFINITY, connections + FILES_BESIDE
    if soft == unlimited or soft >= needed:
        return soft
    if hard == unlimited:
        return needed
    if hard >= needed:
        return hard
    raise PingMeError(
        f"{connections} connections need {needed} open files, and this system allows {hard}: "
        f"raise the limit (ulimit -Hn {needed} as root, LimitNOFILE= of the service, or "
        f"/etc/security/limits.conf), or use --connections {max(1, hard - FILES_BESIDE)}"
    )


def raise_file_limit(connections: int) -> None:
    """Let this process and its children open as many files as the connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = decide_file_limit(connections, soft, hard)
    if wanted != soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def prepare(plan: Plan, data_dir: Path) -> tuple[list[BenchUser], list[RoomPlan]]:
    """Make the users and groups of a plan; return them, and its rooms with their heads. The folder is locked."""

    async def work() -> tuple[list[BenchUser], list[RoomPlan]]:
        database = SqliteDatabase(data_dir / "pingme.db")
        try:
            users = await make_users(database, data_dir / "jwt.secret", plan.users)
            ids = await make_groups(database, [[user_id_of(n) for n in members] for members in plan.groups])
            made = [
                group_room(group_id, members, plan.senders_per_group)
                for group_id, members in zip(ids, plan.groups, strict=True)
            ]
            heads = heads_of(database)
        finally:
            await database.close()
        rooms = [*plan.rooms, *made]
        return users, [replace(room, head=heads.get(room.conversation_id, 0)) for room in rooms]

    return asyncio.run(work())


def fillings_of(plan: Plan, place: Place) -> list[Filling]:
    """Return what is written into the store beforehand.

    Raises:
        PingMeError: fewer messages than conversations were asked for.
    """
    found = [] if plan.filling is None else [plan.filling]
    if place.prepared_messages:
        conversations = place.prepared_conversations or -(-place.prepared_messages // 100)
        settings = plan.settings
        found.append(
            spread(
                place.prepared_messages,
                conversations,
                payload_bytes=settings.payload_bytes,
                ordered_ids=settings.ordered_ids,
            )
        )
    return found


def jobs_of(plan: Plan, url: str, users: Sequence[BenchUser], rooms: Sequence[RoomPlan]) -> list[Job]:
    """Divide a plan among processes; one that would have nobody to connect is left out."""
    processes = max(plan.owners) + 1
    senders = sum(len(room.senders) for room in rooms)
    jobs = []
    for index in range(processes):
        mine = tuple(user for user in users if plan.owners[user.number] == index)
        numbers = {user.number for user in mine}
        here = tuple(room for room in rooms if not numbers.isdisjoint(room.members))
        sending = sum(1 for room in here for number in room.senders if number in numbers)
        share = sending / senders if senders else len(mine) / len(users)
        if mine:
            jobs.append(Job(plan.scenario, url, plan.settings, mine, here, index, processes, share))
    return jobs


class Watch:
    """The parent's part while the load runs: it answers barriers, samples the server and moves the bar."""

    def __init__(self, server: BenchServer, plan: Plan, report: Report) -> None:
        self._server = server
        self._plan = plan
        self._report = report
        self._samples: list[Sample] = []
        self._marks: dict[str, Sample] = {}
        self._metrics: dict[str, Mapping[str, float]] = {}
        self._start_us = 0
        self._peak = 0

    def poll(self) -> None:
        """Look at the server once more."""
        self._samples.append(self._server.sample())
        if self._start_us and self._plan.scenario not in {"connect", "idle", "sync"}:
            settings = self._plan.settings
            total = settings.warmup_s + settings.seconds
            done = min(total, (now_us() - self._start_us) / 1e6)
            self._report({"phase": self._plan.label, "done": done, "total": total})

    def progress(self, done: int, total: int) -> None:
        """Connections are being opened."""
        self._report({"phase": "connecting", "done": done, "total": total})

    def barrier(self, name: str, payloads: Sequence[Any]) -> Any:
        """Answer what all processes have come to."""
        self._marks[name] = self._server.sample()
        self._metrics[name] = self._server.metrics()
        match name:
            case "ready":
                self._start_us = now_us() + START_IN_US
                return self._start_us
            case "heads":
                return highest(payloads)
            case "open":
                self._wait_quiet()
        return None

    def _wait_quiet(self) -> None:
        """Sample until the server has nothing left to do; what it holds then is what idle connections cost."""
        deadline = time.monotonic() + QUIET_WITHIN_S
        before = self._server.sample()
        while time.monotonic() < deadline:
            time.sleep(QUIET_STEP_S)
            now = self._server.sample()
            self._samples.append(now)
            if (now.cpu_s - before.cpu_s) / (now.at_s - before.at_s) < QUIET_SHARE:
                break
            before = now

    def finish(self) -> None:
        """Remember what can only be asked while the server runs."""
        self._peak = self._server.peak_rss_bytes()

    def observed(self) -> Observed:
        """Return everything seen."""
        return Observed(self._samples, self._marks, self._metrics, self._start_us, self._peak)


def highest(payloads: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Return the highest head of every conversation that a process knows."""
    heads: dict[str, int] = {}
    for payload in payloads:
        for room, head in payload.items():
            heads[room] = max(head, heads.get(room, 0))
    return heads
