"""What nodes tell each other: the envelope of live push between them, as bytes.

MessagePack arrays: a field is only ever appended, so that nodes of neighbouring versions understand each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pingme.domain.errors import RecordUndecodable


class PushedEvent(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="e"):
    """A stored event on its way to the connections of other nodes.

    Attributes:
        payload: canonical JSON of the body.
        hearers: the users who hear it; () for groups.
        members_seq: of the conversation's last membership event before this one.
        node_id, attempt: who waits for the outcome (`pingme.ports.log.Origin`); "" for nobody on another node.
    """

    conversation_id: str
    seq: int
    kind: str
    sender_id: str
    msg_id: str
    server_ts: int
    payload: bytes
    client_ts: int | None
    hearers: tuple[str, ...] = ()
    members_seq: int = 0
    node_id: str = ""
    attempt: int = 0
    duplicate: bool = False


class PushedAnswer(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="a"):
    """An outcome without an event, for the one node that waits for it. ``code`` 0: stored at ``seq`` before."""

    attempt: int
    code: int
    message: str
    conversation_id: str = ""
    seq: int = 0
    server_ts: int = 0


class PushedSignal(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="s"):
    """See `pingme.ports.push.Signal`."""

    channel: str
    frame: bytes
    except_user: str | None


class PushedRevocation(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="r"):
    """Sockets to be closed: those of a session, by its token family. It may come long after the session has ended."""

    user_id: str
    family_id: str
    code: int


class PushedClaim(msgspec.Struct, array_like=True, frozen=True, gc=False, tag="c"):
    """A device has a newer socket on the node that says so, since ``at_ms`` (Unix milliseconds)."""

    user_id: str
    device_id: str
    at_ms: int


Pushed = PushedEvent | PushedAnswer | PushedSignal | PushedRevocation | PushedClaim


class _Envelope(msgspec.Struct, array_like=True, frozen=True):
    node_id: str
    items: list[Pushed]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Envelope).decode


def encode_pushed(node_id: str, items: Sequence[Pushed]) -> bytes:
    """Return what one node says at once."""
    return _encode((node_id, items))


def decode_pushed(raw: bytes) -> tuple[str, Sequence[Pushed]]:
    """Return who speaks, and what.

    Raises:
        RecordUndecodable: it is not an envelope, or of a newer version than this one understands.
    """
    try:
        envelope = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise RecordUndecodable(str(exc)) from exc
    return envelope.node_id, envelope.items
