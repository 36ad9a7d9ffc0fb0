"""The admin socket, its caller, and the lock on the data folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import stat
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest
import structlog

from pingme.adapters.data_lock import LOCK_NAME, DataFolderInUse, DataLock, holder_of
from pingme.cli import admin as cli_admin
from pingme.cli.admin import CallFailed, NoAnswer, call, call_server, find_socket
from pingme.config import AppSettings, Settings
from pingme.domain.errors import ErrorCode, PingMeError, Refused
from pingme.edge.admin import CONNECTIONS_MAX, REFUSALS_MAX, REQUEST_MAX_BYTES, AdminServer
from pingme.edge.logs import HANDLER


def settings_for(folder: Path) -> Settings:
    """Settings whose data folder is this one."""
    return Settings(app=AppSettings(data_dir=folder))


async def echo(arguments, progress):
    for step in range(arguments.get("steps", 0)):
        progress({"done": step})
    return {"arguments": arguments}


async def refuse(arguments, progress):
    raise Refused(ErrorCode.NOT_FOUND, "no such dead letter")


async def explode(arguments, progress):
    raise RuntimeError("content that nobody should see")


HANDLERS = {"echo": echo, "refuse": refuse, "explode": explode}


@pytest.fixture
def logging_restored():
    """Undo what `configure_logging` sets up."""
    root = logging.getLogger()
    level = root.level
    yield
    for handler in [each for each in root.handlers if each.get_name() == HANDLER]:
        root.removeHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


@contextlib.asynccontextmanager
async def serving(folder: Path, handlers=None):
    server = AdminServer(folder / "admin.sock", handlers or HANDLERS)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def ask(folder: Path, line: bytes) -> list[dict]:
    """Send one line and return all lines of the answer."""
    reader, writer = await asyncio.open_unix_connection(str(find_socket(folder)))
    writer.write(line)
    await writer.drain()
    answer = await reader.read()
    writer.close()
    return [json.loads(each) for each in answer.splitlines()]


async def call_in_thread(folder: Path, name: str, arguments: dict, **options):
    return await asyncio.to_thread(call, settings_for(folder), name, arguments, **options)


async def test_a_call_is_answered_with_its_progress(tmp_path):
    """Progress lines come first and in order, then the result."""
    async with serving(tmp_path):
        answer = await ask(tmp_path, b'{"call": "echo", "arguments": {"steps": 2}}\n')

    assert answer == [
        {"progress": {"done": 0}},
        {"progress": {"done": 1}},
        {"ok": {"arguments": {"steps": 2}}},
    ]


async def test_errors_of_the_table_reach_the_caller(tmp_path):
    """A refusal keeps its code and text; an unknown call and a broken request are told apart."""
    async with serving(tmp_path):
        (refused,) = await ask(tmp_path, b'{"call": "refuse"}\n')
        (unknown,) = await ask(tmp_path, b'{"call": "format.disk"}\n')
        (broken,) = await ask(tmp_path, b"GET / HTTP/1.1\n")
        (shapeless,) = await ask(tmp_path, b'{"call": 7}\n')

    assert refused == {"error": {"code": 10005, "message": "no such dead letter"}}
    assert unknown["error"]["code"] == 10005
    assert broken["error"]["code"] == shapeless["error"]["code"] == 10002


async def test_an_exception_is_logged_and_not_shown(tmp_path):
    """A handler's bug is answered 10001 without its text, and the server goes on."""
    async with serving(tmp_path):
        (failed,) = await ask(tmp_path, b'{"call": "explode"}\n')
        answer = await ask(tmp_path, b'{"call": "echo"}\n')

    assert failed["error"]["code"] == 10001
    assert "content" not in failed["error"]["message"]
    assert answer == [{"ok": {"arguments": {}}}]


async def test_a_request_is_bounded(tmp_path):
    """A request above its bound is refused without being read to its end, and the server goes on."""
    async with serving(tmp_path):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "admin.sock"))
        writer.write(b"x" * (4 * REQUEST_MAX_BYTES))
        answer = await reader.readline()
        writer.transport.abort()
        after = await ask(tmp_path, b'{"call": "echo"}\n')

    assert json.loads(answer)["error"]["code"] == 10002
    assert after == [{"ok": {"arguments": {}}}]


