"""A demo from its beginning to its end: a server, people, a past, a present."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import tempfile
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import typer

from pingme.cli.bench.server import ending_signals
from pingme.cli.demo import filling, show
from pingme.cli.demo.cast import GUEST, PASSWORD_WORDS
from pingme.cli.demo.house import House
from pingme.cli.demo.living import Town
from pingme.cli.demo.scenes import load_catalogue
from pingme.cli.demo.stage import Stage
from pingme.cli.profiles import BadServer, server_of
from pingme.cli.progress import progress_bar
from pingme.domain.errors import PingMeError

STORE = "pingme.db"
PASSWORD_LENGTH = 4  # words, 24 bits, and two digits: beyond what a throttled login lets anybody guess
TICK_S = 1.0  # between two looks at what is going on


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The command line; see `pingme demo --help`."""

    server: str | None
    data_dir: Path | None
    add: bool
    port: int | None
    seconds: float | None
    speed: float
    quiet_room: bool
    password: str
    seed: int
    as_json: bool


def check_wanted(wanted: Wanted) -> None:
    """Refuse what does not go together, or would touch what is somebody's.

    Raises:
        typer.BadParameter: the command line is wrong.
        PingMeError: there is something already, and --add was not given.
    """
    if wanted.server is not None and (wanted.data_dir is not None or wanted.port is not None):
        raise typer.BadParameter(
            "--server names a server that runs: --data-dir and --port are for one of the demo's own"
        )
    if wanted.server is not None:
        try:
            server_of(wanted.server)
        except BadServer as error:
            raise typer.BadParameter(error.message) from error
    if wanted.add:
        return
    if wanted.server is not None:
        raise PingMeError(
            "a server cannot be asked whether it is empty, and the demo adds 13 accounts, 5 groups and their "
            "messages to it: say --add if that is what you want"
        )
    if wanted.data_dir is not None and (wanted.data_dir / STORE).exists():
        raise PingMeError(
            f"{wanted.data_dir} holds a store already, and the demo would add to it: say --add if that is what "
            "you want, or name another folder"
        )


def make_password() -> str:
    """Return a password that can be typed."""
    words = [secrets.choice(PASSWORD_WORDS) for _ in range(PASSWORD_LENGTH)]
    return "-".join([*words, str(secrets.randbelow(90) + 10)])


async def run(wanted: Wanted) -> None:
    """Set everything up, tell how to get in, and go on until it is over.

    Raises:
        PingMeError: it could not be set up, or the server ended.
    """
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, *ending_signals()):
        loop.add_signal_handler(number, over.set)
    with tempfile.TemporaryDirectory(prefix="pingme-demo-") as folder:
        work_dir = Path(folder)
        async with _server(wanted, work_dir) as (url, house):
            showing = asyncio.create_task(_show(wanted, url, work_dir / "people"))
            ended = asyncio.create_task(house.ended()) if house is not None else None
            stopped = asyncio.create_task(over.wait())
            waiting = [task for task in (showing, ended, stopped) if task is not None]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            last_words = ended.result() if ended is not None and ended.done() else None
            for task in waiting:
                task.cancel()
            results = await asyncio.gather(*waiting, return_exceptions=True)
            if last_words is not None:
                raise PingMeError(f"the server ended:\n{last_words}")
            if isinstance(results[0], Exception):
                raise first_of(results[0])


def first_of(error: Exception) -> Exception:
    """Return the first error of nested groups of them: one line says more than all that followed from it."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


@contextlib.asynccontextmanager
async def _server(wanted: Wanted, work_dir: Path) -> AsyncGenerator[tuple[str, House | None]]:
    if wanted.server is not None:
        yield server_of(wanted.server), None
        return
    data_dir = wanted.data_dir or work_dir / "data"
    async with House(data_dir, work_dir=work_dir, port=wanted.port) as house:
        yield house.url, house


async def _show(wanted: Wanted, url: str, folder: Path) -> None:
    """Fill, tell, and live, until it is cancelled or over."""
    catalogue = load_catalogue()
    with progress_bar("people move in") as report:

        def advance(phase: str, done: int, total: int) -> None:
            report({"phase": phase, "done": done, "total": total})

        stage = await filling.move_in(url, wanted.password, folder=folder, advance=advance)
        try:
            await filling.fill(stage, catalogue, seed=wanted.seed, advance=advance)
            await stage.people[GUEST].leave(for_good=True)
        except BaseException:
            await filling.leave_all(stage, for_good=wanted.server is not None)
            raise
    try:
        found = show.facts(stage, url=url, password=wanted.password, seed=wanted.seed)
        if wanted.as_json:
            show.print_json(found)
        else:
            passing = wanted.server is None and wanted.data_dir is None
            show.print_text(found, passing=passing, lively=not wanted.quiet_room)
        town = Town(stage, catalogue, speed=wanted.speed, seed=wanted.seed)
        async with asyncio.TaskGroup() as tasks:
            if not wanted.quiet_room:
                tasks.create_task(town.live())
            tasks.create_task(_tick(stage, wanted.seconds))
    except* _Over:
        pass
    finally:
        await filling.leave_all(stage, for_good=wanted.server is not None)


class _Over(Exception):
    """The time is over; ends the task group."""


async def _tick(stage: Stage, seconds: float | None) -> None:
    """Show what goes on until the time is over."""
    ticker, before = show.Ticker(), stage.messages
    end = None if seconds is None else asyncio.get_running_loop().time() + seconds
    while end is None or (left := end - asyncio.get_running_loop().time()) > 0:
        here = sum(person.is_here for person in stage.people.values())
        ticker.show(f"{here} of {len(stage.people) - 1} are here, {stage.messages - before} messages since")
        await asyncio.sleep(TICK_S if end is None else min(TICK_S, left))
    ticker.show("")
    raise _Over
