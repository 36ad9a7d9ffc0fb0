"""One run: prepare the folder, start the server, load it, look at it meanwhile, and put the results together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pingme.adapters.data_lock import DataLock
from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.cli.bench.crew import Crew
from pingme.cli.bench.engines import Engines, lent, read_engines
from pingme.cli.bench.filler import Filling, fill, spread
from pingme.cli.bench.frames import user_id_of
from pingme.cli.bench.job import Job, RoomPlan
from pingme.cli.bench.nodes import Nodes, serving
from pingme.cli.bench.plans import Plan, group_room
from pingme.cli.bench.results import run_record
from pingme.cli.bench.server import Cores
from pingme.cli.bench.watch import Watch
from pingme.cli.bench.world import BenchUser, heads_of, make_groups, make_users
from pingme.cli.progress import Report, progress_bar
from pingme.domain.errors import PingMeError

FILES_BESIDE = 200  # descriptors of a process that are no connections of the load


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how runs take place.

    Attributes:
        data_dir: a folder to use and keep; None = a new one for each run.
        parent: where new folders are made; None = the system's place.
        prepared_messages, prepared_conversations: filled in beforehand, besides what a plan asks for; 0 = none.
        command: another command that serves.
        config: whose engines are used; None = the embedded ones.
        nodes: how many servers share them.
        cross: the two sides of a chat are at different nodes.
        keep: the bench's database and topics are left.
        add: the data folder may be somebody's.
    """

    data_dir: Path | None = None
    parent: Path | None = None
    prepared_messages: int = 0
    prepared_conversations: int = 0
    cores: Cores = Cores()  # noqa: RUF009  # frozen
    command: str = ""
    config: Path | None = None
    nodes: int = 1
    cross: bool = True
    keep: bool = False
    add: bool = False


def run_plan(plan: Plan, place: Place) -> dict[str, Any]:
    """Run a plan and return its record (docs/bench.md, "JSON").

    Raises:
        PingMeError: it cannot run; figures of what did not run to its end are never returned.
    """
    if place.config is not None:
        return _run_on_engines(plan, place, read_engines(place.config))
    with open_place(plan, place) as (data_dir, report):
        report({"phase": "preparing", "done": 0, "total": 0})
        with DataLock(data_dir):
            users, rooms = prepare(plan, data_dir)
        with serving([data_dir], cores=place.cores, command=place.command) as nodes:
            return load_nodes(nodes, plan, users=users, rooms=rooms, place=place, report=report)


def _run_on_engines(plan: Plan, place: Place, engines: Engines) -> dict[str, Any]:
    """Run a plan on the engines of a configuration, under names of the bench's own.

    Raises:
        PingMeError: as `run_plan`; the place asks for what these engines cannot do.
    """
    check_place(place, engines)
    # A record that Kafka gives out twice, or that a head check gives, may come twice: docs/guarantees.md, P6.
    plan = replace(plan, settings=replace(plan.settings, again=True))
    filled = place if not engines.database else replace(place, prepared_messages=0)  # by `_prepare_database`
    with (
        open_place(replace(plan, filling=None) if engines.database else plan, filled) as (data_dir, report),
        lent(engines, keep=place.keep),
    ):
        report({"phase": "preparing", "done": 0, "total": 0})
        if engines.database:
            users, rooms = _prepare_database(plan, place, engines, report)
        else:
            with DataLock(data_dir):
                users, rooms = prepare(plan, data_dir, secret=engines.own["JWT_SECRET"])
        folders = [data_dir, *(data_dir.with_name(f"{data_dir.name}-{n}") for n in range(2, place.nodes + 1))]
        with serving(folders, cores=place.cores, command=place.command, engines=engines) as nodes:
            return load_nodes(nodes, plan, users=users, rooms=rooms, place=place, report=report)


def check_place(place: Place, engines: Engines) -> None:
    """Refuse what does not go together.

    Raises:
        PingMeError: the text says what.
    """
    if engines.database and place.data_dir is not None:
        raise PingMeError("--data-dir is of the embedded store: this configuration has database.host")
    if place.nodes > 1 and not engines.database:
        raise PingMeError(f"--nodes {place.nodes}: several nodes need database.host in {engines.file}")


def _prepare_database(
    plan: Plan, place: Place, engines: Engines, report: Report
) -> tuple[list[BenchUser], list[RoomPlan]]:
    from pingme.cli.bench.world_mysql import prepare as prepare_mysql  # noqa: PLC0415  # a driver of 0.1 s

    work = prepare_mysql(
        engines,
        users=plan.users,
        groups=[[user_id_of(number) for number in members] for members in plan.groups],
        fillings=fillings_of(plan, place),
        secret=engines.own["JWT_SECRET"],
        report=lambda done, total: report({"phase": "filling the store", "done": done, "total": total}),
    )
    users, ids, heads = asyncio.run(work)
    return users, rooms_of(plan, ids, heads)


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


def load_nodes(
    nodes: Nodes,
    plan: Plan,
    *,
    users: Sequence[BenchUser],
    rooms: Sequence[RoomPlan],
    place: Place,
    report: Report,
) -> dict[str, Any]:
    """Put a plan's load on running servers and return the record."""
    watch = Watch(nodes, plan, report)
    spread_users = spread_over(nodes.urls, users, cross=place.cross)
    with Crew(jobs_of(plan, spread_users, rooms), place.cores.load) as crew:
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


def prepare(plan: Plan, data_dir: Path, *, secret: str = "") -> tuple[list[BenchUser], list[RoomPlan]]:
    """Make the users and groups of a plan; return them, and its rooms with their heads. The folder is locked.

    Args:
        plan: what is needed.
        data_dir: of the server.
        secret: what signs tokens; "" = the folder's own.
    """

    async def work() -> tuple[list[BenchUser], list[RoomPlan]]:
        database = SqliteDatabase(data_dir / "pingme.db")
        try:
            users = await make_users(database, data_dir / "jwt.secret", plan.users, secret=secret)
            ids = await make_groups(database, [[user_id_of(n) for n in members] for members in plan.groups])
            return users, rooms_of(plan, ids, heads_of(database))
        finally:
            await database.close()

    return asyncio.run(work())


def rooms_of(plan: Plan, group_ids: Sequence[str], heads: Mapping[str, int]) -> list[RoomPlan]:
    """Return the rooms of a plan, its groups among them, with their heads."""
    made = [
        group_room(group_id, members, plan.senders_per_group)
        for group_id, members in zip(group_ids, plan.groups, strict=True)
    ]
    return [replace(room, head=heads.get(room.conversation_id, 0)) for room in (*plan.rooms, *made)]


def spread_over(urls: Sequence[str], users: Sequence[BenchUser], *, cross: bool) -> list[BenchUser]:
    """Return the users, each with the node to connect to: half of the first sides of chats here, half there.

    With ``cross`` users 2n and 2n + 1, the sides of a chat, are at different nodes, else at the same one.
    """
    return [
        replace(user, url=urls[(user.number // 2 + (user.number % 2 if cross else 0)) % len(urls)])
        for user in users
    ]


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


def jobs_of(plan: Plan, users: Sequence[BenchUser], rooms: Sequence[RoomPlan]) -> list[Job]:
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
            jobs.append(Job(plan.scenario, plan.settings, mine, here, index, processes, share))
    return jobs
