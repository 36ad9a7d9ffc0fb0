"""`python -m tests.robust [drill …]`: what the world does to a server; exit status 1 when a promise broke.

Short forms take some two minutes together, ``--long`` ones half an hour: docs/robustness.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from tests.robust import plan
from tests.robust.drill import Result

WIDTH = 34  # of a figure's name in the report


def main() -> int:
    """Run the drills that are named, or all, and report."""
    options = _options()
    names = options.drill or list(plan.DRILLS)
    seed = plan.SEED if options.seed is None else options.seed
    print(f"seed {seed}, {_machine()}", file=sys.stderr)
    results = []
    for number, name in enumerate(names, 1):
        random.seed(seed)  # the jitter of clients; what a drill chooses, it chooses by the seed itself
        began_s = time.monotonic()
        print(f"\n{number} of {len(names)}: {name}, {_about(name, options.long)}", file=sys.stderr)
        result = _run(name, options.long, seed)
        took_s = time.monotonic() - began_s
        result.note(took_s=took_s)
        results.append(result)
        print(f"  {'BROKEN' if result.faults else 'kept'} after {took_s:.0f} s", file=sys.stderr)
        if not options.json:
            _print(result)
    broken = [result.name for result in results if result.faults]
    if options.json:
        found = {
            "seed": seed,
            "long": options.long,
            "machine": _machine(),
            "results": msgspec.to_builtins(results),
            "broken": broken,
        }
        print(json.dumps(found, indent=2))
    else:
        print(f"\n{len(results) - len(broken)} of {len(results)} drills kept every promise (seed {seed})")
        if broken:
            print(f"broken: {', '.join(broken)}")
    return int(bool(broken))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.robust",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("drill", nargs="*", help=f"of {', '.join(plan.DRILLS)}; default: all")
    parser.add_argument("--long", action="store_true", help="the long forms")
    parser.add_argument("--seed", type=int, help=f"of everything that is chosen by chance ({plan.SEED})")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args()
    if unknown := set(options.drill) - set(plan.DRILLS):
        parser.error(f"no drill {', '.join(sorted(unknown))}; there are {', '.join(plan.DRILLS)}")
    return options


def _about(name: str, long: bool) -> str:
    return f"{'long' if long else 'short'} form: {(plan.DRILLS[name].run.__doc__ or '').splitlines()[0]}"


def _run(name: str, long: bool, seed: int) -> Result:
    with tempfile.TemporaryDirectory(prefix="pingme-drill-") as folder:
        return asyncio.run(
            plan.run(
                name, Path(folder), lambda text: print(f"  {text}", file=sys.stderr), long=long, seed=seed
            )
        )


def _print(result: Result) -> None:
    """Print a drill's figures and what broke."""
    print(f"\n{result.name}: {'BROKEN' if result.faults else 'kept'}")
    for name, value in result.figures.items():
        print(f"  {name:{WIDTH}} {value}")
    for fault in result.faults:
        print(f"  ! {fault}")


def _machine() -> str:
    """Return what was measured on."""
    cores = len(plan.cores())
    return (
        f"{cores} {'core' if cores == 1 else 'cores'}, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


if __name__ == "__main__":
    sys.exit(main())
