"""WebSocket framing that the transport leaves to us: headers, messages from fragments, close codes (RFC 6455)."""

from __future__ import annotations

from enum import IntEnum

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 0x1, 0x2, 0x0, 0x8, 0x9, 0xA  # opcodes, RFC 6455 §5.2
FIN = 0x80
MAX_CONTROL_BYTES = 125  # RFC 6455 §5.5


class CloseCode(IntEnum):
    """The codes that PingMe closes with (docs/protocol.md, "Close codes")."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_TEXT = 1007
    MESSAGE_TOO_BIG = 1009
    SERVER_ERROR = 1011
    VIOLATION = 4400
    NOT_AUTHENTICATED = 4401
    SILENT = 4408
    OUTBOX_FULL = 4413
    FLOODING = 4429
    REVOKED = 4450
    REPLACED = 4451
    OVERLOADED = 4503


RESUMABLE = frozenset(
    {CloseCode.GOING_AWAY, CloseCode.SILENT, CloseCode.OUTBOX_FULL, CloseCode.FLOODING, CloseCode.OVERLOADED}
)
"""Codes after which a client reconnects and syncs by itself."""


def frame(opcode: int, payload: bytes) -> bytes:
    """Return an unmasked, unfragmented frame, as servers send them (RFC 6455 §5.2)."""
    return _header(opcode, len(payload)) + payload


def _header(opcode: int, size: int) -> bytes:
    if size < 126:
        return bytes((FIN | opcode, size))
    if size < 65536:
        return bytes((FIN | opcode, 126)) + size.to_bytes(2, "big")
    return bytes((FIN | opcode, 127)) + size.to_bytes(8, "big")


_TEXT_HEADERS = tuple(_header(TEXT, size) for size in range(1024))


def text_header(size: int) -> bytes:
    """Return what stands before the payload of a text frame of ``size`` bytes."""
    # Nearly every frame is short: a looked-up header is four times as fast as a formatted one.
    return _TEXT_HEADERS[size] if size < 1024 else _header(TEXT, size)


def text_frame(payload: bytes) -> bytes:
    """Return a text frame with this UTF-8 payload."""
    return text_header(len(payload)) + payload


def close_frame(code: int, reason: str) -> bytes:
    """Return a close frame; the reason is cut to fit (RFC 6455 §5.5.1: 125 bytes with the code)."""
    text = reason.encode()[: MAX_CONTROL_BYTES - 2]
    return frame(CLOSE, code.to_bytes(2, "big") + text.decode(errors="ignore").encode())


class ProtocolViolation(Exception):
    """The peer broke RFC 6455; close with ``code``."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def check_close_payload(payload: bytes) -> int:
    """Return the peer's close code: 1000 when it gave none.

    Raises:
        ProtocolViolation: one byte, a code that must not be sent (RFC 6455 §7.4), or a reason that is not UTF-8.
    """
    if not payload:
        return CloseCode.NORMAL
    if len(payload) == 1:
        raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "close frame with one byte")
    code = int.from_bytes(payload[:2], "big")
    # 1004-1006 and 1015 are reserved, 1016-2999 unassigned: RFC 6455 §7.4.
    if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, f"close code {code} must not be sent")
    if not is_utf8(payload[2:]):
        raise ProtocolViolation(CloseCode.INVALID_TEXT, "close reason is not UTF-8")
    return code


def is_utf8(text: bytes) -> bool:
    """Tell whether the bytes are valid UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


class MessageAssembler:
    """Joins fragments to text messages; control frames do not pass through it.

    Args:
        limit_bytes: the largest message, whole; a larger one is a violation with code 1009.
    """

    __slots__ = ("_limit_bytes", "_parts", "_size")

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._parts: list[bytes] | None = None
        self._size = 0

    def feed(self, opcode: int, *, fin: bool, payload: bytes) -> bytes | None:
        """Take a data frame; return the text message that it completes, or None.

        Raises:
            ProtocolViolation: see RFC 6455 §5.4 (fragments), §8.1 (UTF-8); binary messages are not spoken here (1003).
        """
        if opcode == TEXT:
            if self._parts is not None:
                raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "expected a continuation frame, got text")
            self._size = 0
            self._parts = []
        elif opcode == BINARY:
            raise ProtocolViolation(
                CloseCode.UNSUPPORTED_DATA, "binary messages are not supported, send text"
            )
        elif opcode != CONTINUATION:
            raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, f"unknown opcode {opcode}")
        elif self._parts is None:
            raise ProtocolViolation(
                CloseCode.PROTOCOL_ERROR, "continuation frame without a message to continue"
            )
        return self._join(payload, fin=fin)

    def _join(self, payload: bytes, *, fin: bool) -> bytes | None:
        parts = self._parts
        assert parts is not None  # feed has just made sure
        self._size += len(payload)
        if self._size > self._limit_bytes:
            raise ProtocolViolation(CloseCode.MESSAGE_TOO_BIG, f"message above {self._limit_bytes} bytes")
        parts.append(payload)
        if not fin:
            # Empty fragments cost no bytes: without this bound they would cost memory (2 per byte allowed).
            if len(parts) > self._limit_bytes:
                raise ProtocolViolation(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            return None
        self._parts = None
        text = parts[0] if len(parts) == 1 else b"".join(parts)
        if not is_utf8(text):
            raise ProtocolViolation(CloseCode.INVALID_TEXT, "message is not UTF-8")
        return text
