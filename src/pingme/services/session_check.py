"""Asks the store every second whether sessions have ended elsewhere, and closes their sockets here.

A revocation that live push brings is there at once; this is for those that it does not bring, because this node or the one
that revoked has lost it, or ended before it could say so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog

from pingme.domain.errors import StoreError
from pingme.ports.accounts import AccountStore
from pingme.ports.clock import Clock

log = structlog.get_logger(__name__)

LOOK_MS = 1_000  # half of the 2 s within which sockets of ended sessions are closed
CHUNK = 1_000  # families per question


class Sockets(Protocol):
    """The open sockets of this node."""

    def families(self) -> set[str]:
        """Return the token families of the open connections."""
        ...

    def close_families(self, family_ids: set[str]) -> None:
        """Close the sockets of sessions that have ended."""
        ...


class SessionCheck:
    """Closes sockets whose session has ended elsewhere.

    Args:
        accounts: who knows.
        clock: when to ask.
        sockets: the hub, once there is one.
        forget: drops what is remembered of all sessions.
    """

    def __init__(
        self,
        accounts: AccountStore,
        clock: Clock,
        sockets: Callable[[], Sockets | None],
        forget: Callable[[], None],
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._sockets = sockets
        self._forget = forget
        self._seen: int | None = None  # `AccountStore.revocations` up to which all sockets were looked at

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            await self._clock.sleep_ms(LOOK_MS)
            try:
                await self.look()
            except (
                StoreError
            ) as exc:  # the next look begins where this one did; new sockets need the store as well
                log.debug("sessions_not_checked", error=exc.message)

    async def look(self) -> None:
        """Look once; ask for every open socket if any session has ended since the last look.

        Raises:
            StoreError: it cannot be read now.
        """
        revocations = await self._accounts.revocations()
        if revocations == self._seen:
            return
        await self._ask()
        self._seen = revocations

    async def _ask(self) -> None:
        """Close what has ended."""
        self._forget()
        sockets = self._sockets()
        if sockets is None:
            return
        families = sorted(sockets.families())
        for start in range(0, len(families), CHUNK):
            chunk = families[start : start + CHUNK]
            ended = set(chunk) - await self._accounts.standing(chunk)
            if ended:
                sockets.close_families(ended)
