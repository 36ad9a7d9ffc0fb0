"""The list of all settings, taken from the models: names, variables, defaults, what is expected, meaning."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from pingme.config.models import Settings
from pingme.config.section import Section

PREFIX = "PINGME_"
CONFIG_VARIABLE = "APP_CONF"
HIDDEN = "********"

# Variables that are shorter than PINGME_<SECTION>__<KEY>, as other deployments of this kind name them.
SHORT_NAMES: dict[str, tuple[str, str]] = {
    "APP_HOST": ("app", "host"),
    "APP_PORT": ("app", "port"),
    "APP_ENV": ("app", "env"),
    "DB_HOST": ("database", "host"),
    "DB_PORT": ("database", "port"),
    "DB_USERNAME": ("database", "username"),
    "DB_PASSWORD": ("database", "password"),
    "DB_NAME": ("database", "name"),
    "REDIS_HOST": ("redis", "host"),
    "REDIS_PORT": ("redis", "port"),
    "REDIS_PASSWORD": ("redis", "password"),
    "KAFKA_BROKERS": ("kafka", "brokers"),
    "JWT_SECRET": ("jwt", "secret"),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        section: name of its section in the file.
        key: its name inside the section.
        variables: environment variables that set it, the one that wins first.
        default: its value when nothing sets it.
        expected: type and range in words, such as "whole number, 0 to 65535".
        description: what it is, with its unit.
        secret: True when its value is never shown.
        is_list: True when a variable gives it as a comma-separated or JSON list.
    """

    section: str
    key: str
    variables: tuple[str, ...]
    default: object
    expected: str
    description: str
    secret: bool
    is_list: bool

    @property
    def name(self) -> str:
        """The setting as people write it: `section.key`."""
        return f"{self.section}.{self.key}"


def sections() -> dict[str, type[Section]]:
    """Return the model of every section by its name, in the order of the file."""
    models = {name: info.annotation for name, info in Settings.model_fields.items()}
    return {name: model for name, model in models.items() if isinstance(model, type)}


def settings_of(section: str) -> Iterator[Setting]:
    """Yield the settings of one section, in the order of its model."""
    for key, info in sections()[section].model_fields.items():
        short = tuple(name for name, target in SHORT_NAMES.items() if target == (section, key))
        yield Setting(
            section=section,
            key=key,
            variables=(f"{PREFIX}{section.upper()}__{key.upper()}", *short),
            default=info.default,
            expected=expected_of(info),
            description=info.description or "",
            secret=SecretStr in _alternatives(info.annotation),
            is_list=get_origin(info.annotation) is tuple,
        )


def all_settings() -> list[Setting]:
    """Return every setting, section by section."""
    return [setting for section in sections() for setting in settings_of(section)]


def expected_of(info: FieldInfo) -> str:
    """Return in words what a field takes: "whole number, 0 to 65535", "`open` or `closed`"."""
    extra = info.json_schema_extra
    if isinstance(extra, dict) and "expected" in extra:
        return str(extra["expected"])
    (kind, *_) = _alternatives(info.annotation)
    if get_origin(kind) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(kind))
    words = {bool: "true or false", int: "whole number", float: "number", Path: "path"}.get(kind, "text")
    return words + _range_of(info, kind)


def _alternatives(annotation: Any) -> list[Any]:
    """Return the members of a union without None, or the annotation alone, each without its rules."""
    union = get_origin(annotation) in {Union, types.UnionType}
    choices = [each for each in get_args(annotation) if each is not type(None)] if union else [annotation]
    return [get_args(each)[0] if get_origin(each) is Annotated else each for each in choices]


def _range_of(info: FieldInfo, kind: Any) -> str:
    bounds: dict[str, Any] = {}
    for rule in info.metadata:
        for name in ("ge", "le", "max_length"):
            if hasattr(rule, name) and isinstance(rule, annotated_types.BaseMetadata):
                bounds[name] = getattr(rule, name)
    if kind is str:
        return f", at most {bounds['max_length']} characters" if "max_length" in bounds else ""
    return f", {bounds['ge']} to {bounds['le']}" if "le" in bounds else ""


def plain(value: object) -> object:
    """Return a setting's value as JSON and YAML know it, a secret as `********`."""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
