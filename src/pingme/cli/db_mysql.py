"""`pingme db` on MySQL and MariaDB: what PingMe itself can do there."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from pingme.adapters.mysql_start import STEP_S, check_server, ensure_database, pending_steps, reach, read_meta
from pingme.adapters.mysql_start import upgrade_schema as upgrade_tables
from pingme.adapters.mysql_verify import verify
from pingme.bootstrap.mysql import address_of
from pingme.cli.progress import progress_bar
from pingme.config import Settings


def verify_mysql(settings: Settings, host: str) -> dict[str, Any]:
    """Verify the store, whether nodes use it or not."""
    with progress_bar("Verifying") as report:
        result = asyncio.run(
            verify(
                address_of(settings, host),
                report=lambda phase, done, total: report({"phase": phase, "done": done, "total": total}),
            )
        )
    return asdict(result) | {"good": result.good}


def upgrade_mysql(settings: Settings, host: str, *, dry_run: bool) -> tuple[int, list[str]]:
    """Bring the tables up to this program's.

    Returns:
        How many steps were, or would be, applied; and with ``dry_run`` their statements.
    """
    return asyncio.run(_upgrade(settings, host, dry_run=dry_run))


async def _upgrade(settings: Settings, host: str, *, dry_run: bool) -> tuple[int, list[str]]:
    address = address_of(settings, host)
    if not dry_run:
        await ensure_database(address, statement_s=settings.limits.store_statement_s)
    async with reach(address, statement_s=STEP_S) as connection:
        server = await check_server(connection)
        if dry_run:
            steps = pending_steps(await read_meta(connection))
            statements = [text.format(collation=server.collation) for step in steps for text in step]
            return len(steps), statements
        with progress_bar("Upgrading") as report:
            count = await upgrade_tables(
                connection,
                database=address.name,
                collation=server.collation,
                report=lambda phase, done, total: report({"phase": phase, "done": done, "total": total}),
            )
    return count, []
