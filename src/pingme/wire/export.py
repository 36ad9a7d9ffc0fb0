"""The file that a store moves in: what stands in it, and its lines as bytes (docs/moving.md).

Rules of the format, version 1:
- One JSON object a line, UTF-8, each line ended by a line feed: a header, then records, then an end.
- Records name everything by public ids; no key of a database, no epoch, no time and no engine stands in it, so two stores
  with the same content give the same bytes.
- Records come in one order (`pingme.wire.export_check`).
- The last field of every line is ``check``: the first 8 hexadecimal digits of the SHA-256 of all lines before and of this
  line up to there. The first line that was changed, moved, doubled or follows one that is missing is known by its number.
- The end counts what was written, and holds the SHA-256 of all lines before it (``head -n -1 FILE | sha256sum``).
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Annotated, Literal

import msgspec

from pingme.domain.errors import ErrorCode, PingMeError
from pingme.domain.events import HistoryPolicy, JoinPolicy, Role
from pingme.domain.ids import MAX_SEQ

FORMAT = "pingme-export"
VERSION = 1
LINE_MAX = 8 << 20  # bytes; the longest is a dead letter, whose record is at most 1 MiB

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
OptionalId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{0,64}$")]
SeqNumber = Annotated[int, msgspec.Meta(ge=1, le=MAX_SEQ)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_SEQ)]
Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$")]


class BadExport(PingMeError):
    """The file cannot be used; the text names the line."""

    code = ErrorCode.INVALID_PARAMETERS


class _Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True, gc=False):
    """The base of all lines; what has its default is left out."""


class Header(_Line, frozen=True, kw_only=True, tag="header"):
    """The first line. Its fields stay in every version, so that an older program can say what it met."""

    format: str
    version: int


class UserRecord(_Line, frozen=True, kw_only=True, tag="user", forbid_unknown_fields=True):
    """An account; the keys of its names are computed anew (`pingme.domain.usernames`)."""

    user_id: Id
    username: str
    password_hash: str
    nickname: str = ""
    email: str = ""
    avatar: str = ""
    disabled: bool = False
    created_ts: int
    last_seen_ts: int | None = None


class DeviceRecord(_Line, frozen=True, kw_only=True, tag="device", forbid_unknown_fields=True):
    """A login session; its tokens are worth something only where the signing secret is the same."""

    user_id: Id
    device_id: Id
    name: str = ""
    family_id: str
    generation: int
    rotated_ts: int
    created_ts: int
    expires_ts: int


class ConversationRecord(_Line, frozen=True, kw_only=True, tag="conversation", forbid_unknown_fields=True):
    """A conversation and its head: its members, events and reactions follow."""

    conversation_id: Id
    kind: Literal["private", "group", "self"]
    name: str = ""
    announcement: str = ""
    avatar: str = ""
    history_policy: HistoryPolicy
    join_policy: JoinPolicy
    dissolved: bool = False
    created_ts: int
    last_seq: Count
    last_hash: Hash


class MemberRecord(_Line, frozen=True, kw_only=True, tag="member", forbid_unknown_fields=True):
    """A membership, present or former, with positions and settings."""

    conversation_id: Id
    user_id: Id
    role: Role
    joined_seq: Count
    from_seq: Count
    until_seq: Count | None = None
    delivered_seq: Count = 0
    read_seq: Count = 0
    muted: bool = False
    pinned: bool = False
    draft: str = ""


class EventRecord(_Line, frozen=True, kw_only=True, tag="event", forbid_unknown_fields=True):
    """An event in its current state, with its digest and the rolling hash as first stored, in hex.

    No patterns here: there are millions of these, and `pingme.wire.export_check` compares every field.

    Attributes:
        body: canonical JSON; of an edited or recalled message the content that holds now.
        edited_seq, recalled_seq: the newest edit, the recall of this message.
        erased: True for an edit whose message was recalled: its content is gone, and its digest cannot be computed.
    """

    conversation_id: str
    seq: SeqNumber
    kind: str
    sender_id: str
    msg_id: str
    server_ts: int
    client_ts: int | None = None
    body: msgspec.Raw
    digest: str
    hash: str
    edited_seq: SeqNumber | None = None
    recalled_seq: SeqNumber | None = None
    erased: bool = False

    @property
    def changed(self) -> bool:
        """True where the body is not the one that the digest was made of."""
        return self.edited_seq is not None or self.recalled_seq is not None or self.erased


class ReactionRecord(_Line, frozen=True, kw_only=True, tag="reaction", forbid_unknown_fields=True):
    """A reaction that stands on the message at ``seq``; ``at_seq`` is its event."""

    conversation_id: Id
    seq: SeqNumber
    emoji: str
    user_id: Id
    at_seq: SeqNumber


class RefusalRecord(_Line, frozen=True, kw_only=True, tag="refusal", forbid_unknown_fields=True):
    """A definite refusal: this msg_id of this sender is answered with it for ever."""

    server_ts: int
    sender_id: Id
    msg_id: Id
    code: int
    message: str


class DeadLetterRecord(_Line, frozen=True, kw_only=True, tag="dead_letter", forbid_unknown_fields=True):
    """A dead letter of the store's table, without its number; ``raw`` is base64."""

    sender_id: OptionalId = ""
    msg_id: OptionalId = ""
    conversation_id: OptionalId = ""
    raw: bytes
    code: int
    error: str
    attempts: int
    origin: str
    created_ts: int
    replays: int = 0


