"""Reading the environment into values that know where they came from; the file: `pingme.config.yaml_file`."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pingme.config.catalogue import CONFIG_VARIABLE, PREFIX, Setting, all_settings
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
