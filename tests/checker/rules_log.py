"""The joined logs by themselves: consecutive seqs, nothing twice, one chain of hashes, nothing that nobody sent."""

from __future__ import annotations

from collections.abc import Iterator

from tests.checker.chain import first_hash, next_hash
from tests.checker.evidence import Evidence, Log, final_pages
from tests.checker.records import Event, Page, Send
from tests.checker.verdict import Fault

REUSED = 40004  # the refusal of another message under a known msg_id: the first one stands, rightly


def check(evidence: Evidence) -> Iterator[Fault]:
    """Yield what is wrong with the logs."""
    for log in evidence.logs.values():
        if not log.is_known:
            yield Fault("phantom", f"{log.conversation_id}: nobody saw who its members are")
        yield from _gaps(log)
        yield from _twice(log)
        yield from _chain(evidence, log)
    yield from _vanished(evidence)
    yield from _senders(evidence)


def _gaps(log: Log) -> Iterator[Fault]:
    known = log.events.keys() | log.acked.keys()
    first = min((stay.from_seq for stays in log.stays.values() for stay in stays), default=min(known))
    missing = [seq for seq in range(first, log.head + 1) if seq not in known]
    if missing:
        yield Fault("skipped", f"{log.conversation_id}: nobody ever saw {_some(missing)}")


def _twice(log: Log) -> Iterator[Fault]:
    places: dict[tuple[str, str], int] = {}
    for seq, name in sorted([(seq, event.name) for seq, event in log.events.items()] + [*log.acked.items()]):
        first = places.setdefault(name, seq)
        if first != seq:
            yield Fault("duplicated", f"{log.conversation_id}: {name} stands at {first} and at {seq}")


def _chain(evidence: Evidence, log: Log) -> Iterator[Fault]:
    """Compare every hash that a page names with the one that the digests give."""
    claims = [
        (claim, f"{history.name} {page.of}")
        for history in evidence.histories
        for page in history.pages
        if page.conversation_id == log.conversation_id
        for claim in _claims(page)
    ]
    if not claims:
        return
    start, rolling = min(seq for (seq, _), _ in claims), ""
    if 1 in log.digests:
        start, rolling = 0, first_hash(log.conversation_id).hex()
    else:
        rolling = next(value for (seq, value), _ in claims if seq == start)
    hashes = {start: rolling}
    for seq in range(start + 1, log.head + 1):
        if seq not in log.digests:
            break  # a gap, which has a fault of its own
        rolling = next_hash(bytes.fromhex(rolling), bytes.fromhex(log.digests[seq])).hex()
        hashes[seq] = rolling
    for (seq, value), where in claims:
        if hashes.get(seq, value) != value:
            text = f"{log.conversation_id}: hash at {seq} is {hashes[seq]}, {where} got {value}"
            yield Fault("conflicting_hash", text)


def _claims(page: Page) -> Iterator[tuple[int, str]]:
    if page.events:
        yield page.events[0].seq - 1, page.prev_hash
    if page.last_seq:
        yield page.last_seq, page.last_hash


def _vanished(evidence: Evidence) -> Iterator[Fault]:
    """What was pushed or shown in a page, but was never acknowledged and is in nobody's last reading, was not stored."""
    read: dict[str, set[int]] = {}
    readers: dict[str, set[str]] = {}
    for history in evidence.histories:
        for conversation_id, pages in final_pages(history).items():
            read.setdefault(conversation_id, set()).update(
                event.seq for page in pages for event in page.events
            )
            readers.setdefault(conversation_id, set()).add(history.user_id)
    for log in evidence.logs.values():
        for seq in log.events.keys() - log.acked.keys() - read.get(log.conversation_id, set()):
            if any(seq in log.readable(user) for user in readers.get(log.conversation_id, ())):
                name = log.events[seq].name
                yield Fault("phantom", f"{log.conversation_id} {seq}: {name} was seen, and is not stored")


def _senders(evidence: Evidence) -> Iterator[Fault]:
    """Whatever a user with a history is said to have sent was sent, as it stands there; what was refused stands nowhere."""
    sent: dict[tuple[str, str], list[Send]] = {}
    refused: dict[tuple[str, str], str] = {}
    for history in evidence.histories:
        for send in history.sends:
            sent.setdefault((history.user_id, send.msg_id), []).append(send)
    for history in evidence.histories:
        refused |= _refused(evidence, history.user_id)
    users = {history.user_id for history in evidence.histories}
    for log in evidence.logs.values():
        for seq, name in sorted(
            {**log.acked, **{at: event.name for at, event in log.events.items()}}.items()
        ):
            where = f"{log.conversation_id} {seq}: {name}"
            event = log.events.get(seq)
            if name in refused:
                yield Fault("refused_but_appeared", f"{where} was refused ({refused[name]})")
            if name[0] in users and name not in sent:
                yield Fault("phantom", f"{where} was never sent")
            elif name in sent and event is not None and not _is_as_sent(event, sent[name]):
                yield Fault("phantom", f"{where} is not what was sent")


def _is_as_sent(event: Event, sends: list[Send]) -> bool:
    if not event.is_original:
        return True  # its digest is compared; the content that is shown is a later one
    found = (event.conversation_id, event.kind, dict(event.body))
    return any((send.conversation_id, send.kind, dict(send.body)) == found for send in sends)


def _refused(evidence: Evidence, user_id: str) -> dict[tuple[str, str], str]:
    """Return what this user was refused for good, or refused as often as it was sent; with the code."""
    codes: dict[str, str] = {}
    left: dict[str, int] = {}
    mine = [history for history in evidence.histories if history.user_id == user_id]
    for history in mine:
        for send in history.sends:
            left[send.msg_id] = left.get(send.msg_id, 0) + 1
    for history in mine:
        for answer in history.answers:
            if answer.outcome != "refused" or answer.code == REUSED:
                continue
            left[answer.msg_id] = left.get(answer.msg_id, 0) - 1
            if not answer.retryable or left[answer.msg_id] <= 0:
                codes[answer.msg_id] = str(answer.code)
    return {(user_id, msg_id): code for msg_id, code in codes.items()}


def _some(seqs: list[int]) -> str:
    more = f" and {len(seqs) - 5} more" if len(seqs) > 5 else ""
    return ", ".join(map(str, seqs[:5])) + more
