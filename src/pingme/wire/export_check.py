"""What must be true of the records of an export, one after the other: their order, what they refer to, and the chain.

The order: accounts by user_id; devices by (user_id, device_id); conversations by conversation_id, each followed by its
members by user_id, its events by seq and its reactions by (seq, at_seq); refusals by (server_ts, sender_id); dead letters as
they were put. Nothing is remembered of what has passed but the user ids.

The same check stands before a file is written and behind a file that is read: what was exported can be imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pingme.domain.chain import Heads, digest_of, first_hash, next_hash
from pingme.domain.events import KIND_NUMBERS, decode_body
from pingme.domain.ids import is_id
from pingme.wire.export import (
    TYPES,
    ConversationRecord,
    DeadLetterRecord,
    DeviceRecord,
    EventRecord,
    MemberRecord,
    ReactionRecord,
    Record,
    RefusalRecord,
    UserRecord,
)

# A record may follow one of its own section, or of an earlier one; conversations begin the four of theirs again.
_SECTIONS: dict[type[Record], int] = {
    UserRecord: 1, DeviceRecord: 2, ConversationRecord: 3, MemberRecord: 4, EventRecord: 5, ReactionRecord: 6,
    RefusalRecord: 7, DeadLetterRecord: 8,
}  # fmt: skip
_OF_CONVERSATION = range(3, 7)


class Inconsistent(Exception):
    """A record cannot stand here; the text says what was expected and what came."""


class ExportCheck:
    """Takes every record of an export in turn.

    Attributes:
        counts: records of each type.
        digests: events whose digest was computed again; that of changed bodies cannot be.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = dict.fromkeys(TYPES.values(), 0)
        self.digests = 0
        self._heads = Heads()
        self._users: set[str] = set()
        self._section = 0
        self._last: tuple[Any, ...] = ()
        self._conversation: ConversationRecord | None = None
        self._conversation_id = ""
        self._seq = 0
        self._hash = b""
        self._takers: dict[type[Record], Callable[[Any], None]] = {
            UserRecord: self._user,
            DeviceRecord: self._device,
            ConversationRecord: self._begin,
            MemberRecord: self._member,
            EventRecord: self._event,
            ReactionRecord: self._reaction,
            RefusalRecord: self._refusal,
            DeadLetterRecord: self._letter,
        }

    def take(self, record: Record) -> None:
        """Look at the next record.

        Raises:
            Inconsistent: it cannot stand here.
        """
        kind = type(record)
        self._takers[kind](record)
        self.counts[TYPES[kind]] += 1

    def finish(self) -> str:
        """Look at the end, and return the value of all heads.

        Raises:
            Inconsistent: the last conversation is not whole.
        """
        self._close()
        return self._heads.hex()

    def _enter(self, record: Record, key: tuple[Any, ...]) -> None:
        """Insist on the order of sections, and of keys within one."""
        section = _SECTIONS[type(record)]
        begins_again = section == _OF_CONVERSATION[0] and self._section in _OF_CONVERSATION
        if section < self._section and not begins_again:
            raise Inconsistent(f"a {TYPES[type(record)]} cannot stand here: the records are in another order")
        if section == self._section and key <= self._last:
            raise Inconsistent(
                f"this {TYPES[type(record)]} does not come after the one before: doubled, or out of order"
            )
        self._section, self._last = section, key

    def _known(self, user_id: str) -> None:
        if user_id not in self._users:
            raise Inconsistent(f"there is no account {user_id}")

    def _user(self, record: UserRecord) -> None:
        self._enter(record, (record.user_id,))
        self._users.add(record.user_id)

    def _device(self, record: DeviceRecord) -> None:
        self._enter(record, (record.user_id, record.device_id))
        self._known(record.user_id)

    def _begin(self, record: ConversationRecord) -> None:
        if record.conversation_id <= self._conversation_id:
            raise Inconsistent(
                "this conversation does not come after the one before: doubled, or out of order"
            )
        self._close()
        self._enter(record, ())
        self._section += 1  # its members may follow, and no second one of it
        self._conversation, self._conversation_id = record, record.conversation_id
        self._seq, self._hash = 0, first_hash(record.conversation_id)

    def _close(self) -> None:
        """Compare the head that was announced with the last event."""
        head, self._conversation = self._conversation, None
        if head is None:
            return
        if head.last_seq != self._seq:
            raise Inconsistent(
                f"conversation {head.conversation_id}: expected events up to seq {head.last_seq}, got {self._seq}"
            )
        if head.last_hash != self._hash.hex():
            raise Inconsistent(f"conversation {head.conversation_id}: the hash of its head is another")
        if self._seq:
            self._heads.add(head.conversation_id, self._seq, self._hash)

    def _inside(self, conversation_id: str) -> None:
        if self._conversation is None or conversation_id != self._conversation_id:
            raise Inconsistent(f"conversation {conversation_id} has not begun here")

    def _member(self, record: MemberRecord) -> None:
        self._inside(record.conversation_id)
        self._enter(record, (record.user_id,))
        self._known(record.user_id)

    def _event(self, record: EventRecord) -> None:
        """Hot path: millions of these."""
        if record.conversation_id != self._conversation_id or self._section != 5:
            self._inside(record.conversation_id)
            self._enter(record, ())
        if record.seq != self._seq + 1:
            raise Inconsistent(f"expected seq {self._seq + 1}, got {record.seq}")
        if record.kind not in KIND_NUMBERS:
            raise Inconsistent(f"there is no kind of event {record.kind!r}")
        if not is_id(record.msg_id):
            raise Inconsistent(f"this is no msg_id: {record.msg_id!r}")
        self._known(record.sender_id)
        if record.kind != "message" or record.changed:
            self._body(record)
        self._chain(record)

    @staticmethod
    def _body(record: EventRecord) -> None:
        """Insist that what the digest does not cover, or what says more than it shows, is a body of its kind."""
        try:
            decode_body(record.kind, bytes(record.body))
        except msgspec.DecodeError as exc:
            raise Inconsistent(f"this is no body of a {record.kind}: {exc}") from exc

    def _chain(self, record: EventRecord) -> None:
        try:
            digest, kept = bytes.fromhex(record.digest), bytes.fromhex(record.hash)
        except ValueError as exc:
            raise Inconsistent(f"digest or hash: {exc}") from exc
        if not record.changed:
            self.digests += 1
            if digest != digest_of(
                bytes(record.body), record.conversation_id, record.kind, record.msg_id, record.sender_id,
                record.seq, record.server_ts,
            ):  # fmt: skip
                raise Inconsistent(f"the {record.kind} at seq {record.seq} is not what was stored (digest)")
        if next_hash(self._hash, digest) != kept:
            raise Inconsistent(f"the rolling hash at seq {record.seq} does not follow from the event before")
        self._seq, self._hash = record.seq, kept

    def _reaction(self, record: ReactionRecord) -> None:
        self._inside(record.conversation_id)
        self._enter(record, (record.seq, record.at_seq))
        self._known(record.user_id)
        if record.at_seq > self._seq or record.seq > self._seq:
            raise Inconsistent(f"a reaction to seq {record.seq} of a conversation that ends at {self._seq}")

    def _refusal(self, record: RefusalRecord) -> None:
        # Several of one moment and sender are possible; the store's unique key knows the rest.
        self._leave(record, (record.server_ts, record.sender_id))
        self._known(record.sender_id)

    def _letter(self, record: DeadLetterRecord) -> None:
        self._leave(record, ())

    def _leave(self, record: Record, key: tuple[Any, ...]) -> None:
        """Begin, or go on with, a section after the conversations in which keys may repeat."""
        self._close()
        section = _SECTIONS[type(record)]
        if section < self._section or (section == self._section and key < self._last):
            raise Inconsistent(f"a {TYPES[type(record)]} cannot stand here: the records are in another order")
        self._section, self._last = section, key
