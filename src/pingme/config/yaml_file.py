"""Reading the file into values that know their line. Loaded only where there is a file: PyYAML takes a while."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import yaml

from pingme.config.catalogue import Setting, sections
from pingme.config.errors import ConfigError
from pingme.config.sources import Given, nearest


def read_file(path: Path, *, known: Mapping[str, Setting]) -> dict[str, Given]:
    """Read a YAML file of sections.

    Args:
        path: the file, UTF-8; an empty file or section sets nothing, and a key without a value is unset.
        known: every setting by its name.

    Returns:
        What the file sets, by setting name.

    Raises:
        ConfigError: unreadable, not YAML, or an unknown or repeated section or key.
    """
    root = _compose(path)
    if root is None or _is_null(root):
        return {}
    given: dict[str, Given] = {}
    for section, body in _pairs(path, root, where="the file"):
        name = section.value
        if name not in sections():
            _unknown(path, section, f"unknown section, expected one of {', '.join(sections())}", sections())
        if _is_null(body):
            continue
        for key, value in _pairs(path, body, where=f"section {name}"):
            setting = f"{name}.{key.value}"
            if setting not in known:
                _unknown_key(path, name, key, known)
            if not _is_null(value):
                given[setting] = Given(
                    _construct(path, value, setting=setting),
                    f"{path}:{value.start_mark.line + 1}",
                    typed=True,
                )
    return given


def _compose(path: Path) -> yaml.Node | None:
    try:
        text = path.read_text(encoding="utf-8")
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except FileNotFoundError as exc:
        raise ConfigError(f"{path}: expected a configuration file, there is none") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: expected a readable UTF-8 file, got: {exc}") from exc
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(exc, "problem", None) or "not YAML"
        raise ConfigError(f"{path}{line}: expected YAML, got: {problem}") from exc


def _pairs(path: Path, node: yaml.Node, *, where: str) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path}:{node.start_mark.line + 1}: expected {where} to hold `key: value` lines")
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(f"{path}:{line}: expected a plain key in {where}")
        if key.value in seen:
            raise ConfigError(
                f"{path}:{line}: {key.value} stands twice in {where}, first in line {seen[key.value]}"
            )
        seen[key.value] = line
        yield key, value


def _construct(path: Path, node: yaml.Node, *, setting: str) -> object:
    loader = yaml.SafeLoader("")
    try:
        value: object = loader.construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError) as exc:
        line = node.start_mark.line + 1
        raise ConfigError(f"{path}:{line}: {setting}: expected a plain value or a list") from exc
    else:
        return value
    finally:
        loader.dispose()


def _is_null(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _unknown(path: Path, node: yaml.ScalarNode, text: str, known: Iterable[str]) -> NoReturn:
    raise ConfigError(f"{path}:{node.start_mark.line + 1}: {node.value}: {text}{nearest(node.value, known)}")


def _unknown_key(path: Path, section: str, key: yaml.ScalarNode, known: Mapping[str, Setting]) -> NoReturn:
    """Raise with the nearest key of the same section, or the same key where another section has it."""
    here = [setting.key for setting in known.values() if setting.section == section]
    hint = nearest(key.value, here)
    if not hint:
        elsewhere = [setting.name for setting in known.values() if setting.key == key.value]
        hint = f'; did you mean "{elsewhere[0]}"?' if elsewhere else f"; expected one of {', '.join(here)}"
    line = key.start_mark.line + 1
    raise ConfigError(f"{path}:{line}: {section}.{key.value}: unknown key{hint}")
