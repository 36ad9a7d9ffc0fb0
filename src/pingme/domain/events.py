"""What can happen in a conversation: one struct per kind of event, and their canonical form.

A conversation is one log of events. The body of an event is what its kind adds to
``{conversation_id, seq, kind, sender_id, msg_id, server_ts}``. The fields of every struct stand in
alphabetical order and absent ones are left out, so that msgspec's output is already the
canonical JSON of RFC 8785: the digest, the store and the wire share the same bytes.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from pingme.domain.ids import MAX_SEQ

Role = Literal["owner", "admin", "member"]
HistoryPolicy = Literal["from_join", "full"]
JoinPolicy = Literal["invite", "open"]
SeqNumber = Annotated[int, msgspec.Meta(ge=1, le=MAX_SEQ)]


class Body(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The base of all bodies; a body is a function of what the sender asked for and of nothing else."""


class MessageBody(Body, frozen=True, kw_only=True):
    """A message. ``reply_to`` is a seq of the same conversation; ``to_user_id`` stands in private chats only."""

    content: str
    content_type: str
    mentions: tuple[str, ...] | None = None
    reply_to: SeqNumber | None = None
    to_user_id: str | None = None


class EditBody(Body, frozen=True, kw_only=True):
    """New content for the message at ``target_seq``. After a recall of the message ``content`` is empty."""

    content: str
    target_seq: SeqNumber


class RecallBody(Body, frozen=True, kw_only=True):
    """The message at ``target_seq`` is withdrawn: its content is erased everywhere."""

    target_seq: SeqNumber


class ReactionBody(Body, frozen=True, kw_only=True):
    """One user's one emoji on the message at ``target_seq``; with ``remove`` it is taken back."""

    emoji: str
    remove: bool | None = None
    target_seq: SeqNumber


class GroupCreatedBody(Body, frozen=True, kw_only=True):
    """Seq 1 of a group; ``user_ids`` are the first members, the creator (owner) first."""

    history_policy: HistoryPolicy
    join_policy: JoinPolicy
    name: str
    user_ids: tuple[str, ...]


class MemberJoinedBody(Body, frozen=True, kw_only=True):
    """These users are members from this seq on: invited by the sender, or the sender alone."""

    user_ids: tuple[str, ...]


class MemberLeftBody(Body, frozen=True, kw_only=True):
    """The sender is no longer a member after this seq."""


class MemberRemovedBody(Body, frozen=True, kw_only=True):
    """This user is no longer a member after this seq."""

    user_id: str


class MemberRoleBody(Body, frozen=True, kw_only=True):
    """This user has this role; ``owner`` makes the former owner an admin."""

    role: Role
    user_id: str


class GroupUpdatedBody(Body, frozen=True, kw_only=True):
    """New values of the group's fields; absent ones are unchanged."""

    announcement: str | None = None
    avatar: str | None = None
    history_policy: HistoryPolicy | None = None
    join_policy: JoinPolicy | None = None
    name: str | None = None


class GroupDissolvedBody(Body, frozen=True, kw_only=True):
    """Nobody writes here any more; members keep reading."""


class ConversationSettingsBody(Body, frozen=True, kw_only=True):
    """In a user's own log: the user's settings of conversation ``about``; absent ones are unchanged."""

    about: str
    draft: str | None = None
    muted: bool | None = None
    pinned: bool | None = None


class ProfileUpdatedBody(Body, frozen=True, kw_only=True):
    """In a user's own log: new values of the profile; absent ones are unchanged."""

    avatar: str | None = None
    email: str | None = None
    nickname: str | None = None


BODIES: dict[str, type[Body]] = {
    "message": MessageBody,
    "edit": EditBody,
    "recall": RecallBody,
    "reaction": ReactionBody,
    "group_created": GroupCreatedBody,
    "member_joined": MemberJoinedBody,
    "member_left": MemberLeftBody,
    "member_removed": MemberRemovedBody,
    "member_role": MemberRoleBody,
    "group_updated": GroupUpdatedBody,
    "group_dissolved": GroupDissolvedBody,
    "conversation_settings": ConversationSettingsBody,
    "profile_updated": ProfileUpdatedBody,
}
"""Every kind of event and the struct of its body. A kind's place here is its number in the store: only append."""

KINDS: tuple[str, ...] = tuple(BODIES)
KIND_NUMBERS: dict[str, int] = {kind: number for number, kind in enumerate(KINDS)}
MESSAGE = 0  # the number of "message": what unread counts

MEMBERSHIP_KINDS: frozenset[str] = frozenset(
    {"group_created", "member_joined", "member_left", "member_removed"}
)
"""Kinds after which somebody else hears the conversation."""

encode_body = msgspec.json.Encoder().encode
_DECODERS = {kind: msgspec.json.Decoder(body) for kind, body in BODIES.items()}


def decode_body(kind: str, raw: bytes) -> Body:
    """Return the body that `encode_body` was given.

    Raises:
        KeyError: no such kind.
        msgspec.ValidationError: the bytes are not this kind's body.
    """
    return _DECODERS[kind].decode(raw)


class Command(msgspec.Struct, frozen=True, gc=False):
    """What a sender asks to be appended to a conversation: the next event of it, if the rules allow.

    Attributes:
        kind: a key of `BODIES`.
        sender_id: who asks; checked by the edge.
        msg_id: chosen by the sender, one name space for all kinds.
        conversation_id: the log it goes to; for private chats computed, for settings and profile the sender's own id.
        body: what is asked; its canonical JSON is ``payload``.
        payload: `encode_body(body)`, made once.
        client_ts: Unix milliseconds by the client's clock, not part of the digest.
    """

    kind: str
    sender_id: str
    msg_id: str
    conversation_id: str
    body: Body
    payload: bytes
    client_ts: int | None = None


def make_command(
    kind: str, *, sender_id: str, msg_id: str, conversation_id: str, body: Body, client_ts: int | None = None
) -> Command:
    """Return a command with its payload encoded."""
    return Command(kind, sender_id, msg_id, conversation_id, body, encode_body(body), client_ts)


class Event(msgspec.Struct, frozen=True, gc=False):
    """A stored event, as first stored.

    Attributes:
        seq: its place in the conversation, from 1, without gaps.
        server_ts: Unix milliseconds when it was decided; never used for order.
        payload: canonical JSON of the body.
        digest: 16 bytes, see `pingme.domain.chain`.
        hash: 16 bytes, the rolling hash up to and including this event.
    """

    conversation_id: str
    seq: int
    kind: str
    sender_id: str
    msg_id: str
    server_ts: int
    payload: bytes
    client_ts: int | None
    digest: bytes
    hash: bytes


class Stored(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a command whose event is in the store.

    Attributes:
        duplicate: True when it had been stored before; then nothing was stored now.
        event: the event to deliver; None for a duplicate whose event went out when it was stored.
        hearers: the users who hear it, of a private conversation or a user's own log; () for groups.
        members_seq: of the conversation's last membership event before this one: a node whose list of a group's
            members is older reads it again before it delivers.
    """

    conversation_id: str
    seq: int
    server_ts: int
    duplicate: bool
    event: Event | None = None
    hearers: tuple[str, ...] = ()
    members_seq: int = 0


class RefusedOutcome(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a command that the rules, or the store, definitely refused."""

    code: int
    message: str


Outcome = Stored | RefusedOutcome
