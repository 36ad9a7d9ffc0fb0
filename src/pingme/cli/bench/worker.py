"""A load process: it runs its part of a scenario and talks to the parent through a pipe (`Link`)."""

from __future__ import annotations

import asyncio
import gc
import signal
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection

from pingme.cli.bench.job import Job, PartResult
from pingme.cli.bench.link import Link
from pingme.cli.bench.scenarios import SCENARIOS
from pingme.domain.errors import PingMeError

GC_THRESHOLD = 50_000  # as the server: young collections would cost a tenth of a busy loop


def main(connection: Connection, job: Job) -> None:
    """Run a job in this process; the parent handles interrupts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            connection.send(("result", runner.run(_run(connection, job))))
    except PingMeError as error:
        connection.send(("failed", str(error)))
    except Exception:  # noqa: BLE001  # whatever it is, the parent prints it and ends
        connection.send(("failed", traceback.format_exc()))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415  # not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _run(connection: Connection, job: Job) -> PartResult:
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    link = Link(connection)
    try:
        return await SCENARIOS[job.scenario](link, job)
    finally:
        link.close()
