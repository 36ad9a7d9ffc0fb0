"""Schedules of faults, and what a cluster is made of."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.cluster import Cluster, Missing, address, through
from tests.chaos.run import run
from tests.chaos.schedule import (
    TARGETS,
    BadSchedule,
    Schedule,
    actions_of,
    check,
    check_targets,
    generate,
    parse,
    read,
)

ROOT = Path(__file__).resolve().parents[2]
KILL = {"at_s": 1, "target": "server:1", "action": "kill", "for_s": 1}


def raw(*faults: Mapping[str, Any]) -> dict[str, Any]:
    return {"seed": 7, "duration_s": 30, "faults": list(faults)}


def test_a_schedule_reads_back_as_it_was_written(tmp_path: Path):
    """The report's schedule.json can be played again."""
    made = generate(7, ["server:1"], 60)
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps(made.to_json()), encoding="utf-8")

    assert read(path) == made


@pytest.mark.parametrize("seed", range(20))
def test_a_seed_decides_a_valid_schedule(seed: int):
    """The same seed gives the same faults; all are valid, and all targets and actions come up in time."""
    made = generate(seed, TARGETS, 600)

    check(made)
    assert made == generate(seed, TARGETS, 600)
    assert made != generate(seed + 1, TARGETS, 600)
    assert {(fault.target, fault.action) for fault in made.faults} == {
        (target, action) for target in TARGETS for action in actions_of(target)
    }
    assert made.faults[-1].at_s + made.faults[-1].for_s <= 598


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ([{**KILL, "target": "toaster"}], "fault 1: target: expected one of"),
        ([{**KILL, "action": "tickle"}], "fault 1: action: expected one of"),
        ([{**KILL, "action": "empty"}], "fault 1: action: expected one of"),
        ([{**KILL, "target": "server:1>mysql"}], "fault 1: action: expected one of"),
        (
            [{**KILL, "target": "mysql"}, {**KILL, "target": "server:2>mysql", "action": "refuse"}],
            "fault 2: mysql still has a fault until 2",
        ),
        ([{**KILL, "for_s": 0}], "fault 1: for_s: expected more than 0"),
        ([{**KILL, "action": "cut"}], "fault 1: for_s: cut is over at once"),
        ([{**KILL, "at_s": -1}], "fault 1: at_s"),
        ([{**KILL, "for_s": 100}], "fault 1: ends after duration_s"),
        ([KILL, {**KILL, "at_s": 1.5}], "fault 2: server:1 still has a fault until 2"),
        ([{**KILL, "at_s": 5}, KILL], "fault 2: at_s"),
        ([{**KILL, "direction": "sideways"}], "fault 1: direction"),
        ([{**KILL, "colour": "red"}], "unexpected keyword argument 'colour'"),
        ([{"at_s": 1}], "missing"),
    ],
)
def test_a_bad_schedule_is_refused_with_its_reason(faults: list[dict[str, Any]], says: str):
    """Which fault, which field, and what was expected."""
    with pytest.raises(BadSchedule, match=says):
        parse(raw(*faults))


def test_a_file_that_is_no_json_is_refused(tmp_path: Path):
    """The error names the file."""
    path = tmp_path / "broken.json"
    path.write_text("{", encoding="utf-8")

    with pytest.raises(BadSchedule, match=r"broken\.json"):
        read(path)


@pytest.mark.parametrize("target", ["server:2", "mysql", "redis", "kafka"])
def test_a_target_that_does_not_run_is_refused(target: str):
    """A schedule may name every target; a run says which of them it has."""
    schedule = parse(raw({**KILL, "target": target}))

    with pytest.raises(BadSchedule, match=f"fault 1: {target} is not part of this run; there are server:1"):
        check_targets(schedule, ["server:1"])


async def test_a_run_refuses_it_before_anything_starts(tmp_path: Path):
    """Nothing was started, not even a folder made."""
    schedule = parse(raw({**KILL, "target": "kafka"}))
    cluster = Cluster(tmp_path / "data")

    with pytest.raises(BadSchedule, match="kafka is not part of this run; there are server:1"):
        await run(cluster, schedule, tmp_path, note=print)
    assert not cluster.parts
    assert not (tmp_path / "data").exists()


