"""`pingme chat`: chat in this terminal."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

MISSING = "The terminal client needs one more package: pip install '.[tui]' in the folder of PingMe's sources, or make chat"

NO_TERMINAL = "error: pingme chat needs a terminal for input and output; in scripts use pingme send"


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
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(NO_TERMINAL, file=sys.stderr)
        raise typer.Exit(2)
    from pingme.cli.profiles import BadServer, Profiles, server_of, spare_loopback  # noqa: PLC0415  # only needed now
    from pingme.cli.tui.hangup import end_with_terminal  # noqa: PLC0415  # as above

    try:
        server_of(server)
    except BadServer as error:
        raise typer.BadParameter(error.message) from error
    spare_loopback()
    end_with_terminal()
    chat_app = ChatApp(Profiles(), server=server, username=username, fresh=login)
    chat_app.run()
    raise typer.Exit(chat_app.return_code or 0)
