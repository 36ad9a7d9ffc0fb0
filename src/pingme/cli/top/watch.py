"""Ask, show, wait, again: until somebody has seen enough."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from pingme.cli.top.figures import Figures
from pingme.cli.top.keys import keys
from pingme.cli.top.screen import line, page
from pingme.domain.errors import PingMeError

if TYPE_CHECKING:
    from rich.console import Console

Ask = Callable[[], Awaitable[dict[str, Any]]]
"""Return the server's status; raises PingMeError when there is none within `ANSWER_WITHIN_S`."""

ANSWER_WITHIN_S = 5.0


class Watch:
    """The figures of one server, and what is known of its absence.

    Args:
        ask: asks the server.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.figures = Figures()
        self.shown: dict[str, Any] | None = None
        self.away = ""

    async def look(self) -> None:
        """Ask once; a server that does not answer is `away`, and its last figures stay."""
        try:
            self.shown, self.away = self.figures.add(await self._ask()), ""
        except PingMeError as exc:
            self.away = str(exc)


async def once(ask: Ask, *, interval_s: float) -> dict[str, Any]:
    """Return the figures of one interval.

    Raises:
        PingMeError: no server answers.
    """
    figures = Figures()
    figures.add(await ask())
    await asyncio.sleep(interval_s)
    return figures.add(await ask())


async def stream(ask: Ask, *, interval_s: float, as_json: bool) -> None:
    """Print one line per interval, for ever; the first one after one interval, as rates need two answers.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    watch = Watch(ask)
    await watch.look()
    while True:
        await asyncio.sleep(interval_s)
        await watch.look()
        print(
            _as_json(watch) if as_json else line(watch.shown, away=watch.away, at_s=time.time()), flush=True
        )


def _as_json(watch: Watch) -> str:
    shown = {"away": watch.away, "now_ms": time.time_ns() // 1_000_000} if watch.away else watch.shown
    return json.dumps(shown, ensure_ascii=False)


async def live(ask: Ask, console: Console, *, interval_s: float) -> None:
    """Show the page until q or a signal; p holds it, while figures are still taken."""
    from rich.live import Live  # noqa: PLC0415  # slow to load, and a pipe has no use for it

    watch, stop, paused = Watch(ask), asyncio.Event(), False
    view = Live(console=console, screen=True, auto_refresh=False, transient=True)

    def show() -> None:
        hint = f"q quit   p {'go on' if paused else 'pause'}   every {interval_s:g} s" + (
            "   PAUSED" if paused else ""
        )
        history = list(watch.figures.history)
        size = {"width": console.width, "height": console.height}
        view.update(page(watch.shown, history, **size, away=watch.away, hint=hint), refresh=True)

    def press(key: str) -> None:
        nonlocal paused
        if key in {"q", "Q"}:
            stop.set()
        elif key in {"p", "P"}:
            paused = not paused
            show()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with keys(press), view:
        show()
        loop.add_signal_handler(signal.SIGWINCH, show)
        while not stop.is_set():
            await watch.look()
            if not paused:
                show()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), interval_s)
        loop.remove_signal_handler(signal.SIGWINCH)


def is_terminal() -> bool:
    """Return True when somebody looks at standard output."""
    return sys.stdout.isatty()
