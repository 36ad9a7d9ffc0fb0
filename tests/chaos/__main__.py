"""`python -m tests.chaos`: faults under load, then the checker; exits 1 when a promise was broken. `make chaos`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos import report
from tests.chaos.cluster import Cluster, Missing
from tests.chaos.run import Outcome, run
from tests.chaos.schedule import TARGETS, BadSchedule, Schedule, check_targets, generate, read
from tests.services.registry import SERVICES, make_service
from tests.services.service import ServiceFailed

EMBEDDED = ("server:1",)  # the targets of a run without engines; with them it is all that there are


def main() -> int:
    """Run, report; return 0 when every promise was kept, 1 when not, 2 when it could not be tried."""
    wanted = _arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="pingme-chaos-") as data:
            outcome = _outcome(wanted, Path(data))
    except (BadSchedule, Missing, ServiceFailed, OSError) as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    folder: Path = wanted.out
    report.write(outcome, folder)
    print(f"seed {outcome.schedule.seed}\n{outcome.verdict}")
    print("\n".join([*outcome.faults, f"report: {folder / 'report.html'}"]))
    return 0 if outcome.is_good else 1


def _outcome(wanted: argparse.Namespace, data: Path) -> Outcome:
    targets = TARGETS if wanted.cluster else EMBEDDED
    schedule = _schedule(wanted, targets)
    check_targets(schedule, targets)
    folder: Path = wanted.out
    folder.mkdir(parents=True)
    text = json.dumps(schedule.to_json(), indent=1)
    (folder / "schedule.json").write_text(text + "\n", encoding="utf-8")
    services = [make_service(name) for name in SERVICES] if wanted.cluster else []
    cluster = Cluster(data, services, servers=2 if wanted.cluster else 1, seed=schedule.seed)
    return asyncio.run(run(cluster, schedule, folder, per_s=wanted.rate, note=_note))


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _schedule(wanted: argparse.Namespace, targets: Sequence[str]) -> Schedule:
    if wanted.schedule is not None:
        return read(wanted.schedule)
    return generate(wanted.seed, targets, wanted.seconds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--cluster", action="store_true", help="two servers on MySQL, Redis and Kafka, which fail, too"
    )
    parser.add_argument("--schedule", type=Path, help="a JSON file; default: one that the seed decides")
    parser.add_argument(
        "--seed", type=int, default=time.time_ns() % 1_000_000, help="default: another each time"
    )
    parser.add_argument("--seconds", type=float, default=60, help="of load (60)")
    parser.add_argument("--rate", type=float, default=10, help="messages a second of each writer (10)")
    stamp = time.strftime("%Y%m%d-%H%M%S")
    parser.add_argument("--out", type=Path, default=Path("build") / f"chaos-{stamp}", help="a new folder")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
