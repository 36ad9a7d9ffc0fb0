"""Everything comes and goes for a while: connections, devices, groups, members; then nothing of it is left in the server."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.conversations.people import PASSWORD
from tests.robust.census import PRELUDE, Census, take_census
from tests.robust.chatter import Pace
from tests.robust.drill import SEED, UNLIMITED, Report, Result, Server, crowd, judge, make_world, now_s

QUIET_S = 8.0  # the grace of presence is 5 s, a close waits 2 s
ANSWER_S = 15.0
# None of these may be left over: each belongs to something that has gone.
GONE = (
    "Connection", "PicowsPipe", "WSProtocol", "NodeProtocol", "RequestResponseCycle", "Task", "_Watch", "SyncAnswer",
    "_GatheringFuture", "TCPTransport",
)  # fmt: skip
SPARE_MIB = 12.0  # the allocator's holes
CACHE_MIB = 64.0  # of SQLite's pages, of the writer: what the store has grown by may be in it
FILLING = 21_000  # events: the newest 16 000 stay in memory (docs/architecture.md), full before the baseline is taken
WINDOW = 500  # unanswered sends of the filling
KEPT_KIB = 4.0  # of a conversation that was used: heads and members stay in memory, up to a bound (docs/architecture.md)


@dataclass(frozen=True, slots=True)
class Params:
    seconds: float = 600.0
    warm_s: float = 60.0
    people: int = 12
    churners: int = 24
    rest_s: float = 0.05
    seed: int = SEED


SHORT = Params(seconds=5.0, warm_s=2.0, people=4, churners=6)


@dataclass(slots=True)
class Count:
    """What the churners have done."""

    sockets: int = 0
    aborted: int = 0
    devices: int = 0
    groups: int = 0
    messages: int = 0
    faults: list[str] = field(default_factory=list)


async def run(params: Params, folder: Path, report: Report) -> Result:
    """Memory, tasks, descriptors and objects are back where they were; healthy clients lose nothing meanwhile."""
    result = Result("churn")
    accounts, groups = await make_world(folder / "data", params.people, 3)
    place = folder / "census"
    async with Server(folder / "data", UNLIMITED | {"DRILL_CENSUS": str(place)}, PRELUDE) as server:
        async with crowd(server.url, accounts, groups, Pace(2.0, receipts=True)) as people:
            churners = [
                Churner(server.url, f"churner{number}", params.seed + number)
                for number in range(params.churners)
            ]
            for one in churners:
                await one.register()
            await churners[0].fill(FILLING)
            await _churn(churners, params.warm_s, params.rest_s)
            before, store_mib = await _quiet(server, place), _store_mib(server)
            counted = _total(churners)
            report(
                f"baseline: {before.rss_mib:.1f} MiB, {before.tasks} tasks, {before.descriptors} descriptors"
            )
            left_s = params.seconds
            while left_s > 0:
                part_s = min(left_s, 60.0)
                await _churn(churners, part_s, params.rest_s)
                left_s -= part_s
                report(f"{params.seconds - left_s:.0f} of {params.seconds:.0f} s: {server.rss_mib():.1f} MiB")
            after = await _quiet(server, place)
            total = _total(churners)
            store_mib = _store_mib(server) - store_mib
            result.note(store_grown_mib=store_mib)
            groups_made = total.groups - counted.groups
            kept_mib = min(store_mib, CACHE_MIB) + groups_made * KEPT_KIB / 1024
            result.note(conversations_between=groups_made)
            _compare(result, before, after, kept_mib)
            result.faults += total.faults[:10]
            result.note(
                sockets=total.sockets,
                aborted=total.aborted,
                devices=total.devices,
                groups=total.groups,
                churn_messages=total.messages,
            )
            report(
                f"after: {after.rss_mib:.1f} MiB, {after.tasks} tasks, {after.descriptors} descriptors; {total.sockets} "
                f"sockets, {total.devices} devices, {total.groups} groups have come and gone"
            )
            await judge(result, people, folder / "data" / "pingme.db")
        result.expect("Traceback" not in server.log(), "the server's log has a traceback")
    return result


def _store_mib(server: Server) -> float:
    """Return the size of the store's file; its log is small and kept at its size."""
    return (server.data_dir / "pingme.db").stat().st_size / (1 << 20)


