"""Dead letters in a topic of Kafka. An id is the offset, plus 1, at which a message's first letter stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from pingme.adapters.dead_letters_kafka_topic import Entry, LetterTopic, key_of
from pingme.domain.errors import DeadLetterFailed, KafkaUnavailable
from pingme.ports.dead_letters import DeadLetterRecord

LIST_MAX = 1_000
T = TypeVar("T")

replace = msgspec.structs.replace


class KafkaDeadLetters:
    """`DeadLetters` in the topic `<prefix>-dlq`, for all nodes.

    Reading looks at what was added since the last time; the index of letters, some 300 bytes for each, is in memory.

    Args:
        brokers: comma-separated.
        topic: its name; made, with one partition, when it is missing.
    """

    def __init__(self, brokers: str, topic: str) -> None:
        self._topic = LetterTopic(brokers, topic)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-dlq")

    async def put(self, letter: DeadLetterRecord) -> None:
        """See `DeadLetters.put`."""

        def work() -> None:
            try:
                old = self._topic.index().get(key_of(letter))
            except KafkaUnavailable as exc:
                raise DeadLetterFailed(exc.message) from exc
            if old is None:
                self._topic.put(replace(letter, id=0))
            else:
                self._topic.put(replace(letter, id=old.id, created_ts=old.created_ts, replays=old.replays))

        await self._run(work)

    async def list(self, *, after_id: int = 0, limit: int = 100) -> Sequence[DeadLetterRecord]:
        """See `DeadLetters.list`."""
        bounded = max(1, min(limit, LIST_MAX))
        return await self._run(lambda: self._read(self._entries(lambda entry: entry.id > after_id)[:bounded]))

    async def show(self, letter_id: int) -> DeadLetterRecord | None:
        """See `DeadLetters.show`."""
        found = await self._run(lambda: self._read(self._entries(lambda entry: entry.id == letter_id)))
        return found[0] if found else None

    async def mark_replayed(self, letter_id: int) -> None:
        """See `DeadLetters.mark_replayed`."""

        def work() -> None:
            for letter in self._read(self._entries(lambda entry: entry.id == letter_id)):
                self._topic.put(replace(letter, replays=letter.replays + 1))

        await self._run(work)

    async def purge(self, letter_ids: Sequence[int] | None = None) -> int:
        """See `DeadLetters.purge`."""
        wanted = None if letter_ids is None else frozenset(letter_ids)

        def work() -> int:
            keys = [key for key, entry in self._topic.index().items() if wanted is None or entry.id in wanted]
            self._topic.delete(keys)
            return len(keys)

        return await self._run(work)

    async def count(self) -> int:
        """See `DeadLetters.count`."""
        return await self._run(lambda: len(self._topic.index()))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._run(self._topic.close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _entries(self, chosen: Callable[[Entry], bool]) -> Sequence[Entry]:
        entries = [entry for entry in self._topic.index().values() if chosen(entry)]
        return sorted(entries, key=lambda entry: entry.id)

    def _read(self, entries: Sequence[Entry]) -> Sequence[DeadLetterRecord]:
        found = self._topic.read(sorted(entries, key=lambda entry: entry.offset))
        return sorted(found, key=lambda letter: letter.id)
