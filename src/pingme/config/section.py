"""What every section of the settings has in common, and the types of values that need a rule of their own."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


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


Origin = Annotated[str, StringConstraints(pattern=r"^(\*|https?://[^/\s]+)$")]
Network = Annotated[str, AfterValidator(check_network)]
Broker = Annotated[str, StringConstraints(pattern=r"^[^\s,]+:[0-9]{1,5}$")]
