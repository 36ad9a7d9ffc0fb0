"""The frames that a client sends: one tagged struct each, decoded in one step (docs/protocol.md, "WebSocket frames")."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from pingme.domain.ids import is_id

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z", description="[A-Za-z0-9_-]{1,64}")]
BAD_MSG_ID = "Expected [A-Za-z0-9_-]{1,64} - at `$.payload.msg_id`"

# The ids of the hottest frame: patterns would be three quarters of what decoding it costs. `decode_frame` checks msg_id; a
# target is looked up among those that the sender is known to write to, and checked when it is not there
# (`services.messages.check_target`).
LooseId = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=64,
        description="[A-Za-z0-9_-]{1,64}",
        extra_json_schema={"pattern": r"^[A-Za-z0-9_-]{1,64}\Z"},
    ),
]
SeqNumber = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
SeqOrZero = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
FrameId = Annotated[str, msgspec.Meta(max_length=64)]
Epoch = Annotated[str, msgspec.Meta(max_length=64, description="of `auth_ok`: the store that the seq is of")]
ContentType = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.+/_-]{0,63}\Z", description="a short type name")
]
Timestamp = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
MAX_MENTIONS = 50  # docs/protocol.md, "Limits"
MAX_EMOJI_BYTES = 32
MAX_WATCH = 500
MAX_PAGE = 200  # events
PROTOCOL_VERSION = 1

PageLimit = Annotated[int, msgspec.Meta(ge=0, le=MAX_PAGE)]


class Payload(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The base of payloads; unknown fields are ignored."""


class AuthPayload(Payload, frozen=True, kw_only=True):
    """An access token; the device is in it."""

    token: Annotated[str, msgspec.Meta(max_length=4096)]
    protocol: int = PROTOCOL_VERSION


class SendPayload(Payload, frozen=True, kw_only=True):
    """A message to one of ``conversation_id``, ``to_user_id`` or ``group_id``."""

    msg_id: LooseId
    content: str
    conversation_id: LooseId | None = None
    to_user_id: LooseId | None = None
    group_id: LooseId | None = None
    content_type: ContentType = "text"
    client_ts: Timestamp | None = None
    reply_to: SeqNumber | None = None
    mentions: Annotated[tuple[Id, ...], msgspec.Meta(max_length=MAX_MENTIONS)] | None = None
    epoch: Epoch | None = None


class EditPayload(Payload, frozen=True, kw_only=True):
    """New content for the sender's own message ``seq``."""

    msg_id: Id
    conversation_id: Id
    seq: SeqNumber
    content: str
    epoch: Epoch | None = None


class RecallPayload(Payload, frozen=True, kw_only=True):
    """Withdraw message ``seq``."""

    msg_id: Id
    conversation_id: Id
    seq: SeqNumber
    epoch: Epoch | None = None


class ReactPayload(Payload, frozen=True, kw_only=True):
    """Put an emoji on message ``seq``, or take it back."""

    msg_id: Id
    conversation_id: Id
    seq: SeqNumber
    emoji: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_EMOJI_BYTES)]
    remove: bool = False
    epoch: Epoch | None = None


class AckPayload(Payload, frozen=True, kw_only=True):
    """The sender's position: everything up to ``seq`` is delivered, or read."""

    conversation_id: Id
    seq: SeqNumber
    ack_type: Literal["delivered", "read"]


class SyncPayload(Payload, frozen=True, kw_only=True):
    """What changed after the token ``since``; without it everything. ``limit`` events per conversation."""

    since: Annotated[str, msgspec.Meta(max_length=1024)] | None = None
    limit: PageLimit = 20


class HistoryPayload(Payload, frozen=True, kw_only=True):
    """A range of one conversation: below ``before_seq``, above ``after_seq``, or the newest."""

    conversation_id: Id
    before_seq: SeqNumber | None = None
    after_seq: SeqOrZero | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = 50


class TypingPayload(Payload, frozen=True, kw_only=True):
    """The sender is, or is no longer, typing."""

    conversation_id: Id
    active: bool


class PresenceSetPayload(Payload, frozen=True, kw_only=True):
    """The state of this device."""

    status: Literal["online", "away"]


class PresenceWatchPayload(Payload, frozen=True, kw_only=True):
    """The users whose presence this connection wants; replaces the list."""

    user_ids: Annotated[tuple[Id, ...], msgspec.Meta(max_length=MAX_WATCH)]


