"""`pingme bench` where something is in the way: files, folders, commands, signals."""

from __future__ import annotations

import json
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pingme.cli.app import app
from pingme.cli.bench.app import ended_in_order
from pingme.cli.bench.document import FORMAT, make_folder
from pingme.cli.bench.filler import fill, spread
from pingme.cli.bench.output import check_outputs, give_out
from pingme.cli.bench.run import Place
from pingme.cli.bench.server import BenchServer, Cores, ending_signals
from pingme.domain.errors import PingMeError


@pytest.fixture
def usual_signals() -> Any:
    """SIGHUP as a terminal has it, whatever the tests run under."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("option", ["--out", "--report"])
def test_a_file_that_cannot_be_written_is_told_before_the_run(tmp_path: Path, option: str):
    """Nothing is measured for nothing."""
    arguments = ["bench", "pairs", option, str(tmp_path / "none" / "file"), "--server-command", "none"]

    result = CliRunner().invoke(app, arguments)

    assert str(result.exception) == f"{option}: cannot write {tmp_path}/none/file: No such file or directory"


def test_looking_whether_a_file_can_be_written_leaves_it_as_it_is(tmp_path: Path):
    """A new one is not there afterwards, an old one keeps what it has."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("kept")

    check_outputs(old, new)

    assert (old.read_text(), new.exists()) == ("kept", False)


def test_a_document_that_cannot_be_written_after_the_run_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """The folder is gone meanwhile, or the disk is full: what was measured is not lost."""
    document = {"format": FORMAT, "runs": []}

    written = give_out(document, out=tmp_path / "gone" / "a.json", report=None, as_json=False)

    shown = capsys.readouterr()
    assert not written
    assert json.loads(shown.out) == document
    assert "error: --out: cannot write" in shown.err


@pytest.mark.parametrize("option", ["data_dir", "parent"])
def test_a_file_is_no_folder(tmp_path: Path, option: str):
    """The error names the option."""
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(PingMeError, match=r"^--d.*: cannot write to .*file: File exists$"):
        make_folder(Place(**{option: file}))


def test_a_store_of_other_people_is_not_touched_unasked(tmp_path: Path):
    """The bench's own is, and with --add any other."""
    fill(tmp_path, spread(20, 2), lambda *_: None)
    make_folder(Place(data_dir=tmp_path))
    with sqlite3.connect(tmp_path / "pingme.db") as store:
        store.execute("UPDATE users SET user_id = 'u1' WHERE user_id = 'ubench000000'")

    with pytest.raises(PingMeError, match="1 accounts that are not the bench's"):
        make_folder(Place(data_dir=tmp_path))
    make_folder(Place(data_dir=tmp_path, add=True))


def test_a_new_data_folder_is_for_its_owner_alone(tmp_path: Path):
    """As the server makes it."""
    assert make_folder(Place(data_dir=tmp_path / "new")).stat().st_mode & 0o777 == 0o700


def test_a_command_that_is_not_there_is_told(tmp_path: Path):
    """With its name; so is one that a shell could not read."""
    with (
        pytest.raises(PingMeError, match="cannot start the server, no-such-command: No such file"),
        BenchServer(tmp_path / "data", cores=Cores(), command="no-such-command"),
    ):
        pass
    with pytest.raises(PingMeError, match="No closing quotation"):
        BenchServer(tmp_path / "data", cores=Cores(), command="'open")


def test_a_document_that_was_cut_cannot_be_compared(tmp_path: Path):
    """The error names the files."""
    cut = tmp_path / "cut.json"
    cut.write_text(json.dumps({"format": FORMAT, "runs": [{}]}))

    result = CliRunner().invoke(app, ["bench", "compare", str(cut), str(cut)])

    assert isinstance(result.exception, PingMeError)
    assert f"{cut} is not whole" in str(result.exception)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.usefixtures("usual_signals")
def test_a_run_that_is_ended_leaves_nothing_behind(number: signal.Signals):
    """SIGTERM and a closed terminal end it as Ctrl-C does, through every cleaning up."""
    before = signal.getsignal(number)

    with pytest.raises(KeyboardInterrupt), ended_in_order():
        signal.raise_signal(number)

    assert signal.getsignal(number) is before


@pytest.mark.usefixtures("usual_signals")
def test_nohup_keeps_a_run_going():
    """Where SIGHUP is ignored it stays so, in the bench and the demo."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with ended_in_order():
        signal.raise_signal(signal.SIGHUP)

    assert ending_signals() == [signal.SIGTERM]
