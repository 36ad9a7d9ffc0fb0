"""Servers that are told to leave, or held, under load: SIGTERM and SIGINT, once and twice, SIGHUP, SIGSTOP and SIGCONT."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from tests.conversations.people import person
from tests.robust.chatter import Pace
from tests.robust.drill import Crowd, Report, Result, Server, crowd, judge, make_world, now_s
from tests.robust.drills.kill import check_sdk, keep_sending

LEFT_WITHIN_S = 25.0  # docs/guarantees.md
SDK_BACK_S = 90.0  # its backoff grows while servers come and go within seconds
HURRIED_WITHIN_S = 10.0  # after a second signal
WAYS = ("term", "int", "term_twice", "int_twice", "hup", "term_locked", "term_idle_http", "held")


@dataclass(frozen=True, slots=True)
class Params:
    ways: tuple[str, ...] = WAYS
    people: int = 16
    per_s: float = 10.0
    rounds: int = 3
    held_s: float = 20.0


SHORT = Params(ways=("term", "hup", "int_twice", "held"), people=6, rounds=1, held_s=3.0)


async def run(params: Params, folder: Path, report: Report) -> Result:
    """All frames received are answered, clients are told where they stand, and everything goes on afterwards."""
    result = Result("stop")
    accounts, groups = await make_world(folder / "data", params.people, 3)
    server = Server(folder / "data")
    async with server:
        async with (
            crowd(server.url, accounts, groups, Pace(params.per_s)) as people,
            person(server.url, "sdkada") as ada,
            person(server.url, "sdkben") as ben,
        ):
            sent: list[str] = []
            stop = asyncio.Event()
            senders = [
                asyncio.create_task(keep_sending(one, to, sent, stop, params.per_s))
                for one, to in ((ada, "sdkben"), (ben, "sdkada"))
            ]
            for _ in range(params.rounds):
                for way in params.ways:
                    await people.acked_above(people.acked + 10)
                    await _sends(sent, len(sent) + 2)
                    await _one(result, params, way, server, people, report)
            await people.acked_above(people.acked + 10)
            stop.set()
            failures = [each for each in await asyncio.gather(*senders, return_exceptions=True) if each]
            result.faults += [f"an SDK send failed: {failure!r}" for failure in failures]
            await check_sdk(result, ada, sent)
            if "held" in params.ways:  # nobody is answered by a process that is held
                for one in people.chatters:
                    one.history.longest_answer_s = max(0.0, one.history.longest_answer_s - params.held_s)
            await judge(result, people, folder / "data" / "pingme.db")
            result.note(sdk_sent=len(sent))
        for event in ("task_failed", "frame_failed", "http_request_failed", "not done after"):
            result.expect(event not in server.log(), f"the server's log has {event}")
    return result


async def _one(
    result: Result, params: Params, way: str, server: Server, people: Crowd, report: Report
) -> None:
    if way == "held":
        server.signal(signal.SIGSTOP)
        await asyncio.sleep(params.held_s)
        server.signal(signal.SIGCONT)
        began_s = now_s()
        await people.acked_above(people.acked)
        result.note(held_s=params.held_s, held_goes_on_after_s=now_s() - began_s)
        report(f"held for {params.held_s} s: goes on after {now_s() - began_s:.2f} s")
        return
    if way == "hup":
        connections = sum(one.connections for one in people.chatters)
        server.signal(signal.SIGHUP)
        await people.acked_above(people.acked + 10)
        stayed = sum(one.connections for one in people.chatters) == connections
        result.expect(stayed, "hup: a connection broke")
        return
    asked = [one.reconnects_asked for one in people.chatters]
    went = [one.history.close_codes.get(1001, 0) for one in people.chatters]
    connections = [one.connections for one in people.chatters]
    acked = people.acked
    lock = _lock(server) if way == "term_locked" else None
    http = await _idle_http(server) if way == "term_idle_http" else None
    began_s = now_s()
    status = await _leave(server, way)
    took_s = now_s() - began_s
    if lock is not None:
        lock.rollback()
        lock.close()
    if http is not None:
        http.close()
    if way == "int_twice":  # an end at once, or in good order where that was quicker
        result.expect(status in {0, -signal.SIGINT}, f"{way}: exit status {status}")
        await _again(result, way, server, people, connections, report, took_s)
        return
    result.expect(status == 0, f"{way}: exit status {status}")
    bound_s = HURRIED_WITHIN_S if way == "term_twice" else LEFT_WITHIN_S
    result.expect(took_s <= bound_s, f"{way}: left after {took_s:.1f} s")
    await asyncio.sleep(0.3)  # lets the clients note how their sockets ended
    told = sum(one.reconnects_asked > before for one, before in zip(people.chatters, asked, strict=True))
    closed = sum(
        one.history.close_codes.get(1001, 0) > before
        for one, before in zip(people.chatters, went, strict=True)
    )
    everybody = len(people.chatters)
    result.expect(told == everybody, f"{way}: {told} of {everybody} were told to reconnect")
    result.expect(closed == everybody, f"{way}: {closed} of {everybody} were closed with 1001")
    result.note(**{f"{way}_acked_meanwhile": people.acked - acked})
    await _again(result, way, server, people, connections, report, took_s)


async def _again(
    result: Result,
    way: str,
    server: Server,
    people: Crowd,
    connections: list[int],
    report: Report,
    took_s: float,
) -> None:
    """Start it again; everybody comes back by themselves."""
    began_s = now_s()
    await server.start()
    async with asyncio.timeout(30):
        for one, before in zip(people.chatters, connections, strict=True):
            while one.connections == before:  # noqa: ASYNC110  # seen by another's counter
                await asyncio.sleep(0.05)
    result.note(**{f"{way}_left_after_s": took_s})
    report(f"{way}: left after {took_s:.2f} s, all back {now_s() - began_s:.2f} s later")


async def _sends(sent: list[str], count: int) -> None:
    """Return when the SDK's clients have sent so much."""
    async with asyncio.timeout(SDK_BACK_S):
        while len(sent) < count:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.02)


async def _leave(server: Server, way: str) -> int:
    """Send the signals and return the exit status."""
    number = signal.SIGINT if way.startswith("int") else signal.SIGTERM
    if way.endswith("_twice"):
        server.signal(number)
        await asyncio.sleep(0.05)
    return await server.stop(number)


def _lock(server: Server) -> sqlite3.Connection:
    """Hold the write lock: what waits for the store cannot be stored while the server leaves."""
    connection = sqlite3.connect(server.data_dir / "pingme.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


async def _idle_http(server: Server) -> asyncio.StreamWriter:
    """Hold a keep-alive connection, and a request whose body does not come."""
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    return writer
