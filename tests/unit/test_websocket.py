"""RFC 6455 framing that the transport leaves to us: headers, fragments, UTF-8, close payloads."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingme.wire.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    CloseCode,
    MessageAssembler,
    ProtocolViolation,
    check_close_payload,
    close_frame,
    frame,
    is_utf8,
    text_frame,
)

LIMIT = 100


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, "8100"),
        (1, "8101"),
        (125, "817d"),
        (126, "817e007e"),
        (65535, "817effff"),
        (65536, "817f0000000000010000"),
    ],
)
def test_a_frame_has_the_shortest_header(size: int, header: str) -> None:
    """7, 16 or 64 bits of length as RFC 6455 §5.2 asks, never masked, always final."""
    made = text_frame(b"x" * size)

    assert made == bytes.fromhex(header) + b"x" * size


def test_control_frames_carry_their_opcode() -> None:
    """Ping, pong and close with the FIN bit."""
    assert [frame(opcode, b"")[0] for opcode in (CLOSE, PING, PONG)] == [0x88, 0x89, 0x8A]


@pytest.mark.parametrize("reason", ["", "bye", "x" * 123, "x" * 500, "é" * 100, "x" + "😀" * 50])
def test_a_close_reason_is_cut_to_fit(reason: str) -> None:
    """125 bytes with the code, and never within a character (§5.5.1)."""
    made = close_frame(CloseCode.VIOLATION, reason)

    payload = made[2:]
    assert made[1] == len(payload) <= 125
    assert check_close_payload(payload) == CloseCode.VIOLATION
    assert reason.startswith(payload[2:].decode())
    assert len(payload) >= min(125, 2 + len(reason.encode())) - 3


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1011, 1014, 3000, 3999, 4000, 4999])
def test_legal_close_codes_are_taken(code: int) -> None:
    """Those that RFC 6455 §7.4 and its registry let an endpoint send."""
    assert check_close_payload(code.to_bytes(2, "big") + "é".encode()) == code


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_other_close_codes_are_violations(code: int) -> None:
    """Reserved and unassigned codes close with 1002."""
    with pytest.raises(ProtocolViolation) as caught:
        check_close_payload(code.to_bytes(2, "big"))

    assert caught.value.code == CloseCode.PROTOCOL_ERROR


def test_a_close_without_a_code_is_normal() -> None:
    """An empty payload stands for 1000; one byte is no code; a reason must be UTF-8."""
    assert check_close_payload(b"") == CloseCode.NORMAL
    with pytest.raises(ProtocolViolation) as one_byte:
        check_close_payload(b"\x03")
    assert one_byte.value.code == CloseCode.PROTOCOL_ERROR
    with pytest.raises(ProtocolViolation) as reason:
        check_close_payload(b"\x03\xe8\xff")
    assert reason.value.code == CloseCode.INVALID_TEXT


def test_a_whole_message_passes() -> None:
    """One final text frame is a message, also an empty one, one after the other."""
    assembler = MessageAssembler(LIMIT)

    assert assembler.feed(TEXT, fin=True, payload=b"one") == b"one"
    assert assembler.feed(TEXT, fin=True, payload=b"") == b""
    assert assembler.feed(TEXT, fin=True, payload="é".encode()) == "é".encode()


def test_fragments_are_joined() -> None:
    """A text frame, continuations, a final one; then the next message begins anew (§5.4)."""
    assembler = MessageAssembler(LIMIT)

    assert assembler.feed(TEXT, fin=False, payload=b"a") is None
    assert assembler.feed(CONTINUATION, fin=False, payload=b"") is None
    assert assembler.feed(CONTINUATION, fin=False, payload=b"b") is None
    assert assembler.feed(CONTINUATION, fin=True, payload=b"c") == b"abc"
    assert assembler.feed(TEXT, fin=True, payload=b"next") == b"next"


@pytest.mark.parametrize("text", ["é", "€", "😀", "aé€😀z"])
def test_a_character_may_be_split_over_fragments(text: str) -> None:
    """At every byte: only the whole message must be UTF-8 (§5.6)."""
    raw = text.encode()

    for cut in range(len(raw) + 1):
        assembler = MessageAssembler(LIMIT)
        assert assembler.feed(TEXT, fin=False, payload=raw[:cut]) is None
        assert assembler.feed(CONTINUATION, fin=True, payload=raw[cut:]) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"\x80",
        b"\xff",
        b"\xc3",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"\xed\xa0\xbd\xed\xb8\x80",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"ok \xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80",
    ],
)
def test_what_is_not_utf8_closes_with_1007(raw: bytes) -> None:
    """Stray, cut and overlong sequences, surrogates, beyond U+10FFFF; whole or in fragments."""
    assert not is_utf8(raw)
    for cut in range(len(raw) + 1):
        assembler = MessageAssembler(LIMIT)
        assembler.feed(TEXT, fin=False, payload=raw[:cut])
        with pytest.raises(ProtocolViolation) as caught:
            assembler.feed(CONTINUATION, fin=True, payload=raw[cut:])
        assert caught.value.code == CloseCode.INVALID_TEXT


@pytest.mark.parametrize(
    ("before", "opcode", "code"),
    [
        ([], CONTINUATION, CloseCode.PROTOCOL_ERROR),
        ([(TEXT, False)], TEXT, CloseCode.PROTOCOL_ERROR),
        ([(TEXT, True)], CONTINUATION, CloseCode.PROTOCOL_ERROR),
        ([(TEXT, False), (CONTINUATION, True)], CONTINUATION, CloseCode.PROTOCOL_ERROR),
        ([], BINARY, CloseCode.UNSUPPORTED_DATA),
        *(([], opcode, CloseCode.PROTOCOL_ERROR) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    ],
)
def test_frames_out_of_order_are_violations(
    before: list[tuple[int, bool]], opcode: int, code: CloseCode
) -> None:
    """Continuations of nothing, a message within a message, reserved opcodes, binary messages."""
    assembler = MessageAssembler(LIMIT)
    for earlier, fin in before:
        assembler.feed(earlier, fin=fin, payload=b"x")

    with pytest.raises(ProtocolViolation) as caught:
        assembler.feed(opcode, fin=True, payload=b"x")

    assert caught.value.code == code


def test_a_message_is_bounded_as_a_whole() -> None:
    """The limit counts all fragments: exactly at it passes, one byte more closes with 1009 at once."""
    assert MessageAssembler(LIMIT).feed(TEXT, fin=True, payload=b"x" * LIMIT) == b"x" * LIMIT
    with pytest.raises(ProtocolViolation) as whole:
        MessageAssembler(LIMIT).feed(TEXT, fin=True, payload=b"x" * (LIMIT + 1))
    assembler = MessageAssembler(LIMIT)
    assembler.feed(TEXT, fin=False, payload=b"x" * LIMIT)
    with pytest.raises(ProtocolViolation) as parts:
        assembler.feed(CONTINUATION, fin=False, payload=b"x")

    assert whole.value.code == parts.value.code == CloseCode.MESSAGE_TOO_BIG


def test_empty_fragments_are_bounded() -> None:
    """They cost no bytes, but a message cannot have any number of them."""
    assembler = MessageAssembler(LIMIT)
    assembler.feed(TEXT, fin=False, payload=b"")
    for _ in range(LIMIT - 1):
        assembler.feed(CONTINUATION, fin=False, payload=b"")

    with pytest.raises(ProtocolViolation) as caught:
        assembler.feed(CONTINUATION, fin=False, payload=b"")

    assert caught.value.code == CloseCode.MESSAGE_TOO_BIG


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 15), st.booleans(), st.binary(max_size=40)), max_size=8))
def test_any_frames_give_utf8_within_the_limit_or_a_violation(frames: list[tuple[int, bool, bytes]]) -> None:
    """Nothing else is raised, and whatever comes out is a message."""
    assembler = MessageAssembler(LIMIT)

    for opcode, fin, payload in frames:
        try:
            message = assembler.feed(opcode, fin=fin, payload=payload)
        except ProtocolViolation:
            return
        assert message is None or (fin and is_utf8(message) and len(message) <= LIMIT)


@settings(max_examples=100)
@given(st.binary(max_size=130))
def test_any_close_payload_is_a_code_or_a_violation(payload: bytes) -> None:
    """Nothing else is raised."""
    try:
        code = check_close_payload(payload)
    except ProtocolViolation as violation:
        code = violation.code
    assert 1000 <= code <= 4999
