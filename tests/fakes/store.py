"""`Store` in lists and dictionaries: what the contract means, in the plainest way.

Writes are decided by the same `Planner` as everywhere; reads fold the whole history anew, every time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from pingme.domain.chain import first_hash
from pingme.domain.effects import (
    ConversationChanged,
    ConversationMade,
    Effect,
    MemberSet,
    ProfileChanged,
    SettingsChanged,
)
from pingme.domain.errors import StoreError, StoreRejected
from pingme.domain.events import (
    MEMBERSHIP_KINDS,
    Command,
    EditBody,
    Event,
    MessageBody,
    Outcome,
    ReactionBody,
    decode_body,
    encode_body,
)
from pingme.domain.ids import MAX_SEQ
from pingme.domain.model import Conversation, ConversationType, Member, RuleLimits, Target
from pingme.pipeline.plan import REFUSED_KIND, Knowledge, Known, Log, MsgKey, Plan, Planner
from pingme.ports.clock import Clock
from pingme.ports.store import Access, Found, HeadChange, HeadChanges, MemberPosition, Page, Position
from pingme.wire.encode import EventView, Reactors

MAX_UNREAD = 1000
SHOWN_REACTORS = 50
OF_A_MESSAGE = ("edit", "recall", "reaction")


@dataclass
class Membership:
    member: Member
    change_no: int
    delivered_seq: int = 0
    read_seq: int = 0
    muted: bool = False
    pinned: bool = False
    draft: str = ""


@dataclass
class Fault:
    error: StoreError
    after_commit: bool


class MemoryStore:
    """The fake of the port; the contract suite runs on it, too.

    Args:
        clock: gives server_ts.
        limits: the bounds that the rules check.
        users: the accounts that exist; `add_users` makes more.
    """

    def __init__(self, clock: Clock, limits: RuleLimits | None = None, users: Iterable[str] = ()) -> None:
        self._clock = clock
        self._limits = limits or RuleLimits()
        self._users: dict[str, int] = {}
        self._conversations: dict[str, Conversation] = {}
        self._keys: dict[str, int] = {}
        self._members: dict[str, dict[str, Membership]] = {}
        self._events: dict[str, list[Event]] = {}
        self._stamps: dict[str, list[int]] = {}  # change_no of each event
        self._known: dict[MsgKey, Known] = {}
        self._change_no = 0
        self._faults: list[Fault] = []
        self._rejected: set[str] = set()
        self.epoch_value = "memory-1"
        self.profiles: dict[str, ProfileChanged] = {}
        self.saves = 0
        self.add_users(*users)

    def add_users(self, *user_ids: str) -> None:
        for user_id in user_ids:
            self._users.setdefault(user_id, len(self._users) + 1)

    # Faults.

    def fail_next(self, error: StoreError, *, after_commit: bool = False) -> None:
        """Let the next write raise this error, before or after its commit; calls add up."""
        self._faults.append(Fault(error, after_commit))

    def reject(self, msg_id: str) -> None:
        """Refuse every batch that holds this msg_id with StoreRejected, until `accept`."""
        self._rejected.add(msg_id)

    def accept(self, msg_id: str) -> None:
        self._rejected.discard(msg_id)

    def _fault(self, *, after_commit: bool) -> None:
        if self._faults and self._faults[0].after_commit == after_commit:
            raise self._faults.pop(0).error

    # Writes.

    @property
    def epoch(self) -> str:
        return self.epoch_value

    async def save(self, batch: Sequence[Command]) -> Sequence[Outcome]:
        self.saves += 1
        self._fault(after_commit=False)
        if any(command.msg_id in self._rejected for command in batch):
            raise StoreRejected("a row that the store does not take")
        plan = self._planner(batch).plan(batch)
        self._commit(plan)
        self._fault(after_commit=True)
        return plan.outcomes

    async def refuse(self, command: Command, code: int, message: str) -> Outcome:
        self._fault(after_commit=False)
        planner = self._planner([command])
        if (command.sender_id, command.msg_id) in self._known:
            return planner.plan([command]).outcomes[0]
        outcome = planner.refuse(command, code, message)
        self._commit(planner.written)
        self._fault(after_commit=True)
        return outcome

    def _planner(self, batch: Sequence[Command]) -> Planner:
        logs = {
            conversation_id: Log(
                self._keys[conversation_id],
                conversation,
                len(self._events[conversation_id]),
                self._events[conversation_id][-1].hash,
                {user_id: row.member for user_id, row in self._members[conversation_id].items()},
                members_seq=max(
                    (
                        max(row.member.joined_seq, row.member.until_seq or 0)
                        for row in self._members[conversation_id].values()
                    ),
                    default=0,
                ),
            )
            for conversation_id, conversation in self._conversations.items()
        }
        asked = {(command.conversation_id, getattr(command.body, "target_seq", 0)) for command in batch}
        targets = {key: target for key in asked if (target := self._target(*key)) is not None}
        counts = {user_id: len(self._groups(user_id)) for user_id in self._users}
        keys = iter(range(len(self._keys) + 1, len(self._keys) + len(batch) + 1))
        return Planner(
            Knowledge(logs, self._users, targets, counts, self._known, ({}, {})),
            limits=self._limits,
            now_ms=self._clock.now_ms(),
            allocate_key=lambda _conversation_id: next(keys),
        )

    def _target(self, conversation_id: str, seq: int) -> Target | None:
        events = self._events.get(conversation_id, [])
        if not 1 <= seq <= len(events):
            return None
        event, view = events[seq - 1], self._view(conversation_id, seq)
        reactors = frozenset((emoji, user_id) for _, emoji, user_id in self._reactions(conversation_id, seq))
        return Target(seq, event.kind, event.sender_id, event.server_ts, view.recalled, reactors)

    def _commit(self, plan: Plan) -> None:
        if not plan.rows:
            return
        self._change_no += 1
        for _, _, _, event in plan.rows:
            if event.kind == REFUSED_KIND:
                code, _, message = event.payload.decode().partition(" ")
                known = Known("", REFUSED_KIND, event.seq, event.server_ts, event.digest, int(code), message)
            else:
                self._events.setdefault(event.conversation_id, []).append(event)
                self._stamps.setdefault(event.conversation_id, []).append(self._change_no)
                known = Known(event.conversation_id, event.kind, event.seq, event.server_ts, event.digest)
            self._known[event.sender_id, event.msg_id] = known
        for _, _, conversation_id, effect in plan.effects:
            self._apply(conversation_id, effect)

    def _apply(self, conversation_id: str, effect: Effect) -> None:
        match effect:
            case ConversationMade(conversation):
                self._keys[conversation_id] = len(self._keys) + 1
                self._conversations[conversation_id] = conversation
                self._members[conversation_id] = {}
            case ConversationChanged(conversation):
                self._conversations[conversation_id] = conversation
            case MemberSet(member):
                rows = self._members[conversation_id]
                row = rows.setdefault(member.user_id, Membership(member, 0))
                row.member, row.change_no = member, self._change_no
            case SettingsChanged():
                row = self._members[effect.about][effect.user_id]
                row.change_no = self._change_no
                row.muted = row.muted if effect.muted is None else effect.muted
                row.pinned = row.pinned if effect.pinned is None else effect.pinned
                row.draft = row.draft if effect.draft is None else effect.draft
            case ProfileChanged():
                self.profiles[effect.user_id] = effect
            case _:
                pass  # edits, recalls and reactions are folded from the events

    async def save_positions(self, positions: Sequence[Position]) -> None:
        self._fault(after_commit=False)
        self._change_no += 1
        for position in positions:
            rows = self._members.get(position.conversation_id, {})
            row = rows.get(position.user_id)
            if row is None or (
                position.delivered_seq <= row.delivered_seq and position.read_seq <= row.read_seq
            ):
                continue
            row.delivered_seq = max(row.delivered_seq, position.delivered_seq)
            row.read_seq = max(row.read_seq, position.read_seq)
            private = self._conversations[position.conversation_id].type is ConversationType.PRIVATE
            for stamped in rows.values() if private else [row]:
                stamped.change_no = self._change_no
        self._fault(after_commit=True)

    # Reads.

    async def find(self, sender_id: str, msg_id: str) -> Found | None:
        known = self._known.get((sender_id, msg_id))
        if known is None:
            return None
        return Found(
            known.conversation_id, known.kind, known.seq, known.server_ts, known.digest,
            known.refusal or None, known.message,
        )  # fmt: skip

    async def access(self, user_id: str, conversation_id: str) -> Access | None:
        row = self._members.get(conversation_id, {}).get(user_id)
        if row is None:
            return None
        conversation = self._conversations[conversation_id]
        events = self._events[conversation_id]
        head = events[(row.member.until_seq or len(events)) - 1]
        peer_id, peer = None, None
        if conversation.type is ConversationType.PRIVATE:
            others = [other for other in self._members[conversation_id] if other != user_id]
            peer_id = others[0] if others else user_id
            peer = self._members[conversation_id][peer_id] if others else None
        return Access(
            conversation=conversation,
            member=row.member,
            head_seq=head.seq,
            head_hash=head.hash,
            delivered_seq=row.delivered_seq,
            read_seq=row.read_seq,
            muted=row.muted,
            pinned=row.pinned,
            draft=row.draft,
            peer_id=peer_id,
            peer_delivered_seq=peer and peer.delivered_seq,
            peer_read_seq=peer and peer.read_seq,
        )

    def _groups(self, user_id: str) -> list[str]:
        return [
            conversation_id
            for conversation_id, conversation in self._conversations.items()
            if conversation.type is ConversationType.GROUP and self._present(conversation_id, user_id)
        ]

    def _present(self, conversation_id: str, user_id: str) -> bool:
        row = self._members[conversation_id].get(user_id)
        return row is not None and row.member.present

    async def channels(self, user_id: str) -> Mapping[str, int]:
        return {group: self._members[group][user_id].member.joined_seq for group in self._groups(user_id)}

    async def members(self, conversation_id: str) -> Sequence[MemberPosition]:
        rows = sorted(
            self._members.get(conversation_id, {}).values(),
            key=lambda row: (row.member.joined_seq, self._users[row.member.user_id]),
        )
        return [MemberPosition(row.member, row.delivered_seq, row.read_seq) for row in rows]

    async def head(self, conversation_id: str) -> int:
        return len(self._events.get(conversation_id, []))

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
        events = self._events.get(conversation_id, [])
        hashes = [first_hash(conversation_id), *(event.hash for event in events)]
        if last_seq < first_seq:
            return Page(hashes[max(0, min(last_seq, len(events)))], (), has_more=False)
        seqs = [event.seq for event in events if first_seq <= event.seq <= last_seq]
        taken: list[EventView] = []
        size = 0
        for seq in reversed(seqs) if newest else seqs:
            view = self._view(conversation_id, seq, reactions_until)
            size += len(view.payload)
            if len(taken) == limit or (taken and size > max_bytes):
                break
            taken.append(view)
        taken.sort(key=lambda view: view.seq)
        before = taken[0].seq - 1 if taken else (last_seq if newest else first_seq - 1)
        return Page(hashes[min(before, len(events))], taken, has_more=len(taken) < len(seqs))

    def _about(self, conversation_id: str, seq: int) -> list[tuple[Event, EditBody | ReactionBody]]:
        """Return the operations on a message, in order."""
        found = [
            (event, decode_body(event.kind, event.payload))
            for event in self._events[conversation_id][seq:]
            if event.kind in OF_A_MESSAGE
        ]
        return [(event, body) for event, body in found if body.target_seq == seq]  # type: ignore[attr-defined]

    def _reactions(self, conversation_id: str, seq: int) -> list[tuple[int, str, str]]:
        """Return the reactions on a message: (seq of the reaction, emoji, user id), in order."""
        standing: dict[tuple[str, str], int] = {}
        for event, body in self._about(conversation_id, seq):
            if event.kind == "recall":
                standing.clear()
            if isinstance(body, ReactionBody):
                if body.remove:
                    standing.pop((body.emoji, event.sender_id), None)
                else:
                    standing.setdefault((body.emoji, event.sender_id), event.seq)
        return sorted((at_seq, emoji, user_id) for (emoji, user_id), at_seq in standing.items())

    def _recalled(self, conversation_id: str, seq: int) -> bool:
        return any(event.kind == "recall" for event, _ in self._about(conversation_id, seq))

    def _view(self, conversation_id: str, seq: int, reactions_until: int = MAX_SEQ) -> EventView:
        event = self._events[conversation_id][seq - 1]
        body = decode_body(event.kind, event.payload)
        edited_seq, recalled = None, False
        reactions: dict[str, list[str]] = {}
        if isinstance(body, MessageBody):
            recalled = self._recalled(conversation_id, seq)
            for about, what in self._about(conversation_id, seq):
                if about.kind == "edit":
                    body, edited_seq = msgspec.structs.replace(body, content=what.content), about.seq  # type: ignore[union-attr]
            if recalled:
                body = msgspec.structs.replace(body, content="", mentions=None)
            for at_seq, emoji, user_id in self._reactions(conversation_id, seq):
                if at_seq <= reactions_until:
                    reactions.setdefault(emoji, []).append(user_id)
        if isinstance(body, EditBody) and self._recalled(conversation_id, body.target_seq):
            body = msgspec.structs.replace(body, content="")
        return EventView(
            conversation_id=conversation_id,
            seq=seq,
            kind=event.kind,
            sender_id=event.sender_id,
            msg_id=event.msg_id,
            server_ts=event.server_ts,
            client_ts=event.client_ts,
            payload=encode_body(body),
            digest=event.digest,
            hash=event.hash,
            edited_seq=edited_seq,
            recalled=recalled,
            reactions=tuple(
                Reactors(emoji, len(users), tuple(users[:SHOWN_REACTORS]))
                for emoji, users in reactions.items()
            ),
        )

    async def changed(self, user_id: str, since: Sequence[int] | None) -> Sequence[str]:
        after = since[0] if since else -1
        found: list[tuple[int, str]] = []
        for conversation_id, rows in self._members.items():
            if user_id not in rows:
                continue
            access = await self.access(user_id, conversation_id)
            assert access is not None
            stamp = self._stamps[conversation_id][access.head_seq - 1]
            if rows[user_id].change_no > after or (access.member.present and stamp > after):
                found.append((stamp, conversation_id))
        found.sort(key=lambda pair: pair[0], reverse=True)
        return [conversation_id for _, conversation_id in found]

    async def accesses(self, user_id: str, conversation_ids: Sequence[str]) -> Sequence[Access]:
        found = [await self.access(user_id, each) for each in conversation_ids]
        return [access for access in found if access is not None]

    async def heads_changed(self, since: Sequence[int], limit: int) -> HeadChanges:
        self._fault(after_commit=False)
        found: list[HeadChange] = []
        for conversation_id, stamps in self._stamps.items():
            seqs = [seq for seq, stamp in enumerate(stamps, 1) if stamp > since[0]]
            if not seqs:
                continue
            events = self._events[conversation_id]
            moved = [seq for seq in seqs if events[seq - 1].kind in MEMBERSHIP_KINDS]
            peers = self._conversations[conversation_id].peers
            found.append(HeadChange(conversation_id, seqs[0], seqs[-1], peers, max(moved, default=0)))
        return HeadChanges((self._change_no,), found[:limit], complete=len(found) <= limit)

    @property
    def shards(self) -> int:
        return 1

    async def change_numbers(self) -> tuple[int, ...]:
        return (self._change_no,)

    async def unread(self, user_id: str, accesses: Sequence[Access]) -> Sequence[int]:
        return [
            min(
                MAX_UNREAD,
                sum(
                    event.kind == "message" and event.sender_id != user_id
                    for event in self._events[access.conversation.conversation_id]
                    if max(access.read_seq + 1, access.member.from_seq) <= event.seq <= access.head_seq
                ),
            )
            for access in accesses
        ]

    async def share_conversation(self, user_id: str, others: Sequence[str]) -> set[str]:
        return {
            other
            for other in others
            for conversation_id, conversation in self._conversations.items()
            if conversation.type is not ConversationType.SELF
            and self._present(conversation_id, user_id)
            and self._present(conversation_id, other)
        }
