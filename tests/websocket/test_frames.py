"""Framing, masks, fragments, reserved bits, opcodes and binary messages (RFC 6455 §5)."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence

import pytest

from pingme.wire.websocket import CONTINUATION, PING, PONG, TEXT
from tests.websocket.conftest import MAX_FRAME_BYTES, Place
from tests.websocket.raw import ask, fragments, frame, ping

BINARY = 2


def padded(size: int, text: str = "padded") -> bytes:
    """Return a message of exactly so many bytes, answered like `ask`."""
    bare = json.dumps({"type": "ping", "id": text, "x": ""}).encode()
    return bare[:-2] + b"x" * (size - len(bare)) + bare[-2:]


@pytest.mark.parametrize("size", [64, 125, 126, 127, 128, 255, 256, 4096, 32_767, MAX_FRAME_BYTES])
def test_every_length_is_read(place: Place, size: int) -> None:
    """In 7 and in 16 bits, up to four times the largest content."""
    with place.open() as client:
        client.write(frame(TEXT, padded(size)))

        client.hears("padded")


@pytest.mark.parametrize(
    ("length", "size", "code"),
    [
        (b"\x7e\x00\x28", 40, 1002),
        (b"\x7e\x00\x7d", 125, 1002),
        (b"\x7f" + struct.pack(">Q", 40), 40, 1002),
        (b"\x7f" + struct.pack(">Q", 200), 200, 1002),
        (b"\x7f" + struct.pack(">Q", 65_535), 65_535, 1002),
        (b"\x7f" + struct.pack(">Q", 1 << 63), 0, 1002),
        (b"\x7f" + b"\xff" * 8, 0, 1002),
        (b"\x7f" + struct.pack(">Q", (1 << 63) - 1), 0, 1009),
        (b"\x7f" + struct.pack(">Q", 65_536), 0, 1009),
        (b"\x7e" + struct.pack(">H", MAX_FRAME_BYTES + 1), 0, 1009),
        (b"\x7e\xff\xff", 0, 1009),
    ],
    ids=str,
)
def test_lengths_that_are_not_right_end_the_socket(place: Place, length: bytes, size: int, code: int) -> None:
    """Not the shortest form, the top bit, too large: seen in the header, before any payload comes."""
    with place.open() as client:
        client.write(frame(TEXT, b"x" * size, length=length))

        client.closed(code)


@pytest.mark.parametrize(
    "mask", [b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x00\xff\x00\xff", b"\x80\x00\x00\x01"]
)
@pytest.mark.parametrize("size", [63, 64, 65, 66, 67, 1_001])
def test_any_mask_is_removed(place: Place, mask: bytes, size: int) -> None:
    """Also one of zeros, over lengths that are no multiple of four or of a register."""
    with place.open() as client:
        client.write(frame(TEXT, padded(size), mask=mask))

        client.hears("padded")


@pytest.mark.parametrize("opcode", [TEXT, CONTINUATION, BINARY, 8, PING, PONG])
def test_frames_without_a_mask_end_the_socket(place: Place, opcode: int) -> None:
    """§5.1: 1002."""
    with place.open() as client:
        client.write(frame(opcode, b"{}" if opcode != 8 else b"\x03\xe8", mask=None))

        client.closed(1002)


@pytest.mark.parametrize("reserved", [0x40, 0x20, 0x10, 0x60, 0x70])
@pytest.mark.parametrize("opcode", [TEXT, PING, 8])
def test_reserved_bits_end_the_socket(place: Place, reserved: int, opcode: int) -> None:
    """No extension was agreed: 1002 (§5.2)."""
    with place.open() as client:
        client.write(frame(opcode, ask("x") if opcode == TEXT else b"", reserved=reserved))

        client.closed(1002)


def test_reserved_bits_in_a_continuation_end_the_socket(place: Place) -> None:
    """Any frame of a message counts."""
    first, second = fragments(ask("x"), [4])
    with place.open() as client:
        client.write(first, bytes([second[0] | 0x40]) + second[1:])

        client.closed(1002)


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_reserved_opcodes_end_the_socket(place: Place, opcode: int) -> None:
    """1002 (§5.2), and the message before it was served."""
    with place.open() as client:
        client.write(ping("before"), frame(opcode, b"x"), ping("after"))

        client.hears("before")
        client.closed(1002)


@pytest.mark.parametrize("payload", [b"", b"{}", b"\x00\xff" * 100])
@pytest.mark.parametrize("fin", [True, False])
def test_binary_messages_end_the_socket(place: Place, payload: bytes, *, fin: bool) -> None:
    """PingMe speaks text: 1003, at the first frame of the message."""
    with place.open() as client:
        client.write(frame(BINARY, payload, fin=fin))

        client.closed(1003)


MESSAGE = ask("whole")


@pytest.mark.parametrize(
    "cuts",
    [
        [1],
        [len(MESSAGE) - 1],
        [0],
        [len(MESSAGE)],
        [0, 0, 0, 5, 5, 9],
        list(range(1, len(MESSAGE))),
        [0, *range(len(MESSAGE)), len(MESSAGE), len(MESSAGE)],
    ],
    ids=["first", "last", "empty-first", "empty-last", "empty-between", "every-byte", "every-byte-and-empty"],
)
def test_fragments_are_one_message(place: Place, cuts: Sequence[int]) -> None:
    """However it is cut, with empty fragments, too (§5.4)."""
    with place.open() as client:
        client.write(*fragments(MESSAGE, cuts))

        client.hears("whole")
        client.works()


def test_control_frames_stand_between_fragments(place: Place) -> None:
    """Each ping is answered at once, a pong is taken, the message is whole at its end."""
    parts = fragments(MESSAGE, [3, 9])
    with place.open() as client:
        client.write(parts[0], frame(PING, b"1"), frame(PONG, b"mine"))
        client.pong(b"1")
        client.write(parts[1], frame(PING, b"2"))
        client.pong(b"2")
        client.write(parts[2])
        client.hears("whole")


def test_a_close_frame_stands_between_fragments(place: Place) -> None:
    """The message is never finished; the goodbye is answered."""
    with place.open() as client:
        client.write(fragments(MESSAGE, [3])[0], frame(8, b"\x03\xe8"))

        client.closed(1000)


BROKEN = {
    "continuation-first": [frame(CONTINUATION, b"{}")],
    "continuation-first-not-last": [frame(CONTINUATION, b"{}", fin=False)],
    "continuation-after-a-message": [frame(CONTINUATION, b"{}")],
    "text-in-a-message": [frame(TEXT, b"{", fin=False), frame(TEXT, b"}")],
    "text-start-in-a-message": [frame(TEXT, b"{", fin=False), frame(TEXT, b"}", fin=False)],
    "text-after-fragments": [
        frame(TEXT, b"{", fin=False),
        frame(CONTINUATION, b"", fin=False),
        frame(TEXT, b"}"),
    ],
    "two-ends": [*fragments(MESSAGE, [2]), frame(CONTINUATION, b"")],
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_fragments_out_of_order_end_the_socket(place: Place, data: list[bytes]) -> None:
    """1002 (§5.4)."""
    with place.open() as client:
        client.write(*data)

        if len(data) == 3 and data[2] == frame(CONTINUATION, b""):
            client.hears("whole")
        client.closed(1002)


def test_binary_in_a_message_ends_the_socket(place: Place) -> None:
    """Wrong twice: either code is right."""
    with place.open() as client:
        client.write(frame(TEXT, b"{", fin=False), frame(BINARY, b"}"))

        client.closed(1002, 1003)


def test_many_tiny_fragments_are_one_message(place: Place) -> None:
    """Thousands of them in a few writes."""
    with place.open() as client:
        client.write(*fragments(padded(5_000), range(1, 5_000)))

        client.hears("padded")


@pytest.mark.parametrize(
    "sizes",
    [(MAX_FRAME_BYTES, 1), (MAX_FRAME_BYTES - 1, 2), (16_384, 16_384, 1), (1, MAX_FRAME_BYTES)],
    ids=str,
)
def test_the_sum_of_the_fragments_is_bounded(place: Place, sizes: Sequence[int]) -> None:
    """One byte above the limit closes with 1009 without waiting for the end of the message."""
    with place.open() as client:
        for index, size in enumerate(sizes):
            client.write(frame(CONTINUATION if index else TEXT, b" " * size, fin=False))

        client.closed(1009)


def test_exactly_the_limit_in_fragments_is_taken(place: Place) -> None:
    """The bound itself is allowed."""
    with place.open() as client:
        client.write(*fragments(padded(MAX_FRAME_BYTES), [1, 100, 20_000]))

        client.hears("padded")


def test_empty_fragments_are_bounded(place: Place) -> None:
    """They cost the sender six bytes each; a message cannot have any number of them."""
    endless = frame(CONTINUATION, b"", fin=False) * (MAX_FRAME_BYTES + 1)
    with place.open() as client:
        client.write(frame(TEXT, b"", fin=False))
        client.write(endless)

        client.closed(1009)


@pytest.mark.parametrize(
    "payload", [b"", b" ", b"{}", b"[]", b"null", b'"ping"', b'{"type":1}', b"{" * 1_000]
)
def test_text_that_is_no_frame_of_ours_is_answered(place: Place, payload: bytes) -> None:
    """An error 10002, and the socket goes on."""
    with place.open() as client:
        client.write(frame(TEXT, payload))

        answer = client.text()
        assert (answer["type"], answer["payload"]["code"]) == ("error", 10002)
        client.works()
