"""`pingme bench`: put load on a server of its own and measure it; docs/bench.md.

Exit codes: 0 measured, and everything received was right; 1 not measured, or something was lost, repeated or
reordered; 2 the command line is wrong.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pingme.cli.bench.options import Common, Rate, scenario
from pingme.domain.errors import PingMeError

if TYPE_CHECKING:
    from pingme.cli.bench.job import Settings
    from pingme.cli.bench.plans import Plan

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Measure a server of its own: throughput, latency, CPU, memory; and check everything received.",
)

Pairs = Annotated[int, typer.Option(min=1, max=100_000, help="Private chats.")]
Both = Annotated[bool, typer.Option("--both/--one-way", help="Both sides of a chat send, or one.")]
Groups = Annotated[int, typer.Option(min=1, max=100_000, help="Groups.")]
Members = Annotated[int, typer.Option(min=2, max=100_000, help="Members of each group.")]
Senders = Annotated[int, typer.Option(min=1, max=1_000, help="Members of each group who send.")]
InFlight = Annotated[
    int, typer.Option(min=1, max=10_000, help="Unanswered messages of each sender, in the closed loop.")
]
GroupInFlight = Annotated[
    int, typer.Option(min=1, max=10_000, help="Unanswered messages of each group, in the closed loop.")
]
AtOnce = Annotated[int, typer.Option(min=1, max=10_000, help="Connects at once, in the closed loop.")]
Connections = Annotated[int, typer.Option(min=1, max=1_000_000, help="Connections.")]


@scenario(app, "pairs")
def pairs(
    common: Common,
    repeat: str,
    *,
    pairs: Pairs = 100,
    both: Both = True,
    in_flight: InFlight = 8,
    rate: Rate = 0.0,
) -> None:
    """Private chats: a message counts when it is acknowledged and delivered."""
    from pingme.cli.bench.plans import pairs_plan  # noqa: PLC0415  # --help needs none of these

    settings = settings_of(common, in_flight=in_flight, rate=rate)
    run_all([pairs_plan(settings, pairs=pairs, both=both, processes=common.processes)], common, repeat)


@scenario(app, "groups")
def groups(
    common: Common,
    repeat: str,
    *,
    groups: Groups = 1,
    members: Members = 200,
    senders: Senders = 1,
    in_flight: GroupInFlight = 16,
    rate: Rate = 0.0,
) -> None:
    """Groups: deliveries per second, one for each member but the sender."""
    from pingme.cli.bench.plans import groups_plan  # noqa: PLC0415  # --help needs none of these

    if senders > in_flight and not rate:
        raise typer.BadParameter(
            f"--in-flight {in_flight} is of the whole group: less than --senders {senders}"
        )
    settings = settings_of(common, in_flight=in_flight, rate=rate)
    plan = groups_plan(settings, groups=groups, members=members, senders=senders, processes=common.processes)
    run_all([plan], common, repeat)


@scenario(app, "fanout")
def fanout(
    common: Common,
    repeat: str,
    *,
    groups: Groups = 10,
    members: Annotated[str, typer.Option(help="Members of each group: sizes, by commas.")] = "2,20,200",
    rate: Annotated[
        float, typer.Option(min=1, max=1_000_000, help="Messages a second, the same for each size.")
    ] = 200.0,
) -> None:
    """Groups of several sizes at one rate: what a message costs each process and engine, side by side."""
    from pingme.cli.bench.plans import groups_plan  # noqa: PLC0415  # --help needs none of these

    sizes = sizes_of(members)
    settings = settings_of(common, in_flight=1, rate=rate)
    plans = [
        groups_plan(settings, groups=groups, members=size, senders=1, processes=common.processes)
        for size in sizes
    ]
    run_all(plans, common, repeat)


@scenario(app, "connect")
def connect(
    common: Common,
    repeat: str,
    *,
    connections: Connections = 10_000,
    in_flight: AtOnce = 200,
    rate: Rate = 0.0,
    sync: Annotated[bool, typer.Option(help="Each also syncs before it counts.")] = False,
) -> None:
    """A connect storm: upgrade, auth and auth_ok, as fast as it goes or at a rate."""
    from pingme.cli.bench.plans import connect_plan  # noqa: PLC0415  # --help needs none of these

    settings = settings_of(common, in_flight=in_flight, rate=rate, extra={"sync": sync})
    run_all([connect_plan(settings, connections=connections, processes=common.processes)], common, repeat)


@scenario(app, "idle")
def idle(common: Common, repeat: str, *, connections: Connections = 10_000) -> None:
    """Open connections that do nothing: the server's memory for each."""
    from pingme.cli.bench.plans import idle_plan  # noqa: PLC0415  # --help needs none of these

    settings = settings_of(common, in_flight=200, rate=0.0)
    run_all([idle_plan(settings, connections=connections, processes=common.processes)], common, repeat)


