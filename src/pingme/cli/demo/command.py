"""`pingme demo`: people, groups and a lively room to look at.

Exit codes: 0 ended by Ctrl+C or after --seconds; 1 it could not be set up, or the server ended; 2 the command line is wrong.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def demo(
    *,
    server: Annotated[
        str | None, typer.Option(help="http://host:port of a server to fill, instead of one of its own.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Data folder to fill, kept at the end, instead of a temporary one.")
    ] = None,
    add: Annotated[
        bool, typer.Option("--add", help="Fill a server or a folder that is somebody's: accounts are added.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port of its own server; else any free one.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, max=31_536_000, help="End by itself after so long; else at Ctrl+C.")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0.1, max=50, help="How fast people are: 1 as people, 5 five times that.")
    ] = 1.0,
    quiet_room: Annotated[
        bool, typer.Option("--quiet-room", help="Nobody talks any more: only the history is there.")
    ] = False,
    password: Annotated[
        str | None, typer.Option(help="Of all the accounts; else one is made up. At least 8 characters.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another number, another history.")] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON when everything is there.")
    ] = False,
) -> None:
    """Show PingMe at work: people, groups, private chats, and a lively room, on a server that goes with it.

    13 people with a past, who go on talking, typing, reading, coming and going, and answer you. Ctrl+C ends it.
    """
    from pingme.cli.demo.run import Wanted, check_wanted, make_password, run  # noqa: PLC0415  # --help needs none
    from pingme.cli.profiles import spare_loopback  # noqa: PLC0415  # as above

    wanted = Wanted(
        server=server,
        data_dir=data_dir.absolute() if data_dir is not None else None,
        add=add,
        port=port,
        seconds=seconds,
        speed=speed,
        quiet_room=quiet_room,
        password=password or make_password(),
        seed=seed,
        as_json=as_json,
    )
    check_wanted(wanted)
    spare_loopback()
    asyncio.run(run(wanted))
