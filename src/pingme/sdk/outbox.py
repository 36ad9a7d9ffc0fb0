"""What was asked to be sent and has no final answer yet, in order, kept on disk where there is a data_dir.

Once it is kept, an operation leaves the outbox when it is stored or definitely refused, never before; until
then it is sent again under the same msg_id, which the server stores once. Operations of one conversation go one
after the other, so a refused or repeated one cannot change their order.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from pingme.domain.errors import DEAD_LETTER_CODES, ErrorCode, OutcomeUnknown, PingMeError, Refused
from pingme.sdk.errors import OutboxFull, error_of
from pingme.sdk.reconnect import backoff_ms
from pingme.sdk.store import LocalStore
from pingme.wire import frames
from pingme.wire.server_frames import ErrorPayload, MessageAck

MAX_PENDING = 10_000

Operation = frames.Send | frames.Edit | frames.Recall | frames.React
_KEEP = "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?)"  # whatever an earlier try under this msg_id left
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Operation).decode


@dataclass(frozen=True, slots=True)
class Sent:
    """An operation is stored.

    Attributes:
        seq: its place in the conversation.
        server_ts: Unix milliseconds.
        duplicate: True when an earlier attempt under the same msg_id had stored it.
    """

    msg_id: str
    conversation_id: str
    seq: int
    server_ts: int
    duplicate: bool


@dataclass(slots=True, eq=False)
class Pending:
    """One operation that waits for its final answer; ``done`` gets it. It goes out once it is ``kept``.

    Attributes:
        settled: set when it is kept, or given up before it was.
    """

    conversation_id: str
    operation: Operation
    done: asyncio.Future[Sent] = field(repr=False)
    attempts: int = 0
    kept: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def msg_id(self) -> str:
        """The id under which it is sent, every time."""
        return self.operation.payload.msg_id


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Send it again after this long, under the same msg_id."""

    delay_ms: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Give it up: refused for good, or kept by the server as a dead letter."""

    error: PingMeError


def decide_answer(
    answer: MessageAck | ErrorPayload | None, attempts: int, jitter: float
) -> Sent | RetryAfter | Failed:
    """Decide what an answer means for an operation; None is no answer in time.

    Args:
        answer: what the server said.
        attempts: how often it was sent, from 1.
        jitter: 0 to 1.
    """
    match answer:
        case MessageAck():
            return Sent(
                answer.msg_id,
                answer.conversation_id,
                answer.seq,
                answer.server_ts,
                duplicate=answer.duplicate,
            )
        case None:
            return RetryAfter(backoff_ms(attempts, jitter))
        case ErrorPayload(code=code) if code in DEAD_LETTER_CODES:
            return Failed(OutcomeUnknown(answer.message, code=ErrorCode(code)))
        case ErrorPayload() if answer.retryable or answer.outcome == "unknown":
            return RetryAfter(max(backoff_ms(attempts, jitter), answer.retry_after_ms or 0))
        case _:
            return Failed(error_of(answer.code, answer.message, outcome=answer.outcome))


class Outbox:
    """The pending operations of one user, by conversation and in order.

    Args:
        store: where they are kept.
    """

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._pending: OrderedDict[str, Pending] = OrderedDict()
        self._lanes: dict[str, deque[Pending]] = {}
        self._place = 0
        self.changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._pending)

    def __iter__(self) -> Iterator[Pending]:
        return iter(self._pending.values())

    def load(self) -> None:
        """Take up what an earlier process left; its senders are gone, so failures are told as events only."""
        for place, _, operation in self._store.rows(
            "SELECT place, msg_id, operation FROM outbox ORDER BY place"
        ):
            self._place = int(place)
            kept = msgspec.json.decode(bytes(operation), type=_Kept)  # type: ignore[arg-type]  # a BLOB column
            self._enqueue(kept.conversation_id, _decode(bytes(kept.operation))).kept = True
        self.changed.set()

    async def add(self, conversation_id: str, operation: Operation) -> Pending:
        """Take an operation; returns when it is kept. The same msg_id again gives the pending one.

        Cancelled before that, it is given up: it is not sent, and what was written of it is deleted.

        Raises:
            Refused: 10002, no server would take it.
            OutboxFull: MAX_PENDING wait already.
            StorageFailed: it could not be kept, and will not be sent.
        """
        while (known := self._pending.get(operation.payload.msg_id)) is not None:
            if known.conversation_id != conversation_id or _gist(known.operation) != _gist(operation):
                raise Refused(ErrorCode.MSG_ID_CONFLICT)
            if known.kept:
                return known
            await known.settled.wait()  # kept by another caller, or given up: then it is this one's
        if len(self._pending) >= MAX_PENDING:
            raise OutboxFull(f"{MAX_PENDING} sends wait for the server already")
        kept = _encode(_Kept(conversation_id, msgspec.Raw(_checked(operation))))
        self._place += 1
        pending = self._enqueue(conversation_id, operation)
        try:
            await self._store.write([(_KEEP, (self._place, pending.msg_id, kept))])
        except BaseException:
            self._forget(pending)
            pending.done.cancel()  # whoever waits until the outbox is empty goes on
            raise
        else:
            pending.kept = True
        finally:
            pending.settled.set()
            self.changed.set()  # it may go, or what stood behind it
        return pending

    def find(self, msg_id: str) -> Pending | None:
        """Return the pending operation of this msg_id."""
        return self._pending.get(msg_id)

    def lanes(self) -> list[str]:
        """Return the conversations in which something waits."""
        return list(self._lanes)

    def first(self, conversation_id: str) -> Pending | None:
        """Return the operation whose turn it is in a conversation, None until it is kept."""
        lane = self._lanes.get(conversation_id)
        return lane[0] if lane and lane[0].kept else None

    def resolve(self, pending: Pending, result: Sent | PingMeError) -> None:
        """Give an operation its final answer. A crash before it has left the disk sends it once more: a
        duplicate.
        """
        self._forget(pending)
        if pending.done.done():
            return
        if isinstance(result, Sent):
            pending.done.set_result(result)
        else:
            pending.done.set_exception(result)
            pending.done.exception()  # whoever did not wait hears of it as an event

    def _enqueue(self, conversation_id: str, operation: Operation) -> Pending:
        pending = Pending(conversation_id, operation, asyncio.get_running_loop().create_future())
        self._pending[pending.msg_id] = pending
        self._lanes.setdefault(conversation_id, deque()).append(pending)
        return pending

    def _forget(self, pending: Pending) -> None:
        self._store.post([("DELETE FROM outbox WHERE msg_id = ?", (pending.msg_id,))])
        if self._pending.pop(pending.msg_id, None) is None:
            return
        lane = self._lanes[pending.conversation_id]
        lane.remove(pending)
        if not lane:
            del self._lanes[pending.conversation_id]


def _gist(operation: Operation) -> Operation:
    """Return what a msg_id stands for: not the moment of asking, nor the epoch, nor how the conversation is named."""
    payload = msgspec.structs.replace(operation.payload, epoch=None)
    if isinstance(payload, frames.SendPayload):
        payload = msgspec.structs.replace(
            payload, client_ts=None, conversation_id=None, to_user_id=None, group_id=None
        )
    return msgspec.structs.replace(operation, payload=payload)


def _checked(operation: Operation) -> bytes:
    """Return an operation as it is kept and sent; what cannot be read back would stop the next start."""
    try:
        encoded = _encode(operation)
        _decode(encoded)
    except (msgspec.ValidationError, UnicodeEncodeError, OverflowError) as exc:
        raise Refused(ErrorCode.INVALID_PARAMETERS, str(exc)) from exc
    return encoded


class _Kept(msgspec.Struct):
    conversation_id: str
    operation: msgspec.Raw
