"""`pingme serve` where the machine does not let it, and errors of the system in front of every command."""

from __future__ import annotations

import asyncio
import errno
import io
import sys
from pathlib import Path

import pytest

from pingme.bootstrap import server
from pingme.bootstrap.server import bind
from pingme.cli import app as root
from pingme.cli import serve
from pingme.config import AppSettings, Settings
from pingme.domain.errors import PingMeError


def test_a_port_is_had_once() -> None:
    """From `bind` on, and not only from the first accept on: two starts at once do not both serve."""
    with bind("127.0.0.1", 0) as first, pytest.raises(PingMeError, match="is taken"):
        bind("127.0.0.1", first.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "shown"),
    [("0.0.0.0", "localhost"), ("::", "localhost"), ("::1", "[::1]"), ("10.1.2.3", "10.1.2.3")],
)
def test_the_greeting_has_an_address_to_click(
    host: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An IPv6 address stands in brackets."""
    serve._greet(Settings(app=AppSettings(host=host)), 8080)

    out = capsys.readouterr().out
    assert f"serves on http://{shown}:8080  " in out
    assert f"pingme chat --server http://{shown}:8080\n" in out


class Full(io.StringIO):
    """A file on a disk that is full."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_standard_output_ends_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads the greeting, and nothing of it is tried again, and fails, at the end."""
    full = Full()
    monkeypatch.setattr(sys, "stdout", full)

    serve._greet(Settings(), 8080)

    assert sys.stdout is not full
    sys.stdout.close()


def test_a_data_folder_that_cannot_be_made_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file is where its parent should be."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("PINGME_APP__DATA_DIR", str(tmp_path / "file" / "data"))
    monkeypatch.setenv("PINGME_METRICS__PORT", "0")
    monkeypatch.setattr(serve, "run", _serve)

    assert main_with(monkeypatch, "serve") == 1
    err = capsys.readouterr().err
    assert err.startswith("error: cannot use the data folder")
    assert err.count("\n") == 1


def _serve(settings: Settings) -> int:
    """Serve without what `run` changes of the process."""
    return asyncio.run(server.serve(settings, ready=lambda _: None, stop=asyncio.Event()))


def main_with(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Run the command line; return its exit status."""
    monkeypatch.setattr(sys, "argv", ["pingme", *arguments])
    with pytest.raises(SystemExit) as leaving:
        root.main()
    return leaving.value.code


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/srv/x"), "error: /srv/x: Permission denied\n"),
        (OSError(errno.ENOSPC, "No space left on device"), "error: No space left on device\n"),
        (UnicodeError("label empty or too long"), "error: label empty or too long\n"),
        (TimeoutError(), "error: TimeoutError\n"),
    ],
)
def test_an_error_of_the_system_is_one_line(
    error: Exception, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and no traceback."""

    def fails() -> None:
        raise error

    monkeypatch.setattr(root, "app", fails)

    assert main_with(monkeypatch) == 1
    assert capsys.readouterr().err == line
