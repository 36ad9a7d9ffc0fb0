"""What every scenario takes on the command line, declared once."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

SECONDS_MAX = 24 * 3600
PAYLOAD_MAX = 8_192  # `websocket.max_message_size`

Rate = Annotated[
    float,
    typer.Option(
        min=0,
        max=10_000_000,
        help="Open loop: so many a second in all, latency from the intended time. 0 = closed loop.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The options that all scenarios share."""

    seconds: Annotated[float, typer.Option(min=0.1, max=SECONDS_MAX, help="Measured time of a run.")] = 5.0
    warmup: Annotated[
        float, typer.Option(min=0, max=SECONDS_MAX, help="Seconds of load before it is measured.")
    ] = 1.5
    processes: Annotated[int, typer.Option(min=1, max=64, help="Load processes.")] = 1
    payload_bytes: Annotated[
        int, typer.Option(min=16, max=PAYLOAD_MAX, help="Bytes of each message's content.")
    ] = 64
    ids: Annotated[
        Literal["time", "random"],
        typer.Option(help="msg_ids: ordered by time (UUIDv7), or random, which is harder for the store."),
    ] = "time"
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Use this data folder and keep it; users and messages are added to what is there."),
    ] = None
    add: Annotated[
        bool, typer.Option("--add", help="Use a --data-dir that is somebody's: users are added, and stay.")
    ] = False
    dir: Annotated[
        Path | None, typer.Option(help="Where new data folders are made: the disk that is measured.")
    ] = None
    prepared_messages: Annotated[
        int, typer.Option(min=0, max=1_000_000_000, help="Fill the store up to so many messages first.")
    ] = 0
    prepared_conversations: Annotated[
        int, typer.Option(min=0, max=10_000_000, help="Their private chats; 0 = one for each 100 messages.")
    ] = 0
    pin: Annotated[bool, typer.Option(help="Server on one core, load on the others.")] = True
    config: Annotated[
        Path | None,
        typer.Option(
            help="Use the MySQL, Redis and Kafka of this configuration, with a database and topics of the bench's own."
        ),
    ] = None
    nodes: Annotated[int, typer.Option(min=1, max=64, help="Servers that share them.")] = 1
    cross: Annotated[
        bool, typer.Option(help="With several nodes: the two sides of a chat are at different ones.")
    ] = True
    keep: Annotated[bool, typer.Option(help="With --config: leave the bench's database and topics.")] = False
    server_command: Annotated[str, typer.Option(help="Another command that serves.")] = ""
    out: Annotated[Path | None, typer.Option(help="Write everything to this JSON file.")] = None
    report: Annotated[Path | None, typer.Option(help="Write a report with plots to this HTML file.")] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False


def command_line(name: str, parameters: Mapping[str, inspect.Parameter], given: Mapping[str, Any]) -> str:
    """Return the command that gives the same again: every option that is not at its default."""
    words = ["pingme", "bench", name]
    for key, value in given.items():
        flag = "--json" if key == "as_json" else f"--{key.replace('_', '-')}"
        if value == parameters[key].default:
            continue
        if isinstance(value, bool):
            words.append(flag if value else _flag_for_false(flag, parameters[key]))
        else:
            words += [flag, f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join(words)


def _flag_for_false(flag: str, parameter: inspect.Parameter) -> str:
    """Return what says no: a name of its own where the option has one (``--both/--one-way``)."""
    for info in getattr(parameter.annotation, "__metadata__", ()):
        for given in getattr(info, "param_decls", None) or ():
            if "/" in given:
                return str(given).partition("/")[2]
    return f"--no-{flag[2:]}"


Scenario = Callable[..., None]


def scenario(app: typer.Typer, name: str) -> Callable[[Scenario], Scenario]:
    """Register a function as a command that has the common options too.

    The function is called with `Common`, the command line that repeats the run, and its own options by name.
    """

    def register(function: Scenario) -> Scenario:
        hints = get_type_hints(Common, include_extras=True)
        own = list(inspect.signature(function, eval_str=True).parameters.values())[2:]
        shared = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
                annotation=hints[field.name],
            )
            for field in fields(Common)
        ]
        signature = inspect.Signature([*own, *shared])

        def run(**given: Any) -> None:
            repeat = command_line(name, signature.parameters, given)
            common = Common(**{field.name: given.pop(field.name) for field in fields(Common)})
            function(common, repeat, **given)

        run.__signature__ = signature  # type: ignore[attr-defined]  # what Typer reads
        run.__annotations__ = {}
        run.__doc__ = function.__doc__
        app.command(name)(run)
        return function

    return register
