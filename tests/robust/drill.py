"""What every drill is made of: a server, people who chat on it, what is measured, and what is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from pingme.adapters.sqlite_verify import verify
from tests.conversations.server import ServerProcess, free_port
from tests.robust.chatter import Chatter, Pace
from tests.robust.history import check, count_faults, percentile
from tests.robust.world import Account, World

SEED = 20_260_101
ANSWER_S = 30.0  # for figures and health: also on a machine with much else to do
UNNOTICED_MS = (
    10.0  # a p99 below it is no harm, whatever it is a multiple of: a few time slices of a busy machine
)
SERVES_WITHIN_MS = (
    3_000.0  # what is asserted of short runs, whose samples are too few to compare: people are served
)
UNLIMITED = {"PINGME_LIMITS__SENDS_PER_S": "0"}
Report = Callable[[str], None]


@dataclass(slots=True)
class Result:
    """What a drill found.

    Attributes:
        figures: by name, for people; nothing is decided by them.
        faults: broken promises; none when all is well.
    """

    name: str
    figures: dict[str, float | str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def note(self, **figures: float | str) -> None:
        for name, value in figures.items():
            self.figures[name] = round(value, 4) if isinstance(value, float) else value

    def expect(self, truth: bool, otherwise: str) -> None:
        """Note a fault unless something holds."""
        if not truth:
            self.faults.append(otherwise)


class Server(ServerProcess):
    """A server whose figures can be asked for."""

    def __init__(self, data_dir: Path, env: Mapping[str, str] | None = None, prelude: str = "") -> None:
        self.metrics_port = free_port()
        self.data_dir = data_dir
        super().__init__(data_dir, {"PINGME_METRICS__PORT": str(self.metrics_port), **(env or {})}, prelude)

    async def metrics(self) -> dict[str, float]:
        """Return every figure of /metrics by its name with labels."""
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_S) as http:
            text = (await http.get(f"http://127.0.0.1:{self.metrics_port}/metrics")).text
        lines = (line.rpartition(" ") for line in text.splitlines() if line and line[0] != "#")
        return {name: float(value) for name, _, value in lines}

    async def health(self) -> dict[str, str]:
        """Return the status of each component, and of the whole as ``status``."""
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_S) as http:
            got = (await http.get(f"{self.url}/health")).json()
        return {"status": got["status"]} | {name: part["status"] for name, part in got["components"].items()}

    def rss_mib(self) -> float:
        """Return the resident memory of the process."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


@dataclass(slots=True)
class Crowd:
    """People who chat in groups.

    Attributes:
        groups: group id -> its members, all of them from the beginning.
    """

    chatters: list[Chatter]
    groups: dict[str, list[Account]]
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def acked(self) -> int:
        return sum(1 for one in self.chatters for sent in one.history.sent.values() if sent.seq is not None)

    @property
    def sent(self) -> int:
        return sum(len(one.history.sent) for one in self.chatters)

    async def connected(self) -> None:
        """Return when everybody has a connection."""
        async with asyncio.timeout(60):
            for one in self.chatters:
                await one.connected.wait()

    async def acked_above(self, count: int) -> None:
        """Return when more than this many messages are acked."""
        async with asyncio.timeout(60):
            while self.acked <= count:  # noqa: ASYNC110  # counted in many places
                await asyncio.sleep(0.02)

    def ack_ms(self, since_s: float, until_s: float) -> list[float]:
        """Return how long acks took of what was sent in a time, in milliseconds."""
        return [
            wait * 1000
            for one in self.chatters
            for sent, wait in one.history.waits_s
            if since_s <= sent < until_s
        ]

    def delivery_ms(self, since_s: float, until_s: float, of: Sequence[Chatter] | None = None) -> list[float]:
        """Return how long messages took from send to a recipient, in milliseconds."""
        return [
            took * 1000
            for one in (self.chatters if of is None else of)
            for sent, took in one.history.delivered_s
            if since_s <= sent < until_s
        ]

    async def settle(self) -> None:
        """Stop writing, and wait until everything is answered and everybody holds everything."""
        for one in self.chatters:
            one.hush()
        for one in self.chatters:
            await one.settled()
        heads: dict[str, int] = {}
        for one in self.chatters:
            for conversation_id, head in one.heads.items():
                heads[conversation_id] = max(head, heads.get(conversation_id, 0))
        for one in self.chatters:
            mine = {key: heads[key] for key, accounts in self.groups.items() if one.account in accounts}
            await one.caught_up(mine)

    async def leave(self) -> None:
        for one in self.chatters:
            one.finish()
            one.reading.set()
        broken = [task.exception() for task in self.tasks if task.done() and not task.cancelled()]
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        assert not any(broken), broken  # a client of the drill itself


