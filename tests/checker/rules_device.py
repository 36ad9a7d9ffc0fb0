"""What each device got: everything it may read, nothing it may not, in order, once, and in time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from tests.checker.evidence import Evidence, final_pages, sightings
from tests.checker.records import Connection, History, Page
from tests.checker.verdict import Fault, Kind

HOLE_S = 2.0  # docs/protocol.md lets pushes overtake each other "for a moment"; the repair of a lost notice takes ≤ 2 s
LEARNS_WITHIN_S = 30.0  # a connected device learns of every event within this


Span = tuple[float, float]


def check(evidence: Evidence, halts: Sequence[Span] = ()) -> Iterator[Fault]:
    """Yield what is wrong with what devices got.

    Args:
        evidence: of all clients.
        halts: times in which the clients did not run: what is due in them may come later by as much.
    """
    for history in evidence.histories:
        for text in history.diverged:
            yield Fault("conflicting_hash", f"{history.name}: {text}")
        if not history.is_finished:
            yield Fault("lost", f"{history.name}: never came to its last reading")
        yield from _read_all(evidence, history)
        yield from _leaks(evidence, history)
        for page in history.pages:
            yield from _ascends(history, page)
        yield from _showed(evidence, history)
        yield from _holes(evidence, history, halts)
        yield from _late(evidence, history, halts)


def _read_all(evidence: Evidence, history: History) -> Iterator[Fault]:
    """The last reading is complete: each event of a conversation that the user may read, once, from end to end."""
    if not history.is_finished:
        return
    final = final_pages(history)
    for log in evidence.logs.values():
        wanted = log.readable(history.user_id)
        got = {event.seq for page in final.get(log.conversation_id, ()) for event in page.events}
        for seq in wanted:
            if seq not in got:
                name = log.acked.get(seq) or (log.events[seq].name if seq in log.events else "unknown")
                yield Fault(
                    "lost", f"{history.name}: {log.conversation_id} {seq} ({name}) is not in the last reading"
                )


def _leaks(evidence: Evidence, history: History) -> Iterator[Fault]:
    seen = {(event.conversation_id, event.seq) for event, _ in sightings(history)}
    seen |= {(page.conversation_id, page.last_seq) for page in history.pages if page.last_seq}
    for conversation_id, seq in sorted(seen):
        log = evidence.log(conversation_id)
        if log.is_known and not log.may_read(history.user_id, seq):
            yield Fault("leaked", f"{history.name}: {conversation_id} {seq} is not for {history.user_id}")


def _ascends(history: History, page: Page) -> Iterator[Fault]:
    where = f"{history.name}: {page.of} of {page.conversation_id}"
    seqs = [event.seq for event in page.events]
    for before, after in itertools.pairwise(seqs):
        if after == before:
            yield Fault("duplicated", f"{where}: {after} stands twice")
        elif after < before:
            yield Fault("reordered", f"{where}: {after} stands behind {before}")
        elif after > before + 1:
            yield Fault("skipped", f"{where}: {after} follows {before}")
    if page.last_seq and seqs and seqs[-1] != page.last_seq:
        yield Fault("skipped", f"{where}: ends at {seqs[-1]}, its head is {page.last_seq}")


def _showed(evidence: Evidence, history: History) -> Iterator[Fault]:
    """The user saw consecutive seqs, and at the end everything: what push and sync brought, apart from the last reading."""
    last: dict[str, int] = {}
    for shown in history.shown:
        before = last.get(shown.conversation_id, 0)
        last[shown.conversation_id] = shown.seq
        where = f"{history.name}: {shown.conversation_id}: {shown.seq} was shown after {before}"
        if not before or not shown.seq or shown.seq == before + 1:
            continue
        kind: Kind = "duplicated" if shown.seq == before else "reordered" if shown.seq < before else "skipped"
        yield Fault(kind, where)
    if not history.shown or not history.is_finished:
        return
    for log in evidence.logs.values():
        wanted = log.readable(history.user_id)
        if wanted and last.get(log.conversation_id, 0) < wanted[-1]:
            text = f"{history.name}: {log.conversation_id}: shown to {last.get(log.conversation_id, 0)} of {wanted[-1]}"
            yield Fault("lost", text)


def _holes(evidence: Evidence, history: History, halts: Sequence[Span]) -> Iterator[Fault]:
    """A live connection brings every event: what a later push has overtaken comes within HOLE_S, or a resync or the end.

    The resync may come in the place of the event, before what follows it: what the client is to fetch was stored by then.
    """
    for connection in history.connections.values():
        if connection.live_s is None:
            continue
        came = _arrivals(history, connection)
        for conversation_id, seq, opened_s in _opened_holes(history, connection):
            until_s = due(opened_s, HOLE_S, halts)
            ended_s = history.ended_s if connection.closed_s is None else connection.closed_s
            excused = ended_s < until_s or any(
                opened_s - HOLE_S <= at <= until_s for at in connection.resyncs_s
            )
            excused |= not evidence.log(conversation_id).was_member(history.user_id, seq)
            if not excused and came.get((conversation_id, seq), until_s + 1) > until_s:
                text = (
                    f"{history.name}: connection {connection.number} went on without {conversation_id} {seq}"
                )
                yield Fault("skipped", text)


def due(from_s: float, within_s: float, halts: Sequence[Span]) -> float:
    """Return when something is due that may take so long, not counting the halts, which ascend."""
    until_s = from_s + within_s
    for began_s, ended_s in halts:
        if began_s < until_s and ended_s > from_s:
            until_s += ended_s - max(began_s, from_s)
    return until_s


def _arrivals(history: History, connection: Connection) -> dict[tuple[str, int], float]:
    came: dict[tuple[str, int], float] = {}
    for push in history.pushes:
        if push.connection == connection.number:
            came.setdefault((push.event.conversation_id, push.event.seq), push.t_s)
    for answer in history.answers:
        if answer.connection == connection.number and answer.outcome == "ack":
            came.setdefault((answer.conversation_id, answer.seq), answer.t_s)
    return came


def _opened_holes(history: History, connection: Connection) -> Iterator[tuple[str, int, float]]:
    """Yield (conversation, seq, when) of each event that a push on this connection overtook."""
    top: dict[str, int] = {}
    moments: list[tuple[float, int, str, list[int], bool]] = []
    for push in history.pushes:
        is_here = push.connection == connection.number
        moments.append((push.t_s, 1, push.event.conversation_id, [push.event.seq], is_here))
    moments += [(at_s, 0, conversation_id, [seq], False) for conversation_id, seq, at_s in acks(history)]
    for page in history.pages:
        seqs = [page.last_seq, *(event.seq for event in page.events)]
        moments.append((page.t_s, 0, page.conversation_id, seqs, False))
    for t_s, _, conversation_id, seqs, is_here in sorted(moments, key=lambda moment: moment[:2]):
        before = top.get(conversation_id, 0)
        is_live = connection.live_s is not None and t_s >= connection.live_s
        if is_here and is_live and before:
            yield from ((conversation_id, seq, t_s) for seq in range(before + 1, seqs[0]))
        top[conversation_id] = max(before, *seqs)


def _late(evidence: Evidence, history: History, halts: Sequence[Span]) -> Iterator[Fault]:
    """A device that stays connected for LEARNS_WITHIN_S after an ack has learnt of the event by then."""
    seen = _first_seen(history)
    spans = [
        (one.live_s, history.ended_s if one.closed_s is None else one.closed_s)
        for one in history.connections.values()
        if one.live_s is not None
    ]
    for other in evidence.histories:
        for conversation_id, seq, acked_s in acks(other):
            due_s = due(acked_s, LEARNS_WITHIN_S, halts)
            if not any(began_s <= acked_s and due_s <= ended_s for began_s, ended_s in spans):
                continue
            is_late = seen.get((conversation_id, seq), due_s + 1) > due_s
            if is_late and seq in evidence.log(conversation_id).readable(history.user_id):
                text = f"{history.name}: connected, and not told of {conversation_id} {seq} in {LEARNS_WITHIN_S:.0f} s"
                yield Fault("skipped", text)


def _first_seen(history: History) -> dict[tuple[str, int], float]:
    seen: dict[tuple[str, int], float] = {}
    moments = [(push.event.conversation_id, push.event.seq, push.t_s) for push in history.pushes]
    moments += [
        (page.conversation_id, event.seq, page.t_s) for page in history.pages for event in page.events
    ]
    for conversation_id, seq, at_s in [*moments, *acks(history)]:
        key = (conversation_id, seq)
        seen[key] = min(at_s, seen.get(key, at_s))
    return seen


def acks(history: History) -> Iterator[tuple[str, int, float]]:
    """Yield (conversation, seq, when) of each ack."""
    for answer in history.answers:
        if answer.outcome == "ack":
            yield answer.conversation_id, answer.seq, answer.t_s
