"""Rows per second and statements per 1 000 messages of the store on MySQL: ``python -m tests.figures_store_mysql``.

Uses the server of DB_HOST, DB_PORT, DB_USERNAME and DB_PASSWORD, in a database of its own. docs/benchmarks.md.
"""

from __future__ import annotations

import asyncio
import os
import time

from pingme.adapters.clock_system import SystemClock
from pingme.adapters.mysql_start import open_database, reach
from pingme.adapters.store_mysql import MysqlStore
from pingme.domain.events import Command
from pingme.domain.ids import uuid7
from pingme.domain.model import RuleLimits
from tests.fakes.commands import create_group, to_group
from tests.fakes.store_worlds import MysqlAccounts, drop_database, fresh_address, new_user

CONVERSATIONS = 200
SIZES = (1, 10, 100, 500)
SECONDS = 5.0
CONTENT = "sixty-four bytes of text, as in every other figure of this page."
USERS = [f"u-{number}" for number in range(20)]
_COUNTED = "'COM_SELECT','COM_INSERT','COM_UPDATE','COM_COMMIT','COM_ROLLBACK','COM_DELETE'"


async def statements(store: MysqlStore) -> int:
    sql = f"SELECT SUM(variable_value) FROM information_schema.global_status WHERE variable_name IN ({_COUNTED})"
    return int((await store.execute(sql)).rows[0][0])


def batch(size: int, start: int, clock: SystemClock, groups: list[str]) -> list[Command]:
    return [
        to_group(
            USERS[number % len(USERS)], CONTENT, group=groups[number % len(groups)],
            msg_id=uuid7(clock.now_ms(), os.urandom(10)),
        )
        for number in range(start, start + size)
    ]  # fmt: skip


async def measure(store: MysqlStore, size: int, clock: SystemClock, groups: list[str]) -> None:
    count, cpu, before = 0, time.process_time(), await statements(store)
    waits: list[float] = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        commands = batch(size, count, clock, groups)
        started = time.perf_counter()
        await store.save(commands)
        waits.append(time.perf_counter() - started)
        count += size
    cpu = time.process_time() - cpu
    used = await statements(store) - before - 1
    waits.sort()
    print(
        f"{len(groups):4} conversations, batches of {size:4}: {count / sum(waits):8.0f} rows/s,"
        f" {1000 * waits[len(waits) // 2]:6.2f} ms a batch, p99 {1000 * waits[len(waits) * 99 // 100]:6.2f} ms,"
        f" {1000 * used / count:7.1f} statements per 1 000, {1e6 * cpu / count:5.1f} us CPU a row"
    )


async def main() -> None:
    address = fresh_address(os.environ)
    clock = SystemClock()
    opened = await open_database(address, statement_s=5, relaxed=False)
    try:
        async with reach(address, statement_s=5) as connection:
            print(connection.version)
        await MysqlAccounts(opened.database).create_users([new_user(user_id) for user_id in USERS])
        store = MysqlStore(opened.database, opened.meta, clock, RuleLimits())
        groups = [f"g-{number}" for number in range(CONVERSATIONS)]
        for group in groups:
            await store.save([create_group(USERS[0], *USERS[1:], group=group)])
        for size in SIZES:
            await measure(store, size, clock, groups)
        for size in SIZES:
            await measure(store, size, clock, groups[:1])
    finally:
        await opened.database.close()
        await drop_database(address)


if __name__ == "__main__":
    asyncio.run(main())
