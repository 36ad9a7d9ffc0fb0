"""docs/sdk.md names what there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from pingme import sdk
from pingme.domain.errors import PingMeError
from pingme.sdk.rest import Rest

GUIDE = (Path(__file__).parents[2] / "docs" / "sdk.md").read_text(encoding="utf-8")


def test_every_error_of_the_sdk_is_in_the_guide():
    """Whatever `pingme.sdk` exports of errors, and nothing else, has its row in the table."""
    exported = {name for name in sdk.__all__ if _is_error(getattr(sdk, name))} - {"PingMeError"}
    table = GUIDE.partition("| error | meaning |")[2].partition("\n\n")[0]

    first_cells = re.findall(r"^\| (.+?) \|", table, re.MULTILINE)
    named = {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}

    assert named == exported


def test_every_call_of_rest_is_in_the_guide():
    """The guide lists the methods of `client.rest`."""
    methods = {name for name, _ in inspect.getmembers(Rest, inspect.isfunction) if not name.startswith("_")}
    sentence = GUIDE.partition("`client.rest` makes single calls of the HTTP API: ")[2].partition(".")[0]

    assert set(re.findall(r"`(\w+)`", sentence)) == methods


def _is_error(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, PingMeError)
