"""From a batch of commands to the rows and effects of one transaction: pure, in log order, on a copy.

A store adapter loads what a batch needs into `Knowledge`, calls `plan`, writes the plan down, and after COMMIT has returned
(never earlier) calls `Plan.apply`, which makes the copy the truth. Until then nothing that others see has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pingme.domain.chain import HASH_BYTES, digest_of, first_hash, next_hash
from pingme.domain.effects import (
    ConversationChanged,
    ConversationMade,
    Effect,
    MemberSet,
    MessageRecalled,
    ReactionSet,
)
from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.events import Body, Command, Event, MessageBody, Outcome, RefusedOutcome, Stored
from pingme.domain.model import Conversation, ConversationType, Member, RuleLimits, Target
from pingme.domain.rules import NO_EFFECTS, decide

REFUSED_KIND = "refused"
NO_DIGEST = bytes(HASH_BYTES)
MsgKey = tuple[str, str]  # (sender_id, msg_id)


@dataclass(slots=True)
class Log:
    """What is known of one conversation: its store key, its fields, its newest event, and some members.

    Attributes:
        members: holds None for users who are known to be strangers; users who are missing have not been asked for.
        members_seq: of the newest event by which somebody became a member or ceased to be one.
        writers: users whose plain message the rules have allowed since the conversation last changed: while nobody comes,
            goes or changes role, and the conversation stays as it is, their answer to the next one is the same.
    """

    key: int
    conversation: Conversation
    head_seq: int
    head_hash: bytes
    members: dict[str, Member | None] = field(default_factory=dict)
    writers: set[str] = field(default_factory=set)
    members_seq: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What stands under a (sender_id, msg_id) already."""

    conversation_id: str
    kind: str
    seq: int
    server_ts: int
    digest: bytes
    refusal: int = 0
    message: str = ""


@dataclass(slots=True)
class Knowledge:
    """What a plan may ask: everything that the batch needs, as committed.

    Attributes:
        logs: by conversation id; None or missing where nothing is stored.
        users: user id -> store key, of accounts that exist.
        targets: by (conversation id, seq).
        group_counts: of users who may join a group by this batch.
        existing: msg_ids that are in the store already, as far as they were asked for.
        recent: the newest stored events by msg_id, and those before them.
    """

    logs: dict[str, Log]
    users: Mapping[str, int]
    targets: Mapping[tuple[str, int], Target]
    group_counts: Mapping[str, int]
    existing: Mapping[MsgKey, Known]
    recent: tuple[Mapping[MsgKey, Known | Event], Mapping[MsgKey, Known | Event]]


Row = tuple[int, int, int | None, Event]
"""A row of the event table: store keys of the conversation and the sender, target_seq, and the event.

A tuple, because one is made for every message. Key 0 and kind ``refused`` is a definite refusal, whose payload is
``code message``.
"""


@dataclass(slots=True)
class Plan:
    """What to write in one transaction, and what to say when it is written.

    Attributes:
        rows: in log order.
        effects: (store key of the conversation, seq, conversation id, effect), in order.
        outcomes: one per command.
        used_existing: True when a command was found in `Knowledge.existing`: a storm of repeats goes on.
    """

    rows: list[Row] = field(default_factory=list)
    effects: list[tuple[int, int, str, Effect]] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    used_existing: bool = False
    _logs: dict[str, Log] = field(default_factory=dict)
    _batch: dict[MsgKey, Known | Event] = field(default_factory=dict)

    def apply(self, logs: dict[str, Log], recent: dict[MsgKey, Known | Event]) -> None:
        """Make the plan the truth; call it after COMMIT has returned.

        Args:
            logs: the adapter's own cache, changed in place.
            recent: the adapter's newest events by msg_id, added to.
        """
        for conversation_id, draft in self._logs.items():
            known = logs.get(conversation_id)
            if known is None:
                logs[conversation_id] = draft
            else:
                known.conversation = draft.conversation
                known.head_seq = draft.head_seq
                known.head_hash = draft.head_hash
                known.members.update(draft.members)
                known.writers = draft.writers
                known.members_seq = draft.members_seq
        recent.update(self._batch)


