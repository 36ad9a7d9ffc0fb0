"""A WebSocket client that writes any bytes it is told to, and reads frames strictly."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from pingme.wire.websocket import CLOSE, CONTINUATION, PONG, TEXT

WITHIN_S = 15.0  # for anything that must come at once; generous, for busy machines
KEY = base64.b64encode(b"0123456789abcdef")


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    mask: bytes | None = b"\x37\xfa\x21\x3d",
    length: bytes | None = None,
) -> bytes:
    """Return a frame as clients send it (RFC 6455 §5.2).

    ``mask`` has four bytes; None leaves it out, which clients must not. ``length`` holds the bytes of the length, without
    the mask bit; None takes the shortest form.
    """
    size = len(payload)
    if length is None:
        if size < 126:
            length = bytes([size])
        else:
            length = b"\x7e" + struct.pack(">H", size) if size < 65536 else b"\x7f" + struct.pack(">Q", size)
    head = bytes([(0x80 if fin else 0) | reserved | opcode])
    if mask is None:
        return head + length + payload
    body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return head + bytes([length[0] | 0x80]) + length[1:] + mask + body


def ask(text: str) -> bytes:
    """Return the message that is answered with a pong that carries this id."""
    return json.dumps({"type": "ping", "id": text}, ensure_ascii=False).encode()


def ping(text: str = "x") -> bytes:
    """Return a whole frame with such a message."""
    return frame(TEXT, ask(text))


def close(code: int, reason: bytes = b"") -> bytes:
    """Return a close frame."""
    return frame(CLOSE, struct.pack(">H", code) + reason)


def fragments(message: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Return the frames of a message cut at these places."""
    edges = [0, *cuts, len(message)]
    parts = [message[start:end] for start, end in itertools.pairwise(edges)]
    last = len(parts) - 1
    return [
        frame(CONTINUATION if index else TEXT, part, fin=index == last) for index, part in enumerate(parts)
    ]


def request(
    *more: str,
    line: str = "GET /ws HTTP/1.1",
    without: tuple[str, ...] = (),
    **changed: str,
) -> bytes:
    """Return an upgrade request: the usual headers, without some, some changed (``_`` stands for ``-``), and more."""
    headers = {
        "host": "127.0.0.1",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": KEY.decode(),
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{name.title()}: {value}" for name, value in headers.items() if name not in without]
    return "\r\n".join([line, *lines, *more, "", ""]).encode("latin-1")


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an HTTP answer."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


class Raw:
    """One TCP connection to a server.

    Args:
        port: of the server, on this machine.
        receive_buffer: bytes that the kernel keeps for a client that does not read; None leaves it alone.
    """

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(WITHIN_S)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def write(self, *data: bytes) -> None:
        """Send all of it in one call, so mostly in one segment."""
        self.socket.sendall(b"".join(data))

    def crumbs(self, data: bytes, size: int = 1) -> None:
        """Send so many bytes at a time, each by itself."""
        for at in range(0, len(data), size):
            self.socket.sendall(data[at : at + size])

    def answer(self) -> Answer:
        """Read the head of an HTTP answer."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for name, _, value in (line.partition(":") for line in lines):
            key = name.lower()
            headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
        return Answer(int(status.split()[1]), headers)

    def body(self, answer: Answer) -> bytes:
        """Read the body behind the head of an answer."""
        return self._take(int(answer.headers["content-length"]))

    def frame(self) -> tuple[int, bytes]:
        """Read a frame: (opcode, payload). A server's are whole, unmasked, without reserved bits."""
        first, second = self._take(2)
        assert first & 0x70 == 0, f"reserved bits {first:#x}"
        assert first & 0x80, "servers do not fragment here"
        assert second < 0x80, "servers do not mask"
        size = second
        if second == 126:
            (size,) = struct.unpack(">H", self._take(2))
            assert size >= 126
        elif second == 127:
            (size,) = struct.unpack(">Q", self._take(8))
            assert size >= 65536
        return first & 0x0F, self._take(size)

    def text(self) -> dict[str, Any]:
        """Read a text message."""
        opcode, payload = self.frame()
        assert opcode == TEXT, (opcode, payload)
        found: dict[str, Any] = json.loads(payload)
        return found

    def hears(self, *ids: str) -> None:
        """Read the pongs with these ids, in this order, and nothing else."""
        for wanted in ids:
            got = self.text()
            assert (got["type"], got.get("id")) == ("pong", wanted)

    def works(self) -> None:
        """Ask something and get the answer."""
        self.write(ping("still"))
        self.hears("still")

    def pong(self, payload: bytes) -> None:
        """Read a pong frame with this payload."""
        assert self.frame() == (PONG, payload)

    def closed(self, *codes: int) -> bytes:
        """Read a close frame with one of these codes, answer it, and see the end; return its reason."""
        opcode, payload = self.frame()
        assert opcode == CLOSE, (opcode, payload)
        code = struct.unpack(">H", payload[:2])[0]
        assert code in codes, (code, payload[2:])
        payload[2:].decode()
        with contextlib.suppress(OSError):  # the server may be gone already
            self.write(frame(CLOSE, payload[:2]))
        self.ended()
        return payload[2:]

    def ended(self) -> None:
        """See the end of the stream, and nothing before it."""
        assert self._buffer == b""
        with contextlib.suppress(ConnectionResetError):  # what it did not read answers with a reset
            rest = self.socket.recv(65536)
            assert rest == b"", rest

    def dies(self) -> None:
        """Read to the end of the stream, whatever comes."""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while self.socket.recv(1 << 16):
                pass

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _more(self) -> None:
        data = self.socket.recv(1 << 16)
        assert data, f"the stream ended with {self._buffer!r}"
        self._buffer += data
