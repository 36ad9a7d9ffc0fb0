"""What a client may take of time and room; chopped, joined and vanishing streams."""

from __future__ import annotations

import json
import struct
import time

import pytest

from pingme.wire.websocket import CLOSE, PING, PONG, TEXT
from tests.websocket.conftest import AUTH_DEADLINE_S, MAX_FRAME_BYTES, OUTBOX_BYTES, Place
from tests.websocket.raw import ask, close, fragments, frame, ping, request


def send(number: int, content: str = "hello", msg_id: str = "") -> bytes:
    """Return a frame that sends a message to `healthy`'s own partner, the sender."""
    payload = {"msg_id": msg_id or f"m{number}", "to_user_id": "", "content": content}
    return frame(TEXT, json.dumps({"type": "send", "id": f"{number}", "payload": payload}).encode())


STREAM = [
    ping("first"),
    frame(PING, b"a"),
    *fragments(ask("in parts"), [2, 9]),
    frame(PONG, b"b"),
    frame(TEXT, ask("x" * 64)),
    frame(PING),
    frame(TEXT, json.dumps({"type": "ping", "id": "long", "pad": "y" * 200}).encode()),
    close(1000, b"bye"),
]


def hear_stream(client: object) -> list[tuple[int, str]]:
    """Return what comes back for `STREAM`: opcodes, with ids or payloads."""
    heard = []
    while not heard or heard[-1][0] != CLOSE:
        opcode, payload = client.frame()  # type: ignore[attr-defined]
        heard.append((opcode, json.loads(payload)["id"] if opcode == TEXT else payload.hex()))
    client.ended()  # type: ignore[attr-defined]
    return heard


