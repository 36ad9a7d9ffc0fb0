"""What a user asks for, as frames, and an acknowledged frame as the event that everybody else is pushed.
Pure.
"""

from __future__ import annotations

from pingme.domain.ids import ConversationId, UserId, private_conversation_id
from pingme.sdk.outbox import Operation
from pingme.wire import frames
from pingme.wire.server_frames import Item, MessageAck

_KINDS: dict[type[Operation], str] = {
    frames.Send: "message",
    frames.Edit: "edit",
    frames.Recall: "recall",
    frames.React: "reaction",
}


def private_with(me: str, other: str) -> ConversationId:
    """Return the id of the private conversation of two users."""
    return private_conversation_id(UserId(me), UserId(other))


def own_item(operation: Operation, ack: MessageAck, *, me: str, peer_id: str | None) -> Item:
    """Return the event that an acknowledged operation became; its sender's connection is not pushed it.

    Args:
        operation: what was sent.
        ack: the answer.
        me: the sender.
        peer_id: in private chats the other one.
    """
    payload = operation.payload
    item = Item(
        conversation_id=ack.conversation_id,
        seq=ack.seq,
        sender_id=me,
        server_ts=ack.server_ts,
        msg_id=ack.msg_id,
        kind=_KINDS[type(operation)],
    )
    match payload:
        case frames.SendPayload():
            item.content, item.content_type = payload.content, payload.content_type
            item.client_ts, item.reply_to = payload.client_ts, payload.reply_to
            item.mentions = list(payload.mentions) if payload.mentions else None
            item.to_user_id = peer_id
        case frames.EditPayload():
            item.target_seq, item.content = payload.seq, payload.content
        case frames.ReactPayload():
            item.target_seq, item.emoji, item.remove = payload.seq, payload.emoji, payload.remove
        case frames.RecallPayload():
            item.target_seq = payload.seq
    return item
