"""Opaque, url-safe texts for tokens and cursors: small structs that clients hand back as they came."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import msgspec

from pingme.domain.errors import ErrorCode, Refused

S = TypeVar("S", bound=msgspec.Struct)
_encode = msgspec.json.Encoder().encode


def pack(inside: msgspec.Struct) -> str:
    """Return the opaque form of a struct: its JSON in unpadded url-safe base64 (RFC 4648 §5)."""
    return base64.urlsafe_b64encode(_encode(inside)).decode("ascii").rstrip("=")


def unpack(text: str, kind: type[S], *, field: str) -> S:
    """Return the struct that was packed.

    Args:
        text: what a client sent.
        kind: the struct; its own constraints count.
        field: the request's field, for the message.

    Raises:
        Refused: 10002, it is nothing that `pack` has made of this struct.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=kind)
    except (binascii.Error, msgspec.DecodeError, ValueError, RecursionError) as exc:
        raise Refused(ErrorCode.INVALID_PARAMETERS, f"{field}: expected what an earlier answer gave") from exc
