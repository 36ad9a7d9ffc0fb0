"""`pingme doctor`: look at everything a server needs, and say what to do.

Exit codes: 0 nothing has to be repaired (warnings count as that); 1 something has; 2 the command line is wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pingme.cli.doctor.findings import Check, Finding, run_checks, worst

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

INDENT = " " * 8  # of what belongs to the line above
COLOURS = {"ok": typer.colors.GREEN, "warn": typer.colors.YELLOW, "fail": typer.colors.RED}


@app.command()
def doctor(
    file: Annotated[
        Path | None, typer.Argument(help="The settings to read instead of $APP_CONF or config/local.yml.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look at settings, ports, data folder, disk, store, secrets, machine and libraries; say what to do.

    Works beside a running server, which is asked for what it knows, and without one. Nothing is changed; a small file
    is written to the data folder, to time its disk, and removed. Exit code 1 when something has to be repaired.
    """
    findings = []
    group = ""
    for finding in examine(file):
        findings.append(finding)
        if not as_json:
            group = _show(finding, group)
    status = worst(findings)
    counts = {name: sum(each.status == name for each in findings) for name in ("ok", "warn", "fail")}
    if as_json:
        report = {"status": status, **counts, "findings": [asdict(each) for each in findings]}
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        print(f"\n{counts['ok']} ok, {counts['warn']} to think about, {counts['fail']} to repair")
    raise typer.Exit(1 if status == "fail" else 0)


def examine(file: Path | None) -> Iterator[Finding]:
    """Yield every finding; with settings that cannot be read, of the rest what does not hang on them."""
    from pingme.cli.doctor import database, engines, folder, machine, server, settings  # noqa: PLC0415  # --help needs none
    from pingme.config import ConfigError, load_with_sources  # noqa: PLC0415

    try:
        loaded = load_with_sources(path=file)
    except ConfigError as error:
        yield settings.broken(error)
        yield from run_checks([("sqlite", database.check_sqlite), *_machine()])
        return
    chosen = loaded.settings
    stranger = folder.check_stranger(chosen.data_dir)
    if stranger is not None:
        own: list[tuple[str, Check]] = [
            ("settings", lambda: settings.check_settings(loaded, os.environ)),
            ("exposure", lambda: settings.check_exposure(chosen)),
            ("folder", lambda: [stranger]),
            ("sqlite", database.check_sqlite),
            ("engines", lambda: engines.check_engines(chosen)),
            *_machine(),
        ]
        yield from run_checks(own)
        return
    running = server.ask_server(chosen)
    checks: list[tuple[str, Check]] = [
        ("settings", lambda: settings.check_settings(loaded, os.environ)),
        ("settings.logging", lambda: settings.check_log_file(chosen)),
        ("server", lambda: server.check_server(running)),
        ("ports", lambda: server.check_ports(chosen, running)),
        ("exposure", lambda: settings.check_exposure(chosen)),
        ("secrets", lambda: settings.check_secrets(loaded)),
        ("folder", lambda: folder.check_folder(chosen)),
        ("disk", lambda: folder.check_disk(chosen)),
        ("disk.fsync", lambda: folder.check_fsync(chosen)),
        ("sqlite", database.check_sqlite),
        ("database", lambda: database.check_database(chosen, server_runs=bool(running.pid))),
        ("engines", lambda: engines.check_engines(chosen)),
        ("machine.files", lambda: machine.check_files(chosen)),
        *_machine(),
    ]
    yield from run_checks(checks)


def _machine() -> list[tuple[str, Check]]:
    from pingme.cli.doctor import machine  # noqa: PLC0415  # --help needs it not

    return [
        ("machine.memory", machine.check_memory),
        ("machine.clock", machine.check_clock),
        ("machine.loop", machine.check_loop),
        ("python", machine.check_python),
    ]


def _show(finding: Finding, group: str) -> str:
    """Print a finding as it comes, under a heading per group; return its group."""
    own = finding.check.partition(".")[0]
    if own != group:
        print(f"\n{own}" if group else own)
    mark, lines = f"{finding.status:<4}", [finding.text]
    if sys.stdout.isatty():
        if "NO_COLOR" not in os.environ:
            mark = typer.style(mark, fg=COLOURS[finding.status], bold=finding.status == "fail")
        width = max(20, shutil.get_terminal_size().columns - len(INDENT))
        lines = textwrap.wrap(finding.text, width, break_long_words=False, break_on_hyphens=False)
    print(f"  {mark}  " + f"\n{INDENT}".join(lines))
    if finding.fix:
        print(f"{INDENT}fix: {finding.fix}")  # one line, however long, so that it can be copied
    sys.stdout.flush()
    return own