async def test_connections_are_bounded(tmp_path):
    """A call above the bound is answered with the reason, whether it came before the answer or not; a flood is not."""
    async with serving(tmp_path), contextlib.AsyncExitStack() as stack:
        for _ in range(CONNECTIONS_MAX):
            _, writer = await asyncio.open_unix_connection(str(tmp_path / "admin.sock"))
            stack.callback(writer.close)
        await asyncio.sleep(0.05)
        with pytest.raises(CallFailed, match="16 calls run already; try again") as caught:
            await call_server(settings_for(tmp_path), "echo", {})
        assert caught.value.code == ErrorCode.OVERLOADED
        for _ in range(REFUSALS_MAX):
            _, writer = await asyncio.open_unix_connection(str(tmp_path / "admin.sock"))
            stack.callback(writer.close)
        await asyncio.sleep(0.05)
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "admin.sock"))
        stack.callback(writer.close)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""


async def test_only_the_owner_may_open_the_socket(tmp_path):
    """The socket has mode 0600 and is gone after stop."""
    async with serving(tmp_path):
        mode = stat.S_IMODE((tmp_path / "admin.sock").stat().st_mode)
        assert mode == 0o600

    assert list(tmp_path.iterdir()) == []


async def test_the_socket_of_a_dead_server_is_replaced(tmp_path):
    """After a crash the next start just works."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "admin.sock"))

    async with serving(tmp_path):
        assert await ask(tmp_path, b'{"call": "echo"}\n')


async def test_the_socket_of_a_living_server_is_left_alone(tmp_path):
    """A second server on the same folder does not start."""
    async with serving(tmp_path):
        with pytest.raises(PingMeError, match="another server listens"):
            await AdminServer(tmp_path / "admin.sock", HANDLERS).start()
        assert await ask(tmp_path, b'{"call": "echo"}\n')


async def test_a_long_path_gets_a_short_socket(tmp_path):
    """Where the path is too long for a socket, admin.path tells where it is; both go away at stop."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()

    async with serving(folder):
        place = find_socket(folder)
        assert place != folder / "admin.sock"
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
        assert await ask(folder, b'{"call": "echo"}\n')

    assert not place.parent.exists()
    assert list(folder.iterdir()) == []


async def test_a_caller_that_leaves_ends_its_call(tmp_path):
    """The handler is cancelled, so that nothing runs on for nobody."""
    started, ended = asyncio.Event(), asyncio.Event()

    async def wait(arguments, progress):
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with serving(tmp_path, {"wait": wait}):
        _, writer = await asyncio.open_unix_connection(str(tmp_path / "admin.sock"))
        writer.write(b'{"call": "wait"}\n')
        await started.wait()
        writer.close()

        await asyncio.wait_for(ended.wait(), 5)


async def test_stop_ends_running_calls(tmp_path):
    """A call that would take for ever does not hold the server up."""
    started = asyncio.Event()

    async def wait(arguments, progress):
        started.set()
        await asyncio.sleep(60)

    async with serving(tmp_path, {"wait": wait}) as server:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "admin.sock"))
        writer.write(b'{"call": "wait"}\n')
        await started.wait()
        await asyncio.wait_for(server.stop(), 5)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


async def test_progress_to_a_caller_that_does_not_read_is_left_out(tmp_path):
    """What waits for a slow caller is bounded; the result still comes."""
    async with serving(tmp_path):
        answer = await ask(tmp_path, b'{"call": "echo", "arguments": {"steps": 100000}}\n')

    assert "ok" in answer[-1]
    steps = [line["progress"]["done"] for line in answer[:-1]]
    assert steps == sorted(steps)
    assert len(steps) < 100_000


async def test_a_command_talks_to_the_running_server(tmp_path):
    """`call` returns the result, hands on progress and raises what the handler refused."""
    reports: list[object] = []

    async with serving(tmp_path):
        result = await call_in_thread(tmp_path, "echo", {"steps": 2}, on_progress=reports.append)
        with pytest.raises(CallFailed, match="no such dead letter") as failure:
            await call_in_thread(tmp_path, "refuse", {})

    assert result == {"arguments": {"steps": 2}}
    assert reports == [{"done": 0}, {"done": 1}]
    assert failure.value.code is ErrorCode.NOT_FOUND


async def test_a_server_that_dies_leaves_the_outcome_open(tmp_path):
    """When the answer does not come, the command says that it may have taken effect."""

    async def vanish(reader, writer):
        await reader.readline()
        writer.transport.abort()

    server = await asyncio.start_unix_server(vanish, str(tmp_path / "admin.sock"))
    with pytest.raises(PingMeError, match="look whether"):
        await call_in_thread(tmp_path, "echo", {})
    server.close()
    await server.wait_closed()


