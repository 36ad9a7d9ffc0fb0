"""What every section of the settings has in common, and the types of values that need a rule of their own."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

LABEL_MAX_CHARS = 63  # between two dots of a host name, RFC 1035 §2.3.4


class Section(BaseModel):
    """One section: frozen, complete by its defaults, without room for unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=False,
        hide_input_in_errors=True,  # an error must never print a secret
    )


def check_network(value: str) -> str:
    """Return an address or network as it came, when it is one.

    Raises:
        ValueError: it is neither an IPv4 nor an IPv6 address or network.
    """
    ipaddress.ip_network(value, strict=False)
    return value


def check_host(value: str) -> str:
    """Return a host name or address as it came, when the resolver can be asked for it.

    Raises:
        ValueError: it has an empty part, such as `a..b`, or one that is too long.
    """
    labels = value.removesuffix(".").split(".")
    if not all(0 < len(label.encode("idna")) <= LABEL_MAX_CHARS for label in labels):
        raise ValueError(value)
    return value


def check_path(value: object) -> object:
    """Return what was written for a path, when it is not empty: that would be the current folder.

    Raises:
        ValueError: it is.
    """
    if value == "":
        raise ValueError(value)
    return value


def expand_user(value: Path) -> Path:
    """Return a path with a leading `~` or `~user` as that home folder.

    Raises:
        ValueError: nobody knows where that is.
    """
    try:
        return value.expanduser()
    except RuntimeError as exc:
        raise ValueError(str(value)) from exc


Host = Annotated[str, StringConstraints(min_length=1), AfterValidator(check_host)]
FilePath = Annotated[Path, BeforeValidator(check_path), AfterValidator(expand_user)]
Origin = Annotated[str, StringConstraints(pattern=r"^(\*|https?://[^/\s]+)$")]
Network = Annotated[str, AfterValidator(check_network)]
Broker = Annotated[str, StringConstraints(pattern=r"^[^\s,]+:[0-9]{1,5}$")]
