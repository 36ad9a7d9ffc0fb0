"""Some partitions of the Kafka log, for one worker: what the consumer has fetched of them and is not finished.

Everything here runs on the event loop; the consumer's thread hands over with `call_soon_threadsafe`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

from confluent_kafka import Message

from pingme.adapters.kafka_chains import Chains, read_last
from pingme.adapters.log_kafka_offsets import Finished
from pingme.adapters.waking import Waking
from pingme.domain.errors import RecordUndecodable
from pingme.ports.log import Headers, Origin, Record, Spoiled
from pingme.wire.records import decode_record, read_origin

PROBE_HEADER = "probe"
ECHOES = 8  # nodes that probe one partition at the same time; each asks again until it hears itself


class Position:
    """What is committed of one partition: an offset, and in its metadata what `PartitionedLog.progress` tells.

    Attributes:
        offset: the lowest that is not finished.
        token: grows with whatever happens.
        grace_until_ms: until when a record in retry may hold the partition, on the monotonic clock.
        echoes: the newest probes.
        chains: what may be stored.

    Args:
        metadata: what was committed last, by whoever had the partition then; "" where that is not known.
    """

    __slots__ = ("chains", "echoes", "finished", "grace_until_ms", "offset", "token")

    def __init__(self, metadata: str) -> None:
        last = read_last(metadata)
        self.finished = Finished(last)
        self.chains = Chains(last)
        self.offset = -1
        self.token = 0
        self.grace_until_ms = 0
        self.echoes: tuple[str, ...] = ()


class KafkaLane(Waking):
    """`MessageLog` over some partitions.

    Args:
        partitions: those of this lane.
        append: of the whole log.
        on_flow: called when `paused` may have changed.
        monotonic_ms: the clock.
        room: how many fetched records may wait; about one fetch more at the moment of pausing.
    """

    def __init__(
        self,
        partitions: Iterable[int],
        append: Callable[[Record], None],
        on_flow: Callable[[], None],
        monotonic_ms: Callable[[], int],
        *,
        room: int,
    ) -> None:
        super().__init__()
        self.partitions = frozenset(partitions)
        self.append = append
        self._on_flow = on_flow
        self._monotonic_ms = monotonic_ms
        self._room = room
        self._full = False
        self._fetched: deque[Message] = deque()
        self._aside: dict[int, deque[Message]] = {}  # fetched, of partitions that are held
        self._spoiled: list[Spoiled] = []
        self._withdrawn: set[int] = set()
        self.positions: dict[int, Position] = {}
        """Of the partitions that are assigned to this node; replaced as a whole, because the consumer's thread reads it."""

    # From the consumer.

    def assigned(self, partition: int, metadata: str = "") -> None:
        """Begin anew with a partition that is given to this node; see `Position`."""
        self.positions = {**self.positions, partition: Position(metadata)}

    def revoked(self, partition: int) -> None:
        """Forget a partition that is taken from this node."""
        self.positions = {number: each for number, each in self.positions.items() if number != partition}
        kept = deque(each for each in self._fetched if each.partition() != partition)
        self._aside.pop(partition, None)
        self._fetched = kept
        self._spoiled = [spoiled for spoiled in self._spoiled if spoiled.partition != partition]
        self._withdrawn.add(partition)
        self._check_room()
        self._on_flow()  # it was perhaps held: nobody would lift that when it comes back
        self.wake()

    def fetched(self, messages: Sequence[Message]) -> None:
        """Take over what was fetched."""
        self._fetched.extend(messages)
        self._check_room()
        if self._taker is not None:
            self.wake()

    @property
    def paused(self) -> frozenset[int]:
        """The partitions of which nothing more shall be fetched now: all of them when there is no room, and held ones."""
        return self.partitions if self._full else frozenset(self._aside)

    def _check_room(self) -> None:
        waiting = len(self._fetched)
        full = waiting > self._room if not self._full else waiting > self._room // 4
        if full != self._full:
            self._full = full
            self._on_flow()

    # For the worker.

    async def take(self, *, max_records: int, timeout_ms: int | None) -> Sequence[Record]:
        """See `MessageLog.take`."""
        if not self._fetched and not self._withdrawn:
            await self._wait(timeout_ms)
        if self._withdrawn:
            return ()
        records: list[Record] = []
        while self._fetched and len(records) < max_records:
            message = self._fetched.popleft()
            partition = message.partition() or 0
            if partition in self._aside:
                self._aside[partition].append(message)
                continue
            record = self._read(message, partition)
            if record is not None:
                records.append(record)
        self._check_room()
        return records

    def _read(self, message: Message, partition: int) -> Record | None:
        """Return the record in a message; None for probes, for what stands behind a gap, and for undecodable bytes.

        The last are put with the spoiled.
        """
        position = self.positions.get(partition)
        if position is None:  # the partition went while its last records were on their way
            return None
        offset, raw = message.offset() or 0, message.value() or b""
        headers = _headers(message)
        origin, after = None, 0
        waiting = read_origin(headers)
        if waiting is not None:
            origin, after = Origin(waiting[0], waiting[1]), waiting[2]
            if not position.chains.lets_through(origin, after):
                position.finished.give(offset)
                self._finish(position, offset)
                return None
        position.finished.give(offset, origin)
        if headers and headers[0][0] == PROBE_HEADER:
            self._echo(position, offset, headers[0][1].decode("utf-8", "replace"))
            return None
        try:
            command = decode_record(raw)
        except RecordUndecodable as exc:
            self._spoiled.append(
                Spoiled(
                    raw=raw,
                    headers=headers,
                    error=exc.message,
                    topic=message.topic() or "",
                    partition=partition,
                    offset=offset,
                )
            )
            return None
        return Record(command, origin, message.topic() or "", partition, offset, after=after)

    def _echo(self, position: Position, offset: int, nonce: str) -> None:
        position.echoes = (*position.echoes, nonce)[-ECHOES:]
        self._finish(position, offset)

    async def done(self, records: Sequence[Record | Spoiled]) -> None:
        """See `MessageLog.done`."""
        for record in records:
            position = self.positions.get(record.partition)
            if position is not None:
                self._finish(position, record.offset)

    def _finish(self, position: Position, offset: int) -> None:
        position.finished.done(offset)
        position.offset = position.finished.position
        position.token += 1

    def depth(self) -> int:
        """See `MessageLog.depth`."""
        return len(self._fetched) + sum(map(len, self._aside.values()))

    def spoiled(self) -> Sequence[Spoiled]:
        """See `MessageLog.spoiled`."""
        spoiled, self._spoiled = self._spoiled, []
        return spoiled

    def withdrawn(self) -> Collection[int]:
        """See `MessageLog.withdrawn`."""
        withdrawn, self._withdrawn = self._withdrawn, set()
        return withdrawn

    def hold(self, partition: int) -> None:
        """See `MessageLog.hold`; a partition that is not this node's any more goes on elsewhere."""
        if partition in self.positions and partition not in self._aside:
            self._aside[partition] = deque()
            self._on_flow()

    def release(self, partition: int) -> None:
        """See `MessageLog.release`."""
        aside = self._aside.pop(partition, None)
        if aside is not None:
            self._fetched.extendleft(reversed(aside))
            self._on_flow()
            self.wake()

    def retrying(self, record: Record, delay_ms: int) -> None:
        """See `MessageLog.retrying`."""
        position = self.positions.get(record.partition)
        if position is not None:
            position.grace_until_ms = self._monotonic_ms() + delay_ms
            position.offset = position.finished.position
            position.token += 1


def _headers(message: Message) -> Headers:
    found = message.headers() or ()
    pairs = found.items() if isinstance(found, dict) else found
    return tuple((name, value.encode() if isinstance(value, str) else value or b"") for name, value in pairs)