def test_without_a_server_the_command_runs_here(tmp_path, monkeypatch, logging_restored):
    """The same handler runs on an App without listeners, under the folder's lock."""
    held: list[bool] = []

    @contextlib.asynccontextmanager
    async def build_offline(settings):
        with pytest.raises(DataFolderInUse):
            DataLock(settings.data_dir).acquire()
        held.append(True)
        yield types.SimpleNamespace(admin_handlers=HANDLERS, pending=None, push=types.SimpleNamespace())

    fake = types.ModuleType("pingme.bootstrap")
    fake.build_offline = build_offline
    monkeypatch.setitem(sys.modules, "pingme.bootstrap", fake)
    monkeypatch.setattr("pingme.bootstrap", fake, raising=False)

    assert call(settings_for(tmp_path), "echo", {"a": 1}) == {"arguments": {"a": 1}}
    assert held == [True]
    DataLock(tmp_path).acquire()


def test_a_folder_in_use_names_its_holder(tmp_path):
    """Without an answering server, but with the lock taken, the command names the process."""
    with DataLock(tmp_path), pytest.raises(DataFolderInUse, match=f"process {os.getpid()}"):
        call(settings_for(tmp_path), "echo", {})


def test_the_lock_dies_with_its_holder(tmp_path):
    """A process that was killed holds nothing, whatever its file says."""
    script = (
        "import os, sys; from pathlib import Path; from pingme.adapters.data_lock import DataLock\n"
        "DataLock(Path(sys.argv[1])).acquire(); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert (tmp_path / LOCK_NAME).read_text().strip().isdigit()

    with DataLock(tmp_path):
        pass


def test_the_lock_is_given_back(tmp_path):
    """After release another holder may come; releasing twice does nothing."""
    lock = DataLock(tmp_path / "new")
    lock.acquire()
    lock.release()
    lock.release()

    with DataLock(tmp_path / "new"):
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    """A file in the place of the folder is named."""
    (tmp_path / "file").write_text("")

    with pytest.raises(PingMeError, match="cannot use the data folder"):
        DataLock(tmp_path / "file" / "data").acquire()


def test_two_processes_never_hold_it_together(tmp_path):
    """Of many that try at once, one succeeds."""
    won: list[DataLock] = []
    lost: list[DataFolderInUse] = []

    def attempt() -> None:
        lock = DataLock(tmp_path)
        try:
            lock.acquire()
            won.append(lock)
        except DataFolderInUse as exc:
            lost.append(exc)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(won), len(lost)) == (1, 7)
    won[0].release()


@contextlib.contextmanager
def hanging(folder: Path):
    """A socket that takes connections and never says a word, as that of a server that was stopped."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "admin.sock"))
        listener.listen()
        yield listener


async def test_a_server_that_hangs_is_told_of(tmp_path):
    """A call with a limit ends, and names who holds the folder."""
    with DataLock(tmp_path), hanging(tmp_path), pytest.raises(NoAnswer) as caught:
        await call_server(settings_for(tmp_path), "server.status", {}, answer_within_s=0.05)

    assert f"process {os.getpid()} holds the data folder {tmp_path} but does not answer" in str(caught.value)


async def test_a_call_without_a_limit_says_that_it_waits(tmp_path, monkeypatch, capsys):
    """One line on stderr, and the answer counts when it comes; a call that is answered says nothing."""
    monkeypatch.setattr(cli_admin, "SILENCE_S", 0.05)

    async def slow(arguments, progress):
        await asyncio.sleep(arguments["for_s"])
        progress({"done": 1})
        await asyncio.sleep(0.1)
        return {}

    async with serving(tmp_path, {"slow": slow}):
        assert await call_server(settings_for(tmp_path), "slow", {"for_s": 0}) == {}
        quick = capsys.readouterr().err
        assert await call_server(settings_for(tmp_path), "slow", {"for_s": 0.2}) == {}

    assert quick == ""
    assert capsys.readouterr().err.count("the server has not answered") == 1


def test_a_holder_is_one_that_holds_the_lock(tmp_path):
    """An id that a dead holder left behind may be another process's by now."""
    assert holder_of(tmp_path) == 0
    with DataLock(tmp_path):
        assert holder_of(tmp_path) == os.getpid()
    (tmp_path / LOCK_NAME).write_text(f"{os.getpid()}\n")
    assert holder_of(tmp_path) == 0
    DataLock(tmp_path).acquire()


def test_a_full_disk_does_not_hinder_the_lock(tmp_path, monkeypatch):
    """What stands in the file is only for the message."""

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with DataLock(tmp_path), pytest.raises(DataFolderInUse, match="another process"):
        DataLock(tmp_path).acquire()
