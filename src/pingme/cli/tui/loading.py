"""Loads the history of the open conversation, page by page, and tries again where that failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import Screen
from textual.timer import Timer

from pingme.cli.tui.desk import Desk
from pingme.cli.tui.text import clean
from pingme.domain.errors import PingMeError
from pingme.sdk import ServerUnreachable

RETRY_S = 1.0  # between attempts to load the newest messages without a connection
RETRY_REFUSED_S = 10.0  # and where the server answered that it will not: it rarely changes its mind


class Loader:
    """One page at a time, always of the conversation that is open.

    Args:
        screen: runs the work, and tells what went wrong.
        desk: takes the pages.
        changed: called when there is something to draw.
    """

    def __init__(self, screen: Screen[Any], desk: Desk, changed: Callable[[], None]) -> None:
        self._screen = screen
        self._desk = desk
        self._changed = changed
        self._current: str | None = None
        self._is_loading = False
        self._retry: Timer | None = None
        self._told: str | None = None  # the conversation of which it was said that it does not load

    def open(self, conversation_id: str) -> None:
        """This conversation is shown from now on: load its newest messages unless they are there."""
        self._current, self._told = conversation_id, None
        self.begin()

    def begin(self) -> None:
        """Load the newest messages of the open conversation unless they are there."""
        if self._current is not None and not self._desk.feed(self._current).loaded:
            self._load(self._current)

    def older(self) -> None:
        """Load the page before what is loaded."""
        if self._current is not None and self._desk.feed(self._current).loaded:
            self._load(self._current)

    def _load(self, conversation_id: str) -> None:
        if not self._is_loading:
            self._is_loading = True
            self._screen.run_worker(self._load_page(conversation_id), group="load")

    async def _load_page(self, conversation_id: str) -> None:
        error: PingMeError | None = None
        try:
            if await self._desk.load(conversation_id):
                await self._desk.load_receipts(conversation_id)
        except PingMeError as exc:
            error = exc
        finally:
            self._is_loading = False
        if self._retry is not None:
            self._retry.stop()
            self._retry = None
        if conversation_id != self._current:
            self.begin()  # it could not while this page was on its way
        elif error is not None:
            self._retry = self._screen.set_timer(self._tell(conversation_id, error), self.begin)
        else:
            self._told = None
            self.begin()  # the store has a new epoch since this page was asked for
        self._changed()

    def _tell(self, conversation_id: str, error: PingMeError) -> float:
        """Say once why there is no history, unless the banner says it; return the seconds until the next try."""
        if isinstance(error, ServerUnreachable) or not self._desk.client.is_online:
            return RETRY_S
        if self._told != conversation_id:
            self._told = conversation_id
            self._screen.notify(f"history: {clean(error.message)}", severity="warning", markup=False)
        return RETRY_REFUSED_S
