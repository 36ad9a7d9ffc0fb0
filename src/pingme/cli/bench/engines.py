"""The engines of a configuration, used under names of the bench's own, and left as they were.

Rules of this file:
- The operator's data is not touched: the bench has a database, topics and a consumer group of its own, and takes them away
  when it ends. Redis needs no name: keys and channels carry the store's epoch, and entries die with their nodes.
- Variables win over the file, as for every server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pingme.config import Settings, load_settings
from pingme.domain.errors import PingMeError

if TYPE_CHECKING:  # the drivers are imported by whoever needs them
    from pingme.adapters.mysql_connection import Address
    from pingme.adapters.mysql_start import Opened

STATEMENT_S = 60.0  # of the bench's own statements: thousands of users in one
DELETE_S = 20.0  # for Kafka to take topics and the group away
# What the nodes are given by the bench, and so not by the shell.
NOT_INHERITED = (
    "APP_",
    "JWT_",
    "PINGME_APP__",
    "PINGME_JWT__",
    "PINGME_METRICS__",
    "PINGME_LOGGING__",
    "PINGME_LIMITS__",
)


@dataclass(frozen=True, slots=True)
class Engines:
    """What a configuration names, with the bench's own names in it.

    Attributes:
        file: the configuration.
        settings: as every node of the bench has them.
        own: variables that make them so.
    """

    file: Path
    settings: Settings
    own: Mapping[str, str]

    @property
    def several_nodes(self) -> bool:
        """Whether more than one node may serve: what they share is outside them."""
        return self.settings.database.host is not None

    @property
    def database(self) -> str:
        """The database's name, "" where the store is embedded."""
        return self.settings.database.name if self.settings.database.host is not None else ""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics, none where the log is embedded."""
        kafka = self.settings.kafka
        return (f"{kafka.topic_prefix}-messages", f"{kafka.topic_prefix}-dlq") if kafka.brokers else ()

    def node_env(self) -> dict[str, str]:
        """Return the whole environment of a node, but for what differs from node to node."""
        return inherited(os.environ) | dict(self.own) | {"APP_CONF": str(self.file)}


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the nodes share with this process: those of engines stay."""
    return {key: value for key, value in environ.items() if not key.startswith(NOT_INHERITED)}


def read_engines(file: Path, *, environ: Mapping[str, str] | None = None) -> Engines:
    """Return the engines that a file and the environment name.

    Raises:
        ConfigError: the file is missing or wrong.
        PingMeError: it names no engine.
    """
    run = f"bench-{secrets.token_hex(4)}"
    own = {
        "PINGME_DATABASE__NAME": f"pingme_{run.replace('-', '_')}",
        "PINGME_KAFKA__TOPIC_PREFIX": f"pingme-{run}",
        "PINGME_KAFKA__CONSUMER_GROUP": f"pingme-{run}",
        "JWT_SECRET": secrets.token_urlsafe(48),
        "APP_ENV": "development",
    }
    settings = load_settings(
        environ=inherited(os.environ if environ is None else environ) | own, path=file.absolute()
    )
    if settings.database.host is None and settings.redis.host is None and not settings.kafka.brokers:
        raise PingMeError(
            f"{file}: expected database.host, redis.host or kafka.brokers; without --config the embedded engines run"
        )
    return Engines(file.absolute(), settings, own)


@contextlib.contextmanager
def lent(engines: Engines, *, keep: bool) -> Iterator[None]:
    """Make the database; when the block ends, take away what the bench has made, unless it is to be kept.

    Raises:
        PingMeError: an engine cannot be used; the text says how to help.
    """
    asyncio.run(_make(engines))
    try:
        yield
    finally:
        if not keep:
            asyncio.run(_take_away(engines))


async def _make(engines: Engines) -> None:
    if engines.database:
        async with opened(engines):
            pass


async def _take_away(engines: Engines) -> None:
    if engines.database:
        await _drop_database(engines)
    if engines.topics:
        await asyncio.to_thread(_delete_topics, engines)


def address_of(engines: Engines) -> Address:
    """Return where the database is."""
    from pingme.bootstrap.mysql import address_of  # noqa: PLC0415  # its driver takes 0.1 s to import

    return address_of(engines.settings, engines.settings.database.host or "")


@contextlib.asynccontextmanager
async def opened(engines: Engines) -> AsyncGenerator[Opened]:
    """Lend the open database, made and brought up to date when it is not."""
    from pingme.adapters.mysql_start import open_database  # noqa: PLC0415  # see `address_of`

    relaxed = engines.settings.database.durability == "relaxed"
    found = await open_database(address_of(engines), statement_s=STATEMENT_S, relaxed=relaxed)
    try:
        yield found
    finally:
        await found.database.close()


async def _drop_database(engines: Engines) -> None:
    from pingme.adapters.mysql_start import reach  # noqa: PLC0415  # see `address_of`

    async with reach(address_of(engines), statement_s=STATEMENT_S) as connection:
        await connection.execute(f"DROP DATABASE IF EXISTS {engines.database}")


def _delete_topics(engines: Engines) -> None:
    """Delete the topics and the groups; what is not there, or may not be deleted, stays without a word."""
    from confluent_kafka import KafkaException  # noqa: PLC0415  # a driver that most benches never use
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415

    from pingme.adapters.kafka_topics import client_config  # noqa: PLC0415

    kafka = engines.settings.kafka
    admin = AdminClient(client_config(",".join(kafka.brokers)))
    groups = [kafka.consumer_group, f"{engines.topics[0]}-store"]
    waiting = [
        *admin.delete_topics(list(engines.topics), operation_timeout=DELETE_S).values(),
        *admin.delete_consumer_groups(groups, request_timeout=DELETE_S).values(),
    ]
    for future in waiting:
        with contextlib.suppress(KafkaException):
            future.result(DELETE_S)
