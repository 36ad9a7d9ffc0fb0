"""The root of the command line. It knows the name of every command and loads only the one that is called.

`pingme --help` must stay under 0.25 s, so this module imports nothing heavy, and the help of the root comes
from COMMANDS instead of the modules.
"""

from __future__ import annotations

import gc
import importlib
import sys
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

import pingme
from pingme.domain.errors import PingMeError

# Objects between young collections. What loading a command makes will stay, so looking through it again and again, as
# with the default 700, is for nothing.
GC_THRESHOLD = 50_000


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives, and the line that the help shows for it.

    The module exports `app`, a `typer.Typer`: with one command and no callback for a single command.
    """

    module: str
    help: str


COMMANDS: dict[str, Entry] = {
    "serve": Entry("pingme.cli.serve", "Start the server."),
    "chat": Entry("pingme.cli.chat", "Chat in this terminal."),
    "send": Entry("pingme.cli.send", "Send one message, from a script or by hand."),
    "user": Entry("pingme.cli.user", "Create, list, disable and enable accounts; set passwords."),
    "dlq": Entry("pingme.cli.dlq", "List, show, replay and purge dead letters."),
    "db": Entry("pingme.cli.db", "Back up, restore, verify and move the store."),
    "demo": Entry(
        "pingme.cli.demo.command", "Show people, groups and a lively room, on a server of its own."
    ),
    "bench": Entry("pingme.cli.bench.app", "Measure a server of its own."),
    "doctor": Entry("pingme.cli.doctor.command", "Look at everything a server needs, and say what to do."),
    "top": Entry("pingme.cli.top.command", "Show what the running server does, second by second."),
    "config": Entry("pingme.cli.config", "Check, show and document the settings."),
}


class LazyGroup(TyperGroup):
    """A group whose members are names with a help line until one of them is called."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["commands"] = {
            name: TyperCommand(name, help=entry.help, add_help_option=False)
            for name, entry in COMMANDS.items()
        }
        super().__init__(**kwargs)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return (name, command, remaining arguments) of the command that was called, now loaded."""
        name, known, rest = super().resolve_command(ctx, args)
        return name, known and load_command(name or ""), rest


def load_command(name: str) -> Any:
    """Import a command's module and return its command object."""
    module = importlib.import_module(COMMANDS[name].module)
    command = typer.main.get_command(module.app)
    command.name = name
    # Completion is installed once, for the root.
    command.params = [param for param in command.params if not str(param.name).endswith("_completion")]
    return command


def print_version(wanted: bool) -> None:
    """Print the version and leave, when `--version` was given."""
    if wanted:
        typer.echo(f"pingme {pingme.__version__}")
        raise typer.Exit


app = typer.Typer(
    name="pingme",
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,  # importing Rich for the help alone costs as much as everything else together
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """PingMe: your own chat server.

    `pingme serve` starts it, `pingme chat` talks to it.
    """
    del version  # its callback has done it


def main() -> None:
    """Run the command line; an error that PingMe or the system raised is one line on stderr and exit code 1."""
    gc.set_threshold(GC_THRESHOLD)
    try:
        app()
    except PingMeError as error:
        _fail(str(error))
    except OSError as error:  # a broken pipe is Typer's, which ends quietly
        reason = error.strerror or str(error) or type(error).__name__
        _fail(f"{error.filename}: {reason}" if error.filename is not None else reason)
    except UnicodeError as error:
        _fail(str(error))


def _fail(text: str) -> NoReturn:
    print(f"error: {text}", file=sys.stderr)
    sys.exit(1)
