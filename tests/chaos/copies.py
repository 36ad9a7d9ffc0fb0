"""A device's own copy of its conversations: the highest contiguous seq, what came early, and the rolling hash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.checker.chain import digest_of, next_hash

NOT_BODY = frozenset(
    (
        *("kind", "conversation_id", "seq", "msg_id", "sender_id", "server_ts", "digest", "client_ts"),
        *("edited_seq", "recalled", "reactions"),
    )
)
Note = Callable[..., object]


@dataclass(slots=True)
class Copy:
    """One conversation.

    Attributes:
        from_seq: the first seq that may be read.
        known: the highest contiguous seq that is held.
        rolling: h(known), once a page has named an h to begin with.
        early: seq -> digest of what came before its turn.
        head: the newest seq that anybody spoke of; claims: seq -> the hash that a sync named there.
    """

    from_seq: int
    known: int
    rolling: bytes | None = None
    early: dict[int, bytes] = field(default_factory=dict)
    head: int = 0
    claims: dict[int, str] = field(default_factory=dict)

    @property
    def has_hole(self) -> bool:
        """True while something is missing that is known to exist."""
        return self.known < self.head


class Copies:
    """All conversations of a device.

    Args:
        note: called as ``note("shown", conversation=…, seq=…)``, with ``forgot`` and ``diverged`` too.
    """

    def __init__(self, note: Note) -> None:
        self._note = note
        self.by_id: dict[str, Copy] = {}

    def begin(self, conversation_id: str, from_seq: int) -> Copy:
        """Return the copy of a conversation that may be read from this seq on; a later one than before begins anew."""
        copy = self.by_id.get(conversation_id)
        if copy is not None and copy.from_seq == from_seq:
            return copy
        if copy is not None:
            self._note("forgot", conversation=conversation_id)
        self.by_id[conversation_id] = Copy(from_seq, from_seq - 1)
        return self.by_id[conversation_id]

    def take(self, event: Mapping[str, Any]) -> None:
        """Keep an event of a conversation that has begun; what is held already is dropped."""
        copy = self.by_id[event["conversation_id"]]
        copy.head = max(copy.head, event["seq"])
        if event["seq"] > copy.known:
            copy.early[event["seq"]] = digest(event)
            self._advance(event["conversation_id"], copy)

    def take_page(self, conversation_id: str, page: Mapping[str, Any]) -> None:
        """Keep the events of a page, and what it says about hashes."""
        copy = self.by_id[conversation_id]
        if page["events"]:
            self._claim(conversation_id, copy, page["events"][0]["seq"] - 1, page["prev_hash"])
        if "last_seq" in page:
            copy.head = max(copy.head, page["last_seq"])
            self._claim(conversation_id, copy, page["last_seq"], page["last_hash"])
        for event in page["events"]:
            self.take(event)

    def _claim(self, conversation_id: str, copy: Copy, seq: int, value: str) -> None:
        if seq == copy.known and copy.rolling is None:
            copy.rolling = bytes.fromhex(value)
        elif seq >= copy.known:
            copy.claims[seq] = value
            self._compare(conversation_id, copy)

    def _advance(self, conversation_id: str, copy: Copy) -> None:
        while copy.known + 1 in copy.early:
            copy.known += 1
            found = copy.early.pop(copy.known)
            if copy.rolling is not None:
                copy.rolling = next_hash(copy.rolling, found)
            self._note("shown", conversation=conversation_id, seq=copy.known)
            self._compare(conversation_id, copy)

    def _compare(self, conversation_id: str, copy: Copy) -> None:
        claimed = copy.claims.pop(copy.known, None)
        if claimed is not None and copy.rolling is not None and copy.rolling.hex() != claimed:
            hashes = {"mine": copy.rolling.hex(), "theirs": claimed}
            self._note("diverged", conversation=conversation_id, seq=copy.known, **hashes)


def digest(event: Mapping[str, Any]) -> bytes:
    """Return the digest of an event: the server's where the page has one, else made from what is there."""
    if "digest" in event:
        return bytes.fromhex(event["digest"])
    body = {key: value for key, value in event.items() if key not in NOT_BODY}
    fields = {key: event[key] for key in ("conversation_id", "msg_id", "sender_id", "seq", "server_ts")}
    return digest_of({"body": body, "kind": event.get("kind", "message"), **fields})
