"""The disk fails: full, read-only, its folder gone or another. Refused, not lost; and back by itself.

Full is done in three honest ways: no file of the server may grow (RLIMIT_FSIZE, EFBIG), SQLite may use no further page
(max_page_count, SQLITE_FULL), and a small file system of its own (ENOSPC, where user namespaces allow a mount).
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.robust.chatter import Pace
from tests.robust.drill import Crowd, Report, Result, Server, crowd, judge, make_world, now_s
from tests.robust.world import Account

REFUSED_WITHIN_S = 1.5 + 2.0  # docs/guarantees.md, and slack for a busy machine
BACK_WITHIN_S = 5.0
SMALL_MIB = 48

# While a file is there, the server's SQLite may use no further page, or may not write: both are properties of connections.
PRELUDE = """
import os, sqlite3, threading, time
made = []
plain = sqlite3.connect
def connect(*arguments, **named):
    made.append(plain(*arguments, **named))
    return made[-1]
sqlite3.connect = connect
def watch():
    was = False
    while True:
        time.sleep(0.05)
        now = os.path.exists(os.environ["DRILL_FAULT"])
        if now != was:
            was = now
            for each in [each for each in made if not each.execute("PRAGMA query_only").fetchone()[0] or not now]:
                each.execute(os.environ["DRILL_ON" if now else "DRILL_OFF"])
threading.Thread(target=watch, daemon=True).start()
"""
PRAGMAS = {
    "no_page": ("PRAGMA max_page_count=1", "PRAGMA max_page_count=4294967294"),
    "read_only": ("PRAGMA query_only=ON", "PRAGMA query_only=OFF"),
}


@dataclass(frozen=True, slots=True)
class Params:
    ways: tuple[str, ...] = (
        "no_growth", "no_page", "locked", "gone", "replaced", "read_only", "small_disk"
    )  # fmt: skip
    people: int = 8
    per_s: float = 10.0
    before_s: float = 2.0
    fault_s: float = 8.0


SHORT = Params(ways=("no_growth", "read_only"), people=4, before_s=0.7, fault_s=3.0)


async def run(params: Params, folder: Path, report: Report) -> Result:
    """Each way in its turn, each with a server of its own."""
    result = Result("disk")
    for way in params.ways:
        if way == "small_disk" and not can_mount():
            result.note(**{way: "not here: no user namespaces with mounts"})
            report(f"{way}: not here, no user namespaces with mounts")
            continue
        await _one(result, params, way, folder / way, report)
    return result


def can_mount() -> bool:
    """Tell whether a process may have mounts of its own here."""
    probe = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "drill", "/mnt"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(probe, check=False, capture_output=True).returncode == 0
    )


class MountedServer(Server):
    """A server whose data folder is a small file system that only it, and /proc/<pid>/root, can see."""

    @property
    def inside(self) -> Path:
        return Path(f"/proc/{self.pid}/root{self.data_dir}")

    def command(self, program: str) -> list[str]:
        seed = self.data_dir.with_name("seed")
        if not seed.exists():
            self.data_dir.rename(seed)
            self.data_dir.mkdir()
        script = f"""
