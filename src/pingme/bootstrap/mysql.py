"""Opens the store on MySQL or MariaDB."""

from __future__ import annotations

import base64

from pingme.adapters.accounts_mysql import MysqlAccounts
from pingme.adapters.dead_letters_mysql import MysqlDeadLetters
from pingme.adapters.mysql_connection import Address
from pingme.adapters.mysql_start import SECRET_BYTES, load_or_make_secret, open_database
from pingme.adapters.store_mysql import MysqlStore
from pingme.bootstrap.store_engine import StoreEngine, rule_limits
from pingme.config import Settings
from pingme.ports.clock import Clock

LOG_WRITERS = (
    2  # of the batches of the log: with more of them each is smaller and all cost more (docs/benchmarks.md)
)
SESSION_TTL_MS = 2_000  # a session that another node has ended is believed no longer than this


def address_of(settings: Settings, host: str) -> Address:
    """Return where the database is."""
    database = settings.database
    return Address(
        host=host,
        port=database.port,
        username=database.username,
        password=database.password.get_secret_value(),
        name=database.name,
    )


async def open_mysql(settings: Settings, host: str, clock: Clock) -> StoreEngine:
    """Check the server, make or upgrade the database, and open it.

    Raises:
        StoreUnavailable: it cannot be used; the text says what to do.
    """
    opened = await open_database(
        address_of(settings, host),
        statement_s=settings.limits.store_statement_s,
        relaxed=settings.database.durability == "relaxed",
    )
    database = opened.database
    store = MysqlStore(database, opened.meta, clock, rule_limits(settings))
    secret = None
    if settings.jwt.secret is None:
        secret = await load_or_make_secret(
            database, lambda: base64.urlsafe_b64encode(clock.entropy(SECRET_BYTES)).decode("ascii")
        )
    relaxed = opened.server.relaxed
    return StoreEngine(
        store=store,
        accounts=MysqlAccounts(database),
        dead_letters=MysqlDeadLetters(database),
        close=database.close,
        gauges=lambda: {"conversations": store.conversations_in_memory, "wal_bytes": 0},
        secret=secret,
        session_ttl_ms=SESSION_TTL_MS,
        writers=LOG_WRITERS,
        notice=f"durability is relaxed, a power cut may lose acknowledged messages: {relaxed}"
        if relaxed
        else "",
    )
