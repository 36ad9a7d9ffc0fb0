"""What a load process does in each scenario; one module each, `SCENARIOS` has them by name."""

from __future__ import annotations

from pingme.cli.bench.link import Scenario
from pingme.cli.bench.scenarios.connect import run_connect, run_idle
from pingme.cli.bench.scenarios.history import run_history
from pingme.cli.bench.scenarios.mixed import run_mixed
from pingme.cli.bench.scenarios.sync import run_sync
from pingme.cli.bench.scenarios.traffic import run_traffic

SCENARIOS: dict[str, Scenario] = {
    "pairs": run_traffic,
    "groups": run_traffic,
    "mixed": run_mixed,
    "connect": run_connect,
    "idle": run_idle,
    "sync": run_sync,
    "history": run_history,
    "start": run_traffic,  # the load between two starts
}
