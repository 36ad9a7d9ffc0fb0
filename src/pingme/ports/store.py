"""The store: the only truth. What it has committed is what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from pingme.domain.events import Command, Outcome
from pingme.domain.ids import MAX_SEQ
from pingme.domain.model import Conversation, Member
from pingme.wire.encode import EventView


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What one user may see of one conversation, now.

    Attributes:
        head_seq: the newest event that this user may read: of a former member, the removal.
        head_hash: the rolling hash there, 16 bytes.
        peer_id: the other user of a private conversation (oneself, talking to oneself).
    """

    conversation: Conversation
    member: Member
    head_seq: int
    head_hash: bytes
    delivered_seq: int
    read_seq: int
    muted: bool = False
    pinned: bool = False
    draft: str = ""
    peer_id: str | None = None
    peer_delivered_seq: int | None = None
    peer_read_seq: int | None = None


class Found(msgspec.Struct, frozen=True):
    """What stands under a (sender_id, msg_id): ``refusal`` is the code where it was refused for good."""

    conversation_id: str
    kind: str
    seq: int
    server_ts: int
    digest: bytes
    refusal: int | None = None
    message: str = ""


class Page(msgspec.Struct, frozen=True):
    """A range of events, ascending. ``prev_hash`` is the rolling hash before the first.

    Without events it is the hash before the place where they would stand: at ``last_seq`` for the newest, before
    ``first_seq`` for the oldest, and never beyond ``last_seq`` or the head.
    """

    prev_hash: bytes
    events: Sequence[EventView]
    has_more: bool


class Position(msgspec.Struct, frozen=True):
    """How far a member has got; both only grow."""

    conversation_id: str
    user_id: str
    delivered_seq: int
    read_seq: int


class MemberPosition(msgspec.Struct, frozen=True):
    """A membership with its positions."""

    member: Member
    delivered_seq: int
    read_seq: int


class HeadChange(msgspec.Struct, frozen=True):
    """A conversation that has new events.

    Attributes:
        first_seq: the first of them.
        head_seq: the newest of them.
        hearers: the users who hear a private conversation or a user's own log; () for groups.
        members_seq: the newest of them by which a group's members changed, 0 for none.
    """

    conversation_id: str
    first_seq: int
    head_seq: int
    hearers: tuple[str, ...]
    members_seq: int


class HeadChanges(msgspec.Struct, frozen=True):
    """What has changed since some change numbers.

    Attributes:
        numbers: up to where was looked: the ``since`` of the next look.
        changes: one entry per conversation, in any order.
        complete: False when there were more conversations than asked for; ``changes`` are then some of them.
    """

    numbers: tuple[int, ...]
    changes: Sequence[HeadChange]
    complete: bool


