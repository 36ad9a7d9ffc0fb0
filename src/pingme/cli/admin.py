"""How commands reach the store: through the running server, or, when none runs, with its lock in hand.

Both ways run the same handlers, so a command behaves the same.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from pingme.adapters.data_lock import DataLock, holder_of
from pingme.config import Settings
from pingme.domain.errors import ErrorCode, PingMeError
from pingme.edge.admin import POINTER_NAME, SOCKET_NAME
from pingme.edge.logs import configure_logging
from pingme.ports.admin import AdminHandler

OnProgress = Callable[[Mapping[str, Any]], None]

CONNECT_TIMEOUT_S = 5.0  # a server that is alive accepts at once
SILENCE_S = 5.0  # without a word: an answer, or the first of its progress, may take long
ANSWER_MAX_BYTES = 64 << 20  # a page of 1 000 dead letters, each with a large error


class NoServer(PingMeError):
    """No server runs on the data folder."""


class NoAnswer(PingMeError):
    """A process has the socket of the data folder and does not answer on it: it hangs, or was stopped."""


class CallFailed(PingMeError):
    """The server answered a call with an error of the table.

    Args:
        code: of the table; one that this program does not know counts as 10001.
        message: the server's own words.
    """

    def __init__(self, code: int, message: str) -> None:
        known = {int(each) for each in ErrorCode}
        self.code = ErrorCode(code) if code in known else ErrorCode.SERVER_ERROR
        super().__init__(message)


def call(
    settings: Settings,
    name: str,
    arguments: Mapping[str, Any],
    *,
    on_progress: OnProgress | None = None,
    offline: Mapping[str, AdminHandler] | None = None,
) -> dict[str, Any]:
    """Run one admin call and return its result.

    Args:
        settings: say where the data folder is.
        name: such as ``dlq.list``.
        arguments: plain values.
        on_progress: called with each report of a long call.
        offline: the handlers to use when no server runs, where they need no App (which a damaged store has not).

    After `SILENCE_S` without a word from the server a line on stderr says so; the call goes on, as it may have begun.

    Raises:
        CallFailed: the handler refused.
        DataFolderInUse: no server answers, and another process holds the data folder.
        PingMeError: the server went away before it answered: whether the call took effect is not known.
    """
    handlers = None if offline is None else dict(offline)
    return asyncio.run(_call(settings, name, dict(arguments), on_progress or _ignore, handlers))


def _ignore(_report: Mapping[str, Any]) -> None:
    """Drop a report that nobody asked for."""


async def _call(
    settings: Settings,
    name: str,
    arguments: dict[str, Any],
    on_progress: OnProgress,
    offline: Mapping[str, AdminHandler] | None,
) -> dict[str, Any]:
    try:
        return await call_server(settings, name, arguments, on_progress=on_progress)
    except NoServer:
        configure_logging("warning", "text", "stderr")  # standard output is the command's
        with DataLock(settings.data_dir):
            if offline is not None:
                return plain(await offline[name](arguments, on_progress))
            return await _call_app(settings, name, arguments, on_progress)


async def call_server(
    settings: Settings,
    name: str,
    arguments: Mapping[str, Any],
    *,
    on_progress: OnProgress | None = None,
    answer_within_s: float | None = None,
) -> dict[str, Any]:
    """Run one admin call in the running server; as `call`, but never here.

    Args:
        settings: as `call`.
        name: as `call`.
        arguments: as `call`.
        on_progress: as `call`.
        answer_within_s: for calls that change nothing: the time that the answer may take.

    Raises:
        NoServer: no server runs on this data folder.
        NoAnswer: the server took longer than that.
        CallFailed, PingMeError: as `call`.
    """
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(
                str(find_socket(settings.data_dir)), limit=ANSWER_MAX_BYTES
            )
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as exc:
        message = f"no server runs on the data folder {settings.data_dir}"
        raise NoServer(message) from exc
    except (OSError, TimeoutError) as exc:
        message = f"cannot reach the server of {settings.data_dir}: {str(exc) or 'it does not answer'}"
        raise PingMeError(message) from exc
    request = {"call": name, "arguments": dict(arguments)}
    loop = asyncio.get_running_loop()
    notice = None if answer_within_s is not None else loop.call_later(SILENCE_S, _tell_silence)

    def heard(report: Mapping[str, Any]) -> None:
        if notice is not None:
            notice.cancel()
        if on_progress is not None:
            on_progress(report)

    try:
        async with asyncio.timeout(answer_within_s):
            return await _converse(reader, writer, request, heard)
    except TimeoutError as exc:
        pid = holder_of(settings.data_dir)
        holder = f"process {pid}" if pid else "a process"
        message = f"{holder} holds the data folder {settings.data_dir} but does not answer"
        raise NoAnswer(message) from exc
    except (OSError, asyncio.IncompleteReadError) as exc:
        message = "the server went away before it answered; look whether the command took effect"
        raise PingMeError(message) from exc
    finally:
        if notice is not None:
            notice.cancel()
        writer.close()


def _tell_silence() -> None:
    print(
        f"the server has not answered for {SILENCE_S:.0f} s; waiting (Ctrl-C ends this command, pingme doctor looks)",
        file=sys.stderr,
    )


def find_socket(data_dir: Path) -> Path:
    """Return where the admin socket of a data folder is, if a server runs."""
    try:
        return Path((data_dir / POINTER_NAME).read_text(encoding="utf-8").strip())
    except OSError:
        return data_dir / SOCKET_NAME


async def _converse(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    request: dict[str, Any],
    on_progress: OnProgress,
) -> dict[str, Any]:
    writer.write(msgspec.json.encode(request) + b"\n")
    await writer.drain()
    while True:
        answer: dict[str, Any] = msgspec.json.decode(await reader.readuntil(b"\n"))
        if "progress" in answer:
            on_progress(answer["progress"])
        elif "error" in answer:
            raise CallFailed(int(answer["error"]["code"]), str(answer["error"]["message"]))
        else:
            return dict(answer["ok"])


async def _call_app(
    settings: Settings, name: str, arguments: dict[str, Any], on_progress: OnProgress
) -> dict[str, Any]:
    """Run the handler here, on an App without listeners."""
    from pingme import bootstrap  # noqa: PLC0415  # the whole server, which a running one spares us

    async with bootstrap.build_offline(settings) as app:
        return plain(await app.admin_handlers[name](arguments, on_progress))


def plain(result: object) -> dict[str, Any]:
    """Return a result as it would come through the socket: lists for tuples, texts for enumerations."""
    return msgspec.json.decode(msgspec.json.encode(result), type=dict[str, Any])
