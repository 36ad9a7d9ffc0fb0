"""What a device waits for, what it counts, and the text of its frames."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Pending:
    """An operation without a final answer."""

    msg_id: str
    conversation_id: str
    kind: str
    body: Mapping[str, Any]
    frame: str
    sent_s: float = 0.0
    connection: int = 0
    again_s: float = 0.0


@dataclass(slots=True)
class Figures:
    """What happened, by second, for the report's plot: (when, how many)."""

    acks: list[tuple[float, float]] = field(default_factory=list)
    """(when acked, how long it took since the first send), in seconds."""
    acked_in: list[tuple[float, str]] = field(default_factory=list)
    """(when acked, conversation)."""
    deliveries: list[float] = field(default_factory=list)
    closes: dict[int, int] = field(default_factory=dict)


def frame(kind: str, payload: Mapping[str, Any], name: str | None = None) -> str:
    """Return the text of a frame."""
    named = {} if name is None else {"id": name}
    return json.dumps({"type": kind, **named, "payload": payload}, ensure_ascii=False)
