"""Empties the outbox over a connection: conversations side by side, one after the other inside each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from pingme.domain.errors import ErrorCode
from pingme.ports.clock import Clock
from pingme.sdk.connection import ANSWER_TIMEOUT_S, Connection
from pingme.sdk.events import SendFailed
from pingme.sdk.outbox import Failed, Outbox, Pending, RetryAfter, Sent, decide_answer
from pingme.wire.frames import encode_frame
from pingme.wire.server_frames import ErrorPayload, MessageAck

FRAME_FACTOR = 4  # a frame may have four times the bytes of a content (docs/protocol.md, "Limits")
MAX_UNANSWERED = 32  # half of what the server answers before it pauses reading

Tell = Callable[[SendFailed], None]


class Sender:
    """Sends what waits.

    Args:
        outbox: what waits.
        clock: waits between attempts.
        tell: hears of what was given up.
    """

    def __init__(self, outbox: Outbox, clock: Clock, tell: Tell) -> None:
        self._outbox = outbox
        self._clock = clock
        self._tell = tell

    async def run(self, connection: Connection) -> None:
        """Send until cancelled.

        Raises:
            ServerUnreachable: in a group, when the connection ended.
        """
        slots = asyncio.Semaphore(MAX_UNANSWERED)
        running: set[str] = set()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._outbox.changed.clear()
                for lane in self._outbox.lanes():
                    if lane not in running and self._outbox.first(lane) is not None:
                        running.add(lane)
                        tasks.create_task(self._lane(connection, lane, slots=slots, running=running))
                await self._outbox.changed.wait()

    async def _lane(
        self, connection: Connection, lane: str, *, slots: asyncio.Semaphore, running: set[str]
    ) -> None:
        """Send the operations of one conversation in order, each until it has its final answer."""
        while (pending := self._outbox.first(lane)) is not None and not connection.leaving.is_set():
            async with slots:
                answer = _too_large(connection, pending) or await _ask(connection, pending)
            pending.attempts += 1
            match decide_answer(answer, pending.attempts, self._clock.jitter()):
                case Sent() as sent:
                    self._outbox.resolve(pending, sent)
                case RetryAfter(delay_ms):
                    await self._clock.sleep_ms(delay_ms)
                case Failed(error):
                    self._outbox.resolve(pending, error)
                    self._tell(SendFailed(pending.msg_id, lane, error))
        running.discard(lane)


def _too_large(connection: Connection, pending: Pending) -> ErrorPayload | None:
    """Answer what the server would close the connection for (1009), every time again."""
    assert connection.hello is not None
    most = connection.hello.limits.max_message_size * FRAME_FACTOR
    size = len(encode_frame(msgspec.structs.replace(pending.operation, id=pending.msg_id)))
    if size <= most:
        return None
    message = f"content: its frame has {size} bytes, at most {most} are taken"
    return ErrorPayload(code=ErrorCode.MESSAGE_TOO_LARGE, message=message, outcome="refused", retryable=False)


async def _ask(connection: Connection, pending: Pending) -> MessageAck | ErrorPayload | None:
    """Send an operation and return its answer, None when there was none in time."""
    try:
        frame = await connection.request(
            pending.operation, frame_id=pending.msg_id, timeout_s=ANSWER_TIMEOUT_S
        )
    except TimeoutError:
        return None
    return frame.payload if isinstance(frame.payload, MessageAck | ErrorPayload) else None
