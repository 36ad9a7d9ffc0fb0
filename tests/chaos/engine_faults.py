"""What goes wrong inside an engine: rows that others lock, keys and records that are gone, a group that finds no peace."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncmy
from asyncmy.errors import MySQLError
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

if TYPE_CHECKING:
    from tests.chaos.cluster import Part

TOPIC, GROUP = (
    "pingme-messages",
    "pingme-consumer",
)  # `kafka.topic_prefix` and `kafka.consumer_group`, as they come
DATABASE = "im"  # `database.name`
SHARDS = 16
KAFKA_S = 10.0
LOCK_S = (0.3, 2.0)  # how long a lock is held; the server's own waits end after 5 s
STORMERS = 2  # two who lock in different orders, so that deadlocks come up, too
MEMBER_S = 1.0  # how long the third member of the group stays, and stays away
SEGMENT_FILES = ("*.log", "*.index", "*.timeindex", "*.txnindex", "*.snapshot")

EngineFault = Callable[["Part", float, random.Random], Awaitable[None]]


async def lock(part: Part, for_s: float, chance: random.Random) -> None:
    """Lock rows that every writer needs, again and again: of shards in any order, and the newest events."""
    env = _env(part)
    seeds = [chance.random() for _ in range(STORMERS)]
    await asyncio.gather(*(_storm(env, for_s, random.Random(seed)) for seed in seeds))


async def _storm(env: Mapping[str, str], for_s: float, chance: random.Random) -> None:
    loop = asyncio.get_running_loop()
    until_s = loop.time() + for_s
    connection: Any = await asyncmy.connect(
        host=env["DB_HOST"],
        port=int(env["DB_PORT"]),
        user=env["DB_USERNAME"],
        password=env["DB_PASSWORD"].encode(),
        database=DATABASE,
    )
    try:
        while (left_s := until_s - loop.time()) > 0:
            await _hold_locks(connection, min(left_s, chance.uniform(*LOCK_S)), chance)
            await asyncio.sleep(chance.uniform(0.05, 0.5))  # writers come in between
    finally:
        connection.close()


async def _hold_locks(connection: Any, for_s: float, chance: random.Random) -> None:
    shards = chance.sample(range(SHARDS), chance.randint(1, SHARDS // 2))
    cursor = connection.cursor()
    await connection.begin()
    with contextlib.suppress(MySQLError):  # a deadlock, which is what this is for
        for shard in shards:  # in no order: writers take them ascending
            await cursor.execute("SELECT n FROM shards WHERE id = %s FOR UPDATE", (shard,))
            await cursor.execute(
                "SELECT seq FROM events WHERE shard = %s ORDER BY change_no DESC LIMIT 5 FOR UPDATE", (shard,)
            )
        await asyncio.sleep(for_s)
    await connection.rollback()


async def empty(part: Part, _for_s: float, _chance: random.Random) -> None:
    """Empty Redis (FLUSHALL)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(_env(part)["REDIS_PORT"]))
    writer.write(b"FLUSHALL\r\n")
    assert await reader.readline() == b"+OK\r\n"
    writer.close()


async def lose_records(part: Part, _for_s: float, _chance: random.Random) -> None:
    """Delete every record of the log while the broker runs, those that nobody has read yet among them."""
    await asyncio.to_thread(_delete_records, _env(part)["KAFKA_BROKERS"])


def _delete_records(brokers: str) -> None:
    admin = AdminClient({"bootstrap.servers": brokers})
    partitions = admin.list_topics(TOPIC, timeout=KAFKA_S).topics[TOPIC].partitions
    to_the_end = [TopicPartition(TOPIC, number, -1) for number in partitions]  # -1: the high watermark
    for deleted in admin.delete_records(to_the_end, request_timeout=KAFKA_S).values():
        deleted.result(KAFKA_S)


async def lose_segments(part: Part, for_s: float, _chance: random.Random) -> None:
    """Stop the broker, delete the segments of the log from its disk, and start it again."""
    await part.end()
    delete_segments(part.folder / "data", TOPIC)
    await asyncio.sleep(for_s)
    await part.start_again()


def delete_segments(data: Path, topic: str) -> None:
    """Delete every record of a topic from the disk of a broker that does not run."""
    for pattern in SEGMENT_FILES:
        for path in data.glob(f"{topic}-*/{pattern}"):
            path.unlink()


async def rebalance(part: Part, for_s: float, _chance: random.Random) -> None:
    """Let a third member join the group and leave it, again and again; what it is given it keeps to itself."""
    over = threading.Event()
    coming_and_going = asyncio.ensure_future(
        asyncio.to_thread(_come_and_go, _env(part)["KAFKA_BROKERS"], over)
    )
    try:
        await asyncio.sleep(for_s)
    finally:
        over.set()
        await coming_and_going


def _come_and_go(brokers: str, over: threading.Event) -> None:
    while not over.is_set():
        member = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": GROUP,
                "partition.assignment.strategy": "cooperative-sticky",
                "enable.auto.commit": False,
                "session.timeout.ms": 6000,
                "log_level": 0,
            }
        )
        member.subscribe([TOPIC])
        _keep(member, over)
        member.close()
        over.wait(MEMBER_S)


def _keep(member: Consumer, over: threading.Event) -> None:
    """Take what comes for a while, and finish none of it."""
    for _ in range(int(MEMBER_S / 0.1)):
        if over.is_set():
            return
        member.consume(100, 0.1)


def _env(part: Part) -> Mapping[str, str]:
    assert part.service is not None
    return part.service.env()


ENGINE_FAULTS: Mapping[str, EngineFault] = {
    "lock": lock,
    "empty": empty,
    "lose_records": lose_records,
    "lose_segments": lose_segments,
    "rebalance": rebalance,
}
