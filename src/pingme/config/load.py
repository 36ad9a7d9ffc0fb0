"""Defaults, then the file, then the environment: one frozen `Settings`, or a `ConfigError` saying where."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from pingme.config.catalogue import HIDDEN, Setting, all_settings, sections
from pingme.config.errors import ConfigError
from pingme.config.models import Settings
from pingme.config.sources import Given, choose_file, read_environment

JSON_FACTOR = 4  # escapes and the other fields: as much as a frame may have (docs/protocol.md, "Limits")
SECRET_MIN_BYTES = 32  # RFC 7518 §3.2: an HS256 key is at least as long as its hash

EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared, not bound

# Words of secrets that were copied from an example; no random secret has them.
EXAMPLE_WORDS = (
    "changeme",
    "change-me",
    "change_me",
    "your-secret",
    "your_secret",
    "secret-key",
    "secret_key",
    "in-production",
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings and where they came from.

    Attributes:
        settings: the effective settings.
        file: the file that was read, None when there was none.
        sources: by setting name, `config/local.yml:12` or `environment: APP_PORT`; defaults are missing.
    """

    settings: Settings
    file: Path | None
    sources: Mapping[str, str]


def load_settings(*, environ: Mapping[str, str] | None = None, path: Path | None = None) -> Settings:
    """Return the effective settings.

    Args:
        environ: the variables to read; None means those of this process.
        path: the file to read instead of the one that APP_CONF names or `config/local.yml`.

    Raises:
        ConfigError: a setting is wrong; the text says where, what was expected and what came.
    """
    return load_with_sources(environ=environ, path=path).settings


def load_with_sources(*, environ: Mapping[str, str] | None = None, path: Path | None = None) -> Loaded:
    """Return the effective settings and where each came from; see `load_settings`."""
    environ = os.environ if environ is None else environ
    known = {setting.name: setting for setting in all_settings()}
    file = choose_file(environ, path=path)
    given = _read_file(file, known) if file else {}
    given |= read_environment(environ)
    values: dict[str, dict[str, object]] = {section: {} for section in sections()}
    for name, item in given.items():
        values[known[name].section][known[name].key] = check_value(known[name], item)
    if "data_dir" not in values["app"]:
        values["app"]["data_dir"] = default_data_dir(environ, cwd=Path.cwd())
    settings = Settings.model_validate(values)
    sources = {name: item.source for name, item in given.items()}
    check_together(settings, sources)
    return Loaded(settings, file, sources)


def _read_file(file: Path, known: Mapping[str, Setting]) -> dict[str, Given]:
    from pingme.config.yaml_file import read_file  # noqa: PLC0415  # most servers have no file

    return read_file(file, known=known)


def check_value(setting: Setting, given: Given) -> object:
    """Return one value as its setting's type.

    Raises:
        ConfigError: wrong type or out of range.
    """
    model = sections()[setting.section]
    try:
        if given.typed:
            # As JSON and strict: a list may become a tuple, but "8080" or true are no number.
            one = model.model_validate_json(json.dumps({setting.key: given.value}, default=str), strict=True)
        else:
            one = model.model_validate_strings({setting.key: given.value})
    except (
        ValueError,
        TypeError,
    ) as exc:  # also what JSON cannot hold: mappings by date, lists in themselves
        came = HIDDEN if setting.secret else shown(given.value)
        text = f"{given.source}: {setting.name}: expected {setting.expected}, got {came}"
        raise ConfigError(text) from exc
    value: object = getattr(one, setting.key)
    return value


def shown(value: object) -> str:
    """Return what came, for an error message: a scalar as it is, a list or mapping by its kind or content."""
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    return json.dumps(value, default=str, ensure_ascii=False)


