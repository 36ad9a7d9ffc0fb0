"""The wall clock of the server jumps an hour back and forth under load."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.conversations.people import person
from tests.robust.chatter import Pace
from tests.robust.drill import Report, Result, Server, crowd, judge, latencies, make_world, now_s
from tests.robust.drills.kill import check_sdk, keep_sending

HOUR_S = 3_600
# time.time and time.time_ns are what a file says later, or earlier, than the machine's.
PRELUDE = """
import os, threading, time
shift = 0
real, real_ns = time.time, time.time_ns
time.time = lambda: real() + shift
time.time_ns = lambda: real_ns() + shift * 1_000_000_000
def watch():
    global shift
    while True:
        time.sleep(0.05)
        try:
            shift = int(open(os.environ["DRILL_SHIFT"]).read() or 0)
        except OSError:
            pass
threading.Thread(target=watch, daemon=True).start()
"""


@dataclass(frozen=True, slots=True)
class Params:
    shifts_s: tuple[int, ...] = (HOUR_S, 0, -HOUR_S, 0, HOUR_S, -HOUR_S, 0)
    people: int = 12
    per_s: float = 10.0
    stay_s: float = 6.0


SHORT = Params(shifts_s=(HOUR_S, -HOUR_S, 0), people=6, stay_s=1.5)


async def run(params: Params, folder: Path, report: Report) -> Result:
    """Order, sync, retries and limits do not notice; good tokens stay good when the clock goes back."""
    result = Result("clock")
    accounts, groups = await make_world(folder / "data", params.people, 3)
    shift = folder / "shift"
    shift.write_text("0", encoding="ascii")
    async with Server(folder / "data", {"DRILL_SHIFT": str(shift)}, PRELUDE) as server:
        async with (
            crowd(server.url, accounts, groups, Pace(params.per_s, receipts=True)) as people,
            person(server.url, "sdkada") as ada,
            person(server.url, "sdkben") as ben,
        ):
            sent: list[str] = []
            stop = asyncio.Event()
            senders = [
                asyncio.create_task(keep_sending(one, to, sent, stop, params.per_s))
                for one, to in ((ada, "sdkben"), (ben, "sdkada"))
            ]
            await people.acked_above(people.acked + 10)
            before = {one.account.name: one.connections for one in people.chatters}
            for seconds in params.shifts_s:
                began_s = now_s()
                shift.write_text(str(seconds), encoding="ascii")
                await asyncio.sleep(params.stay_s)
                name = f"at_{'plus' if seconds > 0 else 'minus'}_{abs(seconds)}"
                p99 = latencies(result, name, people.ack_ms(began_s, now_s()))
                rate = (
                    len(people.ack_ms(began_s, now_s())) / params.stay_s
                )  # it may be longer: at least so many
                result.expect(
                    rate > 0.3 * params.per_s * params.people, f"{name}: only {rate:.0f} acks a second"
                )
                result.note(**{f"{name}_rest_status": await _rest(server, accounts[0].token)})
                report(f"clock {seconds:+d} s: {rate:.0f} acks a second, p99 {p99:.1f} ms")
            moved = {n: one.connections for one in people.chatters if (n := one.account.name)} != before
            result.expect(not moved, "a connection broke when the clock jumped")
            stop.set()
            failures = [each for each in await asyncio.gather(*senders, return_exceptions=True) if each]
            result.faults += [f"an SDK send failed: {failure!r}" for failure in failures]
            await check_sdk(result, ada, sent)
            rest = await _rest(server, accounts[0].token)
            result.expect(
                rest == 200, f"a token of a day was answered {rest} after the clock was right again"
            )
            await judge(result, people, folder / "data" / "pingme.db")
            result.note(sdk_sent=len(sent))
        for event in ("task_failed", "frame_failed", "http_request_failed"):
            result.expect(event not in server.log(), f"the server's log has {event}")
    return result


async def _rest(server: Server, token: str) -> int:
    """Return the status of a question with a token that is good for a day."""
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1", trust_env=False) as http:
        return (await http.get("/user/profile", headers={"Authorization": f"Bearer {token}"})).status_code
