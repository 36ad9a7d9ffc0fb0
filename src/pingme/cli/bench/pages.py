"""The check of what a server reads back: pages of history and answers to sync."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pingme.cli.bench.verify import Faults


class _Event(msgspec.Struct):
    conversation_id: str
    seq: int


class _History(msgspec.Struct):
    conversation_id: str
    events: list[_Event]
    has_more: bool


class _HistoryFrame(msgspec.Struct):
    payload: _History


class _Named(msgspec.Struct):
    conversation_id: str


class _Entry(msgspec.Struct):
    conversation: _Named
    last_seq: int
    events: list[_Event]


class _Sync(msgspec.Struct):
    conversations: list[_Entry]


class _SyncFrame(msgspec.Struct):
    payload: _Sync


_history = msgspec.json.Decoder(_HistoryFrame).decode
_sync = msgspec.json.Decoder(_SyncFrame).decode


def check_history(data: bytes, conversation_id: str, before_seq: int, limit: int, faults: Faults) -> None:
    """A page of history before a seq has exactly the seqs before it, as many as asked for or all there are."""
    try:
        page = _history(data).payload
    except msgspec.DecodeError:
        faults.note("refused", f"expected a history_page of {conversation_id}, got {data[:200]!r}")
        return
    first = max(1, before_seq - limit)
    got = [event.seq for event in page.events if event.conversation_id == conversation_id]
    if got != list(range(first, before_seq)) or page.has_more != (first > 1):
        faults.note("page", f"{conversation_id} before {before_seq}: got seqs {got[:1]}…{got[-1:]}")


def check_sync(pages: Sequence[bytes], heads: Mapping[str, int], faults: Faults) -> None:
    """The pages of one sync name every conversation once, with its head; its events ascend to the head without a gap."""
    missing = dict(heads)
    for data in pages:
        for entry in _sync(data).payload.conversations:
            name = entry.conversation.conversation_id
            head = missing.pop(name, None)
            if head is None:
                faults.note("repeated", f"sync named {name} twice, or it is not the user's")
            elif entry.last_seq != head:
                faults.note("page", f"sync says {name} ends at {entry.last_seq}, expected {head}")
            seqs = [event.seq for event in entry.events]
            if seqs and seqs != list(range(entry.last_seq - len(seqs) + 1, entry.last_seq + 1)):
                faults.note("gap", f"sync gave {name} seqs {seqs}, expected them to reach {entry.last_seq}")
    if missing:
        faults.note(
            "lost", f"sync left out {len(missing)} conversations, such as {next(iter(missing))}", len(missing)
        )
