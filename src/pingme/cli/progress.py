"""A progress bar on stderr for calls that take long; nothing where nobody watches."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Report = Callable[[Mapping[str, Any]], None]


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Report]:
    """Show a bar while the block runs; the block gets a function for reports ``{phase?, done, total}``.

    ``phase`` names what is being done, when a call has several parts; a new one starts a new bar.

    Args:
        label: shown before the first phase.
    """
    if not sys.stderr.isatty():
        yield lambda _report: None
        return
    from rich.console import Console  # noqa: PLC0415  # slow to load, and not needed in a pipe
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:

        def report(update: Mapping[str, Any]) -> None:
            phase = str(update.get("phase", label))
            if phase not in tasks:
                tasks[phase] = bar.add_task(phase, total=None)
            bar.update(tasks[phase], completed=float(update["done"]), total=float(update["total"]) or None)

        yield report
