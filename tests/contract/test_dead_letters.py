"""The contract of `DeadLetters`, on the fake, on the embedded adapter, on MySQL and on a topic of Kafka."""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from pingme.adapters import dead_letters_kafka_topic
from pingme.adapters.dead_letters_kafka import KafkaDeadLetters
from pingme.adapters.dead_letters_kafka_topic import LetterTopic
from pingme.adapters.dead_letters_mysql import MysqlDeadLetters
from pingme.adapters.dead_letters_sqlite import SqliteDeadLetters
from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.domain.errors import DeadLetterFailed, KafkaUnavailable
from pingme.ports.dead_letters import DeadLetterRecord
from tests.fakes.dead_letters import MemoryDeadLetters
from tests.fakes.kafka import FailingProducer, MockCluster
from tests.fakes.store_worlds import mysql_database

replace = msgspec.structs.replace


def letter(number: int = 1, **changes: object) -> DeadLetterRecord:
    """A dead letter of a message that the store would not take."""
    record = DeadLetterRecord(
        sender_id="u1",
        msg_id=f"m{number}",
        conversation_id="p1",
        raw=b'{"v":1}\x00\xff',
        code=50006,
        error="constraint failed",
        attempts=4,
        origin=f"memory/0/{number}",
        created_ts=1_700_000_000_000 + number,
    )
    return replace(record, **changes)


@pytest.fixture(
    params=["fake", "sqlite", "mysql", "kafka_mock", pytest.param("kafka", marks=pytest.mark.slow)]
)
async def letters(request, tmp_path):
    if request.param == "fake":
        yield MemoryDeadLetters()
        return
    if request.param == "mysql":
        async with mysql_database(request.getfixturevalue("mariadb")) as shared:
            yield MysqlDeadLetters(shared)
        return
    if request.param.startswith("kafka"):
        async with kafka_letters(request) as adapter:
            yield adapter
        return
    database = SqliteDatabase(tmp_path / "pingme.db")
    yield SqliteDeadLetters(database)
    await database.close()


@contextlib.asynccontextmanager
async def kafka_letters(request: pytest.FixtureRequest) -> AsyncIterator[KafkaDeadLetters]:
    """Letters in a topic of their own, of librdkafka's mock cluster or of a real broker."""
    topic = f"t{uuid.uuid4().hex}-dlq"
    if request.param == "kafka_mock":
        cluster = MockCluster(topic)
        brokers = cluster.brokers
    else:
        brokers = request.getfixturevalue("kafka")["KAFKA_BROKERS"]
    adapter = KafkaDeadLetters(brokers, topic)
    yield adapter
    await adapter.close()


async def test_a_letter_comes_back_as_it_was(letters):
    """All fields, and every byte of the record, are kept; the id is given."""
    await letters.put(letter())

    (kept,) = await letters.list()
    assert kept.id >= 1
    assert replace(kept, id=0) == letter()
    assert await letters.show(kept.id) == kept


async def test_one_letter_per_message(letters):
    """A second letter of a message replaces the first, but for its id, first time and replays."""
    await letters.put(letter())
    (first,) = await letters.list()
    await letters.mark_replayed(first.id)

    await letters.put(letter(error="disk I/O error", attempts=8, created_ts=1_800_000_000_000))

    (kept,) = await letters.list()
    assert (kept.id, kept.created_ts, kept.replays) == (first.id, first.created_ts, 1)
    assert (kept.error, kept.attempts) == ("disk I/O error", 8)


async def test_undecodable_records_do_not_replace_each_other(letters):
    """Records without sender and msg_id are told apart by their bytes."""
    for raw in (b"\xff", b"\xfe", b"\xff"):
        await letters.put(letter(sender_id="", msg_id="", conversation_id="", raw=raw, code=50002))

    kept = await letters.list()
    assert [one.raw for one in kept] == [b"\xff", b"\xfe"]
    assert {(one.sender_id, one.msg_id) for one in kept} == {("", "")}


async def test_the_same_msg_id_of_two_senders_is_two_letters(letters):
    """msg_ids are one name space per sender."""
    await letters.put(letter())
    await letters.put(letter(sender_id="u2"))

    assert await letters.count() == 2


