"""What a load process does in each scenario; one module each, `SCENARIOS` has them by name."""

from __future__ import annotations

from pingme.cli.bench.link import Scenario
from pingme.cli.bench.scenarios.connect import run_connect, run_idle
from pingme.cli.bench.scenarios.traffic import run_traffic

SCENARIOS: dict[str, Scenario] = {
    "pairs": run_traffic,
    "groups": run_traffic,
    "connect": run_connect,
    "idle": run_idle,
}
