"""Two nodes on MySQL, Redis and Kafka under load, whose parts are killed: what clients of both saw is judged."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.chaos.cluster import Cluster
from tests.chaos.drills import DRILLS, perform
from tests.chaos.health import until_well
from tests.chaos.run import Outcome, drill
from tests.chaos.schedule import parse
from tests.checker.verdict import KINDS
from tests.conversations.server import CHEAP_PASSWORDS
from tests.services.registry import SERVICES, make_service
from tests.services.service import insist

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

ANSWERED_WITHIN_S = 10.0  # docs/guarantees.md: a send has an outcome by then
LOAD_S = 5.0
PER_S = 8.0
SEED = 11


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Engines of this module alone, which may be killed, and two servers; a proxy stands before each."""
    services = [make_service(name) for name in SERVICES]
    for service in services:
        insist(service)
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), services, servers=2, prelude=CHEAP_PASSWORDS)
    # The tests of this module may be given to several workers: two clusters at once are too much for two cores.
    with (tmp_path_factory.getbasetemp().parent / "cluster.lock").open("w") as turn:
        await asyncio.to_thread(fcntl.flock, turn, fcntl.LOCK_EX)
        try:
            await cluster.start()
            yield cluster
        finally:
            await cluster.stop()


async def people_chat(cluster: Cluster, folder: Path, name: str, *faults: dict[str, Any]) -> Outcome:
    """Let new people, named after the drill, write on both nodes while this happens, and judge what they saw."""
    schedule = parse({"seed": SEED, "duration_s": LOAD_S, "faults": faults})
    return await drill(cluster, schedule, folder, per_s=PER_S, suffix=f"_{name}", note=print)


def check(outcome: Outcome) -> None:
    """Every number of the checker is 0, people of both nodes took part, and nobody waited for long."""
    assert outcome.is_good, f"{outcome.verdict}\n{outcome.faults}"
    assert outcome.verdict.counts == dict.fromkeys(KINDS, 0)
    assert outcome.verdict.looked_at["devices"] == 6
    assert outcome.verdict.looked_at["acks"] > LOAD_S * PER_S  # of four writers
    assert outcome.longest_wait_s < ANSWERED_WITHIN_S


async def test_two_nodes_on_all_engines_keep_every_promise(cluster: Cluster, tmp_path: Path):
    """Nothing fails: the checker finds nothing, and both nodes are well."""
    outcome = await people_chat(cluster, tmp_path, "quiet")

    check(outcome)
    await until_well(cluster.urls)


@pytest.mark.parametrize(
    ("target", "for_s"),
    [
        pytest.param("server:2", 0.5, id="node"),
        pytest.param("kafka", 2.0, id="kafka"),
    ],
)
async def test_a_part_that_is_killed_under_load_breaks_no_promise(
    target: str, for_s: float, cluster: Cluster, tmp_path: Path
):
    """One node or Kafka is killed and started again: the checker finds nothing, and all is well again by itself."""
    await until_well(cluster.urls)
    fault = {"at_s": 1.0, "target": target, "action": "kill", "for_s": for_s}

    outcome = await people_chat(cluster, tmp_path, target.partition(":")[0], fault)

    check(outcome)
    assert [mark.entry.target for mark in outcome.marks] == [target]
    await until_well(cluster.urls)


@pytest.mark.parametrize("name", DRILLS)
async def test_a_drill_breaks_no_promise(name: str, cluster: Cluster, tmp_path: Path):
    """The short form of each drill of `make chaos`: the checker finds nothing, and its bounds are kept."""
    await until_well(cluster.urls)
    schedule = DRILLS[name].schedule(SEED, short=True)

    outcome = await perform(name, cluster, schedule, tmp_path, per_s=PER_S, note=print)

    assert outcome.is_good, f"{outcome.verdict}\n{outcome.faults}"
    assert len(outcome.marks) == len(schedule.faults)
    assert outcome.verdict.looked_at["devices"] == 6
