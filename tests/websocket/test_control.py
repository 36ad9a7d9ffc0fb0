"""Ping, pong and the closing handshake (RFC 6455 §5.5, §7)."""

from __future__ import annotations

import socket
import struct

import pytest

from pingme.wire.websocket import CLOSE, PING, PONG
from tests.websocket.conftest import CONTROL_FRAMES_PER_S, Place
from tests.websocket.raw import close, frame, ping


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 64, 124, 125])
def test_a_ping_comes_back_with_its_payload(place: Place, size: int) -> None:
    """Any bytes of any allowed length, also before authentication."""
    payload = bytes((index * 37) % 256 for index in range(size))
    with place.upgraded() as client:
        client.write(frame(PING, payload))

        client.pong(payload)


def test_pings_are_answered_in_their_order(place: Place) -> None:
    """Ten in one segment, between messages."""
    with place.open() as client:
        client.write(*(frame(PING, b"%d" % number) + ping(f"{number}") for number in range(10)))

        for number in range(10):
            client.pong(b"%d" % number)
            client.hears(f"{number}")


@pytest.mark.parametrize("payload", [b"", b"nobody asked", b"x" * 125])
def test_pongs_that_nobody_asked_for_are_fine(place: Place, payload: bytes) -> None:
    """§5.5.3: they are not answered."""
    with place.open() as client:
        client.write(frame(PONG, payload))

        client.works()


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
@pytest.mark.parametrize("size", [126, 200, 40_000, 70_000])
def test_control_frames_above_125_bytes_end_the_socket(place: Place, opcode: int, size: int) -> None:
    """1002 (§5.5), however large."""
    with place.open() as client:
        client.write(frame(opcode, b"\x03\xe8" + b"x" * (size - 2)))

        client.closed(1002)


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_control_frames_in_fragments_end_the_socket(place: Place, opcode: int) -> None:
    """1002 (§5.5)."""
    with place.open() as client:
        client.write(frame(opcode, b"\x03\xe8", fin=False), frame(0, b"x"))

        client.closed(1002)


@pytest.mark.parametrize("opcode", [PING, PONG])
def test_a_flood_of_control_frames_ends_the_socket(place: Place, opcode: int) -> None:
    """4429 above the rate; what was answered before is at most a second's worth."""
    with place.open() as client:
        client.write(frame(opcode, b"x") * (3 * CONTROL_FRAMES_PER_S))

        pongs = 0
        while (got := client.frame()) == (PONG, b"x"):
            pongs += 1
        assert got[0] == CLOSE
        assert struct.unpack(">H", got[1][:2])[0] == 4429
        assert pongs <= 2 * CONTROL_FRAMES_PER_S  # the flood may lie over the turn of a second


@pytest.mark.parametrize(
    "code",
    [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4001, 4999],
)
@pytest.mark.parametrize("reason", [b"", "bye, κόσμε".encode()], ids=["bare", "reason"])
def test_a_goodbye_comes_back_with_its_code(place: Place, code: int, reason: bytes) -> None:
    """Then the server closes the connection (§7.1.1)."""
    with place.open() as client:
        client.write(close(code, reason))

        assert client.frame() == (CLOSE, struct.pack(">H", code))
        client.ended()


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_codes_that_must_not_be_sent_end_the_socket(place: Place, code: int) -> None:
    """1002 (§7.4)."""
    with place.open() as client:
        client.write(close(code, b"bye"))

        client.closed(1002)


def test_a_goodbye_without_a_code_comes_back_without_one(place: Place) -> None:
    """An empty close frame is answered by an empty one."""
    with place.open() as client:
        client.write(frame(CLOSE))

        assert client.frame() == (CLOSE, b"")
        client.ended()


def test_a_close_frame_of_one_byte_ends_the_socket(place: Place) -> None:
    """A code has two: 1002."""
    with place.open() as client:
        client.write(frame(CLOSE, b"\x03"))

        client.closed(1002)


def test_the_longest_reason_is_taken(place: Place) -> None:
    """123 bytes."""
    with place.open() as client:
        client.write(close(1000, b"x" * 123))

        assert client.frame() == (CLOSE, b"\x03\xe8")
        client.ended()


@pytest.mark.parametrize("reason", [b"\xff", b"ok \xed\xa0\x80", b"\xc3"], ids=["ff", "surrogate", "cut"])
def test_a_reason_that_is_not_utf8_ends_the_socket(place: Place, reason: bytes) -> None:
    """1007."""
    with place.open() as client:
        client.write(close(1000, reason))

        client.closed(1007)


@pytest.mark.parametrize(
    "after",
    [
        ping("late"),
        frame(PING, b"late"),
        close(1001),
        frame(3, b"late"),
        frame(1, b"late", mask=None),
        b"\xff" * 5_000,
    ],
    ids=["message", "ping", "another-close", "bad-opcode", "no-mask", "noise"],
)
def test_nothing_counts_after_a_goodbye(place: Place, after: bytes) -> None:
    """One close frame comes back, and nothing else."""
    with place.open() as client:
        client.write(close(1000), after)

        assert client.frame() == (CLOSE, b"\x03\xe8")
        client.ended()


@pytest.mark.parametrize(
    "after",
    [ping("late"), frame(PING, b"late"), frame(3, b"late"), b"\xff" * 5_000],
    ids=["message", "ping", "opcode", "noise"],
)
@pytest.mark.parametrize(
    "bad", [frame(3, b"x"), frame(1, b"\xff"), frame(2, b"x")], ids=["1002", "1007", "1003"]
)
def test_nothing_counts_after_a_violation(place: Place, bad: bytes, after: bytes) -> None:
    """The server says why, once, in one segment or later ones."""
    with place.open() as client:
        client.write(bad, after)
        opcode, _ = client.frame()
        assert opcode == CLOSE
        try:
            client.crumbs(after[:20])
            client.write(frame(CLOSE, b"\x03\xea"))
        except OSError:
            pass  # the server is gone, which it may be
        client.ended()


def test_both_sides_may_say_goodbye_at_once(place: Place) -> None:
    """The server closes for a violation while the client's goodbye is on its way."""
    with place.open() as client:
        client.write(frame(2, b"x"), close(1001))

        assert client.frame()[1][:2] == struct.pack(">H", 1003)
        client.ended()


def test_a_half_closed_connection_is_closed(place: Place) -> None:
    """A client that ends its side of TCP without a goodbye gets the answers that were ready, and the end."""
    with place.open() as client:
        client.socket.shutdown(socket.SHUT_WR)

        client.dies()
    place.settles()


def test_a_goodbye_and_the_end_of_tcp_may_come_together(place: Place) -> None:
    """The goodbye is still answered."""
    with place.open() as client:
        client.write(close(1000))
        client.socket.shutdown(socket.SHUT_WR)

        assert client.frame() == (CLOSE, b"\x03\xe8")
        client.ended()


def test_a_goodbye_before_authentication_is_answered(place: Place) -> None:
    """In any state."""
    with place.upgraded() as client:
        client.write(close(4999))

        assert client.frame() == (CLOSE, struct.pack(">H", 4999))
        client.ended()