WANTED = [
    (TEXT, "first"),
    (PONG, "61"),
    (TEXT, "in parts"),
    (TEXT, "x" * 64),
    (PONG, ""),
    (TEXT, "long"),
    (CLOSE, "03e8"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_a_stream_may_be_chopped_anyhow(place: Place, size: int) -> None:
    """Messages, fragments, control frames and a goodbye in pieces of any size have the same answers."""
    with place.open() as client:
        client.crumbs(b"".join(STREAM), size)

        assert hear_stream(client) == WANTED


@pytest.mark.slow
def test_a_stream_may_be_cut_at_every_boundary(place: Place) -> None:
    """In two, at each byte around the edges of its frames."""
    data, edges = b"".join(STREAM), [sum(map(len, STREAM[:count])) for count in range(1, len(STREAM))]
    for cut in sorted({edge + shift for edge in edges for shift in (-1, 0, 1, 2, 3)}):
        with place.open() as client:
            client.write(data[:cut])
            client.write(data[cut:])

            assert hear_stream(client) == WANTED


def test_a_pause_within_a_frame_changes_nothing(place: Place) -> None:
    """Half a header now, the rest after a moment."""
    whole = ping("slow")
    with place.open() as client:
        for part in (whole[:1], whole[1:5], whole[5:20], whole[20:]):
            client.write(part)
            time.sleep(0.05)  # a packet of its own

        client.hears("slow")


def test_two_frames_in_one_segment_are_two(place: Place) -> None:
    """And half of a third waits for its end."""
    third = ping("third")
    with place.open() as client:
        client.write(ping("first"), ping("second"), third[:9])
        client.hears("first", "second")
        client.write(third[9:])
        client.hears("third")


def test_a_thousand_frames_in_one_segment_are_answered_in_order(place: Place) -> None:
    """Questions to the store, far more than wait at once: the socket is not read meanwhile, and nothing is lost."""
    question = '{"type":"history","id":"%d","payload":{"conversation_id":"nowhere"}}'
    with place.open() as client:
        client.write(*(frame(TEXT, (question % number).encode()) for number in range(1_000)))

        answers = [client.text() for _ in range(1_000)]

        assert [answer["id"] for answer in answers] == [f"{number}" for number in range(1_000)]
        client.works()


@pytest.mark.parametrize("size", [8_193, 16_000])
def test_content_above_its_limit_is_refused(place: Place, size: int) -> None:
    """40006 with the msg_id, below the bound of frames; the socket goes on."""
    payload = {"msg_id": "large", "to_user_id": "unobody", "content": "x" * size}
    with place.open() as client:
        client.write(frame(TEXT, json.dumps({"type": "send", "id": "1", "payload": payload}).encode()))

        answer = client.text()
        assert (answer["type"], answer["id"]) == ("error", "1")
        assert (answer["payload"]["code"], answer["payload"]["msg_id"]) == (40006, "large")
        client.works()


@pytest.mark.parametrize("size", [MAX_FRAME_BYTES + 1, 65_535, 65_536, 1_000_000])
def test_a_frame_above_the_limit_ends_the_socket(place: Place, size: int) -> None:
    """1009, and the close frame arrives although the server does not read all of it."""
    with place.open() as client:
        client.write(frame(TEXT, b" " * size))

        client.closed(1009)


@pytest.mark.slow
def test_a_socket_that_says_nothing_is_closed(place: Place) -> None:
    """4401 after the deadline; control frames are no authentication."""
    began = time.monotonic()
    with place.upgraded() as client:
        client.write(frame(PING, b"x"))
        client.pong(b"x")

        reason = client.closed(4401)

    assert b"auth" in reason
    assert time.monotonic() - began > AUTH_DEADLINE_S - 1.1  # the wheel counts in whole seconds


@pytest.mark.slow
def test_a_socket_that_never_ends_its_first_frame_is_closed(place: Place) -> None:
    """4401 too, while it dribbles."""
    with place.upgraded() as client:
        client.write(frame(TEXT, b'{"type":"auth","payload":{', fin=False))

        client.closed(4401)


@pytest.mark.parametrize(
    "first", [ping(), frame(TEXT, b"nonsense"), frame(TEXT, b'{"type":"auth","payload":{"token":"x"}}')]
)
def test_the_first_message_must_be_a_good_auth(place: Place, first: bytes) -> None:
    """4401, after auth_fail when it was an auth."""
    with place.upgraded() as client:
        client.write(first)

        if b"auth" in bytes(
            byte ^ mask for byte, mask in zip(first[6:], b"\x37\xfa\x21\x3d" * 20, strict=False)
        ):
            assert client.text()["type"] == "auth_fail"
        client.closed(4401)


def test_a_newer_socket_of_the_device_replaces_the_older(place: Place) -> None:
    """4451 for the older, at once."""
    with place.open() as older, place.open() as newer:
        older.closed(4451)
        newer.works()


@pytest.mark.parametrize(
    "before", [b"", ping("x")[:5], fragments(ask("x"), [3])[0]], ids=["idle", "in-a-frame", "in-a-message"]
)
def test_a_reset_leaves_nothing_behind(place: Place, before: bytes) -> None:
    """At any moment."""
    client = place.open()
    client.write(before)

    client.reset()

    place.settles()


def test_a_reset_in_the_handshake_leaves_nothing_behind(place: Place) -> None:
    """In the middle of the request."""
    client = place.connect()
    client.write(request()[:50])

    client.reset()

    place.settles()


@pytest.mark.slow  # the kernel's buffers hold megabytes
def test_a_client_that_never_reads_is_closed(place: Place) -> None:
    """Its answers are kept up to the bound, then it is cut; what it was sent is never thinned out."""
    question = frame(
        TEXT,
        json.dumps({"type": "history", "id": "x" * 64, "payload": {"conversation_id": "n" * 64}}).encode(),
    )
    client = place.open(receive_buffer=4_096)
    client.socket.settimeout(0.5)
    end = time.monotonic() + 40
    before = place.connections()
    while place.connections() == before:
        assert time.monotonic() < end, "still open"
        try:
            client.write(question * 100)
        except TimeoutError:
            time.sleep(0.1)  # the server has stopped reading
        except OSError:
            break
    client.socket.settimeout(15)
    received = 0
    try:
        while data := client.socket.recv(1 << 16):
            received += len(data)
    except ConnectionResetError:
        pass
    client.socket.close()

    assert received < 64 * OUTBOX_BYTES  # the kernel's buffers, and ours
    place.settles()


@pytest.mark.slow
def test_a_closed_socket_that_stays_is_cut(place: Place) -> None:
    """A client that neither answers the close frame nor leaves is cut after two seconds."""
    with place.open() as client:
        client.write(frame(2, b"x"))
        opcode, payload = client.frame()
        assert (opcode, struct.unpack(">H", payload[:2])[0]) == (CLOSE, 1003)

        client.dies()
    place.settles()
