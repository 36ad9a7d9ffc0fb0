"""`python -m tests.robust [drill …]`: what the world does to a server, in short forms; exit status 1 when a promise broke."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from tests.robust.drill import Report, Result
from tests.robust.drills import clock, disk, floods, kill, slow_readers, stop

WAYS = ("term", "term_twice", "held")  # of leaving: SIGHUP is not one yet

DRILLS: dict[str, Callable[[Path, Report], Awaitable[Result]]] = {
    "kill": lambda folder, report: kill.run(kill.SHORT, folder, report),
    "slow_readers": lambda folder, report: slow_readers.run(slow_readers.SHORT, folder, report),
    "floods": lambda folder, report: floods.run(floods.SHORT, folder, report),
    "disk": lambda folder, report: disk.run(disk.SHORT, folder, report),
    "stop": lambda folder, report: stop.run(dataclasses.replace(stop.SHORT, ways=WAYS), folder, report),
    "clock": lambda folder, report: clock.run(clock.SHORT, folder, report),
}


def main() -> int:
    """Run the drills that are named, or all; print one line of JSON for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.robust", description=__doc__)
    parser.add_argument("drill", nargs="*", help=f"of {', '.join(DRILLS)}; default: all")
    names = parser.parse_args().drill or list(DRILLS)
    if unknown := set(names) - set(DRILLS):
        parser.error(f"no drill {', '.join(sorted(unknown))}; there are {', '.join(DRILLS)}")
    broken = False
    for name in names:
        with tempfile.TemporaryDirectory(prefix="pingme-drill-") as folder:
            result = asyncio.run(_run(name, Path(folder)))
        broken = broken or bool(result.faults)
        sys.stdout.write(json.dumps(msgspec.to_builtins(result)) + "\n")
    return int(broken)


async def _run(name: str, folder: Path) -> Result:
    return await DRILLS[name](folder, lambda text: print(text, file=sys.stderr))  # people read along


if __name__ == "__main__":
    sys.exit(main())
