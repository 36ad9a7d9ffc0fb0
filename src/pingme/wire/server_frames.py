"""The frames that a server sends, as structs: the SDK decodes with them, the server encodes most of them.

The frames of the hot path (``message``, ``event``, ``message_ack``) are built by `pingme.wire.encode` from stored bytes;
`tests/unit/test_encode.py` shows that both agree.
"""

from __future__ import annotations

from typing import Annotated, get_args

import msgspec

from pingme.domain.events import KINDS, HistoryPolicy, JoinPolicy, Role


def _one_of(*values: str) -> msgspec.Meta:
    """Return what the reference says of a field: today's values. Decoding takes others, too: servers may be newer."""
    return msgspec.Meta(extra_json_schema={"enum": list(values)})


KindName = Annotated[str, _one_of(*KINDS)]
RoleName = Annotated[str, _one_of(*get_args(Role))]
HistoryPolicyName = Annotated[str, _one_of(*get_args(HistoryPolicy))]
JoinPolicyName = Annotated[str, _one_of(*get_args(JoinPolicy))]
ConversationType = Annotated[str, _one_of("private", "group", "self")]
UserStatus = Annotated[str, _one_of("online", "away", "offline", "unknown")]
OutcomeName = Annotated[str, _one_of("refused", "unknown")]


class Payload(msgspec.Struct, omit_defaults=True):
    """The base of payloads; a newer server may add fields."""


class Limits(Payload, kw_only=True):
    """The bounds that a client should know."""

    max_message_size: int
    sends_per_s: int
    unanswered_sends: int
    page_events: int


class AuthOk(Payload, kw_only=True):
    """The connection is open. ``ping_interval`` in seconds."""

    user_id: str
    username: str
    device_id: str
    server_ts: int
    epoch: str
    ping_interval: int
    limits: Limits


class Failure(Payload, kw_only=True):
    """A code of the table and a sentence."""

    code: int
    message: str


class Pong(Payload, kw_only=True):
    """Unix milliseconds of the server."""

    timestamp: int


class MessageAck(Payload, kw_only=True):
    """The operation ``msg_id`` is stored at ``seq``."""

    msg_id: str
    conversation_id: str
    seq: int
    server_ts: int
    duplicate: bool


class AckResponse(Payload, kw_only=True):
    """One's own positions."""

    conversation_id: str
    delivered_seq: int
    read_seq: int


class Reaction(Payload, kw_only=True):
    """Who put this emoji, the first 50 in order, and how many in all."""

    emoji: str
    count: int
    user_ids: list[str]


class Item(Payload, kw_only=True):
    """An event as it travels: live as ``message`` or ``event``, and in pages.

    ``digest`` stands in pages only (hex). Fields that this version does not know are left out.
    """

    conversation_id: str
    seq: int
    sender_id: str
    server_ts: int
    kind: KindName = "message"
    msg_id: str = ""
    client_ts: int | None = None
    content: str | None = None
    content_type: str | None = None
    to_user_id: str | None = None
    reply_to: int | None = None
    mentions: list[str] | None = None
    edited_seq: int | None = None
    recalled: bool = False
    reactions: list[Reaction] | None = None
    digest: str | None = None
    target_seq: int | None = None
    emoji: str | None = None
    remove: bool = False
    user_id: str | None = None
    user_ids: list[str] | None = None
    role: RoleName | None = None
    name: str | None = None
    announcement: str | None = None
    avatar: str | None = None
    history_policy: HistoryPolicyName | None = None
    join_policy: JoinPolicyName | None = None
    about: str | None = None
    muted: bool | None = None
    pinned: bool | None = None
    draft: str | None = None
    nickname: str | None = None
    email: str | None = None


class Conversation(Payload, kw_only=True):
    """What a member sees of a conversation.

    ``type`` is ``private``, ``group`` or ``self`` (the user's own log); ``role`` is absent for former members.
    """

    conversation_id: str
    type: ConversationType
    name: str = ""
    announcement: str = ""
    avatar: str = ""
    peer_id: str | None = None
    role: RoleName | None = None
    member_count: int | None = None
    history_policy: HistoryPolicyName | None = None
    join_policy: JoinPolicyName | None = None
    dissolved: bool = False
    former: bool = False
    from_seq: int = 1
    muted: bool = False
    pinned: bool = False
    draft: str = ""


