"""Watchers of drills: whether presence is right in the end, and how soon a session that ended is closed elsewhere."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.chaos.account import CALL_S, Login
from tests.chaos.cluster import Cluster
from tests.chaos.extras import Finding
from tests.chaos.health import EVERY_S, Stopwatch
from tests.chaos.load import Crowd
from tests.chaos.pending import frame

RIGHT_WITHIN_S = (
    10.0  # docs/guarantees.md: 5 s of grace, and 2 s until it is seen; the rest for a busy machine
)
STAYS, GO = "ada", ("ben", "cleo")
REVOKED_WITHIN_S = 2.0  # docs/guarantees.md, P12
SLACK_S = 1.0  # for the way there and back on a busy machine
REVOKED = 4450
STEP_S = 0.02


class PresenceIsRight:
    """Every node knows who is here when all are, and who has gone when some went."""

    _crowd: Crowd
    _urls: Sequence[str]

    async def begin(self, cluster: Cluster, crowd: Crowd) -> None:
        """See `Extra.begin`."""
        self._crowd, self._urls = crowd, cluster.urls

    async def end(self) -> Finding:
        """See `Extra.end`; those of `GO` are gone afterwards."""
        finding = Finding()
        everybody = dict.fromkeys((STAYS, *GO), "online")
        watch = Stopwatch()
        finding.faults += await self._look("while all are here", everybody)
        await self._crowd.dismiss(GO)
        finding.faults += await self._look(
            "when some have gone", {**everybody, **dict.fromkeys(GO, "offline")}
        )
        finding.figures = {"presence_right_s": watch.read()}
        return finding

    async def _look(self, when: str, expected: Mapping[str, str]) -> list[str]:
        """Ask each node until it says what is expected; return what those say that do not."""
        faults = []
        async with httpx.AsyncClient(trust_env=False, timeout=CALL_S) as http:
            for url in self._urls:
                watch = Stopwatch()
                while (told := await self._ask(http, url, tuple(expected))) != expected:
                    if watch.read() > RIGHT_WITHIN_S:
                        faults.append(f"presence {when}: {url} says {told}, expected {expected}")
                        break
                    await asyncio.sleep(EVERY_S)
        return faults

    async def _ask(self, http: httpx.AsyncClient, url: str, names: Sequence[str]) -> dict[str, str]:
        by_id = {self._crowd.users[name]: name for name in names}
        headers = {"Authorization": f"Bearer {self._crowd.devices[f'{STAYS}/d1'].login.token}"}
        answer = await http.post(
            f"{url}/api/v1/presence/query", json={"user_ids": list(by_id)}, headers=headers
        )
        told = answer.json().get("data") or {}
        return {by_id[each["user_id"]]: each["status"] for each in told.get("items", ())}


@dataclass(slots=True)
class _Session:
    """A session with an open socket on the first node."""

    login: Login
    socket: ClientConnection
    at_s: float


class Revocations:
    """Logs devices out on the last node, and waits for their sockets on the first one to close.

    Args:
        at_s: when, in seconds after the load began, one device each.
    """

    _sessions: list[_Session]
    _work: asyncio.Task[list[float]]

    def __init__(self, at_s: Sequence[float]) -> None:
        self._at_s = at_s

    async def begin(self, cluster: Cluster, crowd: Crowd) -> None:
        """See `Extra.begin`."""
        here, there = cluster.urls[0], cluster.urls[-1]
        self._sessions = []
        for number, at_s in enumerate(self._at_s):
            login = await crowd.nodes.login(f"rev{crowd.suffix}", f"d{number}")
            self._sessions.append(_Session(login, await _open(here, login), at_s))
        self._work = asyncio.create_task(self._revoke_all(there, time.monotonic()))

    async def end(self) -> Finding:
        """See `Extra.end`."""
        took_s = await self._work
        faults = [
            f"a session that was ended on another node was closed only after {each:.1f} s"
            for each in took_s
            if each > REVOKED_WITHIN_S + SLACK_S
        ]
        return Finding(faults, {"revoked_after_s": max(took_s)})

    async def _revoke_all(self, url: str, began_s: float) -> list[float]:
        return await asyncio.gather(*(_revoke(url, each, began_s + each.at_s) for each in self._sessions))


async def _open(url: str, login: Login) -> ClientConnection:
    socket = await connect(url.replace("http", "ws", 1) + "/ws", proxy=None, compression=None)
    await socket.send(frame("auth", {"token": login.token, "protocol": 1}))
    answer = json.loads(await socket.recv())
    assert answer["type"] == "auth_ok", answer
    return socket


async def _revoke(url: str, session: _Session, at_s: float) -> float:
    """Log the device out at this moment; return how long its socket stayed open after the answer."""
    await asyncio.sleep(max(0.0, at_s - time.monotonic()))
    async with httpx.AsyncClient(trust_env=False, timeout=CALL_S) as http:
        headers = {"Authorization": f"Bearer {session.login.token}"}
        answer = await http.post(f"{url}/api/v1/auth/logout", headers=headers)
    assert answer.status_code == httpx.codes.OK, answer.text
    watch = Stopwatch()
    closing = asyncio.create_task(session.socket.wait_closed())
    while not closing.done() and watch.read() < CALL_S:
        await asyncio.wait({closing}, timeout=STEP_S)
    closing.cancel()
    assert session.socket.close_code in (REVOKED, None), session.socket.close_code
    return watch.read()
