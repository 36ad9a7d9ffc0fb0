"""What a check says: how it is, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]
ORDER: tuple[Status, ...] = ("ok", "warn", "fail")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: its name, ``<group>.<thing>``; scripts may rely on it.
        status: ``warn``: it works, and something is worth a thought; ``fail``: it does not work, or is not safe.
        text: what was found.
        fix: the command or setting that helps; "" where nothing is to be done.
    """

    check: str
    status: Status
    text: str
    fix: str = ""


def ok(check: str, text: str) -> Finding:
    """Return a finding that is fine."""
    return Finding(check, "ok", text)


def warn(check: str, text: str, fix: str) -> Finding:
    """Return a finding worth a thought."""
    return Finding(check, "warn", text, fix)


def fail(check: str, text: str, fix: str) -> Finding:
    """Return a finding that has to be repaired."""
    return Finding(check, "fail", text, fix)


Check = Callable[[], Iterable[Finding]]


def run_checks(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """Yield the findings of each check; one that breaks is a finding, and costs none of the others."""
    for name, check in checks:
        try:
            yield from check()
        except Exception as exc:  # noqa: BLE001  # the doctor must tell of a broken machine, not break on it
            yield fail(name, f"this could not be looked at: {type(exc).__name__}: {exc}", "see the error")


def worst(findings: Iterable[Finding]) -> Status:
    """Return the worst status, ``ok`` for none."""
    return ORDER[max((ORDER.index(each.status) for each in findings), default=0)]


def size(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
