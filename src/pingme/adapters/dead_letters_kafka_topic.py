"""Dead letters as records of a topic: one partition, compacted by (sender, msg_id), a tombstone for what is purged.

Everything here blocks and belongs to one thread at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from pingme.adapters.kafka_topics import client_config, ensure_topic
from pingme.domain.errors import DeadLetterFailed, KafkaUnavailable
from pingme.ports.dead_letters import DeadLetterRecord

PARTITION = 0
PAGE = 500  # records read at once
WAIT_S = 5.0  # for the broker: to read, and to confirm what was put
HEADER = "letter"  # everything about a letter but its bytes
# A topic that was just made, or whose leader changes, answers so for a moment.
PASSING = frozenset(
    {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART}
)
AGAIN_S = 0.1
KEPT = "kept."  # before the names of the headers that the record had
TOPIC_CONFIG = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.1",
    "max.message.bytes": "2097152",  # a record of the largest message, with what is said about it
}


class _About(msgspec.Struct, omit_defaults=True):
    """What stands in the header: the fields of a letter; ``id`` is that of the letter that it replaces."""

    sender_id: str
    msg_id: str
    conversation_id: str
    code: int
    error: str
    attempts: int
    origin: str
    created_ts: int
    replays: int = 0
    id: int = 0


class Entry(msgspec.Struct, frozen=True):
    """Where a letter stands, and what of it outlives its replacement."""

    id: int
    offset: int
    created_ts: int
    replays: int


def key_of(letter: DeadLetterRecord) -> str:
    """Return what there is one letter of: a message of a sender, or undecodable bytes."""
    if letter.sender_id or letter.msg_id:
        return f"{letter.sender_id}:{letter.msg_id}"  # ":" is in neither
    return f"bytes:{sha256(letter.raw).hexdigest()}"


class LetterTopic:
    """The topic, and an index of the letters in it that grows with the topic.

    Args:
        brokers: comma-separated.
        topic: `<prefix>-dlq`.
    """

    def __init__(self, brokers: str, topic: str) -> None:
        self._brokers = brokers
        self._topic = topic
        self._consumer: Consumer | None = None
        self._producer: Producer | None = None
        self._next = 0  # the first offset that the index has not seen
        self._index: dict[str, Entry] = {}

    def index(self) -> dict[str, Entry]:
        """Return all letters by their key, as of now.

        Raises:
            KafkaUnavailable: the topic cannot be read.
        """
        self._guarded(self._catch_up)
        return self._index

    def read(self, entries: list[Entry]) -> list[DeadLetterRecord]:
        """Return the letters of these entries, which ascend by offset, as they stand in the topic."""
        wanted = {entry.offset: entry for entry in entries}
        found: dict[int, DeadLetterRecord] = {}

        def take(message: Message) -> None:
            entry = wanted.get(message.offset() or 0)
            if entry is not None:
                found[entry.offset] = msgspec.structs.replace(_letter(message), id=entry.id)

        if entries:
            self._guarded(lambda: self._scan(entries[0].offset, entries[-1].offset + 1, take))
        return [*found.values()]

    def put(self, letter: DeadLetterRecord) -> None:
        """Append a letter, confirmed by all replicas; its id, unless it is 0, is that of the one that it replaces.

        Raises:
            DeadLetterFailed: it is not confirmed.
        """
        about = _About(
            letter.sender_id, letter.msg_id, letter.conversation_id, int(letter.code), letter.error,
            letter.attempts, letter.origin, letter.created_ts, letter.replays, letter.id,
        )  # fmt: skip
        kept = [(f"{KEPT}{name}", value) for name, value in letter.headers]
        self._produce([(key_of(letter), letter.raw, [(HEADER, msgspec.json.encode(about)), *kept])])

    def delete(self, keys: list[str]) -> None:
        """Write a tombstone for each key; raises as `put`."""
        self._produce([(key, None, []) for key in keys])

    def close(self) -> None:
        """Let go of the connections."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
        self._producer = None

    # Reading.

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do what reads the topic, and again while it fails of what passes by itself."""
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                if self._consumer is None:
                    ensure_topic(self._brokers, self._topic, 1, TOPIC_CONFIG, exact=False)
                    self._consumer = self._make_consumer()
                work()
            except KafkaException as exc:
                if exc.args[0].code() not in PASSING or time.monotonic() > deadline:
                    raise KafkaUnavailable(f"{self._topic} cannot be read: {exc.args[0]}") from exc
            else:
                return
            time.sleep(AGAIN_S)

    def _make_consumer(self) -> Consumer:
        config = client_config(self._brokers)
        return Consumer(
            config
            | {
                "group.id": f"{self._topic}-reader",  # never joined: partitions are assigned by hand
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
                "error_cb": _ignore,
            }
        )

    def _catch_up(self) -> None:
        assert self._consumer is not None
        place = TopicPartition(self._topic, PARTITION)
        low, end = self._consumer.get_watermark_offsets(place, timeout=WAIT_S)
        if end < self._next:  # the topic was made anew
            self._next, self._index = 0, {}
        if end > self._next:
            self._scan(max(self._next, low), end, self._note)
            self._next = end

    def _note(self, message: Message) -> None:
        key = (message.key() or b"").decode("utf-8", "replace")
        offset = message.offset() or 0
        if message.value() is None:
            self._index.pop(key, None)
            return
        about = _about(message)
        old = self._index.get(key)
        known = about.id or (old.id if old is not None else 0)
        # Ids begin at 1, as in the tables: 0 is "not put yet", and the start of a walk.
        self._index[key] = Entry(known or offset + 1, offset, about.created_ts, about.replays)

    def _scan(self, first: int, end: int, take: Callable[[Message], None]) -> None:
        """Call ``take`` with each record from offset ``first`` up to, not including, ``end``."""
        consumer = self._consumer
        assert consumer is not None
        consumer.assign([TopicPartition(self._topic, PARTITION, first)])
        deadline = time.monotonic() + WAIT_S
        try:
            at = first
            while at < end:
                messages = consumer.consume(1, 0.5)
                messages += consumer.consume(PAGE, 0) if messages else []
                for message in messages:
                    _check(message.error())
                    at = (message.offset() or 0) + 1
                    if at <= end:
                        take(message)
                if messages:
                    deadline = time.monotonic() + WAIT_S
                elif consumer.position([TopicPartition(self._topic, PARTITION)])[0].offset >= end:
                    return  # what remains was compacted away
                elif time.monotonic() > deadline:
                    raise KafkaUnavailable(f"{self._topic} was not read in {WAIT_S:.0f} s")
        finally:
            consumer.unassign()

    # Writing.

    def _produce(self, records: list[tuple[str, bytes | None, list[tuple[str, bytes]]]]) -> None:
        failure = self._send(records)
        if failure:
            self._producer = None  # after a fatal error it would never take one again
            raise DeadLetterFailed(f"{self._topic} takes no letter: {failure}")

    def _send(self, records: list[tuple[str, bytes | None, list[tuple[str, bytes]]]]) -> str:
        """Return why not all of these are confirmed, "" when they are."""
        failed: list[str] = []
        confirmed = 0

        def on_delivery(error: KafkaError | None, _message: Message) -> None:
            nonlocal confirmed
            if error is None:
                confirmed += 1
            else:
                failed.append(error.str())

        producer = self._producer
        if producer is None:
            producer = self._producer = self._make_producer()
        try:
            for key, value, headers in records:
                producer.produce(
                    self._topic, value, key, PARTITION, on_delivery=on_delivery, headers=[*headers]
                )
                producer.poll(0)
            producer.flush(WAIT_S + 1)
        except (KafkaException, BufferError) as exc:
            return str(exc.args[0])
        if confirmed == len(records):
            return ""
        return failed[0] if failed else "not confirmed in time"

    def _make_producer(self) -> Producer:
        config = client_config(self._brokers)
        return Producer(
            config
            | {
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0,
                "message.timeout.ms": int(WAIT_S * 1000),
                "message.max.bytes": 2_097_152,
                "error_cb": _ignore,
            }
        )


def _about(message: Message) -> _About:
    """Return what the header says; of a record that somebody else wrote as little as there is."""
    for name, value in _pairs(message):
        if name == HEADER:
            try:
                return msgspec.json.decode(value, type=_About)
            except msgspec.DecodeError:
                break
    return _About("", "", "", 0, "the record has no readable header", 0, "", 0)


def _letter(message: Message) -> DeadLetterRecord:
    about = _about(message)
    kept = tuple((name[len(KEPT) :], value) for name, value in _pairs(message) if name.startswith(KEPT))
    return DeadLetterRecord(
        id=about.id,
        sender_id=about.sender_id,
        msg_id=about.msg_id,
        conversation_id=about.conversation_id,
        raw=message.value() or b"",
        code=about.code,
        error=about.error,
        attempts=about.attempts,
        origin=about.origin,
        created_ts=about.created_ts,
        replays=about.replays,
        headers=kept,
    )


def _pairs(message: Message) -> list[tuple[str, bytes]]:
    found = message.headers() or ()
    pairs = found.items() if isinstance(found, dict) else found
    return [(name, value.encode() if isinstance(value, str) else value or b"") for name, value in pairs]


def _check(error: KafkaError | None) -> None:
    if error is not None:
        raise KafkaException(error)


def _ignore(_error: KafkaError) -> None:
    """Take no note: every call here has its own answer."""
