"""One conversation's log as this client holds it: contiguous, in order, each event once.

Pure: it is told what arrives and what time it is, and says what is new and what to fetch.

- what has seq ≤ ``known`` was seen before and is dropped (one's own acks count: they occupy their seq);
- what comes early is held; when the hole before it has stayed for HOLD_MS, the hole is to be fetched;
- a page that answers "after seq n" and begins later than n + 1 shows that this user sees nothing between;
- the rolling hash is computed along and compared wherever the server names its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pingme.domain.chain import digest_of, next_hash
from pingme.domain.events import BODIES, encode_body
from pingme.wire.server_frames import Item

HOLD_MS = 200  # docs/protocol.md: pushes overtake each other for moments only
MAX_EARLY = 1_000  # held events; what comes after is fetched from the server when its turn has come
EMPTY_RETRY_MS = (
    1_000,
    2_000,
    4_000,
    8_000,
    15_000,
)  # waits after answers that do not show what was announced


class Timeline:
    """The contiguous log of one conversation.

    Args:
        conversation_id: whose log it is.
        known: the highest contiguous seq held, or None while it is not known where the visible log begins.
        rolling: the rolling hash at ``known``, 16 bytes, where it is known.

    Attributes:
        head: the highest seq that was heard of.
        diverged: True when the server named another hash than ours; `accept_hash` clears it.
    """

    def __init__(
        self, conversation_id: str, *, known: int | None = None, rolling: bytes | None = None
    ) -> None:
        self.conversation_id = conversation_id
        self.known = known
        self.rolling = rolling
        self.head = known or 0
        self.diverged = False
        self._early: dict[int, Item] = {}
        self._due_ms: int | None = None
        self._empty_answers = 0

    def anchor(self, known: int, rolling: bytes | None, now_ms: int) -> list[Item]:
        """Say where the log begins for this client; return what was held and follows directly."""
        if self.known is not None:
            return []
        self.known, self.rolling = known, rolling
        return self._drain(now_ms)

    def offer(self, item: Item, now_ms: int) -> list[Item]:
        """Take a push, or one's own acknowledged event; return what is new, in order."""
        if self.known is not None and item.seq <= self.known:
            return []
        self.head = max(self.head, item.seq)
        self._hold(item)
        return self._drain(now_ms)

    def announce(self, head: int, now_ms: int) -> None:
        """The server says that the log reaches ``head``; what is missing is to be fetched at once."""
        self.head = max(self.head, head)
        if self._is_behind():
            self._due_ms = now_ms

    def fill(
        self, after_seq: int, items: Sequence[Item], *, prev_hash: str, has_more: bool, now_ms: int
    ) -> list[Item]:
        """Take an answer to "after ``after_seq``"; return what is new, in order."""
        if self.known is None:
            self.known = after_seq
        if items:
            self._skip_invisible(after_seq, items[0].seq, prev_hash)
            self.head = max(self.head, items[-1].seq)
            self._check(items[0].seq - 1, prev_hash)
        before = self.known
        for item in items:
            if item.seq > self.known:
                self._early[item.seq] = item
        new = self._drain(now_ms)
        self._plan_next(now_ms, has_more=has_more, progress=self.known > before or bool(new))
        return new

    def due(self, now_ms: int) -> int | None:
        """Return the n of the "after n" that is to be fetched now, or None."""
        if self._due_ms is None or now_ms < self._due_ms:
            return None
        return self.known or 0

    @property
    def due_at_ms(self) -> int | None:
        """The moment of the next fetch, or None when nothing is missing."""
        return self._due_ms

    def postpone(self, delay_ms: int, now_ms: int) -> None:
        """A fetch has failed: not again before this long."""
        if self._is_behind():
            self._due_ms = now_ms + delay_ms

    def give_up(self) -> None:
        """What is missing is not visible to this user: wait for nothing."""
        self._early.clear()
        self.known = self.known or 0
        self.head = self.known
        self._due_ms = None

    def check_hash(self, seq: int, expected: str) -> None:
        """Compare the server's rolling hash (hex) at ``seq`` with ours, where we have one there."""
        self._check(seq, expected)

    def accept_hash(self, expected: str) -> None:
        """Take the server's hash at ``known`` for ours."""
        self.rolling = _bytes_of(expected)
        self.diverged = False

    def _is_behind(self) -> bool:
        return self.known is None or self.known < self.head

    def _hold(self, item: Item) -> None:
        self._early.setdefault(item.seq, item)
        if len(self._early) > MAX_EARLY:
            del self._early[max(self._early)]

    def _drain(self, now_ms: int) -> list[Item]:
        ready: list[Item] = []
        known = self.known
        if known is not None:
            while (item := self._early.pop(known + 1, None)) is not None:
                known += 1
                self.rolling = _roll(self.rolling, item)
                ready.append(item)
            self.known = known
        self._replan(now_ms, progress=bool(ready))
        return ready

    def _replan(self, now_ms: int, *, progress: bool) -> None:
        if not self._is_behind():
            self._due_ms = None
            self._empty_answers = 0
        elif self._due_ms is None or progress:
            self._due_ms = now_ms + HOLD_MS

    def _plan_next(self, now_ms: int, *, has_more: bool, progress: bool) -> None:
        if not self._is_behind():
            self._due_ms = None
        elif progress:
            self._empty_answers = 0
            self._due_ms = now_ms if has_more else now_ms + HOLD_MS
        else:
            wait = EMPTY_RETRY_MS[min(self._empty_answers, len(EMPTY_RETRY_MS) - 1)]
            self._empty_answers += 1
            self._due_ms = now_ms + wait

    def _skip_invisible(self, after_seq: int, first: int, prev_hash: str) -> None:
        """Nothing visible lies between what was asked for and the first event that came."""
        assert self.known is not None
        if after_seq > self.known or first <= self.known + 1:
            return
        held = min(self._early, default=first)
        self.known = min(first, held) - 1
        self.rolling = _bytes_of(prev_hash) if self.known == first - 1 else None

    def _check(self, seq: int, expected: str) -> None:
        if seq == self.known and expected:
            theirs = _bytes_of(expected)
            self.diverged = self.diverged or (self.rolling is not None and self.rolling != theirs)
            if self.rolling is None:
                self.rolling = theirs


def _bytes_of(hex_text: str) -> bytes | None:
    try:
        return bytes.fromhex(hex_text) or None
    except ValueError:
        return None


def _roll(rolling: bytes | None, item: Item) -> bytes | None:
    digest = digest_of_item(item) if rolling is not None else None
    return next_hash(rolling, digest) if rolling is not None and digest is not None else None


def digest_of_item(item: Item) -> bytes | None:
    """Return the digest of an event: the one that a page brought, or computed from a push.

    None for kinds that this version does not know.
    """
    if item.digest is not None:
        return _bytes_of(item.digest)
    body = BODIES.get(item.kind)
    if body is None:
        return None
    values = {name: getattr(item, name) for name in body.__struct_fields__}
    present = {name: value for name, value in values.items() if value is not None and value is not False}
    for flag in ("muted", "pinned"):  # the two fields whose False says something
        if flag in values and values[flag] is False:
            present[flag] = False
    try:
        payload = encode_body(msgspec.convert(present, body))
    except msgspec.ValidationError:
        return None
    return digest_of(
        payload, item.conversation_id, item.kind, item.msg_id, item.sender_id, item.seq, item.server_ts
    )
