"""The decoder of plain Python: the same frames, or the same violation, however the bytes are chopped."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingme.wire.decoder import Frame, FrameDecoder
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
)

LIMIT = 300


def client_frame(
    opcode: int, payload: bytes, *, fin: bool = True, mask: bytes = b"\x01\x02\x03\x04"
) -> bytes:
    """Return a frame as clients send it."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
    body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes([(0x80 if fin else 0) | opcode]) + length + mask + body


def decode(chunks: list[bytes]) -> tuple[list[Frame], CloseCode | None]:
    """Return the frames of a stream, and the code of the violation that ended it."""
    decoder, frames = FrameDecoder(LIMIT), []
    for chunk in chunks:
        decoder.put(chunk)
        try:
            while (frame := decoder.next_frame()) is not None:
                frames.append(frame)
        except ProtocolViolation as violation:
            return frames, violation.code
        assert len(decoder._buffer) < LIMIT + 14  # less than one frame: the longest header has 14 bytes
    return frames, None


def messages(chunks: list[bytes]) -> tuple[list[bytes], CloseCode | None]:
    """Return the text messages of a stream, control frames left out, and the code that ended it."""
    frames, code = decode(chunks)
    assembler, found = MessageAssembler(LIMIT), []
    for opcode, fin, payload in frames:
        if opcode in {CLOSE, PING, PONG}:
            continue
        try:
            message = assembler.feed(opcode, fin=fin, payload=payload)
        except ProtocolViolation as violation:
            return found, violation.code
        if message is not None:
            found.append(message)
    return found, code


def chopped(data: bytes, cuts: list[int]) -> list[bytes]:
    """Return the bytes in pieces."""
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


SIZES = st.one_of(st.integers(0, 20), st.sampled_from([124, 125, 126, 127, 128, LIMIT - 1, LIMIT, LIMIT + 1]))
GOOD = st.builds(
    lambda opcode, size, fin, mask: (
        opcode,
        fin or opcode >= CLOSE,
        bytes(index % 251 for index in range(size)),
        mask,
    ),
    st.sampled_from([CONTINUATION, TEXT, BINARY, PING, PONG, CLOSE]),
    SIZES,
    st.booleans(),
    st.binary(min_size=4, max_size=4),
).filter(lambda made: len(made[2]) <= (125 if made[0] >= CLOSE else LIMIT))
CUTS = st.lists(st.integers(0, 5_000), max_size=30)


@settings(max_examples=200)
@given(st.lists(GOOD, max_size=6), CUTS)
def test_what_was_sent_is_what_is_read(sent: list[tuple[int, bool, bytes, bytes]], cuts: list[int]) -> None:
    """Every opcode, length and mask, chopped anyhow."""
    data = b"".join(client_frame(opcode, payload, fin=fin, mask=mask) for opcode, fin, payload, mask in sent)

    frames, code = decode(chopped(data, cuts))

    assert code is None
    assert frames == [(opcode, fin, payload) for opcode, fin, payload, _ in sent]


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(st.binary(max_size=40), GOOD.map(lambda f: client_frame(f[0], f[2], fin=f[1]))), max_size=5
    ),
    CUTS,
)
def test_chopping_any_bytes_changes_nothing(parts: list[bytes], cuts: list[int]) -> None:
    """Noise and frames: whole, in pieces and byte by byte give the same frames and the same violation."""
    data = b"".join(parts)
    whole = decode([data])

    assert decode(chopped(data, cuts)) == whole
    assert decode([data[at : at + 1] for at in range(len(data))]) == whole


@settings(max_examples=150)
@given(st.text(max_size=60), CUTS, CUTS)
def test_a_text_is_the_same_in_any_fragments_and_pieces(
    text: str, fragment_cuts: list[int], cuts: list[int]
) -> None:
    """Cut into fragments anywhere, pings between them, and the bytes anywhere else."""
    parts = chopped(text.encode(), fragment_cuts) or [b""]
    frames = [
        client_frame(CONTINUATION if index else TEXT, part, fin=index == len(parts) - 1)
        + client_frame(PING, b"p")
        for index, part in enumerate(parts)
    ]

    assert messages(chopped(b"".join(frames), cuts)) == ([text.encode()], None)


@settings(max_examples=150)
@given(st.binary(max_size=400), CUTS)
def test_any_bytes_as_a_text_are_taken_or_refused_alike(raw: bytes, cuts: list[int]) -> None:
    """UTF-8 within the limit is a message; anything else has one code, whole or in fragments."""
    whole = messages([client_frame(TEXT, raw)])
    parts = chopped(raw, cuts) or [b""]
    frames = [
        client_frame(CONTINUATION if index else TEXT, part, fin=index == len(parts) - 1)
        for index, part in enumerate(parts)
    ]

    assert messages(frames) == whole
    assert whole[1] in {None, CloseCode.INVALID_TEXT, CloseCode.MESSAGE_TOO_BIG}


@pytest.mark.parametrize("crumb", [1, 2, 3])
def test_a_large_frame_in_crumbs_is_looked_at_once(crumb: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its header is parsed a few times, not once per crumb."""
    data = client_frame(TEXT, b"x" * LIMIT)
    looks = 0
    look = FrameDecoder._end_of_header

    def counted(self: FrameDecoder, buffer: bytearray) -> tuple[int, int] | None:
        nonlocal looks
        looks += 1
        return look(self, buffer)

    monkeypatch.setattr(FrameDecoder, "_end_of_header", counted)

    frames, _ = decode([data[at : at + crumb] for at in range(0, len(data), crumb)])

    assert frames == [(TEXT, True, b"x" * LIMIT)]
    assert looks <= 5
