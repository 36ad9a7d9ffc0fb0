"""Reading the file and the environment into values that know where they came from."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml

from pingme.config.catalogue import CONFIG_VARIABLE, PREFIX, Setting, all_settings, sections
from pingme.config.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Given:
    """A value that somebody wrote.

    Attributes:
        value: from the file a YAML value; from the environment text, or a list where the setting is one.
        source: where, for people: `config/local.yml:12` or `environment: APP_PORT`.
        typed: True when the value has YAML's type, False when it is text to be read as the setting's type.
    """

    value: object
    source: str
    typed: bool


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?` for the most similar known name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""


# --- the file -------------------------------------------------------------------------------------


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


OF_CLIENTS = frozenset({"PINGME_TOKEN", "PINGME_SERVER"})
"""Variables of `pingme chat` and `pingme send`, which may be set in the same shell."""

# --- the environment ------------------------------------------------------------------------------


def read_environment(environ: Mapping[str, str]) -> dict[str, Given]:
    """Read what the environment sets; an empty variable is unset, PINGME_… wins over a short name.

    Raises:
        ConfigError: a PINGME_ variable that is no setting, or a list that is not one.
    """
    targets = {variable: setting for setting in all_settings() for variable in setting.variables}
    for variable in environ:
        if variable.startswith(PREFIX) and variable not in targets and variable not in OF_CLIENTS:
            raise ConfigError(f"environment: {variable}: unknown variable{nearest(variable, targets)}")
    given: dict[str, Given] = {}
    for setting in all_settings():
        for variable in setting.variables:
            text = environ.get(variable, "")
            if text and setting.name not in given:
                given[setting.name] = _from_text(text, setting, variable)
    return given


def _from_text(text: str, setting: Setting, variable: str) -> Given:
    source = f"environment: {variable}"
    if not setting.is_list:
        return Given(text, source, typed=False)
    if not text.lstrip().startswith("["):
        return Given([item.strip() for item in text.split(",") if item.strip()], source, typed=True)
    try:
        return Given(json.loads(text), source, typed=True)
    except ValueError as exc:
        raise ConfigError(f"{source}: {setting.name}: expected {setting.expected}, got broken JSON") from exc


def choose_file(environ: Mapping[str, str], *, path: Path | None) -> Path | None:
    """Return the file to read: the one asked for, the one APP_CONF names, `config/local.yml`, or none.

    Raises:
        ConfigError: the file that was asked for or named is not there.
    """
    named = environ.get(CONFIG_VARIABLE, "")
    if path is None and not named:
        local = Path("config") / "local.yml"
        return local if local.is_file() else None
    chosen = path or Path(named)
    if not chosen.is_file():
        by = "" if path else f"{CONFIG_VARIABLE} names it: "
        raise ConfigError(f"{chosen}: {by}expected a configuration file, there is none")
    return chosen
