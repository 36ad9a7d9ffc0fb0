"""`pingme serve`: the server."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import typer

from pingme.config import Settings, load_settings

app = typer.Typer(help="Run the server.", no_args_is_help=False)

GC_THRESHOLD = 50_000  # objects between young collections: the default 700 costs a tenth of a busy loop
SWITCH_INTERVAL_S = 0.001  # so that the writer thread gets the interpreter back soon; docs/adr/0003


@app.command()
def serve() -> None:
    """Run the server until it is interrupted; settings come from the file and the environment."""
    settings = load_settings()
    raise typer.Exit(run(settings))


def run(settings: Settings) -> int:
    """Serve in this process; return the exit status."""
    _load_lean()
    from pingme.edge.logs import configure_logging  # noqa: PLC0415  # keeps --help fast

    configure_logging(settings.logging.level, settings.logging.format, settings.logging.output)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(settings))


def _load_lean() -> None:
    """Load two libraries without what they would load and never use here.

    Rich behind structlog draws tracebacks, which our log does not (0.05 s of the start); cryptography behind PyJWT is for
    other algorithms than ours (9 MB, 0.03 s). Both stay there for whoever needs them.
    """
    for library, unused in (("structlog", "rich"), ("jwt", "cryptography")):
        loaded = unused in sys.modules
        if not loaded:
            sys.modules[unused] = None  # type: ignore[assignment]  # as if it were not installed
        try:
            importlib.import_module(library)
        finally:
            if not loaded:
                del sys.modules[unused]


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415  # not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(settings: Settings) -> int:
    from pingme.bootstrap.server import ServerApp, serve  # noqa: PLC0415  # the whole server
    from pingme.cli.signals import Signals  # noqa: PLC0415  # loads the logs

    stop = asyncio.Event()
    Signals(stop).install()

    def ready(server: ServerApp) -> None:
        # What lives from here on is short-lived: do not look through the modules again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        _greet(settings, server.port)

    return await serve(settings, ready=ready, stop=stop)


def _greet(settings: Settings, port: int) -> None:
    """Say where the server is; one whose standard output is full or closed serves all the same."""
    address = f"http://{_host_shown(settings.app.host)}:{port}"
    try:
        typer.echo(f"{settings.app.name} serves on {address}  (data in {settings.data_dir}, Ctrl-C stops)")
        typer.echo(f"  open {address} in a browser, or chat here: pingme chat --server {address}")
    except OSError:
        # What could not be written would be tried again, and fail, when the process ends.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # until the end


def _host_shown(host: str) -> str:
    """Return a host as it stands in an address."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104  # compared, not bound
        return "localhost"
    return f"[{host}]" if ":" in host else host
