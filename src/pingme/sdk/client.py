"""The client: one user on one device, connected whenever that is possible.

async with Client("http://127.0.0.1:8080") as alice:
    await alice.login("alice", "a-secret-password")
    await alice.send("hello", to="bob")
    async for event in alice.events():
        print(event)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Literal

from pingme.sdk.connection import answer_of
from pingme.sdk.errors import ServerUnreachable
from pingme.sdk.events import LogEvent, event_of
from pingme.sdk.models import Group, Settings
from pingme.sdk.operations import private_with
from pingme.sdk.state import Snapshot
from pingme.sdk.stream import EventStream
from pingme.sdk.writing import Writing
from pingme.wire import frames
from pingme.wire.server_frames import HistoryPage

MAX_PAGE = 200  # events; docs/protocol.md, "Limits"


class Client(Writing):
    """A user of one PingMe server, on one device: everything one does with conversations.

    How to make one, and the session: `Account`. Every error is a `PingMeError` with a code.
    """

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
            before_seq, after_seq = (before_seq, found[-1].seq) if upwards else (found[0].seq, None)

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

    def _mark(self, conversation: str, seq: int | None, *, kind: str) -> None:
        snapshot = self.conversation(conversation)
        if snapshot is None or (seq is not None and not self._engine.queue.is_reset_told):
            return  # a seq of before a restore would say that what nobody has seen is read
        upto = snapshot.last_seq if seq is None else min(seq, snapshot.last_seq)
        if upto > 0 and self._engine.positions.mark(conversation, kind=kind, seq=upto):
            self._engine.replica.own_mark(conversation, kind=kind, seq=upto)


def _newest_ts(snapshot: Snapshot) -> int:
    message = snapshot.last_message
    return message.server_ts if message is not None else 0
