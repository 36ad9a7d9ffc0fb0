"""The settings: one frozen model for each section of the file.

A section names its engine by one key: `database.host` selects MySQL, `redis.host` Redis, `kafka.brokers`
Kafka. Without it the embedded engine serves, and the section's other keys (the retry policy of `kafka`) hold.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from pingme.config.limits import LimitsSettings
from pingme.config.section import Broker, FilePath, Host, Network, Origin, Section


class AppSettings(Section):
    """The server itself."""

    host: Host = Field(
        default="0.0.0.0",  # noqa: S104 - a server's purpose
        description="Address to listen on.",
        json_schema_extra={"expected": "address or host name"},
    )
    port: int = Field(
        default=8080, ge=0, le=65_535, description="Port of HTTP and WebSocket. 0 = any free port."
    )
    name: str = Field(default="PingMe", min_length=1, max_length=64, description="Name shown to people.")
    env: Literal["development", "production"] = Field(
        default="development",
        description="`production` insists on a good `jwt.secret` and a free metrics port.",
    )
    allowed_origins: tuple[Origin, ...] = Field(
        default=(),
        description="Origins whose pages may connect. Empty = the server's own host.",
        json_schema_extra={"expected": "list of origins such as https://chat.example.org, or *"},
    )
    trusted_proxies: tuple[Network, ...] = Field(
        default=(),
        description="Proxies whose X-Forwarded-For is believed.",
        json_schema_extra={"expected": "list of addresses or networks such as 10.0.0.0/8"},
    )
    registration: Literal["open", "closed"] = Field(
        default="open", description="`closed`: accounts are made by `pingme user create` only."
    )
    data_dir: FilePath | None = Field(
        default=None,
        description="Folder of everything the server keeps. Unset = `./data` in a checkout, "
        "else `$XDG_DATA_HOME/pingme` or `~/.local/share/pingme`. `~` is the home.",
    )


class DatabaseSettings(Section):
    """The store: SQLite in the data folder, or MySQL 8+ / MariaDB 10.6+ when `host` is set."""

    host: str | None = Field(default=None, min_length=1, description="MySQL server. Unset = SQLite.")
    port: int = Field(default=3306, ge=1, le=65_535, description="Port of the MySQL server.")
    username: str = Field(default="root", min_length=1, description="MySQL user.")
    password: SecretStr = Field(default=SecretStr("root"), description="Password of that user.")
    name: str = Field(
        default="im",
        pattern=r"^[A-Za-z0-9_]{1,64}$",
        description="MySQL database; made when allowed, otherwise the statement is printed.",
        json_schema_extra={"expected": "letters, digits and _, at most 64"},
    )
    durability: Literal["strict", "relaxed"] = Field(
        default="strict",
        description="`relaxed` accepts a store that may lose acknowledged messages in a power cut.",
    )
    path: FilePath | None = Field(
        default=None, description="SQLite file. Unset = `pingme.db` in the data folder."
    )


class RedisSettings(Section):
    """Push and presence between nodes: in-process, or Redis 7+ when `host` is set."""

    host: str | None = Field(default=None, min_length=1, description="Redis server. Unset = in-process.")
    port: int = Field(default=6379, ge=1, le=65_535, description="Port of the Redis server.")
    password: SecretStr | None = Field(default=None, description="Password of the Redis server.")
    db: int = Field(default=0, ge=0, le=1_023, description="Number of the Redis database.")


class KafkaSettings(Section):
    """The message log and its retry policy: in-process, or Kafka 3+ when `brokers` are set."""

    brokers: tuple[Broker, ...] = Field(
        default=(),
        description="Kafka brokers. Empty = in-process.",
        json_schema_extra={"expected": "list of host:port"},
    )
    consumer_group: str = Field(
        default="pingme-consumer", min_length=1, max_length=249, description="Group of the workers."
    )
    topic_prefix: str = Field(
        default="pingme",
        pattern=r"^[A-Za-z0-9._-]{1,200}$",
        description="Start of every topic's name.",
        json_schema_extra={"expected": "letters, digits and . _ -, at most 200"},
    )
    retry_max_attempts: int = Field(default=3, ge=0, le=100, description="Retries after the first attempt.")
    retry_initial_backoff: int = Field(
        default=100, ge=1, le=600_000, description="Milliseconds before the first retry."
    )
    retry_max_backoff: int = Field(
        default=10_000, ge=1, le=600_000, description="Milliseconds between two retries, at most."
    )
    retry_multiplier: float = Field(default=2.0, ge=1, le=10, description="Factor from one wait to the next.")
    enable_dlq: bool = Field(
        default=True,
        description="Keep a message that failed for good as a dead letter; false: refuse it (50003).",
    )
    direct_after_ms: int = Field(
        default=1_500,
        ge=100,
        le=600_000,
        description="Milliseconds without progress before sends go directly to the store.",
    )


class JwtSettings(Section):
    """Access tokens."""

    secret: SecretStr | None = Field(
        default=None,
        description="Key that signs tokens, 32 bytes or more. Unset = made and kept (development only).",
    )
    expiration: int = Field(
        default=3_600, ge=1, le=2_592_000, description="Seconds for which an access token is good."
    )


class WebsocketSettings(Section):
    """Live connections."""

    ping_interval: int = Field(
        default=30, ge=1, le=3_600, description="Seconds between two pings of the server."
    )
    pong_timeout: int = Field(
        default=60,
        ge=1,
        le=7_200,
        description="Seconds of silence after which a socket is closed (4408); over ping_interval.",
    )
    max_message_size: int = Field(
        default=8_192,
        ge=1,
        le=1_048_576,
        description="Bytes of a message's content (40006); a frame may have four times that, and `limits.body_bytes` "
        "must be as much.",
    )


class MetricsSettings(Section):
    """Figures for Prometheus, on their own port."""

    host: Host = Field(
        default="127.0.0.1",
        description="Address of `/metrics`.",
        json_schema_extra={"expected": "address or host name"},
    )
    port: int = Field(
        default=9090, ge=0, le=65_535, description="Port of `/metrics`, another than `app.port`. 0 = off."
    )


class LoggingSettings(Section):
    """What the server writes about itself; never content, tokens or passwords."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is written."
    )
    format: Literal["text", "json"] = Field(default="text", description="`json`: one object per line.")
    output: str = Field(
        default="stderr", min_length=1, description="`stderr`, `stdout`, or the path of a file."
    )


class Settings(Section):
    """Everything that can be set, complete and checked; made by `load_settings`."""

    app: AppSettings = AppSettings()
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    kafka: KafkaSettings = KafkaSettings()
    jwt: JwtSettings = JwtSettings()
    websocket: WebsocketSettings = WebsocketSettings()
    limits: LimitsSettings = LimitsSettings()
    metrics: MetricsSettings = MetricsSettings()
    logging: LoggingSettings = LoggingSettings()

    @property
    def data_dir(self) -> Path:
        """Folder of everything the server keeps; `load_settings` has resolved it. It may not exist yet."""
        return self.app.data_dir or Path("data")

    @property
    def sqlite_path(self) -> Path:
        """File of the embedded store, used while `database.host` is None."""
        return self.database.path or self.data_dir / "pingme.db"
