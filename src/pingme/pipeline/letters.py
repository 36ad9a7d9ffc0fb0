"""Records that are given up, as dead letters: nothing is done with before its letter is confirmed."""

from __future__ import annotations

from collections.abc import Collection

import structlog

from pingme.domain.errors import ErrorCode
from pingme.ports.clock import Clock
from pingme.ports.dead_letters import DeadLetterRecord, DeadLetters
from pingme.ports.log import MessageLog, Record, Spoiled
from pingme.wire.records import encode_record, origin_header

log = structlog.get_logger(__name__)

DEAD_LETTER_WAIT_MS = 1_000  # between attempts to write a dead letter that could not be written


class Letters:
    """Writes the dead letters of one worker; a partition stops while one of its letters cannot be written (50007).

    Args:
        message_log: where the records came from.
        dead_letters: where they go.
        clock: time.
        enabled: `kafka.enable_dlq`; False lets undecodable bytes go with a line in the log.
    """

    def __init__(
        self, message_log: MessageLog, dead_letters: DeadLetters, clock: Clock, *, enabled: bool
    ) -> None:
        self._log = message_log
        self._dead_letters = dead_letters
        self._clock = clock
        self._enabled = enabled
        self._failing: set[tuple[str, int]] = set()  # (what, partition): see `_name`
        self._spoiled: list[Spoiled] = []
        self._spoiled_due_ms = 0
        self.written = 0
        """How many letters were confirmed."""

    @property
    def failing(self) -> bool:
        """True while a letter cannot be written."""
        return bool(self._failing)

    async def put(self, record: Record, code: ErrorCode, error: str) -> bool:
        """Keep a record; return whether that is confirmed. While it is not, its partition is held."""
        return await self._put(_letter_of(record, code, error, self._clock.now_ms()), record)

    def forget(self, record: Record) -> None:
        """Take note that a record is done with, in whatever way."""
        if self._failing:
            self._succeeded(record)

    def due_ms(self) -> int | None:
        """Return when undecodable records whose letter failed are due, on the monotonic clock."""
        return self._spoiled_due_ms if self._spoiled else None

    async def keep_spoiled(self) -> None:
        """Keep the undecodable records that the log has met, and those that could not be kept before."""
        if self._spoiled and self._clock.monotonic_ms() < self._spoiled_due_ms:
            self._spoiled.extend(self._log.spoiled())
            return
        waiting = [*self._spoiled, *self._log.spoiled()]
        self._spoiled = []
        for spoiled in waiting:
            if await self._keep(spoiled):
                await self._log.done([spoiled])
            else:
                self._spoiled.append(spoiled)
                self._spoiled_due_ms = self._clock.monotonic_ms() + DEAD_LETTER_WAIT_MS

    def drop(self, partitions: Collection[int]) -> None:
        """Forget what is not kept yet of partitions that somebody else serves now, and hold none of them.

        One that went and came back while a letter failed was held after it went.
        """
        self._spoiled = [spoiled for spoiled in self._spoiled if spoiled.partition not in partitions]
        self._failing = {each for each in self._failing if each[1] not in partitions}
        for partition in partitions:
            self._log.release(partition)

    async def _keep(self, spoiled: Spoiled) -> bool:
        log.error(
            "record_undecodable",
            code=int(ErrorCode.UNMARSHAL_FAILED),
            position=spoiled.position,
            error=spoiled.error,
            kept=self._enabled,
        )
        if not self._enabled:
            return True
        letter = DeadLetterRecord(
            sender_id="",
            msg_id="",
            conversation_id="",
            raw=spoiled.raw,
            code=ErrorCode.UNMARSHAL_FAILED,
            error=spoiled.error,
            attempts=1,
            origin=spoiled.position,
            created_ts=self._clock.now_ms(),
            headers=spoiled.headers,
        )
        return await self._put(letter, spoiled)

    async def _put(self, letter: DeadLetterRecord, source: Record | Spoiled) -> bool:
        try:
            await self._dead_letters.put(letter)
        except Exception as exc:  # noqa: BLE001  # whatever it is, the record is kept and the pipeline goes on
            self._failing.add((_name(source), source.partition))
            self._log.hold(source.partition)
            log.error(  # noqa: TRY400  # expected while the disk is full: no traceback a second
                "dead_letter_failed",
                code=int(ErrorCode.DLQ_SEND_FAILED),
                error=f"{type(exc).__name__}: {exc}",
                position=source.position,
            )
            return False
        self.written += 1
        self._succeeded(source)
        return True

    def _succeeded(self, source: Record | Spoiled) -> None:
        name = _name(source), source.partition
        if name not in self._failing:
            return
        self._failing.remove(name)
        if not any(partition == source.partition for _, partition in self._failing):
            self._log.release(source.partition)


def _name(source: Record | Spoiled) -> str:
    """Name a record apart from all others: undecodable ones by their place."""
    if isinstance(source, Spoiled):
        return source.position
    return f"{source.command.sender_id} {source.command.msg_id}"


def _letter_of(record: Record, code: ErrorCode, error: str, now_ms: int) -> DeadLetterRecord:
    command, origin = record.command, record.origin
    return DeadLetterRecord(
        sender_id=command.sender_id,
        msg_id=command.msg_id,
        conversation_id=command.conversation_id,
        raw=encode_record(command),
        code=code,
        error=error,
        attempts=record.attempts,
        origin=record.position,
        created_ts=now_ms,
        headers=() if origin is None else (origin_header(origin.node_id, origin.attempt),),
    )
