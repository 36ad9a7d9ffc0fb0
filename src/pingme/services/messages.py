"""Messages and what happens to them: from a request to a command in the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pingme.domain.errors import UNKNOWN_OUTCOME, ErrorCode, OutcomeUnknown, Refused
from pingme.domain.events import (
    Command,
    EditBody,
    MessageBody,
    Outcome,
    ReactionBody,
    RecallBody,
    RefusedOutcome,
    Stored,
    encode_body,
    make_command,
)
from pingme.domain.ids import UserId, is_id, private_conversation_id, uuid7
from pingme.domain.rules import missing_code
from pingme.ports.clock import Clock
from pingme.ports.log import CommandLog, Record
from pingme.ports.store import Store
from pingme.services.pending import Pending, Waiter
from pingme.services.rates import UserRates
from pingme.wire.frames import MAX_EMOJI_BYTES, EditPayload, ReactPayload, RecallPayload, SendPayload

MAX_KNOWN = 200_000  # (user, conversation) pairs that were found to be fine: some 40 MB

Operation = SendPayload | EditPayload | RecallPayload | ReactPayload


class Messages:
    """Turns requests into commands and appends them to the log.

    Whether a command may be done is decided in the pipeline, in log order. What is asked here only keeps strangers'
    commands out of the log: a cached yes may be stale, a no asks the store first.

    Args:
        message_log: where commands go.
        pending: who waits for their outcomes.
        store: answers who is a member.
        user_exists: tells whether there is such an account.
        clock: time for msg_ids that the server makes.
        max_message_bytes: `websocket.max_message_size`, of UTF-8.
        http_sends_per_s: operations per user and second over HTTP, with bursts of three times that; 0 = no limit.
    """

    def __init__(
        self,
        message_log: CommandLog,
        pending: Pending,
        store: Store,
        user_exists: Callable[[str], Awaitable[bool]],
        clock: Clock,
        *,
        max_message_bytes: int = 8192,
        http_sends_per_s: int = 0,
    ) -> None:
        self._log = message_log
        self._pending = pending
        self._store = store
        self._user_exists = user_exists
        self._clock = clock
        self._max_message_bytes = max_message_bytes
        self._rates = UserRates(clock, http_sends_per_s)
        self._known: dict[tuple[str, str], str | None] = {}
        self._private: dict[
            tuple[str, str], str
        ] = {}  # (user, peer) -> their conversation: hashing costs 5 µs
        self.draining = False

    # For sockets: no waiting on the hot path.

    def command(self, user_id: str, operation: Operation) -> Command | None:
        """Return the command for an operation of a known writer, or None: then `checked_command` must be awaited.

        Raises:
            Refused: 10002, 40006: the operation is malformed.
        """
        if type(operation) is SendPayload and operation.epoch is None:  # nearly all: no further call
            return self._message(user_id, operation)
        if operation.epoch is not None and operation.epoch != self._store.epoch:
            return None
        return self._command(user_id, operation)

    async def checked_command(self, user_id: str, operation: Operation) -> Command:
        """Return the command for any operation, asking the store about its writer.

        Raises:
            Refused: also 30001, 40001, 40002, 40003.
        """
        if isinstance(operation, SendPayload):
            check_target(operation)
            await self._check_send(user_id, operation)
        else:
            await self._check_member(user_id, operation.conversation_id, operation.msg_id)
        await self._check_epoch(user_id, operation)
        command = self._command(user_id, operation)
        if command is None:  # the cache was emptied in between
            raise Refused(ErrorCode.OVERLOADED, "too many conversations at once", retry_after_ms=1000)
        return command

    def submit(self, command: Command, waiter: Waiter) -> None:
        """Append a command; the waiter is settled once, when its outcome is known or 10 s have passed.

        Raises:
            Refused: 10008: the log is full or the node is draining.
        """
        if self.draining:
            raise Refused(ErrorCode.OVERLOADED, "the node is leaving; reconnect", retry_after_ms=1000)
        origin = self._pending.add(waiter)
        try:
            self._log.append(Record(command, origin))
        except Refused:
            self._pending.take(origin)
            raise

    # For HTTP and other services: waits for the outcome.

    async def execute(self, command: Command) -> Stored:
        """Append a command and return its outcome.

        Raises:
            Refused: definitely not stored; 10007 above the rate, which is one for everything that a user writes over HTTP.
            OutcomeUnknown: 10009 or 50006.
        """
        self._rates.take(command.sender_id)
        return await self._outcome(command)

    async def _outcome(self, command: Command) -> Stored:
        waiter = _FutureWaiter()
        self.submit(command, waiter)
        return outcome_or_raise(await waiter.future)

    async def send(self, user_id: str, payload: SendPayload) -> Stored:
        """Send a message and wait until it is stored; raises as `execute`, before the store is asked anything."""
        self._rates.take(user_id)
        return await self._outcome(await self.checked_command(user_id, payload))

    async def edit(self, user_id: str, payload: EditPayload) -> Stored:
        """Edit a message; raises as `send`."""
        self._rates.take(user_id)
        return await self._outcome(await self.checked_command(user_id, payload))

    async def recall(self, user_id: str, payload: RecallPayload) -> Stored:
        """Recall a message; raises as `send`."""
        self._rates.take(user_id)
        return await self._outcome(await self.checked_command(user_id, payload))

    async def react(self, user_id: str, payload: ReactPayload) -> Stored:
        """Put or take back a reaction; raises as `send`."""
        self._rates.take(user_id)
        return await self._outcome(await self.checked_command(user_id, payload))

    async def replay(self, command: Command) -> Outcome:
        """Append a command again, for an operator, and return its outcome.

        Raises:
            Refused: 10008.
        """
        waiter = _FutureWaiter()
        self.submit(command, waiter)
        return await waiter.future

    def new_msg_id(self) -> str:
        """Return a msg_id for an operation whose client chose none."""
        return uuid7(self._clock.now_ms(), self._clock.entropy(10))

    # Making commands.

    def _command(self, user_id: str, operation: Operation) -> Command | None:
        if type(operation) is SendPayload:
            return self._message(user_id, operation)
        if (user_id, operation.conversation_id) not in self._known:
            return None
        return self._other(user_id, operation)

    def _message(self, user_id: str, payload: SendPayload) -> Command | None:
        conversation_id, to_user_id = payload.conversation_id, payload.to_user_id
        given = (conversation_id is not None) + (to_user_id is not None) + (payload.group_id is not None)
        if given != 1:
            raise Refused(
                ErrorCode.INVALID_PARAMETERS, "expected one of conversation_id, to_user_id, group_id"
            )
        self._check_content(payload.content)
        if to_user_id is not None:
            conversation_id = self._private.get((user_id, to_user_id))
            if conversation_id is None:
                return None
        elif conversation_id is None:
            conversation_id = payload.group_id or ""
        key = (user_id, conversation_id)
        if key not in self._known:
            return None
        body = MessageBody(
            content=payload.content,
            content_type=payload.content_type,
            mentions=payload.mentions or None,
            reply_to=payload.reply_to,
            to_user_id=to_user_id or self._known[key],
        )
        return Command(
            "message", user_id, payload.msg_id, conversation_id, body, encode_body(body), payload.client_ts
        )  # hot path: positional

    def _other(self, user_id: str, operation: Operation) -> Command:
        kind: str
        match operation:
            case EditPayload():
                self._check_content(operation.content)
                kind, body = "edit", EditBody(content=operation.content, target_seq=operation.seq)
            case RecallPayload():
                kind, body = "recall", RecallBody(target_seq=operation.seq)  # type: ignore[assignment]
            case ReactPayload():
                if len(operation.emoji.encode()) > MAX_EMOJI_BYTES:
                    raise Refused(ErrorCode.INVALID_PARAMETERS, f"emoji: at most {MAX_EMOJI_BYTES} bytes")
                kind, body = (
                    "reaction",
                    ReactionBody(  # type: ignore[assignment]
                        emoji=operation.emoji, remove=operation.remove or None, target_seq=operation.seq
                    ),
                )
            case _:
                raise Refused(ErrorCode.INVALID_PARAMETERS)
        return make_command(
            kind,
            sender_id=user_id,
            msg_id=operation.msg_id,
            conversation_id=operation.conversation_id,
            body=body,
        )

    def _check_content(self, content: str) -> None:
        if not content:
            raise Refused(ErrorCode.INVALID_PARAMETERS, "content: must not be empty")
        # A character is at most four bytes: short texts need not be encoded to be measured.
        if len(content) * 4 > self._max_message_bytes and len(content.encode()) > self._max_message_bytes:
            raise Refused(
                ErrorCode.MESSAGE_TOO_LARGE, f"content: at most {self._max_message_bytes} bytes of UTF-8"
            )

    # Who may.

    async def _check_send(self, user_id: str, payload: SendPayload) -> None:
        if payload.to_user_id is None:
            conversation_id = payload.conversation_id or payload.group_id
            if conversation_id is not None:
                await self._check_member(user_id, conversation_id, payload.msg_id)
            return
        if not await self._user_exists(payload.to_user_id):
            raise Refused(ErrorCode.USER_NOT_FOUND)
        conversation_id = private_conversation_id(UserId(user_id), UserId(payload.to_user_id))
        self._learn(user_id, conversation_id, payload.to_user_id)
        self._private[user_id, payload.to_user_id] = conversation_id

    async def _check_member(self, user_id: str, conversation_id: str, msg_id: str) -> None:
        """Let members pass, and repeats of what was stored while the sender was one."""
        if (user_id, conversation_id) in self._known:
            return
        access = await self._store.access(user_id, conversation_id)
        if access is not None and access.member.present:
            self._learn(user_id, conversation_id, access.peer_id)
            return
        if access is not None and await self._store.find(user_id, msg_id) is not None:
            self._learn(user_id, conversation_id, access.peer_id)
            return
        raise Refused(missing_code(conversation_id) if access is None else ErrorCode.NOT_A_MEMBER)

    async def _check_epoch(self, user_id: str, operation: Operation) -> None:
        """Refuse a seq of another epoch: it may be another message now. Repeats of what is stored pass."""
        if operation.epoch is None or operation.epoch == self._store.epoch:
            return
        if await self._store.find(user_id, operation.msg_id) is None:
            raise Refused(ErrorCode.CONFLICT, "epoch: the store was restored; seq may be another message now")

    def _learn(self, user_id: str, conversation_id: str, peer_id: str | None) -> None:
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
            self._private.clear()
        self._known[user_id, conversation_id] = peer_id

    def forget(self, user_id: str, conversation_id: str) -> None:
        """Ask the store again about this writer: a membership has ended."""
        self._known.pop((user_id, conversation_id), None)


class _FutureWaiter:
    """A waiter for a coroutine."""

    __slots__ = ("future",)

    def __init__(self) -> None:
        self.future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def settle(self, outcome: Outcome) -> None:
        """See `Waiter.settle`."""
        if not self.future.done():
            self.future.set_result(outcome)


def check_target(payload: SendPayload) -> None:
    """Refuse targets that are no ids; those that are known are ids.

    Raises:
        Refused: 10002.
    """
    for name in ("conversation_id", "to_user_id", "group_id"):
        given = getattr(payload, name)
        if given is not None and not is_id(given):
            raise Refused(ErrorCode.INVALID_PARAMETERS, f"{name}: expected [A-Za-z0-9_-]{{1,64}}")


def outcome_or_raise(outcome: Outcome) -> Stored:
    """Return what was stored.

    Raises:
        Refused: a definite no.
        OutcomeUnknown: 10009 or 50006.
    """
    if isinstance(outcome, RefusedOutcome):
        code = ErrorCode(outcome.code)
        if code in UNKNOWN_OUTCOME:
            raise OutcomeUnknown(outcome.message, code=code)
        raise Refused(code, outcome.message)
    return outcome
