"""kill -9 again and again under load: several senders and groups, receipts, and SDK clients that send again by themselves."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from pathlib import Path

from pingme.sdk import Client
from tests.conversations.people import person
from tests.robust.chatter import Pace
from tests.robust.drill import SEED, Report, Result, Server, crowd, judge, make_world, now_s
from tests.robust.history import percentile

READY_S = 3.0  # docs/guarantees.md


@dataclass(frozen=True, slots=True)
class Params:
    kills: int = 30
    people: int = 12
    groups: int = 3
    per_s: float = 10.0
    between_s: float = 1.5
    sdk_per_s: float = 10.0
    seed: int = SEED


SHORT = Params(kills=3, people=6, groups=2, between_s=0.7)


async def run(params: Params, folder: Path, report: Report) -> Result:
    """Kill at random moments; every ack is kept, once, in order, at every member; no SDK send fails."""
    result = Result("kill")
    chance = random.Random(params.seed)
    accounts, groups = await make_world(folder / "data", params.people, params.groups)
    server = Server(folder / "data")
    ready_s: list[float] = []
    async with server:
        pace = Pace(params.per_s, receipts=True)
        async with (
            crowd(server.url, accounts, groups, pace) as people,
            person(server.url, "sdkada") as ada,
            person(server.url, "sdkben") as ben,
        ):
            sent: list[str] = []
            stop = asyncio.Event()
            senders = [
                asyncio.create_task(keep_sending(one, to, sent, stop, params.sdk_per_s))
                for one, to in ((ada, "sdkben"), (ben, "sdkada"))
            ]
            for number in range(params.kills):
                await people.acked_above(people.acked + 5)
                await asyncio.sleep(chance.uniform(0.2, 1) * params.between_s)
                await server.kill9()
                began_s = now_s()
                await server.start()
                ready_s.append(now_s() - began_s)
                report(
                    f"kill {number + 1} of {params.kills}: ready after {ready_s[-1]:.2f} s, {people.acked} acked"
                )
            await asyncio.sleep(params.between_s)
            stop.set()
            failures = [each for each in await asyncio.gather(*senders, return_exceptions=True) if each]
            result.faults += [f"an SDK send failed: {failure!r}" for failure in failures]
            await check_sdk(result, ada, sent)
            await judge(result, people, folder / "data" / "pingme.db")
            result.note(sdk_sent=len(sent))
    result.note(kills=params.kills, ready_p50_s=percentile(ready_s, 0.5), ready_max_s=max(ready_s))
    result.note(ready_promised_s=READY_S)
    median_s = percentile(ready_s, 0.5)  # one start may meet whatever else a machine does
    result.expect(median_s <= READY_S, f"ready again after {median_s:.1f} s, half of the times or more")
    return result


async def keep_sending(client: Client, to: str, sent: list[str], stop: asyncio.Event, per_s: float) -> None:
    number = 0
    while not stop.is_set():
        content = f"{client.username} {number}"
        await client.send(content, to=to)
        sent.append(content)
        number += 1
        await asyncio.sleep(1 / per_s)


async def check_sdk(result: Result, client: Client, sent: list[str]) -> None:
    """Every message of the SDK's clients stands once, each sender's in order."""
    where = await client.conversation_with("sdkben")
    stored = [
        event.content async for event in client.history(where, after_seq=0) if hasattr(event, "content")
    ]
    result.expect(
        sorted(stored) == sorted(sent), f"SDK: {len(sent)} were confirmed, {len(stored)} are stored"
    )
    for name in ("sdkada", "sdkben"):
        mine = [content for content in stored if content.startswith(name)]
        result.expect(
            mine == [f"{name} {number}" for number in range(len(mine))], f"SDK: {name}'s order broke"
        )