def _compare(result: Result, before: Census, after: Census, kept_mib: float) -> None:
    """Note what is left, and judge it; ``kept_mib`` is what bounded caches may hold more than before."""
    result.note(
        rss_before_mib=before.rss_mib,
        rss_after_mib=after.rss_mib,
        tasks_before=before.tasks,
        tasks_after=after.tasks,
        descriptors_before=before.descriptors,
        descriptors_after=after.descriptors,
        grown=json.dumps(dict(itertools.islice(after.grown(before, at_least=100).items(), 12))),
    )
    allowed_mib = before.rss_mib + SPARE_MIB + kept_mib
    result.note(rss_allowed_mib=allowed_mib)
    result.expect(
        after.rss_mib <= allowed_mib, f"memory went from {before.rss_mib:.1f} to {after.rss_mib:.1f} MiB"
    )
    result.expect(
        after.descriptors <= before.descriptors + 2,
        f"descriptors went from {before.descriptors} to {after.descriptors}",
    )
    for name in GONE:
        was, now = before.objects.get(name, 0), after.objects.get(name, 0)
        result.expect(now <= was + 2, f"{name}: {was} before, {now} after")


async def _churn(churners: list[Churner], seconds: float, rest_s: float) -> None:
    """Let everybody come and go for a while; all of them are gone when this returns."""
    end_s = now_s() + seconds
    await asyncio.gather(*(one.run(end_s, rest_s, [each.user_id for each in churners]) for one in churners))


async def _quiet(server: Server, place: Path) -> Census:
    await asyncio.sleep(QUIET_S)
    return await take_census(server, place)


def _total(churners: list[Churner]) -> Count:
    total = Count()
    for one in churners:
        count = one.count
        total.sockets += count.sockets
        total.aborted += count.aborted
        total.devices += count.devices
        total.groups += count.groups
        total.messages += count.messages
        total.faults += count.faults
    return total


