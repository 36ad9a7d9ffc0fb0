"""What stands behind a record that is gone is passed over, and whoever reads the partition next knows as much."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from confluent_kafka import Message
from hypothesis import example, given
from hypothesis import strategies as st

from pingme.adapters import kafka_chains
from pingme.adapters.kafka_chains import LAST, MAX_NODES, Attempts, Chains, read_gaps, read_last
from pingme.adapters.log_kafka_lane import KafkaLane
from pingme.domain.events import Command
from pingme.ports.log import Origin, Record
from pingme.wire.records import encode_record, origin_header
from tests.fakes.clock import FakeClock
from tests.fakes.commands import ADA, BOB, to_user

NODES = ("n1", "n2", "n3")


def test_words_of_metadata_come_back_among_others():
    """Echoes of probes, and what a later version may add, stand beside them."""
    words = ["n1.7", *Attempts({"n1": 12, "n2": 3}).words(LAST), "gap:n3:8", "gap:", "last:x", "gap:n4:x"]
    metadata = " ".join(["55", "0", *words])

    assert read_last(metadata) == {"n1": 12, "n2": 3}
    assert read_gaps(words) == (Origin("n3", 8),)


def test_nodes_that_write_nothing_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    """Each start of a node is a new one: what is told of them must not grow for ever. Those that write stay."""
    monkeypatch.setattr(kafka_chains, "REMEMBERED_RECORDS", 10)
    attempts = Attempts({"gone": 1, "n1": 4})
    for attempt in range(5, 14):
        attempts.note("n1", attempt)
    at_first = attempts.words("")
    for attempt in range(14, 26):
        attempts.note("n1", attempt)

    assert sorted(at_first) == ["gone:1", "n1:13"]
    assert attempts.words("") == ["n1:25"]
    assert (attempts.get("gone"), attempts.get("n1")) == (0, 25)


def test_what_is_told_of_many_nodes_is_bounded():
    """The longest silent are forgotten; one of them that comes back goes on with its next chain."""
    chains = Chains({})
    for number in range(1_000):
        assert chains.lets_through(Origin(f"n{number:016x}", 10**9 + number), 0)
    gone, known = Origin(f"n{0:016x}", 10**9 + 2_000), Origin(f"n{999:016x}", 10**9 + 2_000)

    assert chains.lets_through(known, 10**9 + 999)
    assert not chains.lets_through(gone, 10**9)
    for number in range(100):
        assert not chains.lets_through(Origin(f"x{number:016x}", 10**9 + number), 1)
    words = [*chains._last.words(LAST), *chains.gaps()]

    assert len(" ".join(words)) < 3_600
    assert len(words) > 2 * MAX_NODES
    assert chains.lets_through(gone, 0)


def test_a_gap_is_told_until_its_node_begins_anew():
    """With the newest record that was passed over: somebody waits for that one."""
    chains = Chains({"n1": 4})
    for attempt, after in ((6, 5), (7, 6)):
        assert not chains.lets_through(Origin("n1", attempt), after)
    told = chains.gaps()

    assert chains.lets_through(Origin("n1", 9), 0)

    assert read_gaps(told) == (Origin("n1", 7),)
    assert chains.gaps() == []


@dataclass
class Partition:
    """One partition in memory, whose records may be lost, and the lane of whoever reads it."""

    records: list[tuple[int, Command, int, Origin]] = field(default_factory=list)
    lane: KafkaLane = field(init=False)
    metadata: str = ""
    committed: int = 0
    read_to: int = 0

    def __post_init__(self) -> None:
        self.take_over()

    def take_over(self) -> None:
        """Somebody else goes on where the last commit was."""
        self.lane = KafkaLane((0,), lambda _: None, lambda: None, FakeClock().monotonic_ms, room=1_000)
        self.lane.assigned(0, self.metadata)
        self.read_to = self.committed

    async def read(self, count: int) -> list[Record]:
        """Fetch and take the next records that are left."""
        due = [each for each in self.records if each[0] >= self.read_to][:count]
        self.lane.fetched(
            [
                Message(
                    topic="t",
                    partition=0,
                    offset=offset,
                    value=encode_record(command),
                    headers=[origin_header(origin.node_id, origin.attempt, after)],
                )
                for offset, command, after, origin in due
            ]
        )
        if due:
            self.read_to = due[-1][0] + 1
        return list(await self.lane.take(max_records=1_000, timeout_ms=0))

    def commit(self) -> None:
        position = self.lane.positions[0]
        if position.offset >= 0:
            self.committed = position.offset
            self.metadata = " ".join(["1", "0", *position.finished.last.words(LAST)])


Step = tuple[
    int, set[int], frozenset[int], str
]  # records to read, which in hand are done, which are lost, what then

STEPS = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sets(st.integers(0, 11)),
        st.frozensets(st.integers(0, 29), max_size=3),
        st.sampled_from(["", "commit", "take over"]),
    ),
    max_size=12,
)
EVERYTHING: list[Step] = [(30, set(), frozenset(), "take over"), (30, set(), frozenset(), "")]


@given(
    st.lists(st.tuples(st.sampled_from(NODES), st.booleans()), min_size=1, max_size=30), STEPS, st.booleans()
)
@example(
    [("n1", False)] * 3, [(1, {0}, frozenset({1}), "commit"), (1, set(), frozenset(), "take over")], True
)
@example([("n1", False)] * 4, [(3, {1}, frozenset(), "take over"), (4, {2}, frozenset(), "take over")], False)
@example([("n1", False)] * 4, [(1, {0}, frozenset({1}), ""), (1, set(), frozenset(), "take over")], True)
async def test_no_record_is_given_out_before_one_that_it_stands_behind(
    sends: list[tuple[str, bool]], steps: list[Step], loses: bool
):
    """Whatever is lost, in whatever order records are finished, whoever takes over with what was in hand.

    Each node's records are a chain, begun anew here and there. Where nothing is lost, nothing is passed over.
    """
    partition, before, after = Partition(), dict.fromkeys(NODES, 0), {}
    for offset, (node, begins) in enumerate(sends):
        attempt = offset + 1
        after[attempt] = 0 if begins else before[node]
        before[node] = attempt
        command = to_user(ADA, BOB, msg_id=f"m{attempt}")
        partition.records.append((offset, command, after[attempt], Origin(node, attempt)))
    stored: set[int] = set()
    in_hand: list[Record] = []
    for count, done, lost, then in [*steps, *EVERYTHING]:
        if loses:
            partition.records = [each for each in partition.records if each[0] not in lost]
        for record in await partition.read(count):
            named = after[attempt_of(record)]
            assert named == 0 or named in stored or named in map(attempt_of, in_hand)
            in_hand.append(record)
        finished = [each for place, each in enumerate(in_hand) if place in done]
        await partition.lane.done(finished)
        stored |= set(map(attempt_of, finished))
        in_hand = [each for each in in_hand if each not in finished]
        if then:
            partition.commit()
        if then == "take over":
            partition.take_over()
            in_hand = []

    if not loses:
        assert stored | set(map(attempt_of, in_hand)) == set(after)


def attempt_of(record: Record) -> int:
    assert record.origin is not None
    return record.origin.attempt
