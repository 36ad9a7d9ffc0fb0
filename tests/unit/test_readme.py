"""The tour of README.md runs as it stands and prints what it shows."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conversations.server import ServerProcess

README = Path(__file__).resolve().parent.parent.parent / "README.md"
BLOCKS = re.findall(
    r"^```(bash|json|python)\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
END = "--- end of block ---"


def shape(value: object) -> object:
    """Return the keys and types of a JSON value."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return type(value).__name__


def script(port: int) -> tuple[str, list[object]]:
    """Return the blocks as one shell script, and what each is said to print (None: nothing)."""
    lines = ["set -eu"]
    expected: list[object] = []
    for language, text in BLOCKS:
        block = text.replace("localhost:8080", f"127.0.0.1:{port}")
        if language == "json":
            expected[-1] = json.loads(block)
            continue
        if language == "python":
            block = f"{sys.executable} - <<'PYTHON'\n{block}PYTHON\n"
        lines.append(f"{block}printf '\\n%s\\n' '{END}'")
        expected.append(None)
    return "\n".join(lines), expected


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")
async def test_the_tour_prints_what_it_shows(tmp_path: Path):
    """Every block of the tour succeeds, and its output has the printed shape and texts."""
    async with ServerProcess(tmp_path / "data") as server:
        text, expected = script(server.port)
        done = await asyncio.to_thread(
            subprocess.run,
            ["bash", "-c", text],
            cwd=tmp_path,
            env=os.environ | {"NO_PROXY": "*", "no_proxy": "*"},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    printed = [part.strip() for part in done.stdout.split(END)[:-1]]
    assert len(printed) == len(expected)
    for got, wanted in zip(printed, expected, strict=True):
        if wanted is None:
            assert not got
        else:
            assert shape(json.loads(got)) == shape(wanted)
    assert '"content":"hello bob"' in printed[3]


def test_the_readme_begins_with_the_two_commands():
    """Who reads ten lines knows how to run and how to test it."""
    opening = "\n".join(README.read_text(encoding="utf-8").splitlines()[:12])

    assert "make run" in opening
    assert "make test" in opening
