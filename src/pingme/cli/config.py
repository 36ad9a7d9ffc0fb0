"""`pingme config`: check, show and document the settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pingme.config import ConfigError, Loaded, Setting, all_settings, load_with_sources
from pingme.config.catalogue import plain
from pingme.config.reference import markdown, replace_between_markers

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Check, show and document the settings.",
)

FileArgument = Annotated[
    Path | None, typer.Argument(help="The file to read instead of $APP_CONF or config/local.yml.")
]


@app.command()
def check(file: FileArgument = None) -> None:
    """Check the settings as `pingme serve` would, and print which file counts and what it selects."""
    loaded = load_with_sources(path=file)
    variables = sum(source.startswith("environment") for source in loaded.sources.values())
    print(f"file         {loaded.file or 'none'}")
    print(f"settings     {len(loaded.sources) - variables} by the file, {variables} by the environment")
    for label, what in engines(loaded):
        print(f"{label:<12} {what}")
    print("good")


@app.command()
def show(
    file: FileArgument = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print every effective setting and where it comes from; secrets are never shown."""
    loaded = load_with_sources(path=file)
    rows = [
        (setting.name, value_of(loaded, setting), source_of(loaded, setting)) for setting in all_settings()
    ]
    if as_json:
        report = {name: {"value": value, "source": source} for name, value, source in rows}
        print(json.dumps(report, indent=2, ensure_ascii=False))
        return
    texts = [(name, json.dumps(value, ensure_ascii=False), source) for name, value, source in rows]
    name_width = max(len(name) for name, _, _ in texts)
    value_width = max(len(value) for _, value, _ in texts)
    for name, value, source in texts:
        print(f"{name:<{name_width}}  {value:<{value_width}}  {source}")


@app.command()
def docs(
    *,
    write: Annotated[
        Path | None, typer.Option(help="Write the tables between the markers of this document.")
    ] = None,
) -> None:
    """Print the reference of all settings as Markdown."""
    if write is None:
        print(markdown(), end="")
        return
    try:
        write.write_text(replace_between_markers(write.read_text(encoding="utf-8")), encoding="utf-8")
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{write}: {exc}") from exc


def engines(loaded: Loaded) -> list[tuple[str, str]]:
    """Return (what, which) for everything that the settings select."""
    settings = loaded.settings
    database, redis, kafka = settings.database, settings.redis, settings.kafka
    mysql = f"MySQL {database.host}:{database.port}/{database.name}"
    return [
        ("listens on", f"{settings.app.host}:{settings.app.port} ({settings.app.env})"),
        ("data", str(settings.data_dir)),
        ("store", mysql if database.host else f"SQLite {settings.sqlite_path}"),
        ("log", f"Kafka {', '.join(kafka.brokers)}" if kafka.brokers else "in-process"),
        ("push", f"Redis {redis.host}:{redis.port}/{redis.db}" if redis.host else "in-process"),
    ]


def value_of(loaded: Loaded, setting: Setting) -> object:
    """Return an effective value as JSON knows it, a secret as `********`."""
    return plain(getattr(getattr(loaded.settings, setting.section), setting.key))


def source_of(loaded: Loaded, setting: Setting) -> str:
    """Return `default`, `config/local.yml:12` or `environment: APP_PORT`."""
    return loaded.sources.get(setting.name, "default")