async def test_pages_of_letters_make_the_whole_list(letters):
    """Walking with after_id gives every letter once, in ascending id."""
    for number in range(7):
        await letters.put(letter(number))

    walked, after = [], 0
    while page := await letters.list(after_id=after, limit=3):
        assert len(page) <= 3
        walked += page
        after = page[-1].id

    assert [one.msg_id for one in walked] == [f"m{number}" for number in range(7)]
    assert [one.id for one in walked] == sorted({one.id for one in walked})


async def test_purge_deletes_what_it_is_told(letters):
    """Some by id, then all; the number of deleted letters is returned, unknown ids count for nothing."""
    for number in range(4):
        await letters.put(letter(number))
    ids = [one.id for one in await letters.list()]

    assert await letters.purge([ids[0], ids[2], 999_999]) == 2
    assert [one.id for one in await letters.list()] == [ids[1], ids[3]]
    assert await letters.purge([]) == 0
    assert await letters.purge() == 2
    assert await letters.count() == 0


async def test_ids_are_not_used_again(letters):
    """A purged letter's id never names another letter."""
    await letters.put(letter(1))
    (first,) = await letters.list()
    await letters.purge()
    await letters.put(letter(2))

    (second,) = await letters.list()
    assert second.id > first.id
    assert await letters.show(first.id) is None


async def test_marking_what_is_gone_changes_nothing(letters):
    """A letter that was purged meanwhile may still be marked."""
    await letters.mark_replayed(7)

    assert await letters.list() == []


async def test_a_letter_that_is_not_kept_is_an_error(tmp_path):
    """When the table refuses, `put` says that the record must not be given up."""
    database = SqliteDatabase(tmp_path / "pingme.db")

    def break_table(connection: sqlite3.Connection) -> None:
        connection.execute(
            "CREATE TRIGGER no BEFORE INSERT ON dead_letters BEGIN SELECT RAISE(ABORT, 'no'); END"
        )

    await database.write(break_table)

    with pytest.raises(DeadLetterFailed):
        await SqliteDeadLetters(database).put(letter())

    await database.close()


async def test_a_producer_of_letters_that_failed_for_good_is_replaced(monkeypatch: pytest.MonkeyPatch):
    """The next attempt has one of its own: librdkafka's takes nothing any more after a fatal error."""
    made: list[FailingProducer] = []

    def make(config: Mapping[str, Any]) -> FailingProducer:
        made.append(FailingProducer(config))
        return made[-1]

    monkeypatch.setattr(dead_letters_kafka_topic, "Producer", make)
    topic = LetterTopic("127.0.0.1:1", "t-dlq")
    topic.put(letter(1))
    made[0].fail()

    with pytest.raises(DeadLetterFailed, match="Fatal error"):
        topic.put(letter(2))
    topic.put(letter(2))
    topic.put(letter(3))

    assert [len(each.taken) for each in made] == [1, 2]


@pytest.mark.parametrize(
    ("code", "passes"),
    [
        pytest.param(KafkaError.NOT_LEADER_FOR_PARTITION, True, id="leader-changes"),
        pytest.param(KafkaError.UNKNOWN_TOPIC_OR_PART, True, id="just-made"),
        pytest.param(KafkaError.TOPIC_AUTHORIZATION_FAILED, False, id="not-allowed"),
    ],
)
def test_what_passes_by_itself_is_waited_for(code: int, passes: bool, monkeypatch: pytest.MonkeyPatch):
    """A topic has no leader for a moment after it was made; what stays is told at once."""
    monkeypatch.setattr(dead_letters_kafka_topic, "AGAIN_S", 0.001)
    topic = LetterTopic("127.0.0.1:1", "t-dlq")
    reader = EmptyTopic([KafkaException(KafkaError(code)) for _ in range(2)])
    monkeypatch.setattr(topic, "_consumer", reader)

    if passes:
        assert topic.index() == {}
        assert reader.failures == []
    else:
        with pytest.raises(KafkaUnavailable):
            topic.index()
        assert len(reader.failures) == 1


class EmptyTopic:
    """A consumer of a topic without letters, whose first questions fail."""

    def __init__(self, failures: list[KafkaException]) -> None:
        self.failures = failures

    def get_watermark_offsets(self, _place: TopicPartition, timeout: float) -> tuple[int, int]:
        assert timeout > 0
        if self.failures:
            raise self.failures.pop()
        return 0, 0


async def test_the_fake_can_be_broken():
    """Tests of the pipeline make the fake refuse."""
    letters = MemoryDeadLetters()
    letters.broken = True

    with pytest.raises(DeadLetterFailed):
        await letters.put(letter())
