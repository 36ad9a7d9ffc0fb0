"""Frames of clients from bytes (RFC 6455 §5.2), for where picows cannot be loaded."""

from __future__ import annotations

from pingme.wire.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    MAX_CONTROL_BYTES,
    PING,
    PONG,
    TEXT,
    CloseCode,
    ProtocolViolation,
)

CONTROL = frozenset({CLOSE, PING, PONG})
OPCODES = CONTROL | {CONTINUATION, TEXT, BINARY}
LONG_LENGTH_BYTES = {126: 2, 127: 8}
SHORTEST = {126: 126, 127: 65536}  # what a shorter form could say must be said in it

Frame = tuple[int, bool, bytes]  # opcode, FIN, payload without its mask


class FrameDecoder:
    """Cuts a stream of bytes into the frames of a client, however it is chopped.

    Holds what was put and not taken yet: whoever takes all that is there holds less than one frame.

    Args:
        limit_bytes: the largest payload; a larger one is a violation with code 1009, seen in its header.
    """

    __slots__ = ("_buffer", "_limit_bytes", "_need")

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._buffer = bytearray()
        self._need = (
            2  # bytes without which there is nothing to do: a large frame in crumbs is looked at once
        )

    def put(self, data: bytes) -> None:
        """Take bytes."""
        self._buffer += data

    def next_frame(self) -> Frame | None:
        """Return the next frame, None when its end has not come.

        Raises:
            ProtocolViolation: it breaks the protocol; nothing behind it can be read.
        """
        buffer = self._buffer
        if len(buffer) < self._need:
            return None
        header = self._end_of_header(buffer)
        if header is None:
            return None
        start, size = header
        end = start + size
        if len(buffer) < end:
            self._need = end
            return None
        first = buffer[0]
        payload = _unmask(bytes(buffer[start:end]), bytes(buffer[start - 4 : start]))
        del buffer[:end]  # moves no byte: a bytearray only moves its beginning
        self._need = 2
        return first & 0x0F, first >= 0x80, payload

    def _end_of_header(self, buffer: bytearray) -> tuple[int, int] | None:
        """Return where the payload begins, and its size; None while the header is not complete."""
        first, second = buffer[0], buffer[1]
        form = size = second & 0x7F
        _check_first_bytes(first, second)
        long = LONG_LENGTH_BYTES.get(form, 0)
        if len(buffer) < 2 + long:
            self._need = 2 + long
            return None
        if long:
            size = int.from_bytes(buffer[2 : 2 + long], "big")
            if size < SHORTEST[form] or size >> 63:
                raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "payload length in a wrong form")
        if size > self._limit_bytes:
            raise ProtocolViolation(CloseCode.MESSAGE_TOO_BIG, f"frame above {self._limit_bytes} bytes")
        start = 2 + long + 4
        if len(buffer) < start:
            self._need = start
            return None
        return start, size


def _check_first_bytes(first: int, second: int) -> None:
    """Check what two bytes tell: bits, opcode, mask and the length of control frames."""
    opcode = first & 0x0F
    if first & 0x70:
        raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "reserved bits are set and no extension was agreed")
    if opcode not in OPCODES:
        raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, f"unknown opcode {opcode}")
    if opcode in CONTROL and (first < 0x80 or second & 0x7F > MAX_CONTROL_BYTES):
        raise ProtocolViolation(
            CloseCode.PROTOCOL_ERROR, "control frames are not fragmented and have at most 125 bytes"
        )
    if second < 0x80:
        raise ProtocolViolation(CloseCode.PROTOCOL_ERROR, "frames of clients are masked")


def _unmask(payload: bytes, mask: bytes) -> bytes:
    """Return payload XOR the repeated mask (RFC 6455 §5.3), as one operation on two large integers."""
    size = len(payload)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
