"""What the engines count themselves: statements, commands and flushes; and what they are and how they are set up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pingme.cli.bench.engines import STATEMENT_S, Engines, address_of
from pingme.domain.errors import PingMeError

T = TypeVar("T")

Counts = dict[str, dict[str, float]]
"""By engine (``mysql``, ``redis``), then by what was counted; all only grow."""

KAFKA_METRIC = 'pingme_kafka_requests_total{request="'
REDIS_S = 5.0  # for an answer
_STATUS = (
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Questions', 'Com_insert', 'Com_insert_select', 'Com_update',"
    " 'Com_update_multi', 'Com_select', 'Com_delete', 'Com_commit', 'Com_rollback', 'Innodb_os_log_fsyncs')"
)
_NAMES = {
    "Questions": "statements",
    "Com_insert": "INSERT",
    "Com_insert_select": "INSERT",
    "Com_update": "UPDATE",
    "Com_update_multi": "UPDATE",
    "Com_select": "SELECT",
    "Com_delete": "DELETE",
    "Com_commit": "COMMIT",
    "Com_rollback": "ROLLBACK",
    "Innodb_os_log_fsyncs": "flushes",
}
_MYSQL_SETTINGS = (
    "innodb_flush_log_at_trx_commit",
    "innodb_flush_method",
    "innodb_doublewrite",
    "log_bin",
    "sync_binlog",
    "innodb_buffer_pool_size",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What engines are: their versions, and settings that a figure depends on, by engine."""

    versions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


class Probe:
    """Connections of the bench's own to the engines, open as long as a run.

    Args:
        engines: of the configuration.
    """

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._runner = asyncio.Runner()
        self._stack = contextlib.AsyncExitStack()
        self._mysql: Any = None
        self._redis: Any = None

    def __enter__(self) -> Probe:
        try:
            self._runner.run(self._open())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()

    async def _open(self) -> None:
        settings = self._engines.settings
        if settings.database.host is not None:
            from dataclasses import replace  # noqa: PLC0415  # beside the driver, which takes 0.1 s to import

            from pingme.adapters.mysql_start import reach  # noqa: PLC0415

            address = replace(address_of(self._engines), name="")
            self._mysql = await self._stack.enter_async_context(reach(address, statement_s=STATEMENT_S))
        if settings.redis.host is not None:
            from redis.asyncio import Redis  # noqa: PLC0415  # 60 ms

            password = settings.redis.password
            self._redis = Redis(
                host=settings.redis.host,
                port=settings.redis.port,
                password=password.get_secret_value() if password is not None else None,
                socket_timeout=REDIS_S,
                socket_connect_timeout=REDIS_S,
                protocol=2,
            )
            self._stack.push_async_callback(self._redis.aclose)

    # Counting.

    def counts(self) -> Counts:
        """Return what was counted since the engines were started.

        Raises:
            PingMeError: an engine does not answer.
        """
        return self._ask(self._counts())

    def _ask(self, question: Coroutine[Any, Any, T]) -> T:
        from redis.exceptions import RedisError  # noqa: PLC0415  # 60 ms that other benches save

        try:
            return self._runner.run(question)
        except (RedisError, OSError) as exc:
            redis = self._engines.settings.redis
            raise PingMeError(f"no answer from Redis at {redis.host}:{redis.port}: {exc}") from exc

    async def _counts(self) -> Counts:
        found: Counts = {}
        if self._mysql is not None:
            found["mysql"] = statements_of((await self._mysql.execute(_STATUS)).rows)
        if self._redis is not None:
            found["redis"] = commands_of(await self._redis.info("commandstats"))
        return found

    # Looking.

    def facts(self) -> Facts:
        """Return versions and settings; raises as `counts`."""
        return self._ask(self._facts())

    async def _facts(self) -> Facts:
        versions: dict[str, str] = {}
        settings: dict[str, str] = {}
        if self._mysql is not None:
            versions["mysql"] = self._mysql.version
            names = ", ".join(f"'{name}'" for name in _MYSQL_SETTINGS)
            rows = (await self._mysql.execute(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")).rows
            settings["mysql"] = ", ".join(f"{name} = {value}" for name, value in sorted(rows))
        if self._redis is not None:
            info = await self._redis.info()
            versions["redis"] = str(info["redis_version"])
            settings["redis"] = f"append-only file {'on' if info['aof_enabled'] else 'off'}"
        if self._engines.topics:
            versions["kafka"], settings["kafka"] = await asyncio.to_thread(kafka_facts, self._engines)
        return Facts(versions, settings)


def statements_of(rows: Any) -> dict[str, float]:
    """Return the counts of `SHOW GLOBAL STATUS` under the names of the report."""
    counts: dict[str, float] = {}
    for name, value in rows:
        key = _NAMES[name]
        counts[key] = counts.get(key, 0) + float(value)
    return counts


def commands_of(info: Mapping[str, Any]) -> dict[str, float]:
    """Return the calls of `INFO commandstats`, by command, with their sum; the bench's own INFO is left out."""
    calls = {
        name.removeprefix("cmdstat_").upper(): float(found["calls"])
        for name, found in info.items()
        if name != "cmdstat_info"
    }
    return {"commands": sum(calls.values())} | calls


def kafka_requests_of(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the requests that nodes have sent to Kafka, by name, with their sum, from their `/metrics`."""
    requests = {
        name[len(KAFKA_METRIC) : -2]: value
        for name, value in metrics.items()
        if name.startswith(KAFKA_METRIC)
    }
    return {"requests": sum(requests.values())} | requests if requests else {}


def kafka_facts(engines: Engines) -> tuple[str, str]:
    """Return what the first broker says of its version, and of flushing; the protocol has no word for the version."""
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415  # a driver that most benches never use
    from confluent_kafka.admin._config import ConfigResource  # noqa: PLC0415

    from pingme.adapters.kafka_topics import REACH_S, client_config  # noqa: PLC0415

    admin = AdminClient(client_config(",".join(engines.settings.kafka.brokers)))
    brokers = admin.list_topics(timeout=REACH_S).brokers
    resource = ConfigResource(ConfigResource.Type.BROKER, str(min(brokers)))
    config = admin.describe_configs([resource], request_timeout=REACH_S)[resource].result(REACH_S)
    entry = config.get("inter.broker.protocol.version")  # gone in 4.0
    flush = config.get("log.flush.interval.messages")
    version = str(entry.value) if entry is not None and entry.value else "4 or later"
    flushed = flush is not None and str(flush.value) != str((1 << 63) - 1)
    return (
        version,
        f"{len(brokers)} broker{'s' * (len(brokers) > 1)}, flush {'set' if flushed else 'left to the system'}",
    )


def grown(
    before: Mapping[str, float], after: Mapping[str, float], messages: int
) -> Iterator[tuple[str, float]]:
    """Yield (name, count per 1 000 messages) of what has been counted in between, the most frequent first."""
    for name, count in sorted(after.items(), key=lambda item: before.get(item[0], 0) - item[1]):
        more = count - before.get(name, 0)
        if more > 0:
            yield name, round(more / messages * 1000, 2)
