"""A server on a real Kafka broker that is killed, missing, stopped, or full of rubbish: the chat goes on."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pingme.adapters.dead_letters_kafka import KafkaDeadLetters
from pingme.domain.events import MessageBody, make_command
from pingme.ports.dead_letters import DeadLetterRecord
from pingme.sdk import Message
from pingme.wire.records import encode_record
from tests.chaos.engine_faults import delete_segments
from tests.conversations.people import contents, hear, person, say
from tests.conversations.server import ServerProcess
from tests.services.kafka import Kafka
from tests.services.service import insist

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

WITHIN_S = 40.0  # for a broker that was started to serve, and for the node to notice
UNLIMITED = {"PINGME_LIMITS__SENDS_PER_S": "0"}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Kafka]:
    """A broker of this test alone, which may be killed."""
    service = Kafka()
    insist(service)
    folder = tmp_path / "kafka"
    folder.mkdir()
    service.start(folder)
    yield service
    service.stop()


def server_on(brokers: Mapping[str, str], tmp_path: Path, **more: str) -> ServerProcess:
    """A server with its log on Kafka, in topics of its own."""
    prefix = f"t{uuid.uuid4().hex[:12]}"
    topics = {"PINGME_KAFKA__TOPIC_PREFIX": prefix, "PINGME_KAFKA__CONSUMER_GROUP": prefix}
    return ServerProcess(tmp_path / "data", {**UNLIMITED, **brokers, **topics, **more})


def prefix_of(server: ServerProcess) -> str:
    return server._env["PINGME_KAFKA__TOPIC_PREFIX"]


async def health(server: ServerProcess) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        answer: dict[str, Any] = (await http.get("/health")).json()["components"]["log"]
        return answer


async def until_health(server: ServerProcess, check: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until /health says of the log what the check wants."""
    async with asyncio.timeout(WITHIN_S):
        while not check(found := await health(server)):  # noqa: ASYNC110  # another process's
            await asyncio.sleep(0.1)
        return found


async def dlq(server: ServerProcess, *arguments: str) -> dict[str, Any]:
    """Run `pingme dlq …` beside the server and return its JSON."""
    program = "from pingme.cli.app import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, "dlq", *arguments, "--json",
        env=server._env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert out, err.decode()
    found: dict[str, Any] = json.loads(out)
    return found


async def test_messages_go_through_the_log(kafka: Mapping[str, str], tmp_path: Path):
    """Every send is a record of the topic, in the partition that is its shard; nothing goes directly."""
    async with server_on(kafka, tmp_path) as server:
        async with person(server.url, "ada") as ada, person(server.url, "bob") as bob:
            await until_health(server, lambda log: log["status"] == "healthy")
            for number in range(10):
                await say(ada, f"hello {number}", to="bob")
            heard = [(await hear(bob, Message)).content for _ in range(10)]
        records = count_records(kafka["KAFKA_BROKERS"], f"{prefix_of(server)}-messages")

        assert heard == [f"hello {number}" for number in range(10)]
        assert records >= 10
        assert "partitions_direct" not in server.log()


def count_records(brokers: str, topic: str) -> int:
    reader = Consumer({"bootstrap.servers": brokers, "group.id": "count"})
    try:
        ends = [
            reader.get_watermark_offsets(TopicPartition(topic, number), timeout=5) for number in range(16)
        ]
        return sum(high for _, high in ends)
    finally:
        reader.close()


async def test_a_broker_that_is_killed_costs_no_message(broker: Kafka, tmp_path: Path):
    """Sends go on, directly; the log is used again by itself; each message is stored once, in order."""
    async with server_on(broker.env(), tmp_path) as server:
        async with person(server.url, "ada") as ada, person(server.url, "bob") as bob:
            sent = await say(ada, "0", to="bob")
            await until_health(server, lambda log: log["status"] == "healthy")  # the group has formed
            slowest_ms = 0.0
            for number in range(1, 120):
                if number == 20:
                    broker.kill()
                if number == 60:
                    told = await until_health(server, lambda log: "50001" in log["detail"])
                    await asyncio.to_thread(broker.start_again)
                    await until_health(server, lambda log: log["status"] == "healthy")
                began = time.monotonic()
                await say(ada, str(number), to="bob")
                slowest_ms = max(slowest_ms, (time.monotonic() - began) * 1000)
            stored = await contents(bob, sent.conversation_id)

        print(f"slowest ack while the broker was killed: {slowest_ms:.0f} ms")
        assert told["status"] == "degraded"
        assert stored == [str(number) for number in range(120)]
        assert "partitions_back" in server.log()
        await until_health(server, lambda log: log["status"] == "healthy")