class Planner:
    """Plans one batch; its own drafts answer the rules (`pingme.domain.rules.Facts`).

    Args:
        knowledge: what the batch needs, as committed.
        limits: the configured bounds.
        now_ms: Unix milliseconds; the server_ts of the events.
        allocate_key: returns the store key of a new conversation, for its id.
        refusal_seq: the next free seq of conversation 0.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        *,
        limits: RuleLimits,
        now_ms: int,
        allocate_key: Callable[[str], int],
        refusal_seq: int = 1,
    ) -> None:
        self.limits = limits
        self.now_ms = now_ms
        self._knowledge = knowledge
        self._allocate_key = allocate_key
        self._refusal_seq = refusal_seq
        self._plan = Plan()
        self._drafts = self._plan._logs  # the plan carries its planner's drafts
        self._batch = self._plan._batch
        self._targets: dict[tuple[str, int], Target] = {}
        self._joined: dict[str, int] = {}

    # What the rules ask.

    def conversation(self, conversation_id: str) -> Conversation | None:
        """See `Facts`."""
        log = self._drafts.get(conversation_id) or self._knowledge.logs.get(conversation_id)
        return None if log is None else log.conversation

    def head_seq(self, conversation_id: str) -> int:
        """See `Facts`."""
        log = self._drafts.get(conversation_id) or self._knowledge.logs.get(conversation_id)
        return 0 if log is None else log.head_seq

    def member(self, conversation_id: str, user_id: str) -> Member | None:
        """See `Facts`."""
        draft = self._drafts.get(conversation_id)
        if draft is not None and user_id in draft.members:
            return draft.members[user_id]
        log = self._knowledge.logs.get(conversation_id)
        return None if log is None else log.members.get(user_id)

    def user_exists(self, user_id: str) -> bool:
        """See `Facts`."""
        return user_id in self._knowledge.users

    def target(self, conversation_id: str, seq: int) -> Target | None:
        """See `Facts`."""
        key = (conversation_id, seq)
        return (
            self._targets.get(key)
            or self._knowledge.targets.get(key)
            or self._new_target(conversation_id, seq)
        )

    def _new_target(self, conversation_id: str, seq: int) -> Target | None:
        """Return an event of this same batch: rare, since nobody has been told of it yet, hence a walk."""
        draft = self._drafts.get(conversation_id)
        if draft is None or seq > draft.head_seq:
            return None
        for _, _, _, event in reversed(self._plan.rows):
            if event.seq == seq and event.conversation_id == conversation_id:
                return Target(seq, event.kind, event.sender_id, event.server_ts, recalled=False)
        return None

    def group_count(self, user_id: str) -> int:
        """See `Facts`."""
        return self._knowledge.group_counts.get(user_id, 0) + self._joined.get(user_id, 0)

    # Planning.

    def plan(self, batch: Sequence[Command]) -> Plan:
        """Return the plan of the batch."""
        outcomes = self._plan.outcomes
        fresh, (recent, older), existing = self._batch, self._knowledge.recent, self._knowledge.existing
        drafts = self._drafts
        for command in batch:
            key = (command.sender_id, command.msg_id)
            known = fresh.get(key) or recent.get(key) or older.get(key)
            if known is None and existing and (known := existing.get(key)) is not None:
                self._plan.used_existing = True
            if known is not None:
                outcomes.append(answer_repeat(command, known, *self._audience(known.conversation_id)))
                continue
            draft = drafts.get(command.conversation_id)
            if draft is not None and key[0] in draft.writers and _is_plain(command.body):
                outcomes.append(self._append(command, NO_EFFECTS, draft, key))
                continue
            try:
                outcomes.append(self._decide(command, key))
            except Refused as refusal:
                outcomes.append(self.refuse(command, int(refusal.code), refusal.message))
        return self._plan

    def _decide(self, command: Command, key: MsgKey) -> Stored:
        """Ask the rules, or what they said to this sender's last plain message, and append the command.

        Raises:
            Refused: the rules say no.
        """
        sender_id, conversation_id = key[0], command.conversation_id
        draft = self._drafts.get(conversation_id)
        if draft is None and conversation_id in self._knowledge.logs:
            draft = self._draft(conversation_id, NO_EFFECTS)
        plain = _is_plain(command.body)
        if plain and draft is not None and sender_id in draft.writers:
            return self._append(command, NO_EFFECTS, draft, key)
        effects = decide(command, self)
        if draft is None:
            draft = self._draft(conversation_id, effects)
        elif plain:
            draft.writers.add(sender_id)
        return self._append(command, effects, draft, key)

    def _append(self, command: Command, effects: tuple[Effect, ...], draft: Log, key: MsgKey) -> Stored:
        """Give the command the next seq of its conversation, on the copy."""
        conversation_id, kind = command.conversation_id, command.kind
        sender_id, msg_id = key
        payload, now_ms = command.payload, self.now_ms
        seq = draft.head_seq + 1
        digest = digest_of(payload, conversation_id, kind, msg_id, sender_id, seq, now_ms)
        hash_ = next_hash(draft.head_hash, digest)
        draft.head_seq, draft.head_hash = seq, hash_
        event = Event(
            conversation_id, seq, kind, sender_id, msg_id, now_ms, payload, command.client_ts, digest, hash_
        )
        target_seq = None if kind == "message" else getattr(command.body, "target_seq", None)
        self._plan.rows.append((draft.key, self._knowledge.users[sender_id], target_seq, event))
        self._batch[key] = event
        stored = Stored(
            conversation_id, seq, now_ms, False, event, draft.conversation.peers, draft.members_seq
        )  # hot path: positional
        if effects:
            self._note(command, draft, seq, effects)
        return stored

    def _audience(self, conversation_id: str) -> tuple[tuple[str, ...], int]:
        """Return the hearers and the members_seq of a conversation."""
        log = self._drafts.get(conversation_id) or self._knowledge.logs.get(conversation_id)
        return ((), 0) if log is None else (log.conversation.peers, log.members_seq)

    def _draft(self, conversation_id: str, effects: tuple[Effect, ...]) -> Log:
        """Copy what is known of the conversation, or begin it."""
        log = self._knowledge.logs.get(conversation_id)
        if log is not None:
            # The writers are shared until an effect gives the draft its own: what the rules say meanwhile holds for both.
            draft = Log(
                log.key, log.conversation, log.head_seq, log.head_hash, {}, log.writers, log.members_seq
            )
        else:
            made = next(effect for effect in effects if isinstance(effect, ConversationMade))
            draft = Log(
                self._allocate_key(conversation_id), made.conversation, 0, first_hash(conversation_id)
            )
        self._drafts[conversation_id] = draft
        return draft

    def _note(self, command: Command, draft: Log, seq: int, effects: tuple[Effect, ...]) -> None:
        """Let the effects count for the commands that follow in the same batch."""
        draft.writers = set()
        for effect in effects:
            self._plan.effects.append((draft.key, seq, command.conversation_id, effect))
            match effect:
                case ConversationChanged(conversation):
                    draft.conversation = conversation
                case MemberSet(member):
                    was = self.member(command.conversation_id, member.user_id)
                    change = member.present - (was is not None and was.present)
                    if draft.conversation.type is ConversationType.GROUP:
                        self._joined[member.user_id] = self._joined.get(member.user_id, 0) + change
                    draft.members[member.user_id] = member
                    if change:
                        draft.members_seq = seq
                case MessageRecalled() | ReactionSet():
                    self._retarget(command.conversation_id, effect)
                case _:
                    pass

    def _retarget(self, conversation_id: str, effect: MessageRecalled | ReactionSet) -> None:
        target = self.target(conversation_id, effect.target_seq)
        if target is None:
            return
        if isinstance(effect, MessageRecalled):
            changed = replace(target, recalled=True, reactors=frozenset())
        else:
            reactor = {(effect.emoji, effect.user_id)}
            reactors = target.reactors | reactor if effect.present else target.reactors - reactor
            changed = replace(target, reactors=reactors)
        self._targets[conversation_id, effect.target_seq] = changed

    def refuse(self, command: Command, code: int, message: str) -> RefusedOutcome:
        """Refuse a command for good: a row in conversation 0 keeps anybody from storing it later.

        A sender without an account cannot have a row, nor can anything be stored for it.
        """
        sender_key = self._knowledge.users.get(command.sender_id)
        if sender_key is not None and code != ErrorCode.MSG_ID_CONFLICT:
            seq = self._refusal_seq
            self._refusal_seq += 1
            payload = b"%d %b" % (code, message.encode())
            event = Event(
                "", seq, REFUSED_KIND, command.sender_id, command.msg_id,
                self.now_ms, payload, None, NO_DIGEST, NO_DIGEST,
            )  # fmt: skip
            self._plan.rows.append((0, sender_key, None, event))
            self._batch[command.sender_id, command.msg_id] = Known(
                "", REFUSED_KIND, seq, self.now_ms, NO_DIGEST, code, message
            )
        return RefusedOutcome(code, message)

    @property
    def refusal_seq(self) -> int:
        """The next free seq of conversation 0, after this plan."""
        return self._refusal_seq

    @property
    def written(self) -> Plan:
        """The plan so far, for a caller that refuses by `refuse`."""
        return self._plan


def _is_plain(body: Body) -> bool:
    """Tell whether the rules' answer depends on nothing but the sender and the conversation."""
    return type(body) is MessageBody and body.reply_to is None and body.mentions is None


def answer_repeat(
    command: Command, known: Known | Event, hearers: tuple[str, ...] = (), members_seq: int = 0
) -> Outcome:
    """Answer a command whose msg_id was used: the first outcome if it asks for the same, else 40004.

    The same is what gives the same digest with the stored seq and server_ts. A new group's id is made by the server, so a
    repeat of ``group_created`` comes with another one and is compared under the first.
    """
    if isinstance(known, Known) and known.refusal:
        return RefusedOutcome(known.refusal, known.message)
    conversation_id = known.conversation_id if command.kind == "group_created" else command.conversation_id
    same = conversation_id == known.conversation_id and command.kind == known.kind
    if same and known.digest == digest_of(
        command.payload,
        conversation_id,
        command.kind,
        command.msg_id,
        command.sender_id,
        known.seq,
        known.server_ts,
    ):
        return Stored(
            known.conversation_id, known.seq, known.server_ts, True, None, hearers, members_seq
        )  # hot path: positional
    return RefusedOutcome(ErrorCode.MSG_ID_CONFLICT, "msg_id was used for a different message")
