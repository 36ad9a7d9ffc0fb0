"""Conversations whose first record is in retry: what comes behind it waits, so that order holds."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Sequence
from dataclasses import dataclass

from pingme.ports.log import Record


@dataclass(slots=True)
class Parked:
    """A conversation whose first record is in retry.

    Attributes:
        records: the record at fault, then those behind it.
        due_ms: when to try again, on the monotonic clock.
    """

    records: deque[Record]
    due_ms: int


class Parking:
    """The parked conversations of one worker."""

    def __init__(self) -> None:
        self._parked: dict[str, Parked] = {}
        self.count = 0
        """How many records wait, those in retry included."""

    def __bool__(self) -> bool:
        return bool(self._parked)

    def hold_back(
        self, records: Sequence[Record], limit: int | None
    ) -> tuple[Sequence[Record], Sequence[Record]]:
        """Put records behind the one of their conversation that is in retry.

        Args:
            records: in log order.
            limit: how many may wait in all; None: as many as there are.

        Returns:
            Those that stand in nobody's way, and those for which there is no room.
        """
        if not self._parked:
            return records, ()
        free: list[Record] = []
        too_many: list[Record] = []
        for record in records:
            parked = self._parked.get(record.command.conversation_id)
            if parked is None:
                free.append(record)
            elif limit is not None and self.count >= limit:
                too_many.append(record)
            else:
                parked.records.append(record)
                self.count += 1
        return free, too_many

    def park(self, record: Record, due_ms: int) -> None:
        """Let a record wait for its next attempt, and its conversation behind it."""
        conversation_id = record.command.conversation_id
        parked = self._parked.get(conversation_id)
        if parked is None:
            self._parked[conversation_id] = Parked(deque([record]), due_ms)
            self.count += 1
        else:
            parked.due_ms = due_ms

    def next_due_ms(self) -> int | None:
        """Return when the next attempt is due, on the monotonic clock."""
        return min((parked.due_ms for parked in self._parked.values()), default=None)

    def due(self, now_ms: int) -> Sequence[str]:
        """Return the conversations whose next attempt is due."""
        return [key for key, parked in self._parked.items() if parked.due_ms <= now_ms]

    def first(self, conversation_id: str) -> Record | None:
        """Return the record at fault, None where nothing is parked."""
        parked = self._parked.get(conversation_id)
        return None if parked is None else parked.records[0]

    def take_out(self, record: Record) -> None:
        """Take a record that is done with out of its parked conversation, if it stands there."""
        parked = self._parked.get(record.command.conversation_id)
        if parked is not None and parked.records[0] is record:
            parked.records.popleft()
            self.count -= 1

    def free(self, conversation_id: str) -> Sequence[Record]:
        """Return the records that waited behind one that is done with, which may be processed now."""
        parked = self._parked.pop(conversation_id, None)
        if parked is None:
            return ()
        self.count -= len(parked.records)
        return list(parked.records)

    def drop(self, partitions: Container[int]) -> Sequence[Record]:
        """Forget, and return, what waits of these partitions: a conversation is in one partition, so whole conversations."""
        gone = [key for key, parked in self._parked.items() if parked.records[0].partition in partitions]
        return [record for key in gone for record in self.free(key)]
