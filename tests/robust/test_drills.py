"""The short form of every drill; `make robust` runs the long ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.robust import plan


@pytest.mark.slow
@pytest.mark.timeout(240)  # of a busy machine: each takes 10 to 25 s
@pytest.mark.parametrize("name", plan.DRILLS)
async def test_no_promise_breaks(name: str, tmp_path: Path):
    """What the world does to the server, in short: nothing acknowledged is lost, doubled or reordered, all are served."""
    told: list[str] = []

    result = await plan.run(name, tmp_path, told.append, long=False)

    assert not result.faults, "\n".join([*result.faults, *told])