def check_together(settings: Settings, sources: Mapping[str, str]) -> None:
    """Raise ConfigError where settings that are right alone do not go together."""

    def refuse(name: str, text: str) -> None:
        raise ConfigError(f"{sources[name]}: {name}: {text}" if name in sources else f"{name}: {text}")

    if share_a_port(settings):
        name = "metrics.port" if "metrics.port" in sources else "app.port"
        port = settings.app.port
        refuse(
            name,
            f"expected different ports in app.port and metrics.port, got {port} twice; set another, such as "
            f"PINGME_METRICS__PORT={port + 1 if port < 65_535 else 9_090}, or 0 = no metrics",
        )
    if settings.database.host is not None and settings.database.path is not None:
        refuse("database.path", "expected either database.host (MySQL) or database.path (SQLite), got both")
    if settings.websocket.pong_timeout <= settings.websocket.ping_interval:
        refuse(
            "websocket.pong_timeout",
            f"expected more than websocket.ping_interval ({settings.websocket.ping_interval} s), "
            f"got {settings.websocket.pong_timeout} s",
        )
    if settings.kafka.retry_max_backoff < settings.kafka.retry_initial_backoff:
        refuse(
            "kafka.retry_max_backoff",
            f"expected at least kafka.retry_initial_backoff ({settings.kafka.retry_initial_backoff} ms), "
            f"got {settings.kafka.retry_max_backoff} ms",
        )
    room = JSON_FACTOR * settings.websocket.max_message_size
    if settings.limits.body_bytes < room:
        refuse(
            "limits.body_bytes",
            f"expected at least {room}, {JSON_FACTOR} times websocket.max_message_size, "
            f"got {settings.limits.body_bytes}",
        )
    weakness = weakness_of(settings.jwt.secret)
    if settings.app.env == "production" and weakness:
        hint = "set JWT_SECRET to the output of: openssl rand -base64 48"
        refuse(
            "jwt.secret",
            f"production expects a secret of {SECRET_MIN_BYTES} random bytes or more, got {weakness}; {hint}",
        )


def share_a_port(settings: Settings) -> bool:
    """Return True when the port of clients and that of `/metrics` cannot be had both."""
    app, metrics = settings.app, settings.metrics
    if app.port != metrics.port or not app.port:
        return False
    hosts = {"127.0.0.1" if host == "localhost" else host for host in (app.host, metrics.host)}
    return len(hosts) == 1 or not hosts.isdisjoint(EVERY_ADDRESS)


def weakness_of(secret: SecretStr | None) -> str:
    """Return why a signing secret is not fit for production, or nothing when it is."""
    if secret is None or not secret.get_secret_value():
        return "none"
    text = secret.get_secret_value()
    size = len(text.encode())
    if size < SECRET_MIN_BYTES:
        return f"{size} bytes"
    if any(word in text.lower() for word in EXAMPLE_WORDS):
        return "one from an example"
    # 32 random hexadecimal digits have fewer than 8 different ones once in ten million times.
    return "one of few different characters" if len(set(text)) < 8 else ""


def default_data_dir(environ: Mapping[str, str], *, cwd: Path) -> Path:
    """Return the data folder where none is set: `./data` in a checkout of PingMe, else the user's own.

    Raises:
        ConfigError: the user has no home folder.
    """
    if is_checkout(cwd):
        return cwd / "data"
    base = environ.get("XDG_DATA_HOME", "")
    # The XDG base directory specification ignores relative paths.
    if base and Path(base).is_absolute():
        return Path(base) / "pingme"
    try:
        return Path.home() / ".local" / "share" / "pingme"
    except RuntimeError as exc:
        raise ConfigError(
            "app.data_dir: expected a folder, because this user has no home; set PINGME_APP__DATA_DIR"
        ) from exc


def is_checkout(folder: Path) -> bool:
    """Return True when a folder holds the sources of PingMe; one that may not be entered holds nothing for us."""
    try:
        if (folder / "src" / "pingme").is_dir():
            return True
        project = folder / "pyproject.toml"
        return project.is_file() and 'name = "pingme"' in project.read_text(
            encoding="utf-8", errors="replace"
        )
    except PermissionError:
        return False
