"""One connection to the server, as PingMe sets it up, and the pool of such.

Rules of this file:
- A connection that was cancelled, timed out or lost is closed and never used again.
- Writers close after `WRITER_IDLE_S`, at the server too: a node that was stopped in a transaction loses its locks.
- Every wait has a bound: for a connection, for opening one, for the answer to a statement.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncmy
from asyncmy.errors import MySQLError

from pingme.adapters.mysql_errors import BROKEN, CannotConnect, number_of, text_of, translate
from pingme.domain.errors import StoreUnavailable

CONNECT_S = 2  # a host that does not answer: the pipeline wants to refuse after 1.5 s, not after minutes
WRITER_IDLE_S = 5
READER_IDLE_S = 300  # below what firewalls forget
SPARE_S = 1.0  # beyond the server's own limit, so that its answer arrives first
_connect: Any = asyncmy.connect

# Strict (MySQL warns unless the three about zeros come with it), and without what would change how text is quoted.
SQL_MODE = (
    "STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,"
    "NO_AUTO_VALUE_ON_ZERO"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the server is and who we are there; ``name`` of the database is "" before there is one."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement has answered.

    Attributes:
        rows: of a SELECT.
        count: rows changed.
        insert_id: of AUTO_INCREMENT, or what LAST_INSERT_ID(…) was given.
    """

    rows: Sequence[tuple[Any, ...]]
    count: int
    insert_id: int


class Connection:
    """A connection in READ COMMITTED with our session variables.

    Args:
        raw: the driver's connection.
        statement_s: how long an answer may take.
    """

    def __init__(self, raw: Any, statement_s: float) -> None:
        self._raw = raw
        self._timeout_s = statement_s + SPARE_S
        self._loop = asyncio.get_running_loop()
        self.used_s = self._loop.time()

    @property
    def usable(self) -> bool:
        """False once it was closed by either side."""
        return bool(self._raw.connected) and not self._raw._stream_broken  # the driver tells it nowhere else

    @property
    def version(self) -> str:
        """The server's version, as it says it."""
        return str(self._raw.get_server_info()).removeprefix("5.5.5-")  # MariaDB, for the clients of then

    def escape(self, text: str) -> str:
        """Return text with quotes and backslashes escaped, to stand between quotes."""
        return str(self._raw.escape_string(text))

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> Answer:
        """Run one statement.

        Args:
            sql: ``%s`` stands for a parameter; without parameters the text is sent as it is.
            parameters: str, bytes, int or None; never a dict.

        Raises:
            StoreError: as `pingme.adapters.mysql_errors.translate` says.
        """
        return (await self.execute_all(sql, parameters, count=1))[0]

    async def execute_all(self, sql: str, parameters: Sequence[object] = (), *, count: int) -> list[Answer]:
        """Run ``count`` statements that are sent together, separated by ``;``; the first that fails ends them.

        Raises:
            StoreError: as `execute`.
        """
        answers: list[Answer] = []
        try:
            async with asyncio.timeout(self._timeout_s):
                cursor = self._raw.cursor()
                await cursor.execute(sql, tuple(parameters) or None)
                answers.append(await self._answer(cursor))
                while len(answers) < count:
                    await cursor.nextset()
                    answers.append(await self._answer(cursor))
        except TimeoutError as exc:
            self.close()
            raise StoreUnavailable(f"no answer within {self._timeout_s:g} s") from exc
        except MySQLError as exc:
            if number_of(exc) in BROKEN:
                self.close()
            raise translate(exc) from exc
        except BaseException:
            self.close()
            raise
        return answers

    @staticmethod
    async def _answer(cursor: Any) -> Answer:
        rows = () if cursor.description is None else await cursor.fetchall()
        return Answer(rows, int(cursor.rowcount), int(cursor.lastrowid or 0))

    def close(self) -> None:
        """Cut the connection; the server rolls back."""
        self._raw.close()

    async def goodbye(self) -> None:
        """Close it in peace."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(1):
                await self._raw.ensure_closed()
        self._raw.close()


async def connect(
    address: Address, *, statement_s: float, autocommit: bool, collation: str, idle_s: int
) -> Connection:
    """Open a connection.

    Raises:
        StoreUnavailable: it is not there, or does not let us in; the text says which.
    """
    try:
        async with asyncio.timeout(CONNECT_S + SPARE_S):
            raw = await _connect(
                host=address.host,
                port=address.port,
                user=address.username,
                password=address.password.encode(),
                database=address.name or None,
                charset="utf8mb4",
                autocommit=autocommit,
                connect_timeout=CONNECT_S,
                program_name="pingme",
            )
    except (MySQLError, OSError, TimeoutError, RuntimeError) as exc:
        text = f"no connection to {address.host}:{address.port}: {text_of(exc)}"
        raise CannotConnect(text, number_of(exc)) from exc
    connection = Connection(raw, statement_s)
    wait_s = max(1, round(statement_s))
    variables = (
        f"SET SESSION sql_mode = '{SQL_MODE}', wait_timeout = {idle_s}, innodb_lock_wait_timeout = {wait_s},"
        f" collation_connection = '{collation}'"
    )
    try:
        await connection.execute(variables)
        await connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    except BaseException:
        connection.close()
        raise
    return connection


class Pool:
    """Connections of one sort, opened when they are needed.

    Args:
        opened: opens one.
        size: how many at most.
        idle_s: the server closes what was idle for so long; it is not used from a little earlier on.
        wait_s: how long to wait for a free one.
    """

    def __init__(self, opened: Callable[[], Any], *, size: int, idle_s: float, wait_s: float) -> None:
        self._open = opened
        self._free: list[Connection] = []
        self._places = asyncio.Semaphore(size)
        self._idle_s = idle_s * 0.8
        self._wait_s = wait_s
        self._closed = False

    @contextlib.asynccontextmanager
    async def take(self) -> AsyncGenerator[Connection]:
        """Lend a connection.

        Raises:
            StoreUnavailable: none is free in time, or none can be opened.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError as exc:
            raise StoreUnavailable("no connection is free: the server answers too slowly") from exc
        try:
            connection = self._reuse() or await self._open()
            try:
                yield connection
            finally:
                self._give(connection)
        finally:
            self._places.release()

    def _reuse(self) -> Connection | None:
        if self._closed:
            raise StoreUnavailable("the database is closed")
        now_s = asyncio.get_running_loop().time()
        while self._free:
            connection = self._free.pop()
            if connection.usable and now_s - connection.used_s < self._idle_s:
                return connection
            connection.close()
        return None

    def _give(self, connection: Connection) -> None:
        if self._closed or not connection.usable:
            connection.close()
            while self._free:  # a server that has lost one has lost all, or will
                self._free.pop().close()
            return
        connection.used_s = asyncio.get_running_loop().time()
        self._free.append(connection)

    async def close(self) -> None:
        """Close what is free now, and the others when they come back."""
        self._closed = True
        while self._free:
            await self._free.pop().goodbye()
