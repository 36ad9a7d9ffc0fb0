"""`pingme bench` against real servers, small and short: it runs, what it says is whole, and it finds a liar."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

PROGRAM = "from pingme.cli.app import main; main()"
# A server that says it has stored a message and never pushes it: the 40th push of its life is no bytes at all.
LIAR = """
import pingme.wire.encode as encode
true, count = encode.event_frame, [0]
def event_frame(event):
    count[0] += 1
    return b"" if count[0] == 40 else true(event)
encode.event_frame = event_frame
"""


async def bench(*arguments: str, folder: Path) -> tuple[int | None, str, str]:
    """Run `pingme bench` and return its exit code and what it printed."""
    process = await start(*arguments, folder=folder)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def start(*arguments: str, folder: Path) -> asyncio.subprocess.Process:
    command = (sys.executable, "-c", PROGRAM, "bench", *arguments, "--dir", str(folder))
    return await asyncio.create_subprocess_exec(
        *command, stdout=PIPE, stderr=PIPE, cwd=folder, preexec_fn=heed_interrupts
    )


def heed_interrupts() -> None:
    """Undo what shells do for commands in the background: their SIGINT is ignored, and so by all their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def run(*arguments: str, folder: Path) -> dict[str, Any]:
    """Run one scenario for a second and return its record, complete and good."""
    short = ("--seconds", "1", "--warmup", "0.3", "--json")

    code, out, err = await bench(*arguments, *short, folder=folder)

    assert (code, err) == (0, ""), err
    document = json.loads(out)
    assert document["format"] == "pingme-bench/1"
    assert {"machine", "versions", "conditions", "disk", "command"} <= document.keys()
    (record,) = document["runs"]
    assert record["figure"] > 0
    assert record["elapsed_s"] > 0
    assert record["server"]["cpu_s"] > 0
    assert record["server"]["rss_peak_bytes"] >= record["server"]["rss_before_bytes"] > 1 << 20
    assert record["verified"]["good"], record["verified"]
    assert left_in(folder) == []  # the server and its data folder are gone
    return record


async def test_pairs_over_two_processes(tmp_path: Path):
    """Every message that was sent is acknowledged and delivered."""
    record = await run("pairs", "--pairs", "5", "--processes", "2", folder=tmp_path)

    assert record["settings"]["processes"] == 2
    assert record["verified"]["acked"] == record["verified"]["sent"] > 100
    assert record["latency"]["ack"]["p999_ms"] >= record["latency"]["ack"]["p50_ms"] > 0
    assert record["latency"]["delivery"]["count"] > 0


async def test_an_open_loop_keeps_its_rate(tmp_path: Path):
    """Sends leave at the rate, whatever the answers do; how late the load was is told."""
    record = await run("pairs", "--pairs", "5", "--rate", "200", "--ids", "random", folder=tmp_path)

    assert record["loop"] == "open"
    assert record["verified"]["sent"] >= 200
    assert record["load"]["late_p99_ms"] is not None


async def test_a_group_spread_over_processes(tmp_path: Path):
    """Every member but the sender gets every message, whichever process the member is in."""
    record = await run(
        "groups",
        "--members",
        "20",
        "--senders",
        "3",
        "--processes",
        "2",
        "--payload-bytes",
        "500",
        folder=tmp_path,
    )

    assert record["unit"] == "deliveries/s"
    assert record["verified"]["recipients"] == 20


async def test_the_mix(tmp_path: Path):
    """Messages, receipts, history and connects have latencies of their own."""
    record = await run("mixed", "--rate", "400", folder=tmp_path)

    assert {"ack", "delivery", "receipt", "history", "connect"} <= record["latency"].keys()


@pytest.mark.parametrize("more", [(), ("--sync",), ("--rate", "100")])
async def test_connects(tmp_path: Path, more: tuple[str, ...]):
    """Everybody is connected at the end."""
    record = await run("connect", "--connections", "60", "--processes", "2", *more, folder=tmp_path)

    assert record["latency"]["connect"]["count"] == 60


async def test_idle_connections_cost_memory(tmp_path: Path):
    """The figure is the growth of the server's memory by connections."""
    record = await run("idle", "--connections", "300", folder=tmp_path)

    assert record["server"]["bytes_per_connection"] == record["figure"]


