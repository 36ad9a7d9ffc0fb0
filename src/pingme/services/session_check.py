"""Asks the store which sessions still stand, while revocations of other nodes may not be heard.

While live push is connected a revocation arrives at once, and the store is asked now and then only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog

from pingme.domain.errors import StoreError
from pingme.ports.accounts import AccountStore
from pingme.ports.clock import Clock
from pingme.ports.push import LivePush

log = structlog.get_logger(__name__)

TICK_MS = 500  # how soon a break is noticed; with the 1.5 s of `LivePush.connected` it makes the promised 2 s
CUT_OFF_MS = 1_000  # between questions while nothing is heard
CONNECTED_MS = 30_000  # between questions otherwise: for a notice that its own node could not send
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
        push: tells whether other nodes are heard.
        clock: when to ask.
        sockets: the hub, once there is one.
        forget: drops what is remembered of all sessions.
    """

    def __init__(
        self,
        accounts: AccountStore,
        push: LivePush,
        clock: Clock,
        sockets: Callable[[], Sockets | None],
        forget: Callable[[], None],
    ) -> None:
        self._accounts = accounts
        self._push = push
        self._clock = clock
        self._sockets = sockets
        self._forget = forget
        self._asked_ms = clock.monotonic_ms()
        self._cut_off = False

    async def run(self) -> None:
        """Ask when it is due, for ever."""
        while True:
            await self._clock.sleep_ms(TICK_MS)
            await self.turn()

    async def turn(self) -> None:
        """Ask if it is due: at once after a break and after its end, then from time to time."""
        cut_off = not self._push.connected
        every_ms = CUT_OFF_MS if cut_off else CONNECTED_MS
        due = cut_off != self._cut_off or self._clock.monotonic_ms() - self._asked_ms >= every_ms
        self._cut_off = cut_off
        if not due:
            return
        self._asked_ms = self._clock.monotonic_ms()
        try:
            await self.ask()
        except StoreError as exc:
            log.debug(
                "sessions_not_checked", error=exc.message
            )  # asked again; new sockets need the store as well

    async def ask(self) -> None:
        """Ask once, and close what has ended.

        Raises:
            StoreError: it cannot be read now.
        """
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