@scenario(app, "mixed")
def mixed(
    common: Common,
    repeat: str,
    *,
    units: Annotated[
        int, typer.Option(min=1, max=1_000, help="So many times 200 users, in chats and groups.")
    ] = 1,
    rate: Annotated[
        float, typer.Option(min=1, max=1_000_000, help="Requests a second, of every kind.")
    ] = 1000.0,
) -> None:
    """What people do, at a fixed rate: chats, groups of 10, 50 and 200, receipts, typing, history, connects."""
    from pingme.cli.bench.plans import mixed_plan  # noqa: PLC0415  # --help needs none of these

    settings = settings_of(common, in_flight=1, rate=rate)
    run_all([mixed_plan(settings, units=units, processes=common.processes)], common, repeat)


@scenario(app, "sync")
def sync(
    common: Common,
    repeat: str,
    *,
    users: Annotated[int, typer.Option(min=1, max=10_000, help="Users who sync.")] = 10,
    conversations: Annotated[int, typer.Option(min=1, max=100_000, help="Conversations of each.")] = 1_000,
    messages_each: Annotated[
        int, typer.Option(min=1, max=10_000, help="Messages in each conversation.")
    ] = 20,
) -> None:
    """A sync storm: users with many conversations catch up, one by one, then all at once."""
    from pingme.cli.bench.plans import sync_plan  # noqa: PLC0415  # --help needs none of these

    settings = settings_of(common, in_flight=1, rate=0.0)
    plan = sync_plan(settings, users=users, conversations=conversations, messages_each=messages_each)
    run_all([plan], common, repeat)


@scenario(app, "history")
def history(
    common: Common,
    repeat: str,
    *,
    conversations: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Private chats to read in.")
    ] = 1_000,
    depth: Annotated[int, typer.Option(min=2, max=1_000_000, help="Messages in each.")] = 200,
    in_flight: Annotated[
        int, typer.Option(min=1, max=10_000, help="Pages asked for at once, in the closed loop.")
    ] = 8,
    rate: Rate = 0.0,
) -> None:
    """Pages of 50 messages, anywhere in a chat."""
    from pingme.cli.bench.plans import history_plan  # noqa: PLC0415  # --help needs none of these

    settings = settings_of(common, in_flight=in_flight, rate=rate)
    plan = history_plan(settings, conversations=conversations, depth=depth, processes=common.processes)
    run_all([plan], common, repeat)


@scenario(app, "start")
def start(
    common: Common,
    repeat: str,
    *,
    starts: Annotated[int, typer.Option(min=1, max=1_000, help="How often.")] = 5,
    pairs: Pairs = 100,
    in_flight: InFlight = 8,
) -> None:
    """How soon a server is ready, after a clean stop and after kill -9; between the two, private chats."""
    from pingme.cli.bench.plans import start_plan  # noqa: PLC0415  # --help needs none of these

    if common.config is not None:
        raise typer.BadParameter("pingme bench start measures the embedded store: leave --config out")
    settings = settings_of(common, in_flight=in_flight, rate=0.0)
    run_all([start_plan(settings, starts=starts, pairs=pairs, processes=common.processes)], common, repeat)


