"""`python -m tests.chaos`: faults under load, then the checker; exits 1 when a promise was broken. `make chaos`."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.chaos import report
from tests.chaos.cluster import Cluster, Missing
from tests.chaos.drills import DRILLS, perform
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
            outcomes = _drills(wanted, Path(data)) if wanted.drill else _one(wanted, Path(data))
    except (BadSchedule, Missing, ServiceFailed, OSError) as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


def _one(wanted: argparse.Namespace, data: Path) -> list[Outcome]:
    targets = TARGETS if wanted.cluster else EMBEDDED
    schedule = _schedule(wanted, targets)
    check_targets(schedule, targets)
    _begin(schedule, wanted.out)
    cluster = _cluster(wanted, data)
    outcome = asyncio.run(run(cluster, schedule, wanted.out, per_s=wanted.rate, note=_note))
    _tell(outcome, wanted.out)
    return [outcome]


def _drills(wanted: argparse.Namespace, data: Path) -> list[Outcome]:
    names = list(DRILLS) if "all" in wanted.drill else wanted.drill
    schedules = {name: DRILLS[name].schedule(wanted.seed, short=wanted.short) for name in names}
    return asyncio.run(_in_one_cluster(_cluster(wanted, data), schedules, wanted))


async def _in_one_cluster(
    cluster: Cluster, schedules: Mapping[str, Schedule], wanted: argparse.Namespace
) -> list[Outcome]:
    """Do one drill after the other, each with people of its own."""
    outcomes = []
    try:
        await cluster.start()
        for name, schedule in schedules.items():
            print(f"\n{name}: {DRILLS[name].about}", flush=True)
            folder: Path = wanted.out / name
            _begin(schedule, folder)
            outcome = await perform(name, cluster, schedule, folder, per_s=wanted.rate, note=_note)
            _tell(outcome, folder)
            outcomes.append(outcome)
    finally:
        await cluster.stop()
        for log in cluster.logs:
            shutil.copy(log, wanted.out)
    return outcomes


def _cluster(wanted: argparse.Namespace, data: Path) -> Cluster:
    services = [make_service(name) for name in SERVICES] if wanted.cluster else []
    return Cluster(data, services, servers=2 if wanted.cluster else 1, seed=wanted.seed)


def _begin(schedule: Schedule, folder: Path) -> None:
    folder.mkdir(parents=True)
    text = json.dumps(schedule.to_json(), indent=1)
    (folder / "schedule.json").write_text(text + "\n", encoding="utf-8")


def _tell(outcome: Outcome, folder: Path) -> None:
    report.write(outcome, folder)
    print(f"seed {outcome.schedule.seed}\n{outcome.verdict}")
    print("\n".join([*outcome.faults, f"report: {folder / 'report.html'}"]), flush=True)


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
    parser.add_argument(
        "--drill",
        action="append",
        choices=[*DRILLS, "all"],
        help="named faults with bounds of their own, instead of a schedule; may be repeated; needs --cluster",
    )
    parser.add_argument("--short", action="store_true", help="drills as short as in the tests")
    parser.add_argument("--schedule", type=Path, help="a JSON file; default: one that the seed decides")
    parser.add_argument(
        "--seed", type=int, default=time.time_ns() % 1_000_000, help="default: another each time"
    )
    parser.add_argument("--seconds", type=float, default=60, help="of load (60)")
    parser.add_argument("--rate", type=float, default=10, help="messages a second of each writer (10)")
    stamp = time.strftime("%Y%m%d-%H%M%S")
    parser.add_argument("--out", type=Path, default=Path("build") / f"chaos-{stamp}", help="a new folder")
    wanted = parser.parse_args()
    if wanted.drill and not wanted.cluster:
        parser.error("--drill needs --cluster: its faults are those of engines and several servers")
    return wanted


if __name__ == "__main__":
    sys.exit(main())