class ClientFrame(msgspec.Struct, frozen=True, tag_field="type", kw_only=True, omit_defaults=True, gc=False):
    """The base of client frames; ``id`` comes back in the answer."""

    id: FrameId | None = None


class Auth(ClientFrame, tag="auth", frozen=True, kw_only=True):
    """The first frame; later it renews the token."""

    payload: AuthPayload


class Ping(ClientFrame, tag="ping", frozen=True, kw_only=True):
    """Answered with ``pong``."""


class Send(ClientFrame, tag="send", frozen=True, kw_only=True):
    """Answered with ``message_ack`` after storage, or ``error``."""

    payload: SendPayload


class Edit(ClientFrame, tag="edit", frozen=True, kw_only=True):
    """Answered with ``message_ack``."""

    payload: EditPayload


class Recall(ClientFrame, tag="recall", frozen=True, kw_only=True):
    """Answered with ``message_ack``."""

    payload: RecallPayload


class React(ClientFrame, tag="react", frozen=True, kw_only=True):
    """Answered with ``message_ack``."""

    payload: ReactPayload


class Ack(ClientFrame, tag="ack", frozen=True, kw_only=True):
    """Answered with ``ack_response`` at once; stored within 500 ms."""

    payload: AckPayload


class Sync(ClientFrame, tag="sync", frozen=True, kw_only=True):
    """Answered with ``sync_page`` as often as needed, then ``sync_done``."""

    payload: SyncPayload = SyncPayload()


class History(ClientFrame, tag="history", frozen=True, kw_only=True):
    """Answered with ``history_page``."""

    payload: HistoryPayload


class Typing(ClientFrame, tag="typing", frozen=True, kw_only=True):
    """Not answered."""

    payload: TypingPayload


class PresenceSet(ClientFrame, tag="presence_set", frozen=True, kw_only=True):
    """Not answered."""

    payload: PresenceSetPayload


class PresenceWatch(ClientFrame, tag="presence_watch", frozen=True, kw_only=True):
    """Answered with ``presence`` for each user, then on change."""

    payload: PresenceWatchPayload


AnyClientFrame = (
    Auth | Ping | Send | Edit | Recall | React | Ack | Sync | History | Typing | PresenceSet | PresenceWatch
)

CLIENT_FRAMES: tuple[type[ClientFrame], ...] = (
    Auth, Ping, Send, Edit, Recall, React, Ack, Sync, History, Typing, PresenceSet, PresenceWatch,
)  # fmt: skip


class FrameError(ValueError):
    """The text is not a frame that this version knows.

    Attributes:
        id: the frame's id, where it could be read.
        msg_id: the payload's msg_id, where it could be read.
    """

    def __init__(self, message: str, *, id: str | None = None, msg_id: str | None = None) -> None:  # noqa: A002  # its name on the wire
        super().__init__(message)
        self.id = id
        self.msg_id = msg_id


class _LoosePayload(msgspec.Struct):
    msg_id: Id | None = None


class _Loose(msgspec.Struct):
    id: FrameId | None = None
    payload: _LoosePayload | None = None


class _LooseId(msgspec.Struct):
    id: FrameId | None = None


_decode = msgspec.json.Decoder(AnyClientFrame).decode
_decode_loose = msgspec.json.Decoder(_Loose).decode
_decode_loose_id = msgspec.json.Decoder(_LooseId).decode
encode_frame = msgspec.json.Encoder().encode


def decode_frame(text: bytes) -> AnyClientFrame:
    """Return the frame in ``text`` (UTF-8, checked by the caller).

    Raises:
        FrameError: not JSON, an unknown type, or a field that is missing, malformed or out of range.
    """
    try:
        got: AnyClientFrame = _decode(text)
        if type(got) is Send and not is_id(got.payload.msg_id):
            raise ValueError(BAD_MSG_ID)  # noqa: TRY301  # answered as any other malformed field, below
    except (msgspec.DecodeError, ValueError, RecursionError) as exc:
        found = _identify(text)
        raise FrameError(
            str(exc), id=found.id, msg_id=found.payload.msg_id if found.payload is not None else None
        ) from None
    return got


def _identify(text: bytes) -> _Loose:
    """Read what can be read of a bad frame, so that its answer can name it."""
    try:
        return _decode_loose(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    try:
        return _Loose(id=_decode_loose_id(text).id)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _Loose()
