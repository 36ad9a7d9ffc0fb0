"""The check of everything received: cheap while it runs, complete at the end.

Rules of this file:
- A `Stream` is what one recipient sees of one conversation; a `Ledger` is what one process sees of it, by seq.
- Every message is known by its tag (`frames.tag_of`), so ledgers of several processes can be compared.
- `judge` decides at the end, from all ledgers and all streams: every acknowledged message arrived exactly once and in
  the order of seq at every recipient, no seq is missing, nothing came that was not sent.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pingme.cli.bench.frames import COUNT_BITS

FAULTS_LISTED = 20  # of each run; more are counted
HOLES_MAX = 100_000  # seqs remembered as missing, of one stream


@dataclass(slots=True)
class Faults:
    """What went wrong: a few in words, all of them counted by kind.

    Attributes:
        again: pushes of a seq that had come before, and as they had come before; None where that is a fault. With Kafka a
            record that is given out twice is pushed twice (docs/guarantees.md, P6).
    """

    counts: dict[str, int] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)
    again: int | None = None

    def note(self, kind: str, text: str, count: int = 1) -> None:
        """Add a fault of a kind: ``lost``, ``repeated``, ``reordered``, ``gap``, ``phantom``, ``conflict`` …"""
        self.counts[kind] = self.counts.get(kind, 0) + count
        if len(self.listed) < FAULTS_LISTED:
            self.listed.append(f"{kind}: {text}")

    def add(self, other: Faults) -> None:
        """Add all of another process's faults."""
        for kind, count in other.counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + count
        self.listed += other.listed[: FAULTS_LISTED - len(self.listed)]
        if other.again is not None:
            self.again = (self.again or 0) + other.again


class Stream:
    """One recipient's view of one conversation: pushes, and the acks of its own messages, which occupy their seq.

    Args:
        recipient: user id, for the text of faults.
        ledger: of the conversation, in this process.
        faults: where faults go.
    """

    __slots__ = ("faults", "holes", "last_push", "ledger", "next", "recipient")

    def __init__(self, recipient: str, ledger: Ledger, faults: Faults) -> None:
        self.recipient = recipient
        self.ledger = ledger
        self.faults = faults
        self.next = ledger.first  # one above the highest seq seen
        self.last_push = 0
        self.holes: set[int] = set()

    def push(self, seq: int) -> None:
        """A ``message`` came."""
        if seq == self.next:
            self.next = seq + 1
        elif seq > self.next:
            self._skip(seq)
        elif seq in self.holes:
            self.holes.discard(seq)
        elif self.faults.again is not None:
            self.faults.again += 1  # another message at this seq is found by the ledger
            return
        else:
            self._note("repeated", f"seq {seq} came again")
            return
        if seq < self.last_push:
            self._note("reordered", f"seq {seq} came after {self.last_push}")
        else:
            self.last_push = seq

    def ack(self, seq: int) -> None:
        """A ``message_ack`` of the recipient's own message came."""
        if seq == self.next:
            self.next = seq + 1
        elif seq > self.next:
            self._skip(seq)
        elif seq in self.holes:
            self.holes.discard(seq)
        else:
            self._note("conflict", f"seq {seq} was acknowledged and is another message's too")

    def _skip(self, seq: int) -> None:
        """Remember the seqs before this one as missing; they may still come."""
        if len(self.holes) + seq - self.next > HOLES_MAX:
            self._note("gap", f"seq {self.next} to {seq - 1} were left out", seq - self.next)
        else:
            self.holes.update(range(self.next, seq))
        self.next = seq + 1

    def _note(self, kind: str, text: str, count: int = 1) -> None:
        self.faults.note(kind, f"{self.recipient}, {self.ledger.conversation_id}: {text}", count)

    def complete(self, head: int) -> bool:
        """True when every seq up to the head was seen."""
        return self.next > head and not self.holes


