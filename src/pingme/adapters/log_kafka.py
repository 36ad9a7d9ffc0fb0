"""The log of many nodes: one topic of Kafka, a partition for each shard of the store.

Rules of this file:
- A record goes to the partition that is its conversation's shard, with the conversation as its key.
- Appending waits for nothing. Who needs to know that a record got there watches for its outcome; failures are told.
- The event loop owns everything but the two threads; see `log_kafka_consumer` and `log_kafka_producer`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial

import structlog
from confluent_kafka import KafkaError, KafkaException, Message

from pingme.adapters.kafka_chains import LAST, read_gaps
from pingme.adapters.kafka_claim import claim, renew
from pingme.adapters.kafka_faults import KafkaFaults
from pingme.adapters.kafka_patience import Patience
from pingme.adapters.kafka_statistics import EVERY_MS, KafkaRequests
from pingme.adapters.kafka_topics import TopicUnusable, client_config, ensure_topic
from pingme.adapters.kafka_version import check_version
from pingme.adapters.log_kafka_consumer import LogConsumer
from pingme.adapters.log_kafka_handover import Commit, Handover
from pingme.adapters.log_kafka_lane import PROBE_HEADER, KafkaLane
from pingme.adapters.log_kafka_producer import LogProducer
from pingme.domain.errors import ErrorCode, KafkaUnavailable, LogFailed, Refused
from pingme.domain.shards import SHARDS, shard_of
from pingme.ports.clock import Clock
from pingme.ports.log import Headers, Origin, Progress, Record
from pingme.wire.records import encode_record, origin_header

log = structlog.get_logger(__name__)

PARTITIONS_KNOWN = 100_000  # conversations whose partition is remembered: hashing costs 1 µs
ROOM = 8_000  # fetched records that wait for the workers, all lanes together
# A request is of one partition only, so without a pause nearly every record is a request by itself: docs/adr/0009.
LINGER_MS = 2
CLOSE_S = 5.0
RENEW_MS = 600_000  # a week is the brokers' default, and they may be told to forget much sooner; it is three requests
# Longer than anything that the consumer's thread waits for. librdkafka was seen to keep it for ever, after a broker that did
# not answer had cost this node its place in the group.
STUCK_MS = 30_000


class KafkaLog:
    """`PartitionedLog`, with a `MessageLog` for each worker by `lanes`.

    Args:
        brokers: comma-separated.
        topic: `<prefix>-messages`.
        group: `kafka.consumer_group`.
        clock: time.
        limit_records: `limits.log_records`, of those that wait to be sent.
        direct_after_ms: `kafka.direct_after_ms`: a record that could not be sent in twice this time, and a second at
            least, is given up; its node has committed it directly by then.
        epoch: of the store; nodes on another one may not share the topic.
        partitions: of the topic.
    """

    def __init__(
        self,
        brokers: str,
        topic: str,
        group: str,
        clock: Clock,
        *,
        limit_records: int,
        direct_after_ms: int,
        epoch: str,
        partitions: int = SHARDS,
    ) -> None:
        self._topic = topic
        self._clock = clock
        self._limit = limit_records
        self.partitions = partitions
        self.partition_of: Callable[[str], int] = lru_cache(PARTITIONS_KNOWN)(
            partial(shard_of, count=partitions)
        )
        self._prepare = partial(_prepare, brokers, topic, group, partitions, epoch)
        self._renew = partial(renew, brokers, topic, epoch)
        self.faults = KafkaFaults(clock.monotonic_ms)
        self.requests = KafkaRequests()
        self.on_failed: Callable[[int], None] = lambda _partition: None
        self._loop = asyncio.get_running_loop()
        self._lanes: Sequence[KafkaLane] = ()
        self._lane_of: dict[int, KafkaLane] = {}
        self._progress: dict[int, Progress] = {}
        self._ready = False
        self._closed = threading.Event()
        self._producer = LogProducer(
            client_config(brokers)
            | {
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": LINGER_MS,
                "queue.buffering.max.messages": limit_records,
                "message.timeout.ms": max(1_000, 2 * direct_after_ms),
                "delivery.report.only.error": True,  # a report of each record would cost as much as sending it
                "on_delivery": self._on_delivery,
                "statistics.interval.ms": EVERY_MS,
                "stats_cb": partial(self.requests.note, "producer"),
                "error_cb": _ignore,  # the consumer, which is never idle, hears of a broker that is away
            },
            self._on_fatal,
        )
        self._make_consumer = partial(
            LogConsumer,
            brokers,
            topic,
            group,
            prepare=self._prepare,
            to_commit=self._to_commit,
            requests=self.requests,
        )
        self._generation = 0
        self._consumer = self._make_consumer(tell=self._handover())
        self._turns, self._patience = 0, Patience(clock.monotonic_ms)

    def lanes(self, count: int) -> Sequence[KafkaLane]:
        """Return this many `MessageLog`, which share the partitions among them; before `start`, once."""
        room = max(1_000, ROOM // count)
        self._lanes = [
            KafkaLane(
                range(number, self.partitions, count),
                self.append,
                self._on_flow,
                self._clock.monotonic_ms,
                room=room,
            )
            for number in range(count)
        ]
        self._lane_of = {partition: lane for lane in self._lanes for partition in lane.partitions}
        return self._lanes

    async def check(self) -> None:
        """Look at the topic before anything starts, and make it; a broker that is away is no reason not to start.

        Raises:
            TopicUnusable: it has another number of partitions, may not be made, or belongs to another store.
        """
        try:
            await asyncio.to_thread(self._prepare)
        except KafkaUnavailable as exc:
            self.faults.unreachable(exc.message)
        else:
            self._ready = True

    def start(self) -> None:
        """Begin to consume; `lanes` has been called."""
        self._producer.start()
        self._consumer.start()

    async def keep_mark(self) -> None:
        """Renew the mark of the store that the topic belongs to, for ever, while this node is of the group."""
        while True:
            await self._clock.sleep_ms(RENEW_MS)
            if any(lane.positions for lane in self._lanes):
                await self._renew_mark()

    async def _renew_mark(self) -> None:
        try:
            await asyncio.to_thread(self._renew)
        except KafkaUnavailable as exc:
            self.faults.note(ErrorCode.CONSUMER_GROUP_ERROR, exc.message)
        except TopicUnusable as exc:  # as at a start that is refused: sends go directly to the store
            self._ready = False
            self._consumer.stop()
            self._on_refused(str(exc))

    async def close(self) -> None:
        """Send what waits, commit what is finished, leave the group."""
        self._closed.set()
        self._consumer.stop()
        self._producer.stop()
        for thread in (self._consumer, self._producer):
            if thread.is_alive():
                await asyncio.to_thread(thread.join, CLOSE_S)
        sends = self._ready and not self.faults.unreachable_ms
        await asyncio.to_thread(self._producer.finish, CLOSE_S if sends else 0)

    # Appending.

    def append(self, record: Record) -> None:
        """See `CommandLog.append`."""
        command, origin = record.command, record.origin
        headers = () if origin is None else (origin_header(origin.node_id, origin.attempt, record.after),)
        partition = self.partition_of(command.conversation_id)
        self._produce(partition, encode_record(command), command.conversation_id, headers)

    def probe(self, partition: int, nonce: str, behind: Origin | None = None) -> None:
        """See `PartitionedLog.probe`."""
        headers: Headers = ((PROBE_HEADER, nonce.encode()),)
        if behind is not None:  # read as if it were that record again, which must have been let through then
            headers = (*headers, origin_header(behind.node_id, behind.attempt, behind.attempt))
        self._produce(partition, b"", PROBE_HEADER, headers)

    def _produce(self, partition: int, value: bytes, key: str, headers: Headers) -> None:
        if not self._ready:  # a broker might make the topic with partitions of its own choice
            raise LogFailed("the topic is not known to be there")
        try:
            self._producer.produce(self._topic, value, key, partition, headers)
        except BufferError as exc:
            raise Refused(ErrorCode.OVERLOADED, "the log is full", retry_after_ms=1000) from exc
        except KafkaException as exc:
            self.faults.note(ErrorCode.PRODUCER_ERROR, exc.args[0].str())
            raise LogFailed(exc.args[0].str()) from exc

    def depth(self) -> int:
        """Return how many records wait to be sent, or were fetched and wait for a worker."""
        return len(self._producer) + sum(lane.depth() for lane in self._lanes)

    # Watching.

    @property
    def unreachable_ms(self) -> int:
        """See `PartitionedLog.unreachable_ms`."""
        return self.faults.unreachable_ms

    def watch(self, partitions: frozenset[int]) -> None:
        """See `PartitionedLog.watch`."""
        self._replace_when_stuck()
        if partitions != self._consumer.watched:
            for partition in self._consumer.watched - partitions:
                self._progress.pop(partition, None)
            self._consumer.watched = partitions

    def _replace_when_stuck(self) -> None:
        """Let another thread consume when this one does not come back; it may hear of everything once more."""
        comes_back = self._consumer.turns != self._turns or not self._consumer.is_alive()
        self._turns = self._consumer.turns
        still_ms = self._patience.waited_ms(is_well=comes_back)
        if still_ms < STUCK_MS:
            return
        log.error("consumer_stuck", code=int(ErrorCode.CONSUMER_GROUP_ERROR), after_ms=still_ms)
        self.faults.note(ErrorCode.CONSUMER_GROUP_ERROR, "the consumer did not come back; another one begins")
        self._consumer.abandon()
        held = [partition for lane in self._lanes for partition in lane.positions]
        if held:
            self._on_revoked(held)
        self._consumer, self._patience = (
            self._make_consumer(tell=self._handover()),
            Patience(self._clock.monotonic_ms),
        )
        self._on_flow()
        self._consumer.start()

    def progress(self, partition: int) -> Progress:
        """See `PartitionedLog.progress`."""
        return self._progress.get(partition) or Progress()

    # From the threads.

    def _handover(self) -> Handover:
        """Return how a new consumer tells what happens; from now on nothing is taken from those before it."""
        self._generation = generation = self._generation + 1

        def in_loop(function: Callable[..., None]) -> Callable[..., None]:
            def take(*arguments: object) -> None:
                if generation == self._generation:
                    function(*arguments)

            def call(*arguments: object) -> None:
                if not self._loop.is_closed():
                    self._loop.call_soon_threadsafe(take, *arguments)

            return call

        return Handover(
            ready=in_loop(self._on_ready),
            refused=in_loop(self._on_refused),
            assigned=in_loop(self._on_assigned),
            revoked=in_loop(self._on_revoked),
            fetched=in_loop(self._on_fetched),
            committed=in_loop(self._on_committed),
            fault=in_loop(self.faults.note),
            reachable=in_loop(self._on_reachable),
        )

    def _on_delivery(self, error: KafkaError, message: Message) -> None:
        text, partition = error.str(), message.partition() or 0
        if not self._closed.is_set():
            self._loop.call_soon_threadsafe(self._on_undelivered, partition, text)

    def _on_fatal(self, text: str) -> None:
        if not self._closed.is_set():
            text = f"the producer failed for good; another one begins: {text}"
            self._loop.call_soon_threadsafe(self.faults.note, ErrorCode.PRODUCER_ERROR, text)

    def _on_undelivered(self, partition: int, text: str) -> None:
        self.faults.note(ErrorCode.PRODUCER_ERROR, f"partition {partition}: {text}")
        self.on_failed(partition)

    def _on_ready(self) -> None:
        self._ready = True

    def _on_refused(self, text: str) -> None:
        self.faults.refusal = text
        log.critical("kafka_refused", code=int(ErrorCode.KAFKA_ERROR), error=text)

    def _on_reachable(self, reachable: bool, text: str) -> None:  # from `Handover`
        if reachable:
            self.faults.reachable()
        else:
            self.faults.unreachable(text)

    def _on_assigned(self, partitions: Mapping[int, str]) -> None:  # from `Handover`
        log.info("partitions_assigned", partitions=sorted(partitions))
        for partition, metadata in partitions.items():
            self._lane_of[partition].assigned(partition, metadata)

    def _on_revoked(self, partitions: Sequence[int]) -> None:
        log.info("partitions_revoked", partitions=sorted(partitions))
        for partition in partitions:
            self._lane_of[partition].revoked(partition)

    def _on_fetched(self, messages: Sequence[Message]) -> None:
        if len(self._lanes) == 1:
            self._lanes[0].fetched(messages)
            return
        by_lane: dict[KafkaLane, list[Message]] = {}
        for message in messages:
            by_lane.setdefault(self._lane_of[message.partition() or 0], []).append(message)
        for lane, its in by_lane.items():
            lane.fetched(its)

    def _on_committed(self, commits: Mapping[int, Commit]) -> None:
        for partition, (offset, metadata) in commits.items():
            self._progress[partition] = _read_progress(offset, metadata)

    def _on_flow(self) -> None:
        paused = frozenset[int]().union(*(lane.paused for lane in self._lanes))
        self._consumer.paused = paused

    def _to_commit(self) -> Mapping[int, Commit]:
        """Return what may be committed; called from the consumer's thread, which may read a moment's state."""
        now = self._clock.monotonic_ms()
        commits: dict[int, Commit] = {}
        for lane in self._lanes:
            for partition, position in lane.positions.items():
                if position.token:
                    offset = position.offset  # before the words: those of a later offset do no harm
                    grace = max(0, position.grace_until_ms - now)
                    words = (*position.echoes, *position.finished.last.words(LAST), *position.chains.gaps())
                    commits[partition] = (offset, " ".join((f"{position.token}", f"{grace}", *words)))
        return commits


def _read_progress(offset: int, metadata: str) -> Progress:
    token, _, rest = metadata.partition(" ")
    grace, *words = rest.split() or [""]
    grace_ms = int(grace) if grace.isdecimal() else 0
    echoes = tuple(word for word in words if ":" not in word)
    return Progress(f"{offset} {token}", grace_ms, echoes, read_gaps(words))


def _prepare(brokers: str, topic: str, group: str, partitions: int, epoch: str) -> None:
    check_version(brokers)
    ensure_topic(brokers, topic, partitions)
    claim(brokers, topic, group, epoch)


def _ignore(_error: KafkaError) -> None:
    """Take no note."""