class Churner:
    """Somebody who never stays: each visit is another device or group, and ends in another way.

    Args:
        url: of the server.
        name: of the account to be made.
        seed: of this one's choices.
    """

    def __init__(self, url: str, name: str, seed: int) -> None:
        self._url = url
        self._name = name
        self._chance = random.Random(seed)
        self._numbers = itertools.count(1)
        self._login: dict[str, Any] = {}
        self.user_id = ""
        self.count = Count()

    async def register(self) -> None:
        async with self._http() as http:
            body = {"username": self._name, "password": PASSWORD}
            await self._call(http, "POST", "/auth/register", json=body)
            login = await self._call(http, "POST", "/auth/login", json=body)
        self._login, self.user_id = login, login["user"]["user_id"]

    async def fill(self, count: int) -> None:
        """Write messages to oneself as fast as they are stored."""
        async with self._socket(self._login["token"]) as socket:
            for sent in range(count + WINDOW):
                if sent < count:
                    body = {"msg_id": self._msg_id(), "content": "x" * 250, "to_user_id": self.user_id}
                    await socket.send(_frame("send", **body))
                if sent >= WINDOW:
                    assert json.loads(await socket.recv())["type"] == "message_ack"

    async def run(self, end_s: float, rest_s: float, others: list[str]) -> None:
        """Visit again and again."""
        while now_s() < end_s:
            visit = self._chance.choices((self._chat, self._group, self._device), (8, 3, 1))[0]
            try:
                async with asyncio.timeout(ANSWER_S):
                    await visit(others)
            except Exception as exc:  # noqa: BLE001  # whatever it is, it is the finding
                self.count.faults.append(f"{self._name}: {visit.__name__}: {exc!r}")
            await asyncio.sleep(self._chance.uniform(0, 2 * rest_s))

    # Visits.

    async def _chat(self, others: list[str]) -> None:
        """Connect, sync, watch, write to somebody, and go."""
        async with self._socket(self._login["token"]) as socket:
            await self._talk(socket, {"to_user_id": self._chance.choice(others)}, others)

    async def _talk(self, socket: ClientConnection, where: dict[str, str], others: list[str]) -> None:
        await _ask(socket, "sync", "sync_done", limit=5)
        await socket.send(_frame("presence_watch", user_ids=others))
        sent = await _ask(
            socket,
            "send",
            "message_ack",
            msg_id=self._msg_id(),
            content="x" * self._chance.randint(1, 500),
            **where,
        )
        self.count.messages += 1
        place = {"conversation_id": sent["conversation_id"]}
        await socket.send(_frame("typing", active=True, **place))
        await _ask(socket, "ack", "ack_response", seq=sent["seq"], ack_type="read", **place)
        await _ask(socket, "history", "history_page", limit=20, **place)

    async def _group(self, others: list[str]) -> None:
        """Make a group, let people come and go, write, and dissolve it."""
        members = self._chance.sample([each for each in others if each != self.user_id], 3)
        async with self._http(self._login["token"]) as http:
            body = {"name": "churn", "member_ids": members[:2], "msg_id": self._msg_id()}
            made = await self._call(http, "POST", "/groups", json=body)
            group_id = made["group"]["group_id"]
            path = f"/groups/{group_id}"
            async with self._socket(self._login["token"]) as socket:
                await self._talk(socket, {"group_id": group_id}, others)
            added = {"user_ids": members[2:], "msg_id": self._msg_id()}
            await self._call(http, "POST", f"{path}/members", json=added)
            gone = f"{path}/members/{members[0]}"
            await self._call(http, "DELETE", gone, params={"msg_id": self._msg_id()})
            await self._call(http, "GET", "/messages/history", params={"conversation_id": group_id})
            await self._call(http, "DELETE", path, params={"msg_id": self._msg_id()})
        self.count.groups += 1

    async def _device(self, others: list[str]) -> None:
        """Log in on a new device, talk, refresh its token, and delete it."""
        body = {"username": self._name, "password": PASSWORD, "device_id": f"d{next(self._numbers)}"}
        async with self._http() as http:
            login = await self._call(http, "POST", "/auth/login", json=body)
            fresh = await self._call(
                http, "POST", "/auth/refresh", json={"refresh_token": login["refresh_token"]}
            )
        async with self._socket(fresh["token"]) as socket:
            await self._talk(socket, {"to_user_id": self._chance.choice(others)}, others)
            async with self._http(self._login["token"]) as http:
                await self._call(http, "DELETE", f"/auth/devices/{body['device_id']}")
        self.count.devices += 1

    # Means.

    def _msg_id(self) -> str:
        return f"c-{self._name}-{next(self._numbers)}"

    def _http(self, token: str = "") -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(
            base_url=f"{self._url}/api/v1", headers=headers, trust_env=False, timeout=ANSWER_S
        )

    async def _call(self, http: httpx.AsyncClient, method: str, path: str, **rest: Any) -> dict[str, Any]:
        answer = await http.request(method, path, **rest)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        data: dict[str, Any] = answer.json()["data"]
        return data

    @contextlib.asynccontextmanager
    async def _socket(self, token: str) -> AsyncIterator[ClientConnection]:
        """Connect; leave with a goodbye, or by cutting the wire."""
        socket = await connect(
            self._url.replace("http", "ws", 1) + "/ws",
            proxy=None,
            compression=None,
            ping_interval=None,
            close_timeout=2,
        )
        self.count.sockets += 1
        try:
            await _ask(socket, "auth", "auth_ok", token=token, protocol=1)
            yield socket
        finally:
            if self._chance.random() < 0.3:
                self.count.aborted += 1
                socket.transport.abort()
            await socket.close()


async def _ask(socket: ClientConnection, kind: str, answer: str, **payload: Any) -> dict[str, Any]:
    """Send a frame and return the payload of its answer."""
    await socket.send(_frame(kind, **payload))
    while True:
        got = json.loads(await socket.recv())
        assert got["type"] not in {"error", "auth_fail"}, got
        if got["type"] == answer:
            found: dict[str, Any] = got["payload"]
            return found


def _frame(kind: str, **payload: Any) -> str:
    return json.dumps({"type": kind, "payload": payload})
