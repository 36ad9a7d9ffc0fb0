"""The thread that consumes the Kafka log, commits what is finished, and looks at partitions that others consume.

Rules of this file:
- The thread touches nothing of the event loop: it reads wishes that are replaced as a whole, and hands over by `Handover`.
- It goes on asking Kafka, also while everything is paused: otherwise the group would take it for dead.
- What is handed over is in order: an assignment, its messages, its end.
- It trusts no client of Kafka for ever: one that does not find back into the group is replaced (`_look_at_itself`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from pingme.adapters.kafka_patience import Patience
from pingme.adapters.kafka_statistics import EVERY_MS, KafkaRequests, join_state
from pingme.adapters.kafka_topics import TopicUnusable, client_config
from pingme.adapters.log_kafka_handover import Commit, Handover
from pingme.domain.errors import ErrorCode, KafkaUnavailable

log = structlog.get_logger(__name__)

FETCH_RECORDS = 1_000
POLL_S = 0.1  # a stop, a commit or a pause is noticed this late at most while nothing comes
COMMIT_S = 0.1  # a takeover repeats at most the records of this long; one request for all partitions
WATCH_S = 0.2  # several looks within the shortest sensible `kafka.direct_after_ms`
REACH_S = 0.5  # between looks for a broker while none answers, and the time that a look may take
SESSION_MS = (
    6_000  # the least that brokers allow by default: a dead node's partitions are taken over after it
)
POLLED_MS = 30_000  # a thread that Kafka's library does not let go of holds no partition for longer
# Outside of the group, or without an answer: longer than a rebalance and a broker's return. After a broker that had not
# answered for a while a node was seen to stay so until its restart, though the broker was back.
LOST_MS = 15_000
# The same while it takes one step after the other towards the group: after a broker's return the dead members of the group
# are waited for (6 s) before it forms.
JOINING_MS = 45_000
SILENT_MS = 5 * EVERY_MS  # what it said before says nothing any more
# For the metadata of new partitions; without them what stands behind other records goes directly.
KNOWN_S = 1.0
FAULT_S = 1.0  # after a fault of ours, so that one that stays does not fill the log


class _LostError(Exception):
    """This client of Kafka does not find back into the group."""


class LogConsumer(threading.Thread):
    """Consumes one topic as a member of a group, from `start` to `stop`.

    Args:
        brokers, topic, group: where, what, as whom.
        prepare: makes the topic where it is missing, and checks it.
        to_commit: what may be committed of each partition of this node; read from this thread.
        tell: see `Handover`.
        requests: told how many requests were sent; None = nobody counts.
    """

    def __init__(
        self,
        brokers: str,
        topic: str,
        group: str,
        *,
        prepare: Callable[[], None],
        to_commit: Callable[[], Mapping[int, Commit]],
        tell: Handover,
        requests: KafkaRequests | None = None,
    ) -> None:
        super().__init__(name="kafka-consumer", daemon=True)
        self._brokers = brokers
        self._topic = topic
        self._group = group
        self._prepare = prepare
        self._to_commit = to_commit
        self._tell = tell
        self._requests = requests or KafkaRequests()
        self.paused: frozenset[int] = frozenset()
        """Partitions of which nothing shall be fetched; replaced as a whole, by the event loop."""
        self.watched: frozenset[int] = frozenset()
        """Partitions whose committed offsets shall be told; replaced as a whole, by the event loop."""
        self.turns = 0
        """Grows at least every few seconds while the thread runs; read by the event loop."""
        self._abandoned = False
        self._stopped = threading.Event()
        self._unreachable = False
        self._member_ms: int | None = None  # when librdkafka said so last
        self._join_state = ""  # the last that was told while it reached the coordinator
        self._steps = False  # another one was told since the last look
        self._knows_offsets = True  # the last question for offsets was answered
        self._patience, self._patience_with_steps = Patience(_monotonic_ms), Patience(_monotonic_ms)
        self._paused_now: frozenset[int] = (
            frozenset()
        )  # in Kafka's library, also of partitions that others have
        self._looked_at: frozenset[int] | None = (
            None  # the wish that holds in this assignment; None = look again
        )
        self._committed: dict[int, Commit] = {}
        self._began: dict[int, int] = {}  # the first offset of each partition in this assignment
        self._next: dict[int, int] = {}  # the offset after the last one that was handed over of it
        self._due = dict.fromkeys(("commit", "watch", "reach"), 0.0)

    def stop(self) -> None:
        """Make the thread commit and leave the group."""
        self._stopped.set()

    def abandon(self) -> None:
        """Commit nothing any more, and end as soon as Kafka's library comes back: another thread does the work."""
        self._abandoned = True
        self._stopped.set()

    def run(self) -> None:
        """Consume until `stop`; a fault begins anew with what is committed, so that no record is passed over."""
        while not self._stopped.is_set():
            try:
                if not self._prepared():
                    return
                self._consume()
            except _LostError as exc:
                log.warning("consumer_begins_anew", reason=str(exc))
            except Exception as exc:
                log.exception("consumer_fault", code=int(ErrorCode.CONSUMER_GROUP_ERROR))
                self._tell.fault(ErrorCode.CONSUMER_GROUP_ERROR, f"{type(exc).__name__}: {exc}")
                self._stopped.wait(FAULT_S)

    def _consume(self) -> None:
        """Be a member of the group until `stop` or a fault."""
        consumer = Consumer(
            client_config(self._brokers)
            | {
                "group.id": self._group,
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": SESSION_MS,
                "heartbeat.interval.ms": SESSION_MS // 3,
                "max.poll.interval.ms": POLLED_MS,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 500,  # a record that comes ends the wait
                "queued.min.messages": 4 * FETCH_RECORDS,
                "queued.max.messages.kbytes": 16_384,
                "statistics.interval.ms": EVERY_MS,
                "stats_cb": self._on_statistics,
                "error_cb": self._on_error,
                "on_commit": self._on_commit,
            }
        )
        self._member_ms, self._knows_offsets, self._join_state = None, True, ""
        self._wait_from_now()
        self._paused_now, self._looked_at = frozenset(), None
        consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        try:
            while not self._stopped.is_set():
                self._turn(consumer)
            self._commit(consumer, wait=True)
        finally:
            consumer.close()

    def _prepared(self) -> bool:
        """Wait for the topic; False when it cannot be used, or `stop` came first."""
        while not self._stopped.is_set():
            self.turns += 1
            try:
                self._prepare()
            except KafkaUnavailable as exc:
                self._tell.reachable(False, exc.message)  # a callback's positions are its contract
                self._stopped.wait(REACH_S)
            except TopicUnusable as exc:
                self._tell.refused(str(exc))
                return False
            else:
                self._now_reachable()
                self._tell.ready()
                return True
        return False

    def _turn(self, consumer: Consumer) -> None:
        self.turns += 1
        self._pause(consumer)
        # One by itself, because `consume` of many waits until it has them all.
        messages = consumer.consume(1, POLL_S)
        if messages:
            messages += consumer.consume(FETCH_RECORDS - 1, 0)
            self._hand_over(messages)
        self._commit(consumer, wait=False)
        self._watch(consumer)
        self._reach(consumer)
        self._look_at_itself()

    def _hand_over(self, messages: Sequence[Message]) -> None:
        good: list[Message] = []
        for message in messages:
            error = message.error()
            if error is not None:
                self._tell.fault(ErrorCode.CONSUMER_GROUP_ERROR, error.str())
                continue
            partition, offset = message.partition() or 0, message.offset() or 0
            if offset < self._next.get(partition, 0):
                self._tell.fetched(good)
                good = []
                self._went_back(partition, offset)
            self._next[partition] = offset + 1
            self._began.setdefault(partition, offset)
            good.append(message)
        if good:
            if self._unreachable:
                self._now_reachable()
            self._tell.fetched(good)

    def _went_back(self, partition: int, offset: int) -> None:
        """Begin anew with a partition that lost its end: what was finished above it is of a log that is gone.

        Kafka gives the earliest record that is left (``auto.offset.reset``), so that none is passed over.
        """
        log.warning("log_went_back", partition=partition, offset=offset, expected=self._next[partition])
        self._gone([partition])
        self._tell.assigned({partition: ""})

    def _pause(self, consumer: Consumer) -> None:
        """Make the partitions of this node stand still or move, as is wished.

        librdkafka keeps its flag of a paused partition while others have it, and when it is assigned again.
        """
        wanted = self.paused
        if wanted == self._looked_at:
            return
        mine = {each.partition for each in consumer.assignment()}
        pause, resume = (wanted - self._paused_now) & mine, (self._paused_now - wanted) & mine
        try:
            if pause:
                consumer.pause(self._places(pause))
                self._paused_now |= pause
            if resume:
                consumer.resume(self._places(resume))
                self._paused_now -= resume
        except KafkaException as exc:  # one of them has just gone: the next turn looks again
            self._tell.fault(ErrorCode.CONSUMER_GROUP_ERROR, _text(exc))
        else:
            self._looked_at = wanted

    def _is_due(self, what: str, every_s: float) -> bool:
        now = time.monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + every_s
        return True

    # Commits.

    def _commit(self, consumer: Consumer, *, wait: bool, only: frozenset[int] | None = None) -> None:
        if self._abandoned or self._unreachable or not (wait or self._is_due("commit", COMMIT_S)):
            return
        places = []
        for partition, commit in self._to_commit().items():
            began = self._began.get(partition)
            if began is None or commit[0] < began or commit == self._committed.get(partition):
                continue  # an offset below the first one is of an assignment before this
            if only is None or partition in only:
                self._committed[partition] = commit
                places.append(TopicPartition(self._topic, partition, commit[0], commit[1]))
        if not places:
            return
        try:
            if wait:
                consumer.commit(offsets=places, asynchronous=False)
            else:
                consumer.commit(offsets=places, asynchronous=True)
        except KafkaException as exc:
            self._failed_commit(_text(exc), places)

    def _on_commit(self, error: KafkaError | None, places: Sequence[TopicPartition]) -> None:
        failed = [place for place in places if place.error is not None]
        if error is not None or failed:
            text = error.str() if error is not None else str(failed[0].error)
            self._failed_commit(text, places)

    def _failed_commit(self, text: str, places: Sequence[TopicPartition]) -> None:
        for place in places:
            self._committed.pop(place.partition, None)  # so that it is committed again
        self._tell.fault(ErrorCode.CONSUMER_GROUP_ERROR, f"offsets are not committed: {text}")

    # The group.

    def _on_assign(self, consumer: Consumer, places: Sequence[TopicPartition]) -> None:
        self._looked_at = None
        self._member_ms = _monotonic_ms()  # statistics may say so a second later
        partitions = [place.partition for place in places]
        self._forget(partitions)
        self._tell.assigned(dict.fromkeys(partitions, "") | self._metadata(consumer, places))

    def _metadata(self, consumer: Consumer, places: Sequence[TopicPartition]) -> dict[int, str]:
        """Return what was committed with the offsets of new partitions; nothing when nobody can say."""
        if not places:
            return {}
        try:
            committed = consumer.committed(list(places), timeout=KNOWN_S)
        except KafkaException as exc:
            log.warning("metadata_unknown", partitions=len(places), error=_text(exc))
            return {}
        return {each.partition: each.metadata or "" for each in committed if each.error is None}

    def _on_revoke(self, consumer: Consumer, places: Sequence[TopicPartition]) -> None:
        partitions = [place.partition for place in places]
        self._commit(consumer, wait=True, only=frozenset(partitions))
        self._gone(partitions)

    def _on_lost(self, _consumer: Consumer, places: Sequence[TopicPartition]) -> None:
        self._tell.fault(ErrorCode.CONSUMER_GROUP_ERROR, "the group took this node for dead; it joins again")
        self._gone([place.partition for place in places])

    def _gone(self, partitions: Sequence[int]) -> None:
        self._forget(partitions)
        self._tell.revoked(partitions)

    def _forget(self, partitions: Sequence[int]) -> None:
        for known in (self._began, self._next, self._committed):
            for partition in partitions:
                known.pop(partition, None)

    # What others do.

    def _watch(self, consumer: Consumer) -> None:
        watched = self.watched
        if not watched:
            self._knows_offsets = True  # as far as it needs to
        if not watched or self._unreachable or not self._is_due("watch", WATCH_S):
            return
        try:
            places = consumer.committed(self._places(watched), timeout=REACH_S)
        except KafkaException:
            self._knows_offsets = False
            return  # nothing is known then, which is what the watcher must hear
        self._knows_offsets = True
        self._tell.committed({each.partition: (each.offset, each.metadata or "") for each in places})

    def _reach(self, consumer: Consumer) -> None:
        """Look whether a broker is back, while none has answered."""
        if not self._unreachable or not self._is_due("reach", REACH_S):
            return
        try:
            consumer.list_topics(self._topic, timeout=REACH_S)
        except KafkaException:
            return
        self._now_reachable()

    def _now_reachable(self) -> None:
        if self._unreachable:  # it is not of the group by now: that takes its time from here on
            self._wait_from_now()
        self._unreachable = False
        self._tell.reachable(True, "")

    def _on_statistics(self, statistics: str) -> None:
        self._requests.note("consumer", statistics)
        state = join_state(statistics)
        self._member_ms = _monotonic_ms() if state == "steady" else None
        if state and state != self._join_state:
            self._join_state, self._steps = state, True

    def _wait_from_now(self) -> None:
        self._patience, self._patience_with_steps = Patience(_monotonic_ms), Patience(_monotonic_ms)

    def _look_at_itself(self) -> None:
        """Raise when this client has not been well for long: also while no broker answers, as it may be alone in that."""
        in_group = self._member_ms is not None and _monotonic_ms() - self._member_ms < SILENT_MS
        answered = self._knows_offsets and not self._unreachable
        well, steps, self._steps = in_group and answered, self._steps and answered, False
        waited_ms = self._patience.waited_ms(is_well=well)
        if self._patience_with_steps.waited_ms(is_well=well or steps) >= LOST_MS or waited_ms >= JOINING_MS:
            missing = (
                "no broker" if self._unreachable else "no offsets" if in_group else "no place in the group"
            )
            raise _LostError(f"{missing} for {waited_ms // 1000} s")

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # librdkafka's own codes are named so
            self._unreachable = True
            self._tell.reachable(False, error.str())
        elif error.code() not in {KafkaError._TRANSPORT, KafkaError._RESOLVE}:  # retried by itself
            self._tell.fault(ErrorCode.CONSUMER_GROUP_ERROR, error.str())

    def _places(self, partitions: frozenset[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in sorted(partitions)]


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _text(exc: KafkaException) -> str:
    error = exc.args[0]
    return str(error.str()) if isinstance(error, KafkaError) else str(error)
