"""What `pingme doctor` looks at of a store on MySQL or MariaDB; nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from pingme.adapters.mysql_connection import Address
from pingme.adapters.mysql_errors import DATABASE_FORBIDDEN, DATABASE_MISSING, CannotConnect
from pingme.adapters.mysql_start import (
    Meta,
    Server,
    check_server,
    create_statement,
    pending_steps,
    reach,
    read_meta,
)
from pingme.bootstrap.mysql import address_of
from pingme.cli.doctor.findings import Finding, fail, ok, warn
from pingme.config import Settings
from pingme.domain.errors import StoreError

ASK_S = 5


def check_mysql(settings: Settings, host: str) -> Iterator[Finding]:
    """Tell whether the server can be reached, is new enough and durable, and what the database's schema is."""
    address = address_of(settings, host)
    try:
        server, meta = asyncio.run(_look(address))
    except CannotConnect as exc:
        absent = exc.number in {DATABASE_MISSING, DATABASE_FORBIDDEN}
        fix = (
            f"{create_statement(address.name)}; (the first start makes it, when it may)"
            if absent
            else ("start it, or correct database.host, port, username and password")
        )
        yield (warn if absent else fail)("database.reachable", exc.message, fix)
        return
    except StoreError as exc:
        yield fail("database.server", exc.message, "see docs/operations.md, MySQL")
        return
    yield ok("database.reachable", f"{server.version} on {host}:{address.port}")
    if server.relaxed and settings.database.durability == "strict":
        yield fail(
            "database.durability",
            server.relaxed,
            "change it on the server, or set database.durability: relaxed",
        )
    elif server.relaxed:
        yield warn("database.durability", f"relaxed: {server.relaxed}", "change it on the server")
    else:
        yield ok("database.durability", "what is committed survives a power cut")
    if meta is not None and meta.importing:
        yield fail(
            "database.import",
            f"an import into {address.name} was not finished, or is running: no server starts on it",
            "run `pingme db import FILE` again, which begins anew",
        )
    try:
        steps = len(pending_steps(meta))
    except StoreError as exc:
        yield fail("database.schema", exc.message, "install the newer PingMe")
        return
    yield ok("database.schema", f"{steps} steps to apply at the next start" if steps else "up to date")


async def _look(address: Address) -> tuple[Server, Meta | None]:
    async with reach(address, statement_s=ASK_S) as connection:
        return await check_server(connection), await read_meta(connection)
