"""What a run leaves: text or JSON on stdout, a document, a page. An hour of measuring is not lost for a full disk."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pingme.domain.errors import PingMeError


def check_outputs(out: Path | None, report: Path | None) -> None:
    """Raise `PingMeError` before the run where a file could not be written after it."""
    for option, file in (("--out", out), ("--report", report)):
        if file is not None:
            check_file(option, file)


def check_file(option: str, file: Path) -> None:
    """Raise `PingMeError` where a file cannot be written; what stands in it stays."""
    is_new = not file.exists()
    if not is_new and not (file.is_file() or file.is_dir()):  # a pipe would wait for its reader
        return
    try:
        with file.open("ab"):
            pass
        if is_new:
            file.unlink()
    except OSError as exc:
        raise PingMeError(f"{option}: cannot write {file}: {exc.strerror}") from exc


def give_out(document: dict[str, Any], *, out: Path | None, report: Path | None, as_json: bool) -> bool:
    """Write and print what was asked for; a document that cannot be written is printed. Return whether all was written."""
    from pingme.cli.bench.report import write_report  # noqa: PLC0415  # only with --report

    written = out is None or _try("--out", out, lambda: write_json(document, out))
    if as_json or not written:
        print_json(document)
    if report is not None:
        written &= _try("--report", report, lambda: write_report(document, report))
    return written


def _try(option: str, file: Path, write: Callable[[], None]) -> bool:
    try:
        write()
    except OSError as exc:
        print(f"error: {option}: cannot write {file}: {exc.strerror}", file=sys.stderr)
        return False
    return True


def write_json(document: dict[str, Any], file: Path) -> None:
    """Write the document to a file."""
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def print_json(document: dict[str, Any]) -> None:
    """Print the document on stdout."""
    json.dump(document, sys.stdout, indent=1)
    print()
