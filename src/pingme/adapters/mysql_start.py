"""From an address to an open database: the server is checked, database and tables are made or brought up to date.

Nodes that start together take turns (GET_LOCK); what they find in ``meta`` is the same for all of them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from pingme.adapters.mysql_connection import Address, Connection, connect
from pingme.adapters.mysql_database import MysqlDatabase
from pingme.adapters.mysql_errors import ACCESS_DENIED, DATABASE_FORBIDDEN, DATABASE_MISSING, CannotConnect
from pingme.adapters.mysql_schema import META, STEPS
from pingme.domain.errors import StoreError, StoreUnavailable
from pingme.domain.shards import SHARDS

LEAST_MARIADB, LEAST_MYSQL = (10, 6, 0), (8, 0, 17)  # JSON_TABLE; utf8mb4_0900_bin
LEAST_PACKET = 16 << 20  # bytes: MariaDB's default; a statement of ours has at most 4 MiB
STEP_S = 600  # of one step: a new index of a large table takes minutes
LOCK_S = 60  # how long a node waits while another one brings the schema up to date
SECRET_BYTES = 48
IMPORTING = "importing"  # a name in `meta`: this store is not whole yet
PLAIN = "utf8mb4_bin"  # what every server has, until it is known which

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Server:
    """What a server says of itself.

    Attributes:
        relaxed: why a power cut may lose what was committed; "" where it may not.
    """

    version: str
    collation: str
    relaxed: str


@dataclass(frozen=True, slots=True)
class Meta:
    """What the store keeps about itself.

    Attributes:
        importing: True while an import fills it, and after one that broke off.
    """

    epoch: str
    shards: int
    schema: int
    importing: bool = False


def create_statement(name: str) -> str:
    """Return the statement that makes the database."""
    return f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4"


@asynccontextmanager
async def reach(
    address: Address, *, statement_s: float, collation: str = PLAIN
) -> AsyncGenerator[Connection]:
    """Lend a connection of its own, for work outside the pools.

    Raises:
        StoreUnavailable: the server is not there or lets nobody in; the text says what to do.
    """
    try:
        connection = await connect(
            address, statement_s=statement_s, autocommit=True, collation=collation, idle_s=LOCK_S + STEP_S
        )
    except CannotConnect as exc:
        if exc.number == ACCESS_DENIED:
            hint = "check database.username and database.password (DB_USERNAME, DB_PASSWORD)"
            raise CannotConnect(f"{exc.message}: {hint}", exc.number) from exc
        raise
    try:
        yield connection
    finally:
        await connection.goodbye()


async def check_server(connection: Connection) -> Server:
    """Look at version and settings.

    Raises:
        StoreUnavailable: the server is too old, or a setting is in the way; the text says which.
    """
    collation = _collation_of(connection.version)
    row = (
        await connection.execute(
            "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit, @@GLOBAL.log_bin, @@GLOBAL.sync_binlog,"
            " @@GLOBAL.max_allowed_packet, @@GLOBAL.innodb_doublewrite, @@GLOBAL.read_only"
        )
    ).rows[0]
    flush, log_bin, sync_binlog, packet, doublewrite, read_only = (str(value) for value in row)
    if int(packet) < LEAST_PACKET:
        raise StoreUnavailable(
            f"max_allowed_packet: expected {LEAST_PACKET} bytes or more, got {packet}: SET GLOBAL max_allowed_packet ="
            f" {LEAST_PACKET}"
        )
    if _is_on(read_only):
        raise StoreUnavailable("the server is read-only: database.host has to name the primary")
    weak = []
    if flush != "1":
        weak.append(f"innodb_flush_log_at_trx_commit is {flush}, expected 1")
    if not _is_on(doublewrite):
        weak.append("innodb_doublewrite is off")
    if _is_on(log_bin) and sync_binlog != "1":  # what is prepared and not in the binary log is rolled back
        weak.append(f"sync_binlog is {sync_binlog}, expected 1")
    return Server(connection.version, collation, "; ".join(weak))


def _is_on(value: str) -> bool:
    return value.upper() not in {"0", "OFF"}


def _is_mysql(version: str) -> bool:
    return "mariadb" not in version.lower()


def _collation_of(version: str) -> str:
    """Return the binary collation without padding that servers of this version have.

    Raises:
        StoreUnavailable: the version is too old, or no version.
    """
    mysql = _is_mysql(version)
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    number = tuple(int(part) for part in found.groups()) if found else (0, 0, 0)
    if number < (LEAST_MYSQL if mysql else LEAST_MARIADB):
        raise StoreUnavailable(f"expected MySQL 8.0.17 or later, or MariaDB 10.6 or later, got {version}")
    return "utf8mb4_0900_bin" if mysql else "utf8mb4_nopad_bin"


async def ensure_database(address: Address, *, statement_s: float) -> None:
    """Make the database when it is missing and we may.

    Raises:
        StoreUnavailable: it is missing and we may not: the text is the statement for somebody who may.
    """
    try:
        async with reach(address, statement_s=statement_s):
            return
    except CannotConnect as exc:
        # Whoever may not see a database is not told whether there is one.
        if exc.number not in {DATABASE_MISSING, DATABASE_FORBIDDEN}:
            raise
    statement = create_statement(address.name)
    try:
        async with reach(replace(address, name=""), statement_s=statement_s) as connection:
            await connection.execute(statement)
    except StoreError as exc:
        raise StoreUnavailable(
            f"there is no database {address.name} that {address.username} may use, nor may that user make one"
            f" ({exc.message}); run: {statement}; GRANT ALL ON {address.name}.* TO '{address.username}'@'%';"
        ) from exc


async def read_meta(connection: Connection) -> Meta | None:
    """Return what the store says of itself; None before its first step."""
    tables = await connection.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'meta'"
    )
    if not tables.rows:
        return None
    rows = dict((await connection.execute("SELECT name, value FROM meta")).rows)
    return Meta(
        rows.get("epoch", ""), int(rows.get("shards", 0)), int(rows.get("schema", 0)), IMPORTING in rows
    )


def check_whole(meta: Meta, name: str) -> None:
    """Refuse a store that an import has begun to fill.

    Raises:
        StoreUnavailable: it is one; the text says what to do.
    """
    if meta.importing:
        raise StoreUnavailable(
            f"the import into {name} was not finished, or is running: wait for it, or run `pingme db import` again, which "
            f"begins anew, or drop the database: DROP DATABASE {name}"
        )


def pending_steps(meta: Meta | None) -> Sequence[tuple[str, ...]]:
    """Return the steps that the database does not have yet.

    Raises:
        StoreUnavailable: a newer program has written to it.
    """
    version = meta.schema if meta else 0
    if version > len(STEPS):
        raise StoreUnavailable(
            f"the database has schema {version}, this program knows {len(STEPS)}: it was written by a newer PingMe; "
            "install that version or restore an older backup"
        )
    return STEPS[version:]


async def upgrade_schema(
    connection: Connection, *, database: str, collation: str, report: Report | None = None
) -> int:
    """Bring the tables up to this program's, one node at a time; return how many steps were applied now.

    Args:
        connection: in the database, and with time for long steps.
        database: its name.
        collation: see `Server`.
        report: told (phase, done, total) before each statement.

    Raises:
        StoreUnavailable: another node is at it for more than `LOCK_S`; a newer program has been here.
    """
    lock = f"pingme.{database}"[:64]
    got = await connection.execute("SELECT GET_LOCK(%s, %s)", (lock, LOCK_S))
    if got.rows[0][0] != 1:
        raise StoreUnavailable(f"another node has been changing the tables of {database} for {LOCK_S} s")
    try:
        meta = await read_meta(connection)
        steps = pending_steps(meta)
        version = len(STEPS) - len(steps)
        if meta is None:
            await connection.execute(META.format(collation=collation))
        for number, step in enumerate(steps, start=version + 1):
            for done, statement in enumerate(step):
                if report is not None:
                    report(f"step {number} of {len(STEPS)}", done, len(step))
                await connection.execute(statement.format(collation=collation))
            await set_meta(connection, "schema", str(number))
        if steps:
            await _begin(connection)
    finally:
        await connection.execute("SELECT RELEASE_LOCK(%s)", (lock,))
    return len(steps)


async def _begin(connection: Connection) -> None:
    """Write down once what the store will always be."""
    await _keep_meta(connection, "shards", str(SHARDS))
    await _keep_meta(connection, "epoch", secrets.token_hex(8))
    await make_shards(connection, 0)


async def make_shards(connection: Connection, change_no: int) -> None:
    """Write the rows of the shards that are not there: without them nobody writes messages."""
    rows = ", ".join(f"({number}, {change_no})" for number in range(SHARDS))
    await connection.execute(f"INSERT INTO shards (id, n) VALUES {rows} ON DUPLICATE KEY UPDATE n = n")  # noqa: S608  # numbers


async def set_meta(connection: Connection, name: str, value: str) -> None:
    """Write down something that the store says of itself."""
    sql = "INSERT INTO meta (name, value) VALUES (%s, %s) ON DUPLICATE KEY UPDATE value = %s"
    await connection.execute(sql, (name, value, value))


async def _keep_meta(connection: Connection, name: str, value: str) -> None:
    """Write a value unless there is one."""
    sql = "INSERT INTO meta (name, value) VALUES (%s, %s) ON DUPLICATE KEY UPDATE value = value"
    await connection.execute(sql, (name, value))


async def load_or_make_secret(database: MysqlDatabase, make: Callable[[], str]) -> str:
    """Return the signing secret that all nodes share, which is made when there is none (development only).

    Raises:
        StoreError: it cannot be read or kept.
    """
    sql = "INSERT INTO meta (name, value) VALUES ('jwt_secret', %s) ON DUPLICATE KEY UPDATE value = value"
    rows = await database.read("SELECT value FROM meta WHERE name = 'jwt_secret'")
    if not rows:
        made = make()
        await database.write(lambda transaction: transaction.execute(sql, (made,)))
        rows = await database.read("SELECT value FROM meta WHERE name = 'jwt_secret'")
    return str(rows[0][0])


@dataclass(frozen=True, slots=True)
class Opened:
    """An open database and what was found."""

    database: MysqlDatabase
    server: Server
    meta: Meta


async def open_database(address: Address, *, statement_s: float, relaxed: bool) -> Opened:
    """Check the server, make or upgrade what is in the database, and return it open.

    Args:
        address: with the name of the database.
        statement_s: `limits.store_statement_s`.
        relaxed: `database.durability` is ``relaxed``.

    Raises:
        StoreUnavailable: it cannot be used; the text says what to do.
    """
    await ensure_database(address, statement_s=statement_s)
    async with reach(address, statement_s=STEP_S) as connection:
        server = await check_server(connection)
        if server.relaxed and not relaxed:
            raise StoreUnavailable(
                f"a power cut could lose acknowledged messages: {server.relaxed}; change it on the server, or accept it "
                "with database.durability: relaxed"
            )
        await upgrade_schema(connection, database=address.name, collation=server.collation)
        meta = await read_meta(connection)
    if meta is None or meta.shards != SHARDS:
        found = meta.shards if meta else 0
        raise StoreUnavailable(
            f"the store has {found} shards, this program uses {SHARDS}: they cannot be changed"
        )
    check_whole(meta, address.name)
    database = MysqlDatabase(address, collation=server.collation, statement_s=statement_s)
    return Opened(database, server, meta)
