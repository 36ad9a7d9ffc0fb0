"""How conversations and ranges of events look to one member, as JSON bytes.

Everything that shows stored events (sync, history, the conversation list) goes through here: the same
clipping to what the member may read, the same bound in bytes, the same fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from pingme.domain.events import MessageBody, decode_body, encode_body
from pingme.domain.ids import MAX_SEQ
from pingme.domain.model import ROLE_NAMES, ConversationType
from pingme.ports.store import Access, Store
from pingme.wire import encode, server_frames
from pingme.wire.encode import EventView

TYPE_NAMES = {
    ConversationType.PRIVATE: "private",
    ConversationType.GROUP: "group",
    ConversationType.SELF: "self",
}
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Range:
    """Some consecutive events, ascending, as JSON items.

    Attributes:
        prev_hash: the rolling hash before the first item (before the range, if there is none), 16 bytes.
        has_more: True when the range that was asked for holds more.
    """

    prev_hash: bytes
    items: list[bytes]
    has_more: bool


async def read_range(
    store: Store,
    access: Access,
    *,
    first_seq: int,
    last_seq: int,
    limit: int,
    newest: bool,
    max_bytes: int,
) -> Range:
    """Return the events of first_seq to last_seq that the member may read.

    Args:
        store: where they are.
        access: what the member may read: from_seq to head_seq.
        first_seq: inclusive.
        last_seq: inclusive.
        limit: at most 200 events; 0 gives the hash only.
        newest: True takes them from the end of the range.
        max_bytes: bound on the items together; at least one event is returned where there is one.
    """
    first_seq = max(first_seq, access.member.from_seq)
    last_seq = min(last_seq, access.head_seq)
    conversation_id = access.conversation.conversation_id
    if last_seq < first_seq:
        return await _empty_range(store, conversation_id, min(first_seq - 1, access.head_seq))
    page = await store.page(
        conversation_id,
        first_seq=first_seq,
        last_seq=last_seq,
        limit=limit,
        newest=newest,
        max_bytes=max_bytes,
        reactions_until=reactions_until(access),
    )
    events = [shown_to(access, view) for view in page.events]
    if newest:
        return _clip_older(page.prev_hash, events, max_bytes, has_more=page.has_more)
    return _clip_newer(page.prev_hash, events, max_bytes, has_more=page.has_more)


def reactions_until(access: Access) -> int:
    """Return up to which seq the member learns who has reacted: a former one, up to the removal."""
    return MAX_SEQ if access.member.present else access.head_seq


def shown_to(access: Access, view: EventView) -> EventView:
    """Return an event as the member may see it.

    The store keeps the newest content of a message. To a former member one that was edited after the removal is shown
    without content, like a recalled one: as it was it is not kept, and as it is it is not theirs.
    """
    if access.member.present or view.edited_seq is None or view.edited_seq <= access.head_seq:
        return view
    body = decode_body(view.kind, view.payload)
    assert isinstance(body, MessageBody)  # nothing else is edited
    erased = msgspec.structs.replace(body, content="", mentions=None)
    return msgspec.structs.replace(view, payload=encode_body(erased), edited_seq=None, recalled=True)


async def _empty_range(store: Store, conversation_id: str, after_seq: int) -> Range:
    """Return the hash at after_seq, with which a client proves that its copy up to there is right."""
    page = await store.page(
        conversation_id,
        first_seq=after_seq + 1,
        last_seq=after_seq + 1,
        limit=0,
        newest=False,
        max_bytes=0,
    )
    return Range(page.prev_hash, [], has_more=False)


def _clip_newer(prev_hash: bytes, views: Sequence[EventView], max_bytes: int, *, has_more: bool) -> Range:
    """Keep events from the beginning, as many as fit.

    The store bounds the contents; what stands around them (ids, reactions) counts here.
    """
    items: list[bytes] = []
    size = 0
    for view in views:
        item = encode.item(view)
        size += len(item) + 1
        if items and size > max_bytes:
            return Range(prev_hash, items, has_more=True)
        items.append(item)
    return Range(prev_hash, items, has_more=has_more)


def _clip_older(prev_hash: bytes, views: Sequence[EventView], max_bytes: int, *, has_more: bool) -> Range:
    """Keep events from the end, as many as fit."""
    items: list[bytes] = []
    size = 0
    for view in reversed(views):
        item = encode.item(view)
        size += len(item) + 1
        if items and size > max_bytes:
            items.reverse()
            return Range(view.hash, items, has_more=True)
        items.append(item)
    items.reverse()
    return Range(prev_hash, items, has_more=has_more)


def conversation_view(access: Access) -> server_frames.Conversation:
    """Return what the member sees of the conversation.

    A former member does not learn what changed after the removal: no role, number of members,
    announcement, avatar, policies or dissolution; the name stays, so that people recognise the group.
    """
    known, member = access.conversation, access.member
    view = server_frames.Conversation(
        conversation_id=known.conversation_id,
        type=TYPE_NAMES[known.type],
        name=known.name,
        peer_id=access.peer_id,
        former=not member.present,
        from_seq=member.from_seq,
        muted=access.muted,
        pinned=access.pinned,
        draft=access.draft,
    )
    if member.present and known.type is ConversationType.GROUP:
        view.announcement = known.announcement
        view.avatar = known.avatar
        view.role = ROLE_NAMES[member.role]
        view.member_count = known.member_count
        view.history_policy = known.history_policy
        view.join_policy = known.join_policy
        view.dissolved = known.dissolved
    return view


def head_fields(access: Access, unread: int) -> bytes:
    """Return the fields of a conversation besides its events, without the braces around them."""
    peer = b""
    if access.peer_delivered_seq is not None:
        peer = b',"peer_delivered_seq":%d,"peer_read_seq":%d' % (
            access.peer_delivered_seq,
            access.peer_read_seq or 0,
        )
    return (
        b'"conversation":%b,"last_seq":%d,"last_hash":"%b","delivered_seq":%d,"read_seq":%d,"unread":%d%b'
        % (
            _encode(conversation_view(access)),
            access.head_seq,
            access.head_hash.hex().encode(),
            access.delivered_seq,
            access.read_seq,
            unread,
            peer,
        )
    )