@scenario(app, "all")
def everything(common: Common, repeat: str) -> None:
    """Every scenario once with its usual sizes, and private chats also at a calm rate."""
    from pingme.cli.bench.suite import suite  # noqa: PLC0415  # --help needs none of these

    plans = suite(settings_of(common, in_flight=8, rate=0.0), common.processes)
    if common.config is not None:  # a store outside the servers does not start with them
        plans = [plan for plan in plans if plan.scenario != "start"]
    run_all(plans, common, repeat)


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(metavar="A.json", help="Made by --out.")],
    after: Annotated[Path, typer.Argument(metavar="B.json", help="Made by --out.")],
) -> None:
    """Show two documents side by side: ratios, and every difference of machine and settings."""
    from pingme.cli.bench.compare import lines_of, read_document  # noqa: PLC0415  # --help needs none of these

    one, other = read_document(before), read_document(after)
    try:
        lines = list(lines_of(one, other))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as exc:
        raise PingMeError(
            f"{before} or {after} is not whole ({type(exc).__name__}: {exc}): expected what --out wrote"
        ) from exc
    print("\n".join(lines))


def sizes_of(text: str) -> list[int]:
    """Return the sizes in ``2,20,200``.

    Raises:
        typer.BadParameter: it is something else.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 2 <= int(part) <= 100_000 for part in parts):
        raise typer.BadParameter(f"--members: expected sizes from 2 to 100000, such as 2,20,200, got {text}")
    return [int(part) for part in parts]


def settings_of(
    common: Common, *, in_flight: int, rate: float, extra: dict[str, object] | None = None
) -> Settings:
    """Return what the load processes need of the options."""
    from pingme.cli.bench.job import Settings  # noqa: PLC0415  # --help needs none of these

    return Settings(
        seconds=common.seconds,
        warmup_s=common.warmup,
        in_flight=in_flight,
        rate=rate,
        payload_bytes=common.payload_bytes,
        ordered_ids=common.ids == "time",
        extra=extra or {},
    )


def run_all(plans: list[Plan], common: Common, repeat: str) -> None:
    """Run plans, show and write what came out; exit 1 when something received was wrong."""
    from pingme.cli.bench.document import execute, is_good  # noqa: PLC0415
    from pingme.cli.bench.output import check_outputs, give_out  # noqa: PLC0415
    from pingme.cli.bench.run import Place  # noqa: PLC0415  # --help needs none of these
    from pingme.cli.bench.server import choose_cores  # noqa: PLC0415

    place = Place(
        data_dir=common.data_dir,
        parent=common.dir,
        prepared_messages=common.prepared_messages,
        prepared_conversations=common.prepared_conversations,
        cores=choose_cores(pin=common.pin and common.config is None),
        command=common.server_command,
        config=common.config,
        nodes=common.nodes,
        cross=common.cross,
        keep=common.keep,
        add=common.add,
    )
    if common.nodes > 1 and common.config is None:
        raise typer.BadParameter("--nodes: several nodes share engines: name them with --config FILE")
    check_outputs(common.out, common.report)
    with ended_in_order():
        document = execute(plans, place, command=repeat, quiet=common.as_json)
    written = give_out(document, out=common.out, report=common.report, as_json=common.as_json)
    if not (written and is_good(document)):
        raise typer.Exit(1)


@contextlib.contextmanager
def ended_in_order() -> Iterator[None]:
    """Let SIGTERM, and SIGHUP where nohup has not had it ignored, end the block as Ctrl-C does: nothing stays behind."""
    from pingme.cli.bench.server import ending_signals  # noqa: PLC0415  # --help needs none of these

    previous = {number: signal.signal(number, signal.default_int_handler) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
