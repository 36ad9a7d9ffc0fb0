"""A database on a MySQL or MariaDB server: transactions of writers, and reads.

Rules of this file:
- All reads go to the primary: they see every commit that has returned.
- Until COMMIT was sent nothing is written: a transaction that fails before may simply be run again. From then on only the
  server's own answer counts, and without one the outcome is unknown.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from pingme.adapters.mysql_connection import (
    READER_IDLE_S,
    WRITER_IDLE_S,
    Address,
    Answer,
    Connection,
    Pool,
    connect,
)
from pingme.adapters.mysql_errors import LockTimeout, TryAgain
from pingme.domain.errors import StoreError, StoreOutcomeUnknown

T = TypeVar("T")

READERS = 8
WRITERS = 8  # batches of different shards, positions and accounts side by side
ATTEMPTS = 4  # of a transaction that met a deadlock or a lost connection
LOCK_TIMEOUTS = 2  # of them that may end by waiting for a lock, 5 s each
PAUSE_S = 0.01  # before the second attempt, doubled from there on; deadlocks end at once


class Transaction:
    """What a writer does between taking its first lock and COMMIT; READ COMMITTED.

    Args:
        connection: a writer's, with autocommit off.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._open = False

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> Answer:
        """Run a statement; see `Connection.execute`."""
        self._open = True
        return await self.connection.execute(sql, parameters)

    async def execute_all(self, sql: str, *, count: int) -> list[Answer]:
        """Run several statements that are sent together; see `Connection.execute_all`."""
        self._open = True
        return await self.connection.execute_all(sql, count=count)

    async def commit(self) -> None:
        """End the transaction; when this returns, it is on the server's disk.

        Raises:
            TryAgain: the server has chosen it as the victim of a deadlock: nothing was written.
            StoreOutcomeUnknown: there was no answer, or one that does not say how it ended.
        """
        connection = self.connection
        if not connection.usable:
            raise TryAgain("the connection is lost")
        self._open = False
        try:
            await connection.execute("COMMIT")
        except TryAgain as exc:
            if connection.usable:
                raise
            raise StoreOutcomeUnknown(f"commit broke: {exc.message}") from exc
        except StoreError as exc:
            connection.close()
            raise StoreOutcomeUnknown(f"commit broke: {exc.message}") from exc

    async def end(self) -> None:
        """Roll back what was not committed."""
        if not self._open or not self.connection.usable:
            return
        self._open = False
        try:
            await self.connection.execute("ROLLBACK")
        except StoreError:
            self.connection.close()  # the server rolls back by itself


class MysqlDatabase:
    """The database and its connections, which are opened when they are needed.

    Args:
        address: where it is, with the name of the database.
        collation: the binary collation without padding that this server has.
        statement_s: `limits.store_statement_s`: of one statement, and of waiting for a lock.
    """

    def __init__(self, address: Address, *, collation: str, statement_s: float) -> None:
        self.address = address
        self.collation = collation
        self._statement_s = statement_s
        self._readers = Pool(
            lambda: self._connect(autocommit=True, idle_s=READER_IDLE_S),
            size=READERS, idle_s=READER_IDLE_S, wait_s=statement_s,
        )  # fmt: skip
        self._writers = Pool(
            lambda: self._connect(autocommit=False, idle_s=WRITER_IDLE_S),
            size=WRITERS, idle_s=WRITER_IDLE_S, wait_s=statement_s,
        )  # fmt: skip

    async def _connect(self, *, autocommit: bool, idle_s: int) -> Connection:
        return await connect(
            self.address,
            statement_s=self._statement_s,
            autocommit=autocommit,
            collation=self.collation,
            idle_s=idle_s,
        )

    async def read(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[tuple[Any, ...]]:
        """Run one SELECT; again on another connection when the first one turns out to be lost.

        Raises:
            StoreUnavailable: it cannot be read now.
        """

        async def attempt() -> Sequence[tuple[Any, ...]]:
            async with self._readers.take() as connection:
                return (await connection.execute(sql, parameters)).rows

        return await again(attempt)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Transaction]:
        """Begin a transaction; what is not committed when the block is left is rolled back."""
        async with self._writers.take() as connection:
            transaction = Transaction(connection)
            try:
                yield transaction
            finally:
                await transaction.end()

    async def write(self, job: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a job in a transaction and commit it; again after a deadlock or a lost connection.

        Raises:
            StoreUnavailable: nothing was written.
            StoreOutcomeUnknown: the commit broke, read back.
            StoreRejected: the server refuses these rows; nothing was written.
        """

        async def attempt() -> T:
            async with self.transaction() as transaction:
                result = await job(transaction)
                await transaction.commit()
                return result

        return await again(attempt)

    async def close(self) -> None:
        """Close the connections."""
        await self._readers.close()
        await self._writers.close()


async def again(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run something that may be run again when it raises `TryAgain`, at most `ATTEMPTS` times.

    Raises:
        TryAgain: the last attempt's.
    """
    timeouts = 0
    for number in range(1, ATTEMPTS):
        try:
            return await attempt()
        except TryAgain as exc:
            timeouts += isinstance(exc, LockTimeout)
            if timeouts == LOCK_TIMEOUTS:
                raise
            await asyncio.sleep(PAUSE_S * 2 ** (number - 1))
    return await attempt()
