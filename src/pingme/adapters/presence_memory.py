"""Presence within one process: the entries are the process's own and die with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pingme.ports.presence import OnChanged, PresenceEntry


class MemoryPresence:
    """`Presence` in a dictionary, as large as the number of connected devices."""

    def __init__(self) -> None:
        self.on_changed: OnChanged | None = None  # no other node changes anything
        self._devices: dict[str, dict[str, Literal["online", "away"]]] = {}

    async def put(self, user_id: str, device_id: str, status: Literal["online", "away"]) -> None:
        """See `Presence.put`."""
        self._devices.setdefault(user_id, {})[device_id] = status

    async def drop(self, user_id: str, device_id: str) -> None:
        """See `Presence.drop`."""
        devices = self._devices.get(user_id, {})
        devices.pop(device_id, None)
        if not devices:
            self._devices.pop(user_id, None)

    async def query(self, user_ids: Sequence[str]) -> Sequence[PresenceEntry]:
        """See `Presence.query`; last_seen_ts is the accounts' knowledge and not given here."""
        return [PresenceEntry(user_id, self._status(user_id)) for user_id in user_ids]

    def _status(self, user_id: str) -> Literal["online", "away", "offline"]:
        devices = self._devices.get(user_id)
        if not devices:
            return "offline"
        return "online" if "online" in devices.values() else "away"