class Store(Protocol):
    """Idempotent on (sender_id, msg_id); gives every conversation consecutive seqs from 1.

    Reads see every commit whose `save` has returned. All methods may be called concurrently.
    """

    @property
    def epoch(self) -> str:
        """The identity of this store's history: new when it is made and after each restore."""
        ...

    @property
    def shards(self) -> int:
        """How many change numbers there are: the same for as long as the epoch."""
        ...

    async def save(self, batch: Sequence[Command]) -> Sequence[Outcome]:
        """Decide each command in order (`pingme.domain.rules`) and append the event of each that may be done.

        One transaction for the batch. Idempotent on (sender_id, msg_id): a repeat returns the first seq with
        ``duplicate``, and stores nothing; the same msg_id for something else is refused with 40004. A definite refusal
        is written down under its msg_id. server_ts in Unix milliseconds.

        Args:
            batch: at most 1 000 commands, in log order.

        Returns:
            One outcome per command, in order.

        Raises:
            StoreUnavailable: nothing was written; the caller retries the same batch.
            StoreOutcomeUnknown: the commit broke; the caller saves the same batch again, which reads back first.
            StoreRejected: the store will not take one of these rows; nothing was written; split the batch.
        """
        ...

    async def refuse(self, command: Command, code: int, message: str) -> Outcome:
        """Write down that this command is refused for good, unless it is stored already; return what holds.

        Raises:
            StoreError: as `save`.
        """
        ...

    async def find(self, sender_id: str, msg_id: str) -> Found | None:
        """Return what stands under this msg_id, or None."""
        ...

    async def access(self, user_id: str, conversation_id: str) -> Access | None:
        """Return what the user may see of the conversation; None for strangers and where nothing is stored.

        One indexed read.

        Raises:
            StoreUnavailable: it cannot be read now.
        """
        ...

    async def channels(self, user_id: str) -> Mapping[str, int]:
        """Return the groups of which the user is a member: conversation id -> the seq of the user's joining."""
        ...

    async def members(self, conversation_id: str) -> Sequence[MemberPosition]:
        """Return all memberships, former ones too, in the order of joining."""
        ...

    async def head(self, conversation_id: str) -> int:
        """Return the newest seq, 0 for none."""
        ...

    async def page(
        self,
        conversation_id: str,
        *,
        first_seq: int,
        last_seq: int,
        limit: int,
        newest: bool,
        max_bytes: int,
        reactions_until: int = MAX_SEQ,
    ) -> Page:
        """Return events of ``first_seq`` to ``last_seq`` in their current state, ascending.

        Args:
            conversation_id: any conversation; the caller has checked access and clipped the range to it.
            first_seq: inclusive, at least 1.
            last_seq: inclusive; below first_seq gives an empty page.
            limit: at most 200 events; 0 gives only prev_hash.
            newest: True takes the page from the end of the range, False from its beginning.
            max_bytes: stop before the payloads pass this many bytes; at least one event is returned.
            reactions_until: reactions that were put after this seq are left out.
        """
        ...

    async def changed(self, user_id: str, since: Sequence[int] | None) -> Sequence[str]:
        """Return the ids of the conversations that changed for this user after ``since``, newest first; None: of all.

        Raises:
            StoreUnavailable: it cannot be read now.
        """
        ...

    async def accesses(self, user_id: str, conversation_ids: Sequence[str]) -> Sequence[Access]:
        """Return what `access` would for each, in this order, without those to whom the user is a stranger.

        Args:
            user_id: who reads.
            conversation_ids: at most 200, each once.

        Raises:
            StoreUnavailable: it cannot be read now.
        """
        ...

    async def change_numbers(self) -> tuple[int, ...]:
        """Return the change number of the newest commit of each shard: what a `since` token holds.

        Asked before memberships and heads are read: what is committed in between comes again, and nothing is left out.

        Raises:
            StoreUnavailable: it cannot be read now.
        """
        ...

    async def heads_changed(self, since: Sequence[int], limit: int) -> HeadChanges:
        """Return the conversations that got events after ``since``, whichever node wrote them.

        The counters are read first: what commits meanwhile comes with the next look. Nodes ask every second, so it
        has to go by an index on the change number, or by the order of insertion.

        Args:
            since: change numbers, one per shard, of `change_numbers` or of the look before.
            limit: at most so many conversations, at least 1.

        Raises:
            StoreUnavailable: it cannot be read now.
        """
        ...

    async def unread(self, user_id: str, accesses: Sequence[Access]) -> Sequence[int]:
        """Return for each the message events after read_seq that are not the user's own, exact up to 999; then 1 000."""
        ...

    async def save_positions(self, positions: Sequence[Position]) -> None:
        """Move positions forwards; a smaller value changes nothing. A position in a private chat stamps both members.

        Raises:
            StoreError: as `save`.
        """
        ...

    async def share_conversation(self, user_id: str, others: Sequence[str]) -> set[str]:
        """Return those of ``others`` (at most 500) who are, with the user, members of one conversation now."""
        ...
