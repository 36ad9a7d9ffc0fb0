"""A terminal that is closed takes the terminal client with it, also where no signal comes."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

import pytest

from pingme.cli.tui.hangup import EXIT_STATUS

WITHIN_S = 20.0
CLIENT = "from pingme.cli.app import main; main()"
WATCHER = "import sys, time; from pingme.cli.tui.hangup import end_with_terminal; end_with_terminal(); {}"


def start(program: str, *arguments: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start Python at a new terminal, in a session of its own and deaf to SIGHUP; return it and the terminal's other end."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{program}", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env=os.environ | {"TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(theirs)
    return process, ours


def read_until(terminal: int, text: bytes) -> None:
    """Read what is shown until it has this text."""
    shown = b""
    while text not in shown:
        shown += os.read(terminal, 65_536)


def test_the_process_ends_though_its_main_thread_is_stuck():
    """As SIGHUP would end it."""
    process, terminal = start(WATCHER.format("print('ready', flush=True); time.sleep(600)"))
    read_until(terminal, b"ready\r\n")  # the whole line, or its print may meet the closed terminal

    os.close(terminal)

    try:
        assert process.wait(WITHIN_S) == EXIT_STATUS == 128 + signal.SIGHUP
    finally:
        process.kill()


def test_without_a_terminal_nothing_is_watched():
    """Input from a pipe may end, and the program goes on."""
    program = WATCHER.format("print(sys.stdin.read() + 'still here')")

    out = subprocess.run(
        [sys.executable, "-c", program], input="", capture_output=True, text=True, check=True
    )

    assert out.stdout == "still here\n"


@pytest.mark.slow
def test_a_signal_ends_the_client_as_its_key_does(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """SIGTERM gives the terminal back: the other screen is left, and the exit status says why."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    process, terminal = start(CLIENT, "chat", "--server", "http://127.0.0.1:1")
    read_until(terminal, b"Create account")

    process.send_signal(signal.SIGTERM)

    try:
        read_until(terminal, b"\x1b[?1049l")
        assert process.wait(WITHIN_S) == 128 + signal.SIGTERM
    finally:
        process.kill()
        os.close(terminal)


@pytest.mark.slow
def test_what_is_no_address_ends_the_client_at_once(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """A wrong command line is exit status 2."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    process, terminal = start(CLIENT, "chat", "--server", "http://127.0.0.1:abc")

    try:
        read_until(terminal, b"expected http://host:port")
        assert process.wait(WITHIN_S) == 2
    finally:
        process.kill()
        os.close(terminal)


@pytest.mark.slow
def test_the_client_ends_with_its_window(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """The whole of `pingme chat`, at its first screen."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    process, terminal = start(CLIENT, "chat", "--server", "http://127.0.0.1:1")
    read_until(terminal, b"Create account")

    os.close(terminal)

    try:
        assert process.wait(WITHIN_S) == EXIT_STATUS
    finally:
        process.kill()
