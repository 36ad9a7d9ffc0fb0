"""Listeners on a tape: whatever the cuts, right bytes are right, and wrong ones are found for the one who got them."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from pingme.cli.bench import frames
from pingme.cli.bench.client import Client, Room
from pingme.cli.bench.frames import tag_of
from pingme.cli.bench.tape import BUFFER_BYTES, Listener, Tape, frame_size
from pingme.cli.bench.verify import Faults, Stream, judge, seen_of
from pingme.wire.websocket import PING, frame, text_frame

GROUP = frames.group_id_of(20, 0)
SENDER = 3


def push(seq: int, filling: int = 0) -> bytes:
    """Return the frame of a message whose tag is its seq."""
    msg_id = f"01890000-0000-7000-8000-{tag_of(SENDER, seq):012x}"
    return text_frame(
        b'{"type":"message","payload":{"conversation_id":"%b","seq":%d,"msg_id":"%b","content":"%b"}}'
        % (GROUP.encode(), seq, msg_id.encode(), b"x" * filling)
    )


class World:
    """Some listeners of one group, without sockets."""

    def __init__(self, count: int, **bounds: int) -> None:
        self.faults = Faults()
        self.room = Room(GROUP, '"group_id":"g"', head=0, shared=True, payload_bytes=64)
        self.load = SimpleNamespace(deliveries=0, completed=0, faults=self.faults)
        self.written: list[bytes] = []
        self.tape = Tape(self.room, **bounds)
        self._buffer = bytearray(BUFFER_BYTES)
        self.listeners = [self._listener(f"u{number}") for number in range(count)]

    def _listener(self, name: str) -> Listener:
        client = Client.__new__(Client)  # without an event loop
        client.load, client.timed = self.load, False
        client.user = SimpleNamespace(user_id=name)
        client.raw = SimpleNamespace(write=self.written.append)
        client.streams, client.rooms = {}, {}
        stream = Stream(name, self.room.ledger, self.faults)
        client.streams[self.room.cid], client.rooms[self.room.cid] = stream, self.room
        self.room.streams.append(stream)
        return Listener(client, self.tape, self._buffer)

    def feed(self, who: int, data: bytes) -> None:
        view = self.listeners[who].get_buffer(-1)
        view[: len(data)] = data
        self.listeners[who].buffer_updated(len(data))

    def verdict(self, sent: int) -> dict[str, int]:
        """Return the faults when the sender has acks for 1 … sent."""
        for seq in range(1, sent + 1):
            self.room.ledger.note_ack(seq, tag_of(SENDER, seq), self.faults)
        for listener in self.listeners:
            listener.settle()
        judge([seen_of(self.room.ledger, self.room.streams)], {SENDER: sent}, self.faults)
        return self.faults.counts


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(ends) if a < b]


CUTS = st.lists(st.integers(0, 100_000), max_size=12)


@given(st.lists(CUTS, min_size=3, max_size=3), st.lists(st.integers(0, 2), max_size=60))
def test_right_bytes_are_right_however_they_are_cut(cuts: list[list[int]], turns: list[int]):
    """Nobody's reads begin or end together; everybody gets every message and nothing is wrong."""
    world, count = World(3), 12
    data = b"".join(push(seq, seq * 40) for seq in range(1, count + 1))
    queues = [cut(data, places) for places in cuts]

    for who in [*turns, *(who for who in range(3) for _ in range(100))]:
        if queues[who]:
            world.feed(who, queues[who].pop(0))

    assert world.verdict(count) == {}
    assert world.load.deliveries == 3 * count


@given(CUTS, st.integers(0, 2), st.integers(1, 10), st.sampled_from(["lost", "repeated", "reordered"]))
def test_wrong_bytes_are_found(places: list[int], victim: int, at: int, kind: str):
    """A message lost, doubled or swapped for one listener is a fault of that kind, whoever comes first."""
    world = World(3)
    seqs = list(range(1, 13))
    wrong = {
        "lost": [seq for seq in seqs if seq != at],
        "repeated": [*seqs[:at], *seqs[at - 1 :]],
        "reordered": [*seqs[: at - 1], at + 1, at, *seqs[at + 1 :]],
    }[kind]

    for who in range(3):
        data = b"".join(push(seq) for seq in (wrong if who == victim else seqs))
        for part in cut(data, places):
            world.feed(who, part)

    assert kind in world.verdict(12)


def test_another_content_under_the_same_seq_is_found():
    """The bytes differ, and so does the message."""
    world = World(2)
    world.feed(0, push(1) + push(2))
    world.feed(1, push(1) + push(2).replace(b"%012x" % tag_of(SENDER, 2), b"%012x" % tag_of(SENDER, 9)))

    assert "conflict" in world.verdict(2)


def test_a_ping_between_messages_is_answered():
    """Control frames are each socket's own and stand on no tape (RFC 6455 §5.5)."""
    world = World(2)

    world.feed(0, push(1) + push(2))
    world.feed(1, push(1) + frame(PING, b"hi") + push(2))

    assert world.verdict(2) == {}
    assert world.written == [b"\x8a\x82\0\0\0\0hi"]


def test_a_listener_who_hears_nothing_lacks_everything():
    """Silence is not taken for agreement."""
    world = World(2)

    world.feed(0, push(1) + push(2))

    assert world.verdict(2) == {"lost": 2}


def test_what_all_have_heard_is_dropped():
    """The tape's memory is bounded by the slowest listener, and nobody loses count."""
    world, count = World(2, kept_bytes=2_000), 100

    for seq in range(1, count + 1):
        world.feed(0, push(seq))
        world.feed(1, push(seq))

    assert len(world.tape.data) < 3_000
    assert world.verdict(count) == {}
    assert world.load.deliveries == 2 * count


def test_the_size_of_a_frame_is_told_when_its_header_is_there():
    """Three forms of length (RFC 6455 §5.2); 0 while it cannot be told."""
    for length in (0, 125, 126, 65_535, 65_536):
        whole = text_frame(b"x" * length)

        assert frame_size(whole, 0) == len(whole)
        assert frame_size(b"ab" + whole, 2) == len(whole)
    assert [frame_size(text_frame(b"x" * 300)[:n], 0) for n in range(5)] == [0, 0, 0, 0, 304]
