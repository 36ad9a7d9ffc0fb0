"""What a client shows of a conversation, and how an event changes it. Pure.

The rule that the tests hold: ``apply(snapshot, events) == a fresh snapshot`` at the later head.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import singledispatch

import msgspec

from pingme.sdk import events as ev
from pingme.sdk.events import LogEvent, Message, Reaction
from pingme.wire.server_frames import Conversation, Item, SyncEntry

WINDOW = 200  # messages kept per conversation; older ones are fetched when they are shown
MAX_UNREAD = 1_000  # shown as 999+; docs/protocol.md
MAX_REACTORS = 50  # user ids that a page names per emoji


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A conversation up to ``last_seq``.

    Attributes:
        info: name, type, role, settings …
        unread: others' messages after read_seq, at most MAX_UNREAD.
        messages: the newest ones, ascending by seq, at most WINDOW.
        window_from: every message with this seq or a later one is in ``messages``.
        peer_delivered_seq: in private chats, how far the other one got it; peer_read_seq: read it.
    """

    info: Conversation
    last_seq: int = 0
    delivered_seq: int = 0
    read_seq: int = 0
    unread: int = 0
    peer_delivered_seq: int = 0
    peer_read_seq: int = 0
    messages: tuple[Message, ...] = ()
    window_from: int = 1

    @property
    def conversation_id(self) -> str:
        """Its id."""
        return self.info.conversation_id

    @property
    def last_message(self) -> Message | None:
        """The newest message, None when none is held."""
        return self.messages[-1] if self.messages else None


def snapshot_of(entry: SyncEntry, me: str) -> Snapshot:
    """Return the conversation as a sync shows it."""
    events = [ev.event_of(item, me) for item in entry.events]
    messages = tuple(event for event in events if isinstance(event, Message))[-WINDOW:]
    first = entry.events[0].seq if entry.events else entry.last_seq + 1
    if entry.events_complete:
        first = min(first, entry.conversation.from_seq)
    return Snapshot(
        info=entry.conversation,
        last_seq=entry.last_seq,
        delivered_seq=entry.delivered_seq,
        read_seq=entry.read_seq,
        unread=entry.unread,
        peer_delivered_seq=entry.peer_delivered_seq or 0,
        peer_read_seq=entry.peer_read_seq or 0,
        messages=messages,
        window_from=first,
    )


def refresh(old: Snapshot, entry: SyncEntry, me: str) -> Snapshot:
    """Return the conversation after a sync: the server's word, and the older messages that still join it
    without a hole.

    Where live events have gone beyond the entry already, only its positions count. One's own positions
    never go back: they may
    have been set while the line was down.
    """
    fresh = snapshot_of(entry, me)
    if old.last_seq > fresh.last_seq:
        moved = positions(old, delivered_seq=entry.delivered_seq, read_seq=entry.read_seq)
        return peer_positions(moved, delivered_seq=entry.peer_delivered_seq, read_seq=entry.peer_read_seq)
    first = entry.events[0].seq if entry.events else entry.last_seq + 1
    if old.last_seq + 1 >= first:
        joined = old
        for item in entry.events:
            joined = apply(joined, ev.event_of(item, me), me)
        fresh = replace(fresh, messages=joined.messages, window_from=joined.window_from)
    return positions(fresh, delivered_seq=old.delivered_seq, read_seq=old.read_seq)


def apply(snapshot: Snapshot, event: LogEvent, me: str) -> Snapshot:
    """Return the conversation after its next event; events up to last_seq change nothing."""
    if event.seq <= snapshot.last_seq:
        return snapshot
    if event.seq > snapshot.last_seq + 1:  # what lies between is not visible to this user
        snapshot = replace(snapshot, window_from=event.seq, messages=())
    return _membership(event, _change(event, replace(snapshot, last_seq=event.seq)), me)


@singledispatch
def _change(_event: LogEvent, snapshot: Snapshot) -> Snapshot:
    return snapshot


@_change.register
def _(event: Message, snapshot: Snapshot) -> Snapshot:
    unread = snapshot.unread + (not event.mine and event.seq > snapshot.read_seq)
    messages = (*snapshot.messages, event)
    window_from = snapshot.window_from
    if len(messages) > WINDOW:
        window_from = messages[-WINDOW].seq
    return replace(
        snapshot, unread=min(unread, MAX_UNREAD), messages=messages[-WINDOW:], window_from=window_from
    )


@_change.register
def _(event: ev.Edited, snapshot: Snapshot) -> Snapshot:
    return _with_message(snapshot, event)


@_change.register
def _(event: ev.Recalled, snapshot: Snapshot) -> Snapshot:
    return _with_message(snapshot, event)


@_change.register
def _(event: ev.Reacted, snapshot: Snapshot) -> Snapshot:
    return _with_message(snapshot, event)


@_change.register
def _(event: ev.GroupUpdated, snapshot: Snapshot) -> Snapshot:
    fields = ("name", "announcement", "avatar", "history_policy", "join_policy")
    new = {name: getattr(event, name) for name in fields if getattr(event, name) is not None}
    return _with_info(snapshot, **new)


@_change.register
def _(_event: ev.GroupDissolved, snapshot: Snapshot) -> Snapshot:
    return _with_info(snapshot, dissolved=True)


@_change.register
def _(event: ev.MemberLeft, snapshot: Snapshot) -> Snapshot:
    return _without_member(snapshot, gone=event.mine)


def _with_info(snapshot: Snapshot, **values: object) -> Snapshot:
    return replace(snapshot, info=msgspec.structs.replace(snapshot.info, **values))


