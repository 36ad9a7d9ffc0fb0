"""The client: one user on one device, connected whenever that is possible.

async with Client("http://127.0.0.1:8080") as alice:
    await alice.login("alice", "a-secret-password")
    await alice.send("hello", to="bob")
    async for event in alice.events():
        print(event)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Literal

from pingme.domain.errors import ErrorCode, Refused
from pingme.sdk.account import Account
from pingme.sdk.connection import answer_of
from pingme.sdk.errors import NotLoggedIn, ServerUnreachable
from pingme.sdk.events import LogEvent, event_of
from pingme.sdk.models import Group, Settings
from pingme.sdk.operations import private_with
from pingme.sdk.outbox import Operation, Sent
from pingme.sdk.state import Snapshot
from pingme.sdk.stream import EventStream
from pingme.wire import frames
from pingme.wire.server_frames import HistoryPage

MAX_PAGE = 200  # events; docs/protocol.md, "Limits"


class Client(Account):
    """A user of one PingMe server, on one device: everything one does with conversations.

    How to make one, and the session: `Account`. Every error is a `PingMeError` with a code.
    """

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
            **fields,
        )
        return await self._enqueue(target, frames.Send(payload=payload), wait=wait)

    async def edit(self, conversation: str, seq: int, content: str, *, wait: bool = True) -> Sent | None:
        """Give one's own message ``seq`` new content; errors as `send`, and 40007 when it is too late."""
        payload = frames.EditPayload(
            msg_id=self.new_msg_id(), conversation_id=conversation, seq=seq, content=content
        )
        return await self._enqueue(conversation, frames.Edit(payload=payload), wait=wait)

    async def recall(self, conversation: str, seq: int, *, wait: bool = True) -> Sent | None:
        """Withdraw message ``seq``: its content is erased everywhere; errors as `edit`."""
        payload = frames.RecallPayload(msg_id=self.new_msg_id(), conversation_id=conversation, seq=seq)
        return await self._enqueue(conversation, frames.Recall(payload=payload), wait=wait)

    async def react(
        self, conversation: str, seq: int, emoji: str, *, remove: bool = False, wait: bool = True
    ) -> Sent | None:
        """Put an emoji (at most 32 bytes) on message ``seq``, or take it back; errors as `send`."""
        payload = frames.ReactPayload(
            msg_id=self.new_msg_id(), conversation_id=conversation, seq=seq, emoji=emoji, remove=remove
        )
        return await self._enqueue(conversation, frames.React(payload=payload), wait=wait)

    # Positions and hints

    def mark_read(self, conversation: str, seq: int | None = None) -> None:
        """Everything up to ``seq`` (default: everything known) is read; told to the server when there is a
        connection.
        """
        self._mark(conversation, seq, kind="read")

    def mark_delivered(self, conversation: str, seq: int | None = None) -> None:
        """Everything up to ``seq`` has arrived. Messages taken from `events` are marked by themselves."""
        self._mark(conversation, seq, kind="delivered")

    async def typing(self, conversation: str, *, active: bool = True) -> None:
        """Tell the others that one is typing; dropped without a connection."""
        payload = frames.TypingPayload(conversation_id=conversation, active=active)
        await self._engine.tell(frames.Typing(payload=payload))

    async def watch(self, user_ids: Sequence[str]) -> None:
        """Hear of the presence of these users (at most 500; replaces the list) as `Presence` events."""
        await self._engine.watch(tuple(user_ids))

    async def set_presence(self, status: Literal["online", "away"]) -> None:
        """Say how this device is used."""
        payload = frames.PresenceSetPayload(status=status)
        await self._engine.set_status(frames.PresenceSet(payload=payload))

    # Reading

    def events(self) -> EventStream:
        """Return what happens, as an async iterator that ends at `close`.

        In order per conversation, nothing twice, nothing left out: also what happened while the line was
        down or, with a data_dir, while the program did not run (what it was busy with when it died comes
        again). One's own messages come too, marked ``mine``.
        A program that is slow loses nothing; more than one iterator share the events.

        Raises:
            SessionEnded, Replaced, ProtocolFault: while iterating, when the client has stopped for good.
        """
        self._stream = EventStream(self._engine.queue)
        return self._stream

    def conversations(self) -> list[Snapshot]:
        """Return the user's conversations as far as they are known, the one with the newest message first."""
        found = [one for one in self._engine.replica.snapshots.values() if one.info.type != "self"]
        return sorted(found, key=_newest_ts, reverse=True)

    def conversation(self, conversation_id: str) -> Snapshot | None:
        """Return one conversation, None when it is not known."""
        return self._engine.replica.snapshots.get(conversation_id)

    def unsent(self, conversation: str) -> list[tuple[str, str]]:
        """Return (msg_id, content) of one's own messages there that the server has not confirmed yet, in
        order.
        """
        return [
            (pending.msg_id, pending.operation.payload.content)
            for pending in self._engine.outbox
            if pending.conversation_id == conversation and isinstance(pending.operation, frames.Send)
        ]

    async def conversation_with(self, who: str) -> str:
        """Return the id of the private conversation with a user; it exists from its first message on."""
        return private_with(self.user_id, await self.people.id_of(who))

    async def history(
        self,
        conversation: str,
        *,
        before_seq: int | None = None,
        after_seq: int | None = None,
        limit: int | None = None,
        page: int = MAX_PAGE,
    ) -> AsyncIterator[LogEvent]:
        """Yield a conversation's log, fetched page by page as it is consumed.

        Args:
            conversation: its id.
            before_seq: downwards from below this seq; the default begins at the newest.
            after_seq: upwards from above this seq; 0 is the beginning.
            limit: at most this many entries.
            page: how many to ask for at once, 1 to 200.

        Yields:
            Messages as they stand now, and every other entry; downwards newest first, upwards oldest first.

        Raises:
            Refused: 40001 or 40003, the conversation is not the user's.
        """
        left = limit
        upwards = after_seq is not None
        while left is None or left > 0:
            size = page if left is None else min(page, left)
            answer = await self.history_page(
                conversation, before_seq=before_seq, after_seq=after_seq, limit=size
            )
            found = [event_of(item, self.user_id) for item in answer.events]
            for event in found if upwards else reversed(found):
                yield event
            if not answer.has_more or not found:
                return
            left = left - len(found) if left is not None else None
            before_seq, after_seq = (None, found[-1].seq) if upwards else (found[0].seq, None)

    async def history_page(
        self,
        conversation: str,
        *,
        before_seq: int | None = None,
        after_seq: int | None = None,
        limit: int = 50,
    ) -> HistoryPage:
        """Return one page as the server sends it, over the connection or, without one, over HTTP; errors as
        `history`.
        """
        connection = self._engine.link.connection
        if connection is None:
            return await self.rest.history(
                conversation, before_seq=before_seq, after_seq=after_seq, limit=limit
            )
        payload = frames.HistoryPayload(
            conversation_id=conversation, before_seq=before_seq, after_seq=after_seq, limit=limit
        )
        try:
            answer = answer_of(await connection.request(frames.History(payload=payload)))
        except (ServerUnreachable, TimeoutError):
            return await self.rest.history(
                conversation, before_seq=before_seq, after_seq=after_seq, limit=limit
            )
        assert isinstance(answer, HistoryPage)
        return answer

    # Groups and settings

    async def create_group(
        self,
        name: str,
        members: Iterable[str] = (),
        *,
        history_policy: str | None = None,
        join_policy: str | None = None,
    ) -> Group:
        """Make a group with these usernames or user ids; more: ``client.groups``.

        Raises:
            Refused: 30001, somebody does not exist.
        """
        ids = [await self.people.id_of(who) for who in members]
        return await self.groups.create(name, ids, history_policy=history_policy, join_policy=join_policy)

    async def change_settings(
        self,
        conversation: str,
        *,
        muted: bool | None = None,
        pinned: bool | None = None,
        draft: str | None = None,
    ) -> None:
        """Mute, pin, or keep a draft, on all of the user's devices; None leaves a value as it is."""
        values = Settings(muted=muted, pinned=pinned, draft=draft)
        await self.rest.change_settings(conversation, values, self.new_msg_id())

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
            raise self._engine.ended or NotLoggedIn("log in first")
        pending = await self._engine.outbox.add(conversation, operation)
        if not wait:
            return None
        self._engine.link.hurry()
        return await asyncio.shield(pending.done)

    def _mark(self, conversation: str, seq: int | None, *, kind: str) -> None:
        snapshot = self.conversation(conversation)
        if seq is None:
            seq = snapshot.last_seq if snapshot is not None else 0
        if seq > 0 and self._engine.positions.mark(conversation, kind=kind, seq=seq):
            self._engine.replica.own_mark(conversation, kind=kind, seq=seq)


def _newest_ts(snapshot: Snapshot) -> int:
    message = snapshot.last_message
    return message.server_ts if message is not None else 0
