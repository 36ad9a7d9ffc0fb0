"""What stands behind a record that is gone is passed over, and whoever reads the partition next knows as much."""

from __future__ import annotations

from dataclasses import dataclass, field

from confluent_kafka import Message
from hypothesis import given
from hypothesis import strategies as st

from pingme.adapters.kafka_chains import LAST, MAX_NODES, Chains, read_gaps, read_last, to_words
from pingme.adapters.log_kafka_lane import KafkaLane
from pingme.domain.events import Command
from pingme.ports.log import Origin, Record
from pingme.wire.records import encode_record, origin_header
from tests.fakes.clock import FakeClock
from tests.fakes.commands import ADA, BOB, to_user

NODES = ("n1", "n2", "n3")


def test_words_of_metadata_come_back_among_others():
    """Echoes of probes, and what a later version may add, stand beside them."""
    words = ["n1.7", *to_words(LAST, {"n1": 12, "n2": 3}), "gap:n3:8", "gap:", "last:x", "gap:n4:x"]
    metadata = " ".join(["55", "0", *words])

    assert read_last(metadata) == {"n1": 12, "n2": 3}
    assert read_gaps(words) == (Origin("n3", 8),)


def test_nodes_that_are_gone_are_forgotten_for_new_ones():
    """The longest silent first; one that is forgotten goes on with its next chain."""
    chains = Chains({})
    for number in range(MAX_NODES):
        assert chains.lets_through(Origin(f"n{number}", 1), 0)
    assert chains.lets_through(Origin("n0", 2), 1)

    assert chains.lets_through(Origin("new", 1), 0)

    assert chains.lets_through(Origin("n0", 3), 2)
    assert not chains.lets_through(Origin("n1", 2), 1)
    assert chains.lets_through(Origin("n1", 3), 0)


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
            self.metadata = " ".join(["1", "0", *to_words(LAST, position.finished.last)])


@given(
    st.lists(st.tuples(st.sampled_from(NODES), st.booleans()), min_size=1, max_size=30),
    st.sets(st.integers(0, 29)),
    st.lists(
        st.tuples(st.integers(0, 6), st.permutations(range(6)), st.integers(0, 6), st.sampled_from("-ct")),
        max_size=12,
    ),
)
async def test_no_record_is_given_out_before_one_that_it_stands_behind(
    sends: list[tuple[str, bool]], lost: set[int], work: list[tuple[int, list[int], int, str]]
):
    """Whichever records are lost, in whatever order they are finished, and whoever takes the partition over.

    Each node's records are a chain, begun anew here and there; where nothing is lost, nothing is passed over.
    """
    partition, before, places = Partition(), dict.fromkeys(NODES, 0), {}
    for offset, (node, begins) in enumerate(sends):
        after = 0 if begins else before[node]
        before[node] = attempt = offset + 1
        places[attempt] = after
        if offset not in lost:
            command = to_user(ADA, BOB, msg_id=f"m{attempt}")
            partition.records.append((offset, command, after, Origin(node, attempt)))
    given_out: set[int] = set()
    for count, order, done, then in [*work, (30, [], 0, "t"), (30, [], 0, "-")]:
        records = await partition.read(count)
        for record in records:
            attempt = record.origin.attempt if record.origin is not None else 0
            after = places[attempt]
            assert after == 0 or after in given_out
            given_out.add(attempt)
        chosen = [records[index] for index in order[:done] if index < len(records)]
        await partition.lane.done(chosen)
        if then in "ct":
            partition.commit()
        if then == "t":
            partition.take_over()

    if not lost:
        assert given_out == set(places)
