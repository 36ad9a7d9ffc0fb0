"""The engines outside this process that the settings name, but for MySQL: are they there?"""

from __future__ import annotations

import socket
from collections.abc import Iterator

from pingme.cli.doctor.findings import Finding, fail, ok, warn
from pingme.config import Settings

ANSWER_WITHIN_S = 2.0  # of each; a healthy one answers in milliseconds


def check_engines(settings: Settings) -> Iterator[Finding]:
    """Ask Redis for a sign of life, and each Kafka broker for a connection; the start asks for more."""
    if settings.redis.host is not None:
        yield _redis(settings, settings.redis.host)
    if settings.kafka.brokers:
        yield _kafka(settings.kafka.brokers)


def _redis(settings: Settings, host: str) -> Finding:
    from redis import Redis  # noqa: PLC0415  # 0.1 s, and only where there is one
    from redis.exceptions import RedisError  # noqa: PLC0415

    section = settings.redis
    password = None if section.password is None else section.password.get_secret_value()
    place = f"Redis {host}:{section.port}/{section.db}"
    link = Redis(
        host,
        section.port,
        section.db,
        password,
        socket_timeout=ANSWER_WITHIN_S,
        socket_connect_timeout=ANSWER_WITHIN_S,
    )
    try:
        with link:
            link.ping()
    except (RedisError, OSError, UnicodeError) as exc:
        fix = "start it, or correct REDIS_HOST, REDIS_PORT and REDIS_PASSWORD"
        return fail("engines.redis", f"{place} does not answer: {exc}", fix)
    return ok("engines.redis", f"{place} answers")


def _kafka(brokers: tuple[str, ...]) -> Finding:
    away = [reason for reason in map(_why_away, brokers) if reason]
    fix = "start it, or correct KAFKA_BROKERS"
    if len(away) == len(brokers):
        return fail("engines.kafka", f"no Kafka broker takes a connection: {'; '.join(away)}", fix)
    if away:
        return warn("engines.kafka", f"not every Kafka broker takes connections: {'; '.join(away)}", fix)
    text = f"Kafka {', '.join(brokers)} takes connections; its topics and rights are looked at by the start"
    return ok("engines.kafka", text)


def _why_away(broker: str) -> str:
    """Return why a broker cannot be connected to, "" when it can."""
    host, _, port = broker.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_WITHIN_S).close()
    except (OSError, UnicodeError, OverflowError) as exc:
        return f"{broker}: {getattr(exc, 'strerror', None) or exc}"
    return ""
