"""Reading the environment into values that know where they came from; the file: `pingme.config.yaml_file`."""

from __future__ import annotations

import difflib
import json
import re
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

OF_TESTS = "PINGME_TEST_"
"""How the variables begin that name engines to the tests; whoever tests may export them."""

# What Kubernetes gives every container for a Service called `pingme` (or `pingme-…`, `redis` …) in its name space.
_OF_SERVICES = re.compile(
    r"PINGME_([A-Z0-9]+_)*(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SERVICE_PORT = re.compile(r"(tcp|udp|sctp)://")  # PINGME_PORT and REDIS_PORT are known by what they hold

# --- the environment ------------------------------------------------------------------------------


def read_environment(environ: Mapping[str, str]) -> dict[str, Given]:
    """Read what the environment sets; an empty variable is unset, PINGME_… wins over a short name.

    What Kubernetes says of a Service is not for PingMe: APP_PORT, DB_PORT and REDIS_PORT, too, where they hold an address.

    Raises:
        ConfigError: a PINGME_ variable that is no setting, or a list that is not one.
    """
    targets = {variable: setting for setting in all_settings() for variable in setting.variables}
    for variable in environ:
        if variable.startswith(PREFIX) and variable not in targets and not _of_others(variable, environ):
            raise ConfigError(f"environment: {variable}: unknown variable{nearest(variable, targets)}")
    given: dict[str, Given] = {}
    for setting in all_settings():
        for variable in setting.variables:
            text = environ.get(variable, "")
            if text and setting.name not in given and not _is_service_port(variable, text):
                given[setting.name] = _from_text(text, setting, variable)
    return given


def _of_others(variable: str, environ: Mapping[str, str]) -> bool:
    """Tell whether a PINGME_ variable that is no setting has another good reason to be there."""
    if variable in OF_CLIENTS or variable.startswith(OF_TESTS) or _OF_SERVICES.fullmatch(variable):
        return True
    return _is_service_port(variable, environ[variable])


def _is_service_port(variable: str, text: str) -> bool:
    return variable.endswith("_PORT") and "__" not in variable and _SERVICE_PORT.match(text) is not None


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
        ConfigError: the file that was asked for or named is not there, or in a folder that may not be entered.
    """
    named = environ.get(CONFIG_VARIABLE, "")
    if path is None and not named:
        local = Path("config") / "local.yml"
        try:
            return local if local.is_file() else None
        except PermissionError:  # the current folder may not be entered, such as root's by another user
            return None
    chosen = path or Path(named)
    by = "" if path else f"{CONFIG_VARIABLE} names it: "
    try:
        there = chosen.is_file()
    except PermissionError as exc:
        raise ConfigError(
            f"{chosen}: {by}expected a readable configuration file, got: {exc.strerror}"
        ) from exc
    if not there:
        raise ConfigError(f"{chosen}: {by}expected a configuration file, there is none")
    return chosen
