"""`pingme bench` on real engines: two nodes, everything checked, every process and engine told, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from pingme.adapters.mysql_connection import Address
from pingme.adapters.mysql_start import reach
from tests.services.redis import Redis

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PROGRAM = "from pingme.cli.app import main; main()"
ROOT = Path(__file__).resolve().parent.parent.parent


async def databases(env: dict[str, str]) -> set[str]:
    address = Address(
        host=env["DB_HOST"],
        port=int(env["DB_PORT"]),
        username=env["DB_USERNAME"],
        password=env["DB_PASSWORD"],
        name="",
    )
    async with reach(address, statement_s=5) as connection:
        rows = (await connection.execute("SHOW DATABASES")).rows
    return {str(name) for (name,) in rows}


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def topics(env: dict[str, str]) -> set[str]:
    admin = AdminClient({"bootstrap.servers": env["KAFKA_BROKERS"], "log_level": 0})
    return set(admin.list_topics(timeout=10).topics)


async def test_two_nodes_on_all_engines(
    mariadb: dict[str, str], kafka: dict[str, str], redis: Redis, tmp_path: Path
):
    """Messages go to the other node, each once; costs have a line for every process; database and topics are gone."""
    engines = {**mariadb, **kafka, **redis.env()}
    short = (
        "--pairs",
        "4",
        "--in-flight",
        "2",
        "--seconds",
        "1",
        "--warmup",
        "0.3",
        "--json",
        "--dir",
        str(tmp_path),
    )
    command = (
        PROGRAM,
        "bench",
        "pairs",
        "--config",
        str(ROOT / "config" / "cluster.yml"),
        "--nodes",
        "2",
        *short,
    )

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", *command, stdout=PIPE, stderr=PIPE, env={**os.environ, **engines}, cwd=tmp_path
    )
    out, err = await process.communicate()

    assert (process.returncode, err) == (0, b""), err.decode()
    (record,) = json.loads(out)["runs"]
    assert record["verified"]["good"], record["verified"]
    assert record["verified"]["acked"] > 20
    assert record["latency"]["delivery"]["count"] > 0
    assert {"node 1", "node 2", "Redis", "Kafka"} <= record["processes"].keys()
    assert record["requests"]["mysql"]["COMMIT"] > 0
    assert record["requests"]["redis"]["PUBLISH"] > 0
    assert record["requests"]["kafka"]["Produce"] > 0
    assert not any(name.startswith("pingme_bench_") for name in await databases(mariadb))
    assert not any(name.startswith("pingme-bench-") for name in topics(kafka))
    assert left_in(tmp_path) == []
