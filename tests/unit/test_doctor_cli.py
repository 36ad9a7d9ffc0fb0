"""`pingme doctor` as a command: what it prints, its exit codes, and that it leaves nothing behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pingme.cli.app import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in a folder of its own, on free ports; return (exit code, out, err)."""
    monkeypatch.chdir(tmp_path)
    for name in ("APP_CONF", "APP_ENV", "JWT_SECRET"):
        monkeypatch.delenv(name, raising=False)

    def call(*args: str, **environ: str) -> tuple[int, str, str]:
        given = {
            "APP_PORT": "0",
            "PINGME_METRICS__PORT": "0",
            "PINGME_APP__DATA_DIR": str(tmp_path / "data"),
            **environ,
        }
        with monkeypatch.context() as patch:
            for name, value in given.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["pingme", "doctor", *args])
            with pytest.raises(SystemExit) as leaving:
                main()
        captured = capsys.readouterr()
        return int(leaving.value.code or 0), captured.out, captured.err

    return call


def test_before_the_first_start_nothing_is_made(run: Run, tmp_path: Path) -> None:
    """Every group is looked at, and the folder stays as empty as it was."""
    code, out, err = run()

    assert (code, err) == (0, "")
    headings = [line for line in out.splitlines() if line and not line.startswith(" ")]
    assert headings[:-1] == [
        "settings", "server", "ports", "exposure", "secrets", "folder", "disk", "sqlite", "database", "machine",
        "python",
    ]  # fmt: skip
    assert headings[-1].endswith("0 to repair")
    assert list(tmp_path.iterdir()) == []


def test_scripts_get_one_object(run: Run) -> None:
    """Counts and findings, each with its name, status, text and fix."""
    code, out, _ = run("--json")

    report = json.loads(out)
    assert code == 0
    assert report["fail"] == 0
    assert report["ok"] + report["warn"] == len(report["findings"])
    assert report["status"] in {"ok", "warn"}
    for finding in report["findings"]:
        assert set(finding) == {"check", "status", "text", "fix"}
        assert bool(finding["fix"]) == (finding["status"] != "ok")


def test_a_misspelt_key_is_told_with_its_place(run: Run, tmp_path: Path) -> None:
    """Exit code 1; what does not hang on the settings is looked at all the same."""
    (tmp_path / "mine.yml").write_text("app:\n  prot: 8080\n", encoding="utf-8")

    code, out, _ = run("mine.yml", "--json")

    report = json.loads(out)
    broken = next(each for each in report["findings"] if each["check"] == "settings.file")
    assert (code, report["status"], broken["status"]) == (1, "fail", "fail")
    assert 'mine.yml:2: app.prot: unknown key; did you mean "port"?' in broken["text"]
    assert {"python.version", "sqlite.features"} <= {each["check"] for each in report["findings"]}


def test_a_variable_that_is_no_setting_is_told(run: Run) -> None:
    """As the server would refuse it."""
    code, out, _ = run(PINGME_APP__PROT="1")

    assert code == 1
    assert "environment: PINGME_APP__PROT: unknown variable" in out


def test_a_file_that_is_not_there_is_told(run: Run) -> None:
    """The doctor names it and goes on."""
    code, out, _ = run("none.yml")

    assert code == 1
    assert "none.yml" in out


def test_an_unknown_option_is_a_mistake_of_the_command_line(run: Run) -> None:
    """Exit code 2."""
    code, _, err = run("--jsn")

    assert code == 2
    assert "--jsn" in err