def test_the_command_says_so_and_ends_with_2(tmp_path: Path):
    """`python -m tests.chaos` names the target; that is no verdict."""
    path = tmp_path / "schedule.json"
    path.write_text(json.dumps(raw({**KILL, "target": "mysql"})), encoding="utf-8")
    command = [sys.executable, "-m", "tests.chaos", "--schedule", str(path), "--out", str(tmp_path / "out")]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "error: fault 1: mysql is not part of this run; there are server:1" in done.stderr
    assert not (tmp_path / "out").exists()


class Engine:
    """A service that starts nothing."""

    def __init__(self, name: str, lack: str | None = None) -> None:
        self.name = name
        self._lack = lack
        self.started = 0

    def missing(self) -> str | None:
        return self._lack

    def start(self, folder: Path) -> None:
        self.started += 1

    def stop(self) -> None:
        self.started -= 1

    def env(self) -> Mapping[str, str]:
        return {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "7001"}


class Broker(Engine):
    """One that advertises its address, and whose process can fail."""

    advertised = 0

    def kill(self) -> None:
        self.started -= 1

    def start_again(self) -> None:
        self.started += 1

    def signal(self, number: int) -> None:
        pass

    def advertise(self, port: int) -> None:
        assert not self.started
        self.advertised = port


async def test_what_is_missing_is_said_before_anything_starts(tmp_path: Path):
    """All that lacks is named at once, and nothing runs."""
    engines = [Engine("redis", "redis-server is not installed"), Engine("mysql"), Engine("kafka", "no Java")]
    cluster = Cluster(tmp_path, engines)

    with pytest.raises(Missing, match="redis: redis-server is not installed; kafka: no Java"):
        await cluster.start()
    assert [engine.started for engine in engines] == [0, 0, 0]
    assert not cluster.parts


async def test_an_engine_stands_behind_a_proxy(tmp_path: Path):
    """Servers get the proxy's address; the proxy's target is the engine's; the end stops it."""
    engine, broker = Engine("redis"), Broker("kafka")
    cluster = Cluster(tmp_path, [engine, broker], servers=0)
    assert cluster.targets == ["redis", "kafka"]

    await cluster.start()

    part = cluster.parts["redis"]
    assert part.proxy.target == ("127.0.0.1", 7001)
    assert through(engine.env(), part.proxy.port)["REDIS_PORT"] == str(part.proxy.port)
    assert broker.advertised == cluster.parts["kafka"].proxy.port
    assert (engine.started, broker.started) == (1, 1)
    await cluster.parts["kafka"].kill()
    assert broker.started == 0
    await cluster.parts["kafka"].start_again()
    with pytest.raises(Missing, match="redis can be started and stopped only"):
        await cluster.parts["redis"].kill()
    await cluster.stop()
    assert (engine.started, broker.started) == (0, 0)


def test_mariadb_is_the_target_mysql(tmp_path: Path):
    """Schedules name the engine by its kind; with it there may be several servers."""
    targets = Cluster(tmp_path, [Engine("mariadb")], servers=2).targets
    assert targets == ["mysql", "server:1", "server:2", "server:1>mysql", "server:2>mysql"]


def test_several_servers_need_a_store_that_they_can_share(tmp_path: Path):
    """The embedded store belongs to one process, so a second server is refused at once."""
    with pytest.raises(Missing, match="mysql"):
        Cluster(tmp_path, servers=2)


@pytest.mark.parametrize(
    ("env", "host", "port"),
    [
        ({"DB_HOST": "127.0.0.1", "DB_PORT": "3307", "DB_NAME": "im"}, "127.0.0.1", 3307),
        ({"REDIS_HOST": "localhost", "REDIS_PORT": "6380"}, "localhost", 6380),
        ({"KAFKA_BROKERS": "127.0.0.1:9093"}, "127.0.0.1", 9093),
    ],
)
def test_the_address_in_the_environment_is_found_and_replaced(env: dict[str, str], host: str, port: int):
    """For each engine's variables; what is no address stays."""
    assert address(env) == (host, port)
    changed = through(env, 4000)
    assert address(changed) == ("127.0.0.1", 4000)
    assert changed.keys() == env.keys()
    assert changed.get("DB_NAME") == env.get("DB_NAME")


def test_a_schedule_knows_its_seed():
    """What is written down is enough to make it again."""
    assert Schedule(7, 60, ()).to_json() == {"seed": 7, "duration_s": 60, "faults": ()}