class SyncEntry(Payload, kw_only=True):
    """One conversation that changed, with its newest events."""

    conversation: Conversation
    last_seq: int
    last_hash: str
    delivered_seq: int
    read_seq: int
    unread: int
    prev_hash: str
    events: list[Item]
    events_complete: bool
    peer_delivered_seq: int | None = None
    peer_read_seq: int | None = None


class SyncPage(Payload, kw_only=True):
    """Some of the conversations that changed."""

    conversations: list[SyncEntry]


class SyncDone(Payload, kw_only=True):
    """The end of an answer to ``sync``: ``since`` is the token for the next one."""

    since: str
    epoch: str


class HistoryPage(Payload, kw_only=True):
    """A range of a conversation; ``prev_hash`` (hex) is the rolling hash before the first event."""

    conversation_id: str
    prev_hash: str
    events: list[Item]
    has_more: bool


class Receipt(Payload, kw_only=True):
    """Somebody's positions; in large groups how many members reached ``seq``."""

    conversation_id: str
    user_id: str | None = None
    delivered_seq: int | None = None
    read_seq: int | None = None
    seq: int | None = None
    delivered: int | None = None
    read: int | None = None


class Typing(Payload, kw_only=True):
    """Somebody is, or is no longer, typing."""

    conversation_id: str
    user_id: str
    active: bool


class Presence(Payload, kw_only=True):
    """Where a watched user is: ``online``, ``away``, ``offline`` or ``unknown``; last_seen_ts in Unix ms."""

    user_id: str
    status: UserStatus
    last_seen_ts: int | None = None


class Resync(Payload, kw_only=True):
    """The live stream may have a hole: send ``sync`` now."""


class Reconnect(Payload, kw_only=True):
    """The node is leaving: come back after this long."""

    after_ms: int
    reason: str


class ErrorPayload(Payload, kw_only=True):
    """What went wrong with a frame; ``outcome`` is ``refused`` or ``unknown``."""

    code: int
    message: str
    outcome: OutcomeName
    retryable: bool
    retry_after_ms: int | None = None
    msg_id: str | None = None


PAYLOADS: dict[str, type[Payload]] = {
    "auth_ok": AuthOk,
    "auth_fail": Failure,
    "pong": Pong,
    "message_ack": MessageAck,
    "error": ErrorPayload,
    "ack_response": AckResponse,
    "sync_page": SyncPage,
    "sync_done": SyncDone,
    "history_page": HistoryPage,
    "message": Item,
    "event": Item,
    "receipt": Receipt,
    "typing": Typing,
    "presence": Presence,
    "resync": Resync,
    "reconnect": Reconnect,
}
"""The payload of every type of server frame."""


class _Envelope(msgspec.Struct):
    type: str
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    id: str | None = None


class ServerFrame(msgspec.Struct, frozen=True):
    """A decoded server frame. Types that this version does not know have the payload None."""

    type: str
    payload: Payload | None
    id: str | None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_payload_decoders = {kind: msgspec.json.Decoder(payload).decode for kind, payload in PAYLOADS.items()}
_encode = msgspec.json.Encoder().encode


def decode_server_frame(text: bytes | str) -> ServerFrame:
    """Return a server's frame.

    Raises:
        msgspec.DecodeError: not JSON, or not of the shape of its type.
    """
    envelope = _decode_envelope(text)
    decode = _payload_decoders.get(envelope.type)
    payload = decode(bytes(envelope.payload)) if decode is not None else None
    return ServerFrame(envelope.type, payload, envelope.id)


def encode_server_frame(kind: str, payload: Payload, frame_id: str | None = None) -> bytes:
    """Return the JSON text of a server frame.

    Args:
        kind: a key of `PAYLOADS`.
        payload: of that kind's struct.
        frame_id: the id of the client's frame that it answers.
    """
    if frame_id is None:
        return b'{"type":"%b","payload":%b}' % (kind.encode(), _encode(payload))
    return b'{"type":"%b","id":%b,"payload":%b}' % (kind.encode(), _encode(frame_id), _encode(payload))