def _without_member(snapshot: Snapshot, *, gone: bool) -> Snapshot:
    count = snapshot.info.member_count
    less = None if count is None else max(count - 1, 0)
    if gone:  # former members see the name and nothing else of the group
        left = Conversation(
            conversation_id=snapshot.conversation_id,
            type=snapshot.info.type,
            name=snapshot.info.name,
            former=True,
            from_seq=snapshot.info.from_seq,
            muted=snapshot.info.muted,
            pinned=snapshot.info.pinned,
            draft=snapshot.info.draft,
        )
        return replace(snapshot, info=left)
    return _with_info(snapshot, member_count=less)


def _membership(event: LogEvent, snapshot: Snapshot, me: str) -> Snapshot:
    match event:
        case ev.MemberRemoved():
            return _without_member(snapshot, gone=event.user_id == me)
        case ev.MembersJoined():
            return _with_members(snapshot, event.user_ids, me)
        case ev.RoleChanged() if event.user_id == me:
            return _with_info(snapshot, role=event.role)
        case ev.RoleChanged(role="owner") if snapshot.info.role == "owner":
            return _with_info(snapshot, role="admin")
        case _:
            return snapshot


def _with_members(snapshot: Snapshot, user_ids: tuple[str, ...], me: str) -> Snapshot:
    count = snapshot.info.member_count
    if count is not None:
        snapshot = _with_info(snapshot, member_count=count + len(user_ids))
    if me in user_ids:
        return _with_info(snapshot, former=False, role=snapshot.info.role or "member")
    return snapshot


def settings(snapshot: Snapshot, event: ev.SettingsChanged) -> Snapshot:
    """Return the conversation with one's own settings after a change of them."""
    fields = ("muted", "pinned", "draft")
    return _with_info(snapshot, **{n: getattr(event, n) for n in fields if getattr(event, n) is not None})


def positions(snapshot: Snapshot, *, delivered_seq: int | None, read_seq: int | None) -> Snapshot:
    """Return the conversation with one's own positions moved forwards, and unread counted anew."""
    delivered = max(snapshot.delivered_seq, delivered_seq or 0)
    read = max(snapshot.read_seq, read_seq or 0)
    unread = snapshot.unread
    if read > snapshot.read_seq:
        unread = _unread_after(snapshot, read)
    return replace(snapshot, delivered_seq=max(delivered, read), read_seq=read, unread=unread)


def peer_positions(snapshot: Snapshot, *, delivered_seq: int | None, read_seq: int | None) -> Snapshot:
    """Return a private conversation with the other one's positions moved forwards."""
    delivered = max(snapshot.peer_delivered_seq, delivered_seq or 0)
    read = max(snapshot.peer_read_seq, read_seq or 0)
    return replace(snapshot, peer_delivered_seq=max(delivered, read), peer_read_seq=read)


def _unread_after(snapshot: Snapshot, read_seq: int) -> int:
    if read_seq >= snapshot.last_seq:
        return 0
    if read_seq + 1 >= snapshot.window_from:
        return sum(message.seq > read_seq and not message.mine for message in snapshot.messages)
    # Older than what is held: exact again with the next sync.
    return snapshot.unread


def _with_message(snapshot: Snapshot, event: ev.Edited | ev.Recalled | ev.Reacted) -> Snapshot:
    for place, message in enumerate(snapshot.messages):
        if message.seq == event.target_seq:
            changed = change_message(message, event)
            messages = (*snapshot.messages[:place], changed, *snapshot.messages[place + 1 :])
            return replace(snapshot, messages=messages)
    return snapshot


def change_message(message: Message, event: LogEvent) -> Message:
    """Return a message after an edit, a recall or a reaction; a page may have shown it already changed.

    So older edits change nothing, and putting an emoji twice puts it once.
    """
    match event:
        case ev.Edited() if not message.recalled and event.seq > (message.edited_seq or 0):
            return replace(message, content=event.content, edited_seq=event.seq)
        case ev.Recalled():
            return replace(message, content="", recalled=True)
        case ev.Reacted():
            return replace(message, reactions=_react(message.reactions, event))
        case _:
            return message


def _react(reactions: tuple[Reaction, ...], event: ev.Reacted) -> tuple[Reaction, ...]:
    result = []
    found = False
    for reaction in reactions:
        if reaction.emoji != event.emoji:
            result.append(reaction)
            continue
        found = True
        changed = _withdraw(reaction, event.sender_id) if event.removed else _put(reaction, event.sender_id)
        if changed.count:
            result.append(changed)
    if not found and not event.removed:
        result.append(Reaction(event.emoji, 1, (event.sender_id,)))
    return tuple(result)


def _put(reaction: Reaction, user_id: str) -> Reaction:
    if user_id in reaction.user_ids:
        return reaction
    return Reaction(reaction.emoji, reaction.count + 1, (*reaction.user_ids, user_id)[:MAX_REACTORS])


def _withdraw(reaction: Reaction, user_id: str) -> Reaction:
    if user_id not in reaction.user_ids and reaction.count == len(reaction.user_ids):
        return reaction
    left = tuple(one for one in reaction.user_ids if one != user_id)
    return Reaction(reaction.emoji, max(reaction.count - 1, len(left)), left)


def created_by_event(item: Item, me: str) -> Conversation | None:
    """Return what the first event of a conversation says about it, None when it is not the first."""
    if item.seq != 1:
        return None
    if item.kind == "group_created":
        role = "owner" if item.sender_id == me else "member"
        return Conversation(
            conversation_id=item.conversation_id,
            type="group",
            name=item.name or "",
            role=role,
            member_count=len(item.user_ids or ()),
            history_policy=item.history_policy,
            join_policy=item.join_policy,
        )
    if item.to_user_id is not None:
        peer = item.to_user_id if item.sender_id == me else item.sender_id
        return Conversation(conversation_id=item.conversation_id, type="private", peer_id=peer)
    return None