async def test_a_broker_that_stops_answering_costs_no_message(broker: Kafka, tmp_path: Path):
    """Its connections stay open and nothing comes: the sends are committed directly after kafka.direct_after_ms."""
    async with server_on(broker.env(), tmp_path) as server:
        async with person(server.url, "ada") as ada, person(server.url, "bob") as bob:
            sent = await say(ada, "0", to="bob")
            await until_health(server, lambda log: log["status"] == "healthy")
            broker.signal(signal.SIGSTOP)
            for number in range(1, 20):
                await say(ada, str(number), to="bob")
            told = await health(server)
            broker.signal(signal.SIGCONT)
            await until_health(server, lambda log: "directly" not in log["detail"])
            await say(ada, "20", to="bob")
            stored = await contents(bob, sent.conversation_id)

        assert "directly" in told["detail"]
        assert stored == [str(number) for number in range(21)]


async def test_a_log_that_lost_its_segments_begins_anew(broker: Kafka, tmp_path: Path):
    """The group's offsets are above its end: nothing is passed over, they are committed anew, and the log is used again."""
    async with server_on(broker.env(), tmp_path) as server:
        topic = f"{prefix_of(server)}-messages"
        async with person(server.url, "ada") as ada, person(server.url, "bob") as bob:
            await until_health(server, lambda log: log["status"] == "healthy")
            for number in range(30):
                sent = await say(ada, str(number), to="bob")
            await until_committed(broker, prefix_of(server), lambda places: sum(at for at, _ in places) >= 30)
            await asyncio.to_thread(broker.stop)
            delete_segments(tmp_path / "kafka" / "data", topic)
            await asyncio.to_thread(broker.start_again)
            for number in range(30, 50):
                await say(ada, str(number), to="bob")
            await until_health(server, lambda log: log["status"] == "healthy")
            await say(ada, "50", to="bob")
            stored = await contents(bob, sent.conversation_id)
        await until_committed(broker, prefix_of(server), lambda places: all(at <= end for at, end in places))

        assert stored == [str(number) for number in range(51)]


async def until_committed(broker: Kafka, prefix: str, check: Callable[[list[tuple[int, int]]], bool]) -> None:
    """Wait until (committed offset, end of the log) of the partitions are what the check wants."""
    async with asyncio.timeout(WITHIN_S):
        while not check(await asyncio.to_thread(committed, broker.env()["KAFKA_BROKERS"], prefix)):  # noqa: ASYNC110  # another process's
            await asyncio.sleep(0.1)


def committed(brokers: str, prefix: str) -> list[tuple[int, int]]:
    reader = Consumer({"bootstrap.servers": brokers, "group.id": prefix})
    try:
        places = [TopicPartition(f"{prefix}-messages", number) for number in range(16)]
        return [
            (max(place.offset, 0), reader.get_watermark_offsets(place, timeout=5)[1])
            for place in reader.committed(places, timeout=5)
        ]
    finally:
        reader.close()


async def test_a_server_starts_and_serves_without_a_broker(broker: Kafka, tmp_path: Path):
    """It starts degraded, names 50001, commits directly, and takes the log when the broker comes."""
    broker.kill()
    async with server_on(broker.env(), tmp_path) as server:
        told = await health(server)
        async with person(server.url, "ada") as ada, person(server.url, "bob") as bob:
            sent = await say(ada, "without", to="bob")
            await asyncio.to_thread(broker.start_again)
            await until_health(server, lambda log: log["status"] == "healthy")
            await say(ada, "with", to="bob")
            stored = await contents(bob, sent.conversation_id)
        records = count_records(broker.env()["KAFKA_BROKERS"], f"{prefix_of(server)}-messages")

        assert told["status"] == "degraded"
        assert "50001" in told["detail"]
        assert stored == ["without", "with"]
        assert records >= 1


