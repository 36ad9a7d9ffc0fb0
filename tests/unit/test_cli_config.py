"""The command line's root and `pingme config`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import pingme
from pingme.cli.app import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command line in an empty folder with only the given variables; return (exit code, out, err)."""
    monkeypatch.chdir(tmp_path)

    def call(*args: str, **environ: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            for name in ("APP_CONF", "APP_ENV", "JWT_SECRET"):
                patch.delenv(name, raising=False)
            for name, value in environ.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["pingme", *args])
            with pytest.raises(SystemExit) as leaving:
                main()
        captured = capsys.readouterr()
        return int(leaving.value.code or 0), captured.out, captured.err

    return call


def test_the_help_lists_every_command(run):
    """Each command stands in the help with its line."""
    code, out, _ = run("--help")

    assert code == 0
    for name, entry in COMMANDS.items():
        assert f"  {name} " in out
        assert entry.help in out


def test_the_help_loads_no_command():
    """The root's help imports neither pydantic, FastAPI nor any command's module."""
    script = (
        "import sys; from pingme.cli.app import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pydantic', 'fastapi', 'uvicorn', 'textual', 'rich', 'asyncio', 'pingme.cli.config'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))\n"
    )

    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert out.endswith("loaded: []\n")


def test_a_server_loads_nothing_for_show(tmp_path: Path):
    """Serving loads neither Rich nor, without a file, PyYAML, nor the drivers of engines that nobody chose."""
    script = (
        "import sys; from pingme.cli import serve; serve._load_lean()\n"
        "import pingme.bootstrap.server\n"
        "from pingme.config import load_settings; load_settings(environ={})\n"
        "heavy = {'rich', 'yaml', 'textual', 'cryptography', 'redis', 'asyncmy', 'confluent_kafka', 'pingme.cli.bench'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))\n"
    )

    command = [sys.executable, "-c", script]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout

    assert out.endswith("loaded: []\n")


def test_the_version_is_printed(run):
    """--version prints name and version."""
    assert run("--version") == (0, f"pingme {pingme.__version__}\n", "")


def test_an_unknown_command_is_a_usage_error_with_the_nearest_name(run):
    """Exit code 2, and the suggestion."""
    code, _, err = run("conifg")

    assert code == 2
    assert "Did you mean 'config'?" in err


def test_an_error_is_one_line_and_exit_code_1(run):
    """What PingMe raises on purpose has no traceback."""
    code, out, err = run("config", "check", APP_PORT="http")

    assert (code, out) == (1, "")
    assert err == 'error: environment: APP_PORT: app.port: expected whole number, 0 to 65535, got "http"\n'


def test_check_prints_the_file_and_the_engines(run, tmp_path):
    """Check says which file counts and what it selects."""
    (tmp_path / "my.yml").write_text("database:\n  host: db\nkafka:\n  brokers: [a:9092]\n", encoding="utf-8")

    code, out, _ = run("config", "check", APP_CONF="my.yml", REDIS_HOST="cache")

    assert code == 0
    for text in ("my.yml", "2 by the file, 1 by the environment", "MySQL db:3306/im", "Kafka a:9092"):
        assert text in out
    assert "Redis cache:6379/0" in out
    assert out.endswith("good\n")


def test_check_takes_a_file(run, tmp_path):
    """A file given as argument is the one that is checked."""
    (tmp_path / "bad.yml").write_text("app:\n  prot: 1\n", encoding="utf-8")

    code, _, err = run("config", "check", "bad.yml")

    assert (code, err) == (1, 'error: bad.yml:2: app.prot: unknown key; did you mean "port"?\n')


def test_show_names_every_source_and_hides_secrets(run, tmp_path):
    """Show has value and source of each setting, and no secret."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "local.yml").write_text("app:\n  name: Ours\n", encoding="utf-8")

    code, out, _ = run("config", "show", "--json", JWT_SECRET="not to be seen", APP_PORT="8123")

    report = json.loads(out)
    assert code == 0
    assert report["app.name"] == {"value": "Ours", "source": "config/local.yml:2"}
    assert report["app.port"] == {"value": 8123, "source": "environment: APP_PORT"}
    assert report["metrics.port"] == {"value": 9090, "source": "default"}
    assert report["jwt.secret"]["value"] == report["database.password"]["value"] == "********"
    assert "not to be seen" not in out


def test_show_prints_a_line_for_each_setting(run):
    """Without --json the same stands in columns."""
    _, out, _ = run("config", "show", REDIS_PASSWORD="not to be seen")

    lines = out.splitlines()
    assert any(line.split() == ["limits.outbox_bytes", "1048576", "default"] for line in lines)
    assert any(
        line.split(maxsplit=2)[1] == '"********"' for line in lines if line.startswith("redis.password")
    )


def test_docs_prints_the_tables(run):
    """Docs prints what docs/configuration.md holds."""
    _, out, _ = run("config", "docs")

    assert out in (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_docs_refuses_a_document_without_markers(run, tmp_path):
    """--write changes nothing where it does not find its place."""
    (tmp_path / "a.md").write_text("mine", encoding="utf-8")

    code, _, err = run("config", "docs", "--write", "a.md")

    assert code == 1
    assert "expected the markers" in err
    assert (tmp_path / "a.md").read_text(encoding="utf-8") == "mine"
