"""What the checker found, counted by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Kind = Literal[
    "lost",
    "phantom",
    "duplicated",
    "reordered",
    "skipped",
    "conflicting_seq",
    "conflicting_hash",
    "leaked",
    "refused_but_appeared",
    "unanswered",
    "ack_order",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken promise: its kind, and a sentence with who, where and which."""

    kind: Kind
    text: str


@dataclass(slots=True)
class Verdict:
    """All faults, and how much was looked at: a verdict on nothing is worth nothing.

    Attributes:
        looked_at: devices, conversations, events, sends, acks, deliveries.
    """

    faults: Sequence[Fault]
    looked_at: dict[str, int] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """True when no promise was broken."""
        return not self.faults

    @property
    def counts(self) -> dict[Kind, int]:
        """How many faults of every kind, those without one included."""
        found = Counter(fault.kind for fault in self.faults)
        return {kind: found[kind] for kind in KINDS}

    def to_json(self, most: int = 200) -> dict[str, Any]:
        """Return it for a report, with at most so many faults as text."""
        texts = [asdict(fault) for fault in self.faults[:most]]
        return {"good": self.is_good, "counts": self.counts, "looked_at": self.looked_at, "faults": texts}

    def __str__(self) -> str:
        lines = [f"{kind:22} {count}" for kind, count in self.counts.items()]
        lines += [f"{name:22} {count}" for name, count in self.looked_at.items()]
        return "\n".join([*lines, *(f"{fault.kind}: {fault.text}" for fault in self.faults)])