def plan_groups(accounts: Sequence[Account], count: int) -> dict[str, list[Account]]:
    """Put everybody into two of ``count`` groups, neighbours overlapping."""
    groups: dict[str, list[Account]] = {f"gdrill{number}": [] for number in range(count)}
    names = list(groups)
    for number, account in enumerate(accounts):
        for name in {names[number % count], names[(number + 1) % count]}:
            groups[name].append(account)
    return groups


async def make_world(
    data_dir: Path, people: int, groups: int
) -> tuple[list[Account], dict[str, list[Account]]]:
    """Return accounts in a fresh folder, and groups of them."""
    world = World(data_dir)
    accounts = await world.accounts([f"p{number}" for number in range(people)])
    planned = plan_groups(accounts, groups)
    for group_id, members in planned.items():
        await world.group(group_id, members)
    await world.close()
    return accounts, planned


@asynccontextmanager
async def crowd(
    url: str, accounts: Sequence[Account], groups: dict[str, list[Account]], pace: Pace
) -> AsyncIterator[Crowd]:
    """Let everybody chat in the groups that they are in."""
    chatters = [
        Chatter(url, account, [key for key, members in groups.items() if account in members], pace)
        for account in accounts
    ]
    made = Crowd(chatters, groups)
    made.tasks = [asyncio.create_task(one.run()) for one in chatters]
    try:
        await made.connected()
        yield made
    finally:
        await made.leave()


async def judge(result: Result, people: Crowd, database: Path) -> None:
    """Settle, then check the histories and the store."""
    try:
        await people.settle()
    except TimeoutError:
        result.faults.append("somebody was not answered, or did not catch up, within a minute")
    members = {key: [account.user_id for account in accounts] for key, accounts in people.groups.items()}
    found = check([one.history for one in people.chatters], members)
    result.faults += [str(fault) for fault in found]
    result.note(**count_faults(found))
    await verify_store(result, database)
    refusals: dict[int, int] = {}
    for one in people.chatters:
        for code, count in one.history.refusals.items():
            refusals[code] = refusals.get(code, 0) + count
    result.note(sent=people.sent, acked=people.acked)
    result.note(longest_answer_s=max(one.history.longest_answer_s for one in people.chatters))
    if refusals:
        result.note(refusals=", ".join(f"{code}: {count}" for code, count in sorted(refusals.items())))


async def verify_store(result: Result, database: Path) -> None:
    """Run what `pingme db verify` runs."""
    found = await asyncio.to_thread(verify, database, report=lambda *_: None)
    result.faults += [f"db verify: {fault}" for fault in found.faults]
    result.note(events_verified=found.events)


def latencies(result: Result, name: str, values: Sequence[float]) -> float:
    """Note p50 and p99, in milliseconds; return the p99."""
    p99 = percentile(values, 0.99)
    result.note(
        **{f"{name}_p50_ms": percentile(values, 0.5), f"{name}_p99_ms": p99, f"{name}_count": len(values)}
    )
    return p99


@asynccontextmanager
async def sampled(read: Callable[[], float], into: list[float], every_s: float = 0.2) -> AsyncIterator[None]:
    """Read a figure again and again meanwhile."""

    async def sample() -> None:
        while True:
            with contextlib.suppress(OSError, AssertionError, StopIteration):  # the process may be gone
                into.append(read())
            await asyncio.sleep(every_s)

    task = asyncio.create_task(sample())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def now_s() -> float:
    return time.monotonic()
