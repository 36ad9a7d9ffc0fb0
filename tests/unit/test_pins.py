"""The pins are versions of a registry, so that an installation is the same on every machine."""

from __future__ import annotations

import re
from pathlib import Path

PINS = Path(__file__).resolve().parents[2] / "constraints.txt"
PIN = re.compile(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.+]*( *;.+)?")


def test_every_pin_is_a_version():
    """No path and no address: those are of one machine."""
    lines = [line.strip() for line in PINS.read_text(encoding="utf-8").splitlines()]
    pins = [line for line in lines if line and not line.startswith("#")]

    assert pins
    assert [line for line in pins if not PIN.fullmatch(line)] == []