async def test_a_node_that_was_stopped_for_long_joins_again(kafka: Mapping[str, str], tmp_path: Path):
    """The group takes it for dead (50005); when it runs again it gets its partitions back and works."""
    async with server_on(kafka, tmp_path) as server:
        async with person(server.url, "ada") as ada, person(server.url, "bob"):
            await say(ada, "before", to="bob")
            server.signal(signal.SIGSTOP)
            await asyncio.sleep(14)  # the session ends after 10 s
            server.signal(signal.SIGCONT)
            sent = await say(ada, "after", to="bob")
            told = await until_health(server, lambda log: "50005" in log["detail"])
            await until_health(server, lambda log: "directly" not in log["detail"])
            await say(ada, "again", to="bob")
            stored = await contents(ada, sent.conversation_id)

        assert told["status"] == "degraded"
        assert stored == ["before", "after", "again"]
        assert "code=50005" in server.log()


async def test_rubbish_in_the_log_becomes_a_dead_letter(kafka: Mapping[str, str], tmp_path: Path):
    """50002: the bytes are kept as they are, messages go on, and a purge removes the letter."""
    async with server_on(kafka, tmp_path) as server:
        async with person(server.url, "ada") as ada, person(server.url, "bob"):
            await say(ada, "first", to="bob")
            producer = Producer({"bootstrap.servers": kafka["KAFKA_BROKERS"]})
            producer.produce(f"{prefix_of(server)}-messages", b"\xffrubbish", "key", 0)
            producer.flush(10)
            for number in range(20):
                await say(ada, str(number), to="bob")
            async with asyncio.timeout(WITHIN_S):
                while not (items := (await dlq(server, "list"))["items"]):  # noqa: ASYNC110  # another process's
                    await asyncio.sleep(0.2)
        shown = await dlq(server, "show", str(items[0]["id"]))
        purged = await dlq(server, "purge", "--all", "--yes")

        assert [item["code"] for item in items] == [50002]
        assert shown["letter"]["raw_base64"] == "/3J1YmJpc2g="
        assert (
            shown["letter"]["origin"]
            == f"{prefix_of(server)}-messages/0/{shown['letter']['origin'].rpartition('/')[2]}"
        )
        assert purged["deleted"] == 1
        assert (await dlq(server, "list"))["items"] == []


async def test_a_dead_letter_of_the_topic_is_replayed_once(kafka: Mapping[str, str], tmp_path: Path):
    """`pingme dlq replay` sends it under its msg_id: stored once, delivered, and gone from the topic."""
    async with server_on(kafka, tmp_path) as server:
        async with person(server.url, "ada") as ada, person(server.url, "bob") as bob:
            sent = await say(ada, "first", to="bob")
            await hear(bob, Message)
            await put_letter(kafka, server, str(ada.user_id), str(bob.user_id), sent.conversation_id)
            dry = await dlq(server, "replay", "--all", "--dry-run")
            done = await dlq(server, "replay", "--all", "--rate", "100")
            heard = await hear(bob, Message)
            await put_letter(kafka, server, str(ada.user_id), str(bob.user_id), sent.conversation_id)
            again = await dlq(server, "replay", "--all")
            stored = await contents(bob, sent.conversation_id)

        assert (dry["counts"], done["counts"], again["counts"]) == (
            {"would_replay": 1},
            {"stored": 1},
            {"duplicate": 1},
        )
        assert heard.content == "from the dead"
        assert stored == ["first", "from the dead"]
        assert (await dlq(server, "list"))["items"] == []


async def put_letter(
    kafka: Mapping[str, str], server: ServerProcess, sender: str, peer: str, conversation: str
) -> None:
    body = MessageBody(content="from the dead", content_type="text", to_user_id=peer)
    command = make_command(
        "message", sender_id=sender, msg_id="dead-1", conversation_id=conversation, body=body
    )
    letters = KafkaDeadLetters(kafka["KAFKA_BROKERS"], f"{prefix_of(server)}-dlq")
    await letters.put(
        DeadLetterRecord(
            sender_id=sender,
            msg_id="dead-1",
            conversation_id=conversation,
            raw=encode_record(command),
            code=50006,
            error="the store rejected it",
            attempts=4,
            origin="elsewhere/0/7",
            created_ts=1,
        )
    )
    await letters.close()


async def test_a_topic_with_other_partitions_stops_the_start(kafka: Mapping[str, str], tmp_path: Path):
    """The partitions are the store's shards: with another number the order of conversations would not hold."""
    server = server_on(kafka, tmp_path)
    topic = f"{prefix_of(server)}-messages"
    admin = AdminClient({"bootstrap.servers": kafka["KAFKA_BROKERS"]})
    admin.create_topics([NewTopic(topic, 3, 1)])[topic].result(10)

    with pytest.raises(AssertionError, match="has 3 partitions, expected 16"):
        await server.start()
    server._process = None
