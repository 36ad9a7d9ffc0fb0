"""`pingme doctor` beside the real server."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from tests.conversations.server import ServerProcess, free_port


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def test_a_running_server_is_asked_and_left_alone(tmp_path: Path):
    """Its ports are its own, its store is whole, and its folder has the files that it had."""
    data = tmp_path / "data"
    metrics = str(free_port())
    async with ServerProcess(data, {"PINGME_METRICS__PORT": metrics}) as server:
        before = names(data)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from pingme.cli.app import main; main()", "doctor", "--json"),
            stdout=PIPE,
            env={
                "APP_HOST": "127.0.0.1",
                "APP_PORT": str(server.port),
                "PINGME_METRICS__PORT": metrics,
                "PINGME_APP__DATA_DIR": str(data),
                "PATH": "/usr/bin:/bin",
            },
            cwd=tmp_path,
        )
        out, _ = await process.communicate()
        after = names(data)
        pid = server.pid

    report = json.loads(out)
    found = {each["check"]: each for each in report["findings"]}
    assert (process.returncode, report["fail"]) == (0, 0)
    assert f"runs (pid {pid}" in found["server.answers"]["text"]
    for check in ("ports.app", "ports.metrics"):
        assert (found[check]["status"], f"held by this server (pid {pid})" in found[check]["text"]) == (
            "ok",
            True,
        )
    assert [found[f"database.{part}"]["status"] for part in ("schema", "integrity")] == ["ok", "ok"]
    assert after == before