mount -t tmpfs -o size={SMALL_MIB}m,mode=700 drill '{self.data_dir}' && cp -a '{seed}/.' '{self.data_dir}/' && exec "$@"
"""
        return [
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
            *super().command(program),
        ]


async def _one(result: Result, params: Params, way: str, folder: Path, report: Report) -> None:
    folder.mkdir()  # noqa: ASYNC240  # a test, nothing else runs yet
    accounts, groups = await make_world(folder / "data", params.people, 2)
    log_file = folder / "server-log.txt"
    env = {"PINGME_LOGGING__OUTPUT": str(log_file), "DRILL_FAULT": str(folder / "fault")}
    if way in PRAGMAS:
        env |= dict(zip(("DRILL_ON", "DRILL_OFF"), PRAGMAS[way], strict=True))
    kind = MountedServer if way == "small_disk" else Server
    async with kind(folder / "data", env, PRELUDE if way in PRAGMAS else "") as server:  # noqa: SIM117  # deep enough
        async with crowd(server.url, accounts, groups, Pace(params.per_s, content_bytes=400)) as people:
            await people.acked_above(5)
            await asyncio.sleep(params.before_s)
            refused_before = _refusals(people)
            async with FAULTS[way](server, folder):
                await _in_fault(result, way, params, people, server, accounts[0])
            refused = {code: count - refused_before.get(code, 0) for code, count in _refusals(people).items()}
            began_s, acked = now_s(), people.acked
            await _back(result, way, people, acked)
            result.note(**{f"{way}_refusals": str(refused), f"{way}_back_s": now_s() - began_s})
            report(f"{way}: refused {refused}, back after {now_s() - began_s:.2f} s")
            result.expect(refused.get(20001, 0) > 0, f"{way}: nothing was refused with 20001, but {refused}")
            await asyncio.sleep(0.5)
            part = Result(way)
            await judge(part, people, await _database(server, people, folder))
            result.faults += [f"{way}: {fault}" for fault in part.faults]
            result.note(
                **{
                    f"{way}_acked": part.figures["acked"],
                    f"{way}_longest_answer_s": part.figures["longest_answer_s"],
                }
            )
            health = await server.health()
            result.expect(health["status"] == "healthy", f"{way}: afterwards {health}")


async def _database(server: Server, people: Crowd, folder: Path) -> Path:
    """Return the store's file; of a mounted one a copy, since SQLite would follow /proc's link out of the mount."""
    if not isinstance(server, MountedServer):
        return folder / "data" / "pingme.db"
    with contextlib.suppress(TimeoutError):  # `judge` says it
        await people.settle()
    copy = folder / "copy"
    await asyncio.to_thread(copy.mkdir)
    for file in server.inside.glob("pingme.db*"):
        await asyncio.to_thread(shutil.copy, file, copy / file.name)
    return copy / "pingme.db"


async def _in_fault(
    result: Result, way: str, params: Params, people: Crowd, server: Server, account: Account
) -> None:
    """Sends are refused in time, nothing is acked; history and sync go on."""
    await asyncio.sleep(REFUSED_WITHIN_S)
    acked = people.acked
    health = await server.health()
    result.expect(health["store"] != "healthy", f"{way}: /health calls the store healthy")
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1", trust_env=False) as http:
        headers = {"Authorization": f"Bearer {account.token}"}
        group = next(iter(people.groups))
        history = await http.get("/messages/history", params={"conversation_id": group}, headers=headers)
        offline = await http.get("/messages/offline", headers=headers)
        body = {"msg_id": f"http-{way}", "group_id": group, "content": "no"}
        began_s = now_s()
        sent = await http.post("/messages", json=body, headers=headers, timeout=20)
        answer_s = now_s() - began_s
    result.expect(
        history.status_code == 200, f"{way}: history answered {history.status_code}: {history.text[:200]}"
    )
    result.expect(
        offline.status_code == 200, f"{way}: offline answered {offline.status_code}: {offline.text[:200]}"
    )
    code = sent.json()["code"]
    result.expect(code == 20001, f"{way}: a send was answered {sent.status_code} {sent.text[:200]}")
    result.note(**{f"{way}_send_answered_s": answer_s})
    result.expect(answer_s < REFUSED_WITHIN_S, f"{way}: a send was answered after {answer_s:.1f} s")
    await asyncio.sleep(max(0.0, params.fault_s - REFUSED_WITHIN_S - answer_s))
    result.expect(people.acked == acked, f"{way}: {people.acked - acked} were acked while the store was away")


async def _back(result: Result, way: str, people: Crowd, acked: int) -> None:
    try:
        async with asyncio.timeout(BACK_WITHIN_S + 10):
            await people.acked_above(acked)
    except TimeoutError:
        result.faults.append(
            f"{way}: nothing was acked within {BACK_WITHIN_S + 10} s after the fault had ended"
        )


def _refusals(people: Crowd) -> dict[int, int]:
    counts: dict[int, int] = {}
    for one in people.chatters:
        for code, count in one.history.refusals.items():
            counts[code] = counts.get(code, 0) + count
    return counts


# The faults.


@asynccontextmanager
async def no_growth(server: Server, _folder: Path) -> AsyncIterator[None]:
    """No write of the server goes to any file: also its log."""
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))


@asynccontextmanager
async def pragma(_server: Server, folder: Path) -> AsyncIterator[None]:
    """SQLite says SQLITE_FULL, as when the disk is full, or SQLITE_READONLY."""
    (folder / "fault").touch()
    try:
        yield
    finally:
        (folder / "fault").unlink()


@asynccontextmanager
async def locked(_server: Server, folder: Path) -> AsyncIterator[None]:
    """Another process holds the write lock."""
    connection = sqlite3.connect(folder / "data" / "pingme.db", isolation_level=None)
    connection.execute("PRAGMA busy_timeout=5000")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@asynccontextmanager
async def gone(_server: Server, folder: Path) -> AsyncIterator[None]:
    """The data folder is not there any more; then it is again."""
    (folder / "data").rename(folder / "away")
    try:
        yield
    finally:
        (folder / "away").rename(folder / "data")


@asynccontextmanager
async def replaced(_server: Server, folder: Path) -> AsyncIterator[None]:
    """Another folder stands in its place, with another database; then the right one again."""
    (folder / "data").rename(folder / "away")
    await make_world(folder / "data", 1, 1)
    try:
        yield
    finally:
        (folder / "data").rename(folder / "other")
        (folder / "away").rename(folder / "data")


@asynccontextmanager
async def small_disk(server: Server, _folder: Path) -> AsyncIterator[None]:
    """Its file system has no byte left."""
    assert isinstance(server, MountedServer)
    ballast = server.inside / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    try:
        yield
    finally:
        ballast.unlink()


FAULTS = {
    "no_growth": no_growth,
    "no_page": pragma,
    "locked": locked,
    "gone": gone,
    "replaced": replaced,
    "small_disk": small_disk,
    "read_only": pragma,
}
