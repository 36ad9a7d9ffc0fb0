"""How many HTTP sockets may be open at once, and which one gives way when one more comes.

Whoever has not sent a whole request gives way, the one that has waited longest first: kept connections that ask nothing
now, as clients expect of them, and requests that come too slowly. So a flood of such sockets keeps nobody out who asks
at once.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Protocol

LAST_WORDS = 128  # sockets above the bound that are told so; further ones are cut without a word


class GivesWay(Protocol):
    """A socket without a whole request."""

    def give_way(self) -> None:
        """End; it is called once."""
        ...


class HttpRoom:
    """The bound of one port.

    Args:
        sockets: open ones, at most: `limits.http_connections`.
    """

    def __init__(self, sockets: int) -> None:
        self.sockets = sockets
        self._waiting: dict[GivesWay, None] = {}  # in the order of time

    def wait(self, socket: GivesWay) -> None:
        """From now on it may have to give way."""
        self._waiting.pop(socket, None)
        self._waiting[socket] = None

    def keep(self, socket: GivesWay) -> None:
        """Its request is here, or it is gone: it gives way no more."""
        self._waiting.pop(socket, None)

    def is_free(self, others: Sized) -> bool:
        """Tell whether one more may come, making room if need be.

        Args:
            others: the sockets that are open.
        """
        if len(others) < self.sockets:
            return True
        oldest = next(iter(self._waiting), None)
        if oldest is None:
            return False
        del self._waiting[oldest]
        oldest.give_way()
        return True
