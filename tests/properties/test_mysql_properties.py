"""Whatever happens in whatever order on two nodes, the database on MySQL holds what a plain model says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pingme.adapters.mysql_database import MysqlDatabase, Transaction
from pingme.adapters.mysql_start import open_database
from pingme.adapters.store_mysql import MysqlStore
from pingme.domain.errors import StoreOutcomeUnknown
from pingme.domain.events import Command
from pingme.ports.store import Position
from tests.fakes.store_worlds import STATEMENT_S, MemoryWorld, MysqlWorld
from tests.properties.test_store_properties import (
    LIMITS,
    batches,
    check_logs,
    disturbances,
    move,
    positions,
    save,
    snapshot,
    told,
)


class BrokenTransaction(Transaction):
    """Its COMMIT gets no answer."""

    when = "before"

    async def commit(self) -> None:
        if self.when == "after":
            await super().commit()
        self.connection.close()
        raise StoreOutcomeUnknown("the connection is gone")


def break_next_commit(database: MysqlDatabase, when: str) -> None:
    """Let the next transaction's COMMIT arrive, or not, and give no answer."""

    @contextlib.asynccontextmanager
    async def broken() -> AsyncIterator[Transaction]:
        del database.transaction  # type: ignore[method-assign]  # once
        async with database.transaction() as whole:
            transaction = BrokenTransaction(whole.connection)
            transaction.when = when
            try:
                yield transaction
            finally:
                await transaction.end()

    database.transaction = broken  # type: ignore[method-assign]


class TwoNodes(MysqlWorld):
    """Two stores on one database; `turn` says whose turn it is."""

    async def open(self) -> None:
        await super().open()
        opened = await open_database(self.address, statement_s=STATEMENT_S, relaxed=False)
        self._second = opened.database
        self.nodes = [
            (self.store, self.database),
            (MysqlStore(opened.database, opened.meta, self.clock, self.limits), opened.database),
        ]

    async def close(self) -> None:
        await super().close()
        await self._second.close()

    async def turn(self, node: int, disturbance: str) -> None:
        if disturbance == "reopen":
            await self.reopen()
        self.store, database = self.nodes[node]
        if disturbance == "forget":
            await self.forget()
        elif disturbance in {"before", "after"}:
            break_next_commit(database, disturbance)


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 1), disturbances, batches, positions), min_size=1, max_size=6))
def test_two_nodes_hold_what_the_model_says(
    mariadb: dict[str, str], steps: list[tuple[int, str, list[Command], list[Position]]]
) -> None:
    """Over batches and positions of either node, restarts, lost memory and broken commits."""

    async def run() -> None:
        model, nodes = MemoryWorld(LIMITS), TwoNodes(LIMITS, mariadb)
        await nodes.open()
        for node, disturbance, batch, moved in steps:
            await nodes.turn(node, disturbance)

            alone = [outcome for command in batch for outcome in await save(model, [command])]
            together = await save(nodes, batch)

            assert [told(outcome) for outcome in together] == [told(outcome) for outcome in alone]
            await move(model, moved)
            await move(nodes, moved)
        expected = await snapshot(model)
        for store, _ in nodes.nodes:
            nodes.store = store
            found = await snapshot(nodes)
            assert found == expected
            check_logs(found)
        await nodes.close()
        await nodes.drop()

    asyncio.run(run())
