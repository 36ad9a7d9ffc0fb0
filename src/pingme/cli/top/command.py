"""`pingme top`: rates, lag and queues of the running server.

Exit codes: 0 seen enough; 1 no server answers (`--once`); 2 the command line is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import Annotated, Any

import typer

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def top(
    *,
    interval: Annotated[
        float, typer.Option(min=0.2, max=3600, help="Seconds between two looks, and of which the rates are.")
    ] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print the figures of one interval and end.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: one object, or without --once one a line.")
    ] = False,
) -> None:
    """Show what the running server does: rates, latencies, queues, connections, memory.

    In a terminal the page is drawn anew each interval: q quits, p holds it. In a pipe each interval is a line. A server
    that goes away is waited for. The server is that of the data folder which the settings name.
    """
    from pingme.cli.admin import call_server  # noqa: PLC0415  # --help needs neither
    from pingme.cli.top.watch import ANSWER_WITHIN_S  # noqa: PLC0415
    from pingme.config import load_settings  # noqa: PLC0415

    settings = load_settings()

    async def ask() -> dict[str, Any]:
        return await call_server(settings, "server.status", {}, answer_within_s=ANSWER_WITHIN_S)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(ask, interval=interval, once=once, as_json=as_json))


async def _run(ask: Any, *, interval: float, once: bool, as_json: bool) -> None:
    from rich.console import Console  # noqa: PLC0415  # --help needs neither

    from pingme.cli.top import watch  # noqa: PLC0415
    from pingme.cli.top.screen import page  # noqa: PLC0415

    if once:
        shown = await watch.once(ask, interval_s=interval)
        if as_json:
            print(json.dumps(shown, indent=2, ensure_ascii=False))
            return
        console = Console(highlight=False)
        history = [shown["rates"]["messages"]]
        console.print(page(shown, history, width=console.width), no_wrap=True, overflow="crop")
    elif as_json or not watch.is_terminal():
        try:
            await watch.stream(ask, interval_s=interval, as_json=as_json)
        except BrokenPipeError:  # head has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    else:
        await watch.live(ask, Console(highlight=False), interval_s=interval)