async def test_a_sync_storm(tmp_path: Path):
    """Each alone, then all at once, while a healthy client pings."""
    record = await run("sync", "--users", "3", "--conversations", "60", folder=tmp_path)

    assert record["latency"]["sync, one by one"]["count"] == 3
    assert record["latency"]["sync, all at once"]["count"] == 3
    assert record["latency"]["ping, all at once"]["count"] > 0


async def test_starts_with_a_kill_between(tmp_path: Path):
    """Each start is timed twice; what was acknowledged before the kill is there after it."""
    record = await run("start", "--starts", "2", "--pairs", "5", folder=tmp_path)

    assert record["unit"] == "ms"
    assert [latency["count"] for latency in record["latency"].values()] == [2, 2]
    assert record["figure"] == record["latency"]["ready after kill"]["p50_ms"] > 100


async def test_history_on_a_kept_folder(tmp_path: Path):
    """A folder that was filled by one run serves the next; its user keeps it."""
    kept, temporary = tmp_path / "kept", tmp_path / "temporary"
    temporary.mkdir()
    where = ("--data-dir", str(kept), "--prepared-messages", "600", "--prepared-conversations", "20")

    await run("history", "--conversations", "20", "--depth", "30", *where, folder=temporary)
    record = await run("pairs", "--pairs", "3", *where, folder=temporary)

    assert record["verified"]["acked"] > 0
    assert (kept / "pingme.db").is_file()


async def test_files_and_the_report_and_compare(tmp_path: Path):
    """JSON and the page are written; two runs can be put side by side."""
    folder = tmp_path / "work"
    folder.mkdir()
    first, second, page = (tmp_path / name for name in ("a.json", "b.json", "a.html"))
    short = ("pairs", "--pairs", "2", "--seconds", "0.5", "--warmup", "0")

    one = await bench(*short, "--out", str(first), "--report", str(page), folder=folder)
    two = await bench(*short, "--out", str(second), folder=folder)
    compared = await compare(first, second)

    assert (one[0], one[2], two[0]) == (0, "", 0)
    assert "checked" in one[1]
    assert f"repeat    pingme bench pairs --pairs 2 --seconds 0.5 --warmup 0 --dir {folder}" in one[1]
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert compared[0] == 0
    assert "messages/s" in compared[1]


async def compare(first: Path, second: Path) -> tuple[int | None, str]:
    command = (sys.executable, "-c", PROGRAM, "bench", "compare", str(first), str(second))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def test_a_server_that_loses_a_message_fails_the_run(tmp_path: Path):
    """Acknowledged, stored and never pushed to anybody: the run says so and exits with 1."""
    liar = tmp_path / "liar.py"
    liar.write_text(f"{LIAR}\nimport sys\nsys.argv = ['pingme', 'serve']\n{PROGRAM}\n")
    command = f"{sys.executable} {liar}"
    short = ("--seconds", "0.5", "--warmup", "0", "--json", "--server-command", command)

    code, out, _ = await bench("groups", "--members", "40", *short, folder=tmp_path)

    (record,) = json.loads(out)["runs"]
    assert code == 1
    assert not record["verified"]["good"]
    assert record["verified"]["faults"] == {"lost": 39}


async def test_a_server_that_does_not_start_is_an_error(tmp_path: Path):
    """Its last words are told, and no figure is."""
    short = ("--server-command", f"{sys.executable} -c 'raise SystemExit(\"no luck\")'")

    code, out, err = await bench("pairs", *short, folder=tmp_path)

    assert code == 1
    assert "no luck" in err
    assert "messages/s" not in out


async def test_an_interrupt_leaves_nothing_behind(tmp_path: Path):
    """Ctrl-C ends the load and the server, and removes the data folder."""
    process = await start("pairs", "--pairs", "2", "--seconds", "60", folder=tmp_path)
    async with asyncio.timeout(60):
        while (server := holder_of(tmp_path)) in {0, process.pid}:  # noqa: ASYNC110  # see below
            await asyncio.sleep(0.05)  # another process's start can only be looked for
        process.send_signal(signal.SIGINT)
        await process.communicate()

    assert process.returncode not in {0, None}
    assert left_in(tmp_path) == []
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def holder_of(folder: Path) -> int:
    """Return the process that holds the lock of the bench's data folder; 0 while there is none."""
    for lock in folder.glob("*/data/pingme.lock"):
        text = lock.read_text()
        return int(text) if text.strip() else 0
    return 0


def left_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]
