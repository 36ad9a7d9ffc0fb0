"""The writing half of the client: send, edit, recall, react."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Literal, overload

from pingme.domain.errors import ErrorCode, Refused
from pingme.sdk.account import Account
from pingme.sdk.errors import NotLoggedIn
from pingme.sdk.operations import private_with
from pingme.sdk.outbox import Operation, Sent
from pingme.wire import frames


class Writing(Account):
    """What goes through the outbox: kept first, then sent until the server has said yes or no."""

    @overload
    async def send(
        self,
        content: str,
        *,
        to: str | None = None,
        group: str | None = None,
        conversation: str | None = None,
        reply_to: int | None = None,
        mentions: Iterable[str] = (),
        content_type: str = "text",
        msg_id: str | None = None,
        wait: Literal[True] = True,
    ) -> Sent: ...
    @overload
    async def send(
        self,
        content: str,
        *,
        to: str | None = None,
        group: str | None = None,
        conversation: str | None = None,
        reply_to: int | None = None,
        mentions: Iterable[str] = (),
        content_type: str = "text",
        msg_id: str | None = None,
        wait: bool,
    ) -> Sent | None: ...
    async def send(
        self,
        content: str,
        *,
        to: str | None = None,
        group: str | None = None,
        conversation: str | None = None,
        reply_to: int | None = None,
        mentions: Iterable[str] = (),
        content_type: str = "text",
        msg_id: str | None = None,
        wait: bool = True,
    ) -> Sent | None:
        """Send a message to one of ``to``, ``group`` and ``conversation``.

        It is kept first (on disk, with a data_dir), sent as soon as there is a connection, and sent again
        under the same msg_id until the server has said yes or no: it arrives once.

        Cancelled (by `asyncio.timeout`, say) once it is kept, it goes out all the same; cancelled before, it is
        given up, on disk, too. Who must know sends it again under the same ``msg_id``, which is safe in both
        cases.

        Args:
            content: not empty; at most 8 KiB of UTF-8 unless the server says otherwise.
            to: a username or user id.
            group: a group id.
            conversation: a conversation id.
            reply_to: seq of the message that is answered, in the same conversation.
            mentions: user ids, at most 50, or ``["all"]``.
            content_type: ``text``, or what the receiving program knows.
            msg_id: to send the same message again; a fresh one by default.
            wait: False returns None as soon as it is kept; the server's refusal then comes as a `SendFailed` event.

        Returns:
            Where it is stored.

        Raises:
            Refused: the server said no, or would (10002); it will not appear.
            OutcomeUnknown: the server keeps it as a dead letter (50006).
            OutboxFull: too many wait already.
            StorageFailed: the data_dir cannot be written; it will not be sent.
        """
        target, fields = await self._address(to=to, group=group, conversation=conversation)
        payload = frames.SendPayload(
            msg_id=msg_id or self.new_msg_id(),
            content=content,
            content_type=content_type,
            client_ts=self._clock.now_ms(),
            reply_to=reply_to,
            mentions=tuple(mentions) or None,
            epoch=self._engine.epoch if reply_to is not None else None,
            **fields,
        )
        return await self._enqueue(target, frames.Send(payload=payload), wait=wait)

    @overload
    async def edit(
        self,
        conversation: str,
        seq: int,
        content: str,
        *,
        msg_id: str | None = None,
        wait: Literal[True] = True,
    ) -> Sent: ...
    @overload
    async def edit(
        self,
        conversation: str,
        seq: int,
        content: str,
        *,
        msg_id: str | None = None,
        wait: bool,
    ) -> Sent | None: ...
    async def edit(
        self, conversation: str, seq: int, content: str, *, msg_id: str | None = None, wait: bool = True
    ) -> Sent | None:
        """Give one's own message ``seq`` new content; errors as `send`, 40007 when it is too late, and 10006 when the
        server was restored since: ``seq`` may be another message now.
        """
        payload = frames.EditPayload(
            msg_id=msg_id or self.new_msg_id(),
            conversation_id=conversation,
            seq=seq,
            content=content,
            epoch=self._engine.epoch,
        )
        return await self._enqueue(conversation, frames.Edit(payload=payload), wait=wait)

    @overload
    async def recall(
        self,
        conversation: str,
        seq: int,
        *,
        msg_id: str | None = None,
        wait: Literal[True] = True,
    ) -> Sent: ...
    @overload
    async def recall(
        self,
        conversation: str,
        seq: int,
        *,
        msg_id: str | None = None,
        wait: bool,
    ) -> Sent | None: ...
    async def recall(
        self, conversation: str, seq: int, *, msg_id: str | None = None, wait: bool = True
    ) -> Sent | None:
        """Withdraw message ``seq``: its content is erased everywhere; errors as `edit`."""
        payload = frames.RecallPayload(
            msg_id=msg_id or self.new_msg_id(),
            conversation_id=conversation,
            seq=seq,
            epoch=self._engine.epoch,
        )
        return await self._enqueue(conversation, frames.Recall(payload=payload), wait=wait)

    @overload
    async def react(
        self,
        conversation: str,
        seq: int,
        emoji: str,
        *,
        remove: bool = False,
        msg_id: str | None = None,
        wait: Literal[True] = True,
    ) -> Sent: ...
    @overload
    async def react(
        self,
        conversation: str,
        seq: int,
        emoji: str,
        *,
        remove: bool = False,
        msg_id: str | None = None,
        wait: bool,
    ) -> Sent | None: ...
    async def react(
        self,
        conversation: str,
        seq: int,
        emoji: str,
        *,
        remove: bool = False,
        msg_id: str | None = None,
        wait: bool = True,
    ) -> Sent | None:
        """Put an emoji (at most 32 bytes) on message ``seq``, or take it back; errors as `send`."""
        payload = frames.ReactPayload(
            msg_id=msg_id or self.new_msg_id(),
            conversation_id=conversation,
            seq=seq,
            emoji=emoji,
            remove=remove,
            epoch=self._engine.epoch,
        )
        return await self._enqueue(conversation, frames.React(payload=payload), wait=wait)

    # What goes on inside

    async def _address(
        self, *, to: str | None, group: str | None, conversation: str | None
    ) -> tuple[str, dict[str, str]]:
        """Return the conversation's id, and the field of a send that names it."""
        match (to, group, conversation):
            case (str(), None, None):
                peer = await self.people.id_of(to)
                return private_with(self.user_id, peer), {"to_user_id": peer}
            case (None, str(), None):
                return group, {"group_id": group}
            case (None, None, str()):
                return conversation, {"conversation_id": conversation}
            case _:
                raise Refused(
                    ErrorCode.INVALID_PARAMETERS, "expected exactly one of to, group and conversation"
                )

    async def _enqueue(self, conversation: str, operation: Operation, *, wait: bool) -> Sent | None:
        if not self._engine.is_running:
            self._engine.check_fresh()
            raise NotLoggedIn("log in first")
        pending = await self._engine.outbox.add(conversation, operation)
        if not wait:
            return None
        self._engine.link.hurry()
        return await asyncio.shield(pending.done)
