"""`LivePush` that records what it was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pingme.ports.push import Delivery, Signal


class RecordingPush:
    """The fake of the port: nothing is delivered, everything is kept in order; a fault loses its batch."""

    def __init__(self) -> None:
        self.published: list[Delivery] = []
        self.signals: list[Signal] = []
        self.revoked: list[tuple[str, str | None, int]] = []
        self.faults: list[Exception] = []
        self.resyncs = 0
        self.cut_off = False

    @property
    def connected(self) -> bool:
        return not self.cut_off

    async def publish(self, batch: Sequence[Delivery]) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.published.extend(batch)

    def resync(self) -> None:
        self.resyncs += 1

    def publish_signals(self, batch: Sequence[Signal]) -> None:
        self.signals.extend(batch)

    def revoke(self, user_id: str, family_id: str, code: int) -> None:
        self.revoked.append((user_id, family_id, code))

    def taken(self) -> list[tuple[str, str | None, dict[str, Any]]]:
        """Return (channel, except_user, payload) of the signals since the last call."""
        taken = [(each.channel, each.except_user, frame_text(each.frame)["payload"]) for each in self.signals]
        self.signals.clear()
        return taken


def frame_text(frame: bytes) -> dict[str, Any]:
    """Return the JSON of an unmasked text frame (RFC 6455 §5.2)."""
    size = frame[1]
    start = 2 if size < 126 else 4 if size == 126 else 10
    return msgspec.json.decode(frame[start:], type=dict[str, Any])
