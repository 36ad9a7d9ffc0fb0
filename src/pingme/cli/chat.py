"""`pingme chat`: chat in this terminal."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

MISSING = "The terminal client needs one more package: pip install '.[tui]' in the folder of PingMe's sources, or make chat"


@app.command()
def chat(
    *,
    server: Annotated[
        str | None, typer.Option(help="http://host:port; else $PINGME_SERVER, else the last one.")
    ] = None,
    username: Annotated[str | None, typer.Option(help="Whose session to go on with.")] = None,
    login: Annotated[bool, typer.Option("--login", help="Begin with the login screen.")] = False,
) -> None:
    """Chat in this terminal. F1 shows the keys; the session is kept for the next time."""
    try:
        from pingme.cli.tui.app import ChatApp  # noqa: PLC0415  # slow to load, and an extra
    except ModuleNotFoundError as exc:
        if exc.name is None or not exc.name.startswith("textual"):
            raise
        print(MISSING, file=sys.stderr)
        raise typer.Exit(1) from None
    from pingme.cli.profiles import Profiles  # noqa: PLC0415  # only needed now
    from pingme.cli.tui.hangup import end_with_terminal  # noqa: PLC0415  # as above

    end_with_terminal()
    ChatApp(Profiles(), server=server, username=username, fresh=login).run()
