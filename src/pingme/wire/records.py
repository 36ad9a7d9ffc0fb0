"""Records: commands as bytes, for the log of many nodes and for dead letters."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pingme.domain.errors import RecordUndecodable
from pingme.domain.events import Command, decode_body, encode_body
from pingme.wire.frames import Id, Timestamp

RECORD_VERSION = 1
ORIGIN_HEADER = "origin"
MAX_ORIGIN_BYTES = 64  # a node's id has 17; others may write into the log


class _Record(msgspec.Struct, omit_defaults=True):
    v: int
    kind: str
    # Checked again: ids are spliced into JSON and digests unescaped, and a replayed record comes from outside.
    sender_id: Id
    msg_id: Id
    conversation_id: Id
    body: msgspec.Raw
    client_ts: Timestamp | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Record).decode


def encode_record(command: Command) -> bytes:
    """Return the JSON of a command; `decode_record` gives it back."""
    return _encode(
        _Record(
            RECORD_VERSION,
            command.kind,
            command.sender_id,
            command.msg_id,
            command.conversation_id,
            msgspec.Raw(command.payload),
            command.client_ts,
        )
    )


def decode_record(raw: bytes) -> Command:
    """Return the command in a record.

    Raises:
        RecordUndecodable: not JSON, another version, an unknown kind, or a body of another shape or spelling.
    """
    try:
        record = _decode(raw)
        if record.v != RECORD_VERSION:
            message = f"expected record version {RECORD_VERSION}, got {record.v}"
            raise RecordUndecodable(message)
        payload = bytes(record.body)
        body = decode_body(record.kind, payload)
    except KeyError as exc:
        message = f"unknown kind of record: {exc}"
        raise RecordUndecodable(message) from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise RecordUndecodable(str(exc)) from exc
    if encode_body(body) != payload:
        raise RecordUndecodable("the body is not the canonical JSON of its kind")
    return Command(
        record.kind, record.sender_id, record.msg_id, record.conversation_id, body, payload, record.client_ts
    )


def origin_header(node_id: str, attempt: int, after: int = 0) -> tuple[str, bytes]:
    """Return the header that says who waits for a record's outcome, and which record must come before (`Record.after`)."""
    return ORIGIN_HEADER, f"{node_id} {attempt} {after}".encode()


def read_origin(headers: Iterable[tuple[str, bytes | None]]) -> tuple[str, int, int] | None:
    """Return node, attempt and `Record.after` of a record's headers; None where nobody waits, or the header is not ours."""
    for name, value in headers:
        if name == ORIGIN_HEADER and value and len(value) <= MAX_ORIGIN_BYTES:
            try:
                node_id, attempt, *after = value.decode().split(" ")  # once there was no `after`
                return node_id, int(attempt), int(after[0]) if after else 0
            except ValueError:
                return None
    return None