class Ledger:
    """What one process sees of a conversation: which message stands at which seq, by acks and by pushes.

    Args:
        conversation_id: for the text of faults.
        head: the newest seq before the run.
    """

    __slots__ = ("acked", "conversation_id", "first", "pushed")

    def __init__(self, conversation_id: str, head: int = 0) -> None:
        self.conversation_id = conversation_id
        self.first = head + 1
        self.acked = array("Q")
        self.pushed = array("Q")

    def note_ack(self, seq: int, tag: int, faults: Faults) -> bool:
        """Write down an ack; return True when the message was pushed here already."""
        place = seq - self.first
        acked = self.acked
        if place == len(acked):
            acked.append(tag)
        elif not self._put(acked, place, tag):
            faults.note("conflict", f"{self.conversation_id}: seq {seq} was acknowledged for two messages")
        return place < len(self.pushed) and self.pushed[place] != 0

    def note_push(self, seq: int, tag: int, faults: Faults) -> bool:
        """Write down a push; return True when the message was acknowledged here already."""
        place = seq - self.first
        pushed = self.pushed
        if place == len(pushed):
            pushed.append(tag)
        elif place < 0:
            faults.note("phantom", f"{self.conversation_id}: seq {seq} is older than this run")
            return False
        elif not self._put(pushed, place, tag):
            faults.note("conflict", f"{self.conversation_id}: seq {seq} came as two different messages")
        return place < len(self.acked) and self.acked[place] != 0

    @staticmethod
    def _put(tags: array[int], place: int, tag: int) -> bool:
        """Set one place of the array, growing it; False when another tag stands there."""
        if place < 0:
            return False
        if place >= len(tags):
            tags.frombytes(bytes(8 * (place + 1 - len(tags))))
        if tags[place] not in {0, tag}:
            return False
        tags[place] = tag
        return True

    @property
    def head(self) -> int:
        """The highest seq acknowledged here, or the one before the run."""
        return self.first + len(self.acked) - 1


@dataclass(slots=True)
class Seen:
    """What one process hands over about one conversation at the end.

    Attributes:
        streams: (recipient, next, missing seqs) of each recipient here.
    """

    conversation_id: str
    first: int
    acked: array[int]
    pushed: array[int]
    streams: list[tuple[str, int, list[int]]]


def seen_of(ledger: Ledger, streams: Sequence[Stream]) -> Seen:
    """Return what a process knows of a conversation."""
    ends = [(stream.recipient, stream.next, sorted(stream.holes)) for stream in streams]
    return Seen(ledger.conversation_id, ledger.first, ledger.acked, ledger.pushed, ends)


def judge(seen: Sequence[Seen], sent: Mapping[int, int], faults: Faults) -> int:
    """Check one conversation, from what every process saw of it; return how many acks it has.

    Args:
        seen: of the same conversation, one of each process that had to do with it.
        sent: by sender's number, how many messages it sent.
        faults: where faults go.
    """
    conversation_id, first = seen[0].conversation_id, seen[0].first
    acked = _merge([part.acked for part in seen], conversation_id, first, faults)
    _check_order(acked, conversation_id, first, faults)
    for part in seen:
        if part.pushed != acked:
            _compare(part, acked, sent, faults)
    head = first + len(acked) - 1
    for part in seen:
        for recipient, next_seq, holes in part.streams:
            missing = len(holes) + max(0, head + 1 - next_seq)
            if missing:
                at = holes[0] if holes else next_seq
                faults.note(
                    "lost", f"{recipient} did not get {conversation_id} seq {at} of {head}", count=missing
                )
    return len(acked) - acked.count(0)


def _merge(parts: Sequence[array[int]], conversation_id: str, first: int, faults: Faults) -> array[int]:
    merged = array("Q", parts[0])
    for part in parts[1:]:
        if len(part) > len(merged):
            merged.frombytes(bytes(8 * (len(part) - len(merged))))
        for place, tag in enumerate(part):
            if tag and merged[place] not in {0, tag}:
                faults.note("conflict", f"{conversation_id}: seq {first + place} was given twice")
            elif tag:
                merged[place] = tag
    return merged


def _check_order(acked: array[int], conversation_id: str, first: int, faults: Faults) -> None:
    """No seq is left out, and one sender's messages have seqs in the order in which they were sent."""
    newest: dict[int, int] = {}
    for place, tag in enumerate(acked):
        sender = tag >> COUNT_BITS
        if tag > newest.get(sender, 0):
            newest[sender] = tag
        elif tag == 0:
            faults.note("gap", f"{conversation_id}: seq {first + place} was given to nobody")
        elif tag == newest[sender]:
            faults.note("repeated", f"{conversation_id}: seq {first + place} is the message before again")
        else:
            faults.note(
                "reordered", f"{conversation_id}: seq {first + place} was sent before its predecessor"
            )


def _compare(part: Seen, acked: array[int], sent: Mapping[int, int], faults: Faults) -> None:
    """Find what was pushed and not acknowledged, or not as acknowledged."""
    for place, tag in enumerate(part.pushed):
        expected = acked[place] if place < len(acked) else 0
        if tag in {0, expected}:
            continue
        where = f"{part.conversation_id} seq {part.first + place}"
        count = tag & ((1 << COUNT_BITS) - 1)
        if not 0 < count <= sent.get(tag >> COUNT_BITS, 0):
            faults.note("phantom", f"{where} was never sent")
        elif expected == 0:
            faults.note("unacknowledged", f"{where} was pushed and its sender has no ack")
        else:
            faults.note("conflict", f"{where} is another message than the one acknowledged there")
