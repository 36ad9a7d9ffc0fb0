"""Who is connected where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

Status = Literal["online", "away", "offline", "unknown"]


class PresenceEntry(msgspec.Struct, frozen=True):
    """The state of a user over all devices: online beats away beats offline."""

    user_id: str
    status: Status
    last_seen_ts: int | None = None


OnChanged = Callable[[Sequence[str] | None], None]
"""Called when other nodes' entries of these users may have changed; None: of anybody."""


class Presence(Protocol):
    """A hint, never a decision: entries are owned by a node and die with it. Several devices per user."""

    on_changed: OnChanged | None
    """Who wants to know what other nodes change; must not wait."""

    async def put(self, user_id: str, device_id: str, status: Literal["online", "away"]) -> None:
        """Say that this device is connected to this node."""
        ...

    async def drop(self, user_id: str, device_id: str) -> None:
        """Say that this device is no longer connected to this node."""
        ...

    async def query(self, user_ids: Sequence[str]) -> Sequence[PresenceEntry]:
        """Return the state of each, in order; ``unknown`` when it cannot be known."""
        ...
