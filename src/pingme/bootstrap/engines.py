"""The adapters behind an `App`: which engine serves which port, as the settings' sections say."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pingme.adapters.accounts_sqlite import SqliteAccounts
from pingme.adapters.dead_letters_sqlite import SqliteDeadLetters
from pingme.adapters.log_memory import MemoryLog
from pingme.adapters.presence_memory import MemoryPresence
from pingme.adapters.push_memory import MemoryPush
from pingme.adapters.sqlite_admin import database_handlers
from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.adapters.store_sqlite import SqliteStore
from pingme.bootstrap.nodes import Nodes, open_nodes
from pingme.bootstrap.store_engine import StoreEngine, rule_limits
from pingme.config import Settings
from pingme.ports.clock import Clock
from pingme.ports.dead_letters import DeadLetters
from pingme.ports.log import MessageLog
from pingme.ports.presence import Presence
from pingme.ports.push import LocalPush
from pingme.ports.store import Store

if TYPE_CHECKING:  # confluent_kafka is imported by whoever chooses it
    from pingme.bootstrap.kafka import KafkaEngine

EMBEDDED_NODE = "local"  # one node: the only one that anybody asks for


@dataclass(slots=True, kw_only=True)
class Engines:
    """Every port of a node, made real, and how they are closed: the last opened first.

    Attributes:
        log: of this process; with Kafka, of what goes directly to the store.
        kafka: the log of all nodes; None where this process has its own.
        nodes: what several nodes need besides; None where this is the only one.
    """

    node_id: str
    database: StoreEngine
    log: MessageLog
    dead_letters: DeadLetters
    push: LocalPush
    presence: Presence
    closing: contextlib.AsyncExitStack
    nodes: Nodes | None = None
    kafka: KafkaEngine | None = None

    async def close(self) -> None:
        """Close all engines."""
        await self.closing.aclose()


def new_node_id(settings: Settings, clock: Clock) -> str:
    """Return the node's name: a new one per start where there may be others, so that no answer finds a predecessor."""
    if settings.redis.host is None and not settings.kafka.brokers:
        return EMBEDDED_NODE
    return f"n{clock.entropy(8).hex()}"


async def open_engines(settings: Settings, clock: Clock) -> Engines:
    """Open every engine that the settings name, and the embedded ones for the others.

    Raises:
        ConfigError: the settings ask for what cannot be.
        PingMeError: an engine cannot be reached or used; the text says how to help.
    """
    async with contextlib.AsyncExitStack() as opened:
        database = await _open_store(settings, clock)
        opened.push_async_callback(database.close)
        node_id = new_node_id(settings, clock)
        nodes = await open_nodes(settings, clock, database.store, node_id) if settings.redis.host else None
        if nodes is not None:
            opened.push_async_callback(nodes.close)
        kafka = await _open_kafka(settings, clock, database.store) if settings.kafka.brokers else None
        if kafka is not None:
            opened.push_async_callback(kafka.close)
        return Engines(
            node_id=node_id,
            database=database,
            log=MemoryLog(settings.limits.log_records),
            dead_letters=kafka.dead_letters if kafka is not None else database.dead_letters,
            push=nodes.push if nodes is not None else MemoryPush(),
            presence=nodes.presence if nodes is not None else MemoryPresence(),
            nodes=nodes,
            kafka=kafka,
            closing=opened.pop_all(),
        )


async def _open_store(settings: Settings, clock: Clock) -> StoreEngine:
    if settings.database.host is None:
        return _open_sqlite(settings, clock)
    from pingme.bootstrap.mysql import open_mysql  # noqa: PLC0415  # its driver takes 0.1 s to import

    return await open_mysql(settings, settings.database.host, clock)


async def _open_kafka(settings: Settings, clock: Clock, store: Store) -> KafkaEngine:
    from pingme.bootstrap.kafka import open_kafka  # noqa: PLC0415  # a driver that most servers never use

    return await open_kafka(settings, clock, store.epoch)


def _open_sqlite(settings: Settings, clock: Clock) -> StoreEngine:
    path = settings.sqlite_path
    database = SqliteDatabase(path, busy_timeout_ms=int(settings.limits.store_statement_s * 1000))
    store = SqliteStore(database, clock, rule_limits(settings))
    return StoreEngine(
        store=store,
        accounts=SqliteAccounts(database),
        dead_letters=SqliteDeadLetters(database),
        close=database.close,
        gauges=lambda: {
            "conversations": store.conversations_in_memory,
            "wal_bytes": database.wal_bytes(),
        },
        handlers=database_handlers(path),
    )
