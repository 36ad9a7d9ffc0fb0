"""The admin socket: `pingme user …`, `pingme dlq …` and `pingme db …` talk to the running server through it.

A Unix socket with mode 0600: who may open it is the operator. One JSON object a line:

    → {"call": "dlq.list", "arguments": {"limit": 10}}
    ← {"progress": {"done": 3, "total": 10}}                       any number of these, then one of
    ← {"ok": {"items": []}}
    ← {"error": {"code": 10005, "message": "no such dead letter"}}

A connection carries one call. A caller that closes it, or sends anything more, ends the call.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog

from pingme.domain.errors import ErrorCode, PingMeError
from pingme.ports.admin import AdminHandler

log = structlog.get_logger(__name__)

SOCKET_NAME = "admin.sock"
POINTER_NAME = "admin.path"
PATH_MAX_BYTES = 100  # sun_path holds 104 bytes on macOS and 108 on Linux, its final zero included
REQUEST_MAX_BYTES = 1 << 20  # some thousand ids
CONNECTIONS_MAX = 16  # at once; people type them one by one
REFUSALS_MAX = 128  # at once, of calls that are too many; above that a connection is closed without a word
REFUSAL_S = 1.0  # for a caller to write its call, so that it reads why nobody runs it
PROGRESS_BUFFER_BYTES = 65_536  # a caller that does not read gets no more progress


class _Request(msgspec.Struct):
    call: str
    arguments: dict[str, Any] = {}


_decode = msgspec.json.Decoder(_Request).decode
_encode = msgspec.json.Encoder().encode


def error_line(code: int, message: str) -> bytes:
    """Return the line that ends a call that failed."""
    return _encode({"error": {"code": int(code), "message": message}}) + b"\n"


class AdminServer:
    """The listener of the admin socket.

    Args:
        path: `<data_dir>/admin.sock`. Where that is too long for a socket, the socket lies in a private
            temporary folder, and `admin.path` beside it says where.
        handlers: by the name of the call.
    """

    def __init__(self, path: Path, handlers: Mapping[str, AdminHandler]) -> None:
        self._path = path
        self._handlers = handlers
        self._server: asyncio.Server | None = None
        self._folder: Path | None = None
        self._calls: set[asyncio.Task[None]] = set()  # those that are being refused, too
        self._running = 0

    async def start(self) -> None:
        """Listen; a socket that a dead server has left behind is replaced.

        Raises:
            PingMeError: a living server listens there, or the folder cannot be written.
        """
        pointer = self._path.with_name(POINTER_NAME)
        try:
            pointer.unlink(missing_ok=True)
            path = self._choose_path(pointer)
            _remove_stale(path)
            listener = _listen(path)
        except OSError as exc:
            message = f"cannot open the admin socket {self._path}: {exc.strerror or exc}"
            raise PingMeError(message) from exc
        self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=REQUEST_MAX_BYTES)

    def _choose_path(self, pointer: Path) -> Path:
        if len(os.fsencode(self._path.absolute())) <= PATH_MAX_BYTES:
            return self._path
        self._folder = Path(tempfile.mkdtemp(prefix="pingme-"))  # made with mode 0700
        path = self._folder / SOCKET_NAME
        pointer.touch(mode=0o600)
        pointer.write_text(f"{path}\n", encoding="utf-8")
        return path

    async def stop(self) -> None:
        """End running calls, close the socket and remove its file."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for call in list(self._calls):
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await server.wait_closed()
        (self._path if self._folder is None else self._path.with_name(POINTER_NAME)).unlink(missing_ok=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._calls) >= CONNECTIONS_MAX + REFUSALS_MAX:
            writer.transport.abort()
            return
        taken = self._running < CONNECTIONS_MAX
        self._calls.add(task)
        self._running += taken
        try:
            await (self._serve if taken else _refuse)(reader, writer)
        except OSError:  # the caller went away
            writer.transport.abort()
        except asyncio.CancelledError:  # `stop`; asyncio would report it as an error of this callback
            writer.transport.abort()
        finally:
            self._calls.discard(task)
            self._running -= taken
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return
        except asyncio.LimitOverrunError:
            message = f"a request has at most {REQUEST_MAX_BYTES} bytes"
            answer = error_line(ErrorCode.INVALID_PARAMETERS, message)
        else:
            answer = await self._run(line, reader, writer)
        writer.write(answer)
        await writer.drain()

    async def _run(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Run one call; when its caller closes first, end it.

        Raises:
            ConnectionResetError: the caller has left.
        """
        call = asyncio.create_task(self._call(line, writer))
        more = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait({call, more}, return_when=asyncio.FIRST_COMPLETED)
            if call.done():
                return call.result()
            log.warning("admin_caller_left")
            raise ConnectionResetError
        finally:
            call.cancel()
            more.cancel()
            await asyncio.gather(call, more, return_exceptions=True)

    async def _call(self, line: bytes, writer: asyncio.StreamWriter) -> bytes:
        """Return the last line of the answer; whatever a handler raises becomes one."""

        def progress(report: Mapping[str, Any]) -> None:
            if writer.transport.get_write_buffer_size() < PROGRESS_BUFFER_BYTES:
                writer.write(_encode({"progress": report}) + b"\n")

        name = ""
        try:
            request = _decode(line)
            name = request.call
            handler = self._handlers.get(name)
            if handler is None:
                return error_line(ErrorCode.NOT_FOUND, f"no such call: {name[:80]}")
            return _encode({"ok": await handler(request.arguments, progress)}) + b"\n"
        except PingMeError as exc:
            return error_line(exc.code, exc.message)
        except msgspec.DecodeError as exc:
            return error_line(ErrorCode.INVALID_PARAMETERS, f"expected a call, got: {exc}")
        except Exception:  # the server goes on; the log has everything
            log.exception("admin_call_failed", call=name)
            return error_line(ErrorCode.SERVER_ERROR, "the call failed; see the server's log")


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a call that is one too many."""
    with contextlib.suppress(TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        async with asyncio.timeout(REFUSAL_S):
            await reader.readuntil(b"\n")
    writer.write(error_line(ErrorCode.OVERLOADED, f"{CONNECTIONS_MAX} calls run already; try again"))
    await writer.drain()


def _listen(path: Path) -> socket.socket:
    """Return a listening socket at a path that nobody but the owner can ever open."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o177)  # no moment with another mode; nothing else makes files in between
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(REFUSALS_MAX)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    """Remove the socket of a dead server.

    Raises:
        PingMeError: the server that made it lives.
    """
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        with contextlib.suppress(ConnectionRefusedError, FileNotFoundError):
            probe.connect(str(path))
            message = f"another server listens at {path}; stop it first, or set another app.data_dir"
            raise PingMeError(message)
    path.unlink(missing_ok=True)