class End(_Line, frozen=True, kw_only=True, tag="end", forbid_unknown_fields=True):
    """The last line.

    Attributes:
        counts: lines of each type.
        heads: one value of all conversations (`pingme.domain.chain.Heads`).
        sha256: of all lines before this one, in hex.
    """

    counts: dict[str, int]
    heads: Hash
    sha256: str


Record = (
    UserRecord
    | DeviceRecord
    | ConversationRecord
    | MemberRecord
    | EventRecord
    | ReactionRecord
    | RefusalRecord
    | DeadLetterRecord
)
RECORDS: tuple[type[Record], ...] = (
    UserRecord, DeviceRecord, ConversationRecord, MemberRecord, EventRecord, ReactionRecord, RefusalRecord,
    DeadLetterRecord,
)  # fmt: skip
TYPES: dict[type[Record], str] = {kind: str(kind.__struct_config__.tag) for kind in RECORDS}

_encode = msgspec.json.Encoder().encode
_decode_header = msgspec.json.Decoder(Header).decode
_decode = msgspec.json.Decoder(Record | End).decode
_CHECK_BYTES = 4  # of SHA-256: against accidents; the end holds all 32
_TAIL = re.compile(rb',"check":"([0-9a-f]{%d})"}\n' % (2 * _CHECK_BYTES))
_END = b'{"type":"end",'
_TAIL_LENGTH = len(b',"check":""}\n') + 2 * _CHECK_BYTES


class LineWriter:
    """Makes the lines of one file, one after the other."""

    def __init__(self) -> None:
        self._sum = sha256()

    def header(self) -> bytes:
        """Return the first line."""
        return self._line(Header(format=FORMAT, version=VERSION))

    def record(self, record: Record) -> bytes:
        """Return the line of a record."""
        return self._line(record)

    def end(self, counts: dict[str, int], heads: str) -> bytes:
        """Return the last line."""
        return self._line(End(counts=counts, heads=heads, sha256=self.sha256))

    @property
    def sha256(self) -> str:
        """The SHA-256 of all lines so far, in hex."""
        return self._sum.hexdigest()

    def _line(self, line: _Line) -> bytes:
        start = _encode(line)[:-1]
        self._sum.update(start)
        tail = b',"check":"%b"}\n' % self._sum.copy().digest()[:_CHECK_BYTES].hex().encode()
        self._sum.update(tail)
        return start + tail


class LineReader:
    """Reads the lines of one file, one after the other, and believes none that is not as it was written.

    Attributes:
        number: of the line read last, from 1.
        sha256: of all lines before the end, once that was read.
    """

    def __init__(self) -> None:
        self._sum = sha256()
        self.number = 0
        self.sha256 = ""
        self._ended = False

    def read(self, line: bytes) -> Header | Record | End:
        """Return what a line says.

        Args:
            line: with its line feed, which only a file that was cut lacks.

        Raises:
            BadExport: it is not the next line of an export that this program can read.
        """
        self.number += 1
        if self._ended:
            raise self.bad("the export has ended on the line before")
        if self.number == 1:
            return self._header(line)
        try:
            read: Record | End = _decode(self._believe(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise self.bad(f"this is no record: {exc}") from exc
        if isinstance(read, End):
            self._end(read)
        return read

    def finish(self) -> None:
        """Insist that the file has ended where its end is.

        Raises:
            BadExport: it ends before.
        """
        if not self._ended:
            raise BadExport(
                f"line {self.number + 1}: the file ends before the end of the export: it was cut; copy it again"
                if self.number
                else "line 1: the file is empty"
            )

    def bad(self, reason: str) -> BadExport:
        """Return the error of the line read last."""
        return BadExport(f"line {self.number}: {reason}")

    def _header(self, line: bytes) -> Header:
        try:
            header = _decode_header(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            header = Header(format="", version=0)
        if header.format != FORMAT:
            raise self.bad("this is no export of PingMe")
        if header.version != VERSION:
            raise self.bad(
                f"the file has format {header.version}, this program reads format {VERSION}: use the PingMe that has "
                "written it, or a newer one"
            )
        self._believe(line)
        return header

    def _believe(self, line: bytes) -> bytes:
        """Return the object of a line without its check, when that is right."""
        if not line.endswith(b"\n"):
            raise self.bad("the line is not whole: the file was cut; copy it again")
        tail = _TAIL.fullmatch(line, len(line) - _TAIL_LENGTH) if len(line) > _TAIL_LENGTH else None
        start = line[:-_TAIL_LENGTH]
        if line.startswith(_END):
            self.sha256 = self._sum.hexdigest()
        self._sum.update(start)
        if tail is None or self._sum.copy().digest()[:_CHECK_BYTES].hex().encode() != tail[1]:
            raise self.bad(
                "it is not what was exported here: this line was changed, or one was removed, moved or doubled"
            )
        self._sum.update(line[-_TAIL_LENGTH:])
        return start + b"}"

    def _end(self, end: End) -> None:
        if end.sha256 != self.sha256:
            raise self.bad(f"expected SHA-256 {end.sha256} of the lines before, got {self.sha256}")
        self._ended = True
