"""What all histories together say: one log per conversation, and who might read which part of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from tests.checker.chain import digest_of, private_id
from tests.checker.records import Event, History, Page
from tests.checker.verdict import Fault

FOREVER = 2**53


@dataclass(frozen=True, slots=True)
class Stay:
    """What one membership lets a user read: from_seq to until_seq, both included; live since joined_seq."""

    joined_seq: int
    from_seq: int
    until_seq: int = FOREVER


@dataclass(slots=True)
class Log:
    """One conversation as everybody together knows it.

    Attributes:
        events: by seq, as first seen.
        digests: by seq, hex.
        acked: seq -> (sender, msg_id), from acks alone.
        stays: by user, oldest first.
        is_known: False when nobody saw who its members are.
        head: the highest seq that anybody was told of.
    """

    conversation_id: str
    events: dict[int, Event] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)
    acked: dict[int, tuple[str, str]] = field(default_factory=dict)
    stays: dict[str, list[Stay]] = field(default_factory=dict)
    is_known: bool = True
    head: int = 0

    def may_read(self, user_id: str, seq: int) -> bool:
        return any(stay.from_seq <= seq <= stay.until_seq for stay in self.stays.get(user_id, ()))

    def was_member(self, user_id: str, seq: int) -> bool:
        """True when this event happened while the user was there to hear it."""
        return any(stay.joined_seq <= seq <= stay.until_seq for stay in self.stays.get(user_id, ()))

    def readable(self, user_id: str) -> range:
        """Return what a user who comes now may read: the newest membership decides."""
        stays = self.stays.get(user_id)
        return range(stays[-1].from_seq, min(stays[-1].until_seq, self.head) + 1) if stays else range(0)


@dataclass(slots=True)
class Evidence:
    """The joined histories, and what is wrong where they contradict each other."""

    histories: Sequence[History]
    logs: dict[str, Log] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def log(self, conversation_id: str) -> Log:
        return self.logs.setdefault(conversation_id, Log(conversation_id))


def gather(histories: Sequence[History]) -> Evidence:
    """Join histories; contradictions become faults and the first version counts."""
    evidence = Evidence(histories)
    for history in histories:
        for event, where in sightings(history):
            _take(evidence, event, f"{history.name} {where}")
        for answer in history.answers:
            if answer.outcome == "ack":
                _take_ack(evidence, history, answer.conversation_id, answer.seq, answer.msg_id)
    users = {history.user_id for history in histories}
    for log in evidence.logs.values():
        _find_members(log, users)
    return evidence


def sightings(history: History) -> Iterator[tuple[Event, str]]:
    """Yield every event that a device saw, and how."""
    for push in history.pushes:
        yield push.event, f"push on {push.connection}"
    for page in history.pages:
        for event in page.events:
            yield event, page.of


def final_pages(history: History) -> dict[str, list[Page]]:
    """Return the last reading of each conversation."""
    found: dict[str, list[Page]] = {}
    for page in history.pages:
        if page.of == "final":
            found.setdefault(page.conversation_id, []).append(page)
    return found


def made_digest(event: Event) -> str:
    """Return the digest by its definition, hex."""
    return digest_of(
        {
            "body": dict(event.body),
            "conversation_id": event.conversation_id,
            "kind": event.kind,
            "msg_id": event.msg_id,
            "sender_id": event.sender_id,
            "seq": event.seq,
            "server_ts": event.server_ts,
        }
    ).hex()


def _take(evidence: Evidence, event: Event, where: str) -> None:
    log = evidence.log(event.conversation_id)
    place = f"{event.conversation_id} {event.seq}"
    log.head = max(log.head, event.seq)
    before = log.events.setdefault(event.seq, event)
    if (before.name, before.kind) != (event.name, event.kind):
        text = f"{place}: {before.name} {before.kind} for one, {event.name} {event.kind} for {where}"
        evidence.faults.append(Fault("conflicting_seq", text))
        return
    if event.is_original and not before.is_original:
        log.events[event.seq] = event
    digests = [event.digest] if event.digest is not None else []
    digests += [made_digest(event)] if event.is_original else []
    for digest in digests:
        known = log.digests.setdefault(event.seq, digest)
        if known != digest:
            evidence.faults.append(
                Fault("conflicting_hash", f"{place}: digest {known}, then {digest} ({where})")
            )
            return


def _take_ack(evidence: Evidence, history: History, conversation_id: str, seq: int, msg_id: str) -> None:
    log = evidence.log(conversation_id)
    name = (history.user_id, msg_id)
    log.head = max(log.head, seq)
    known = log.acked.setdefault(seq, name)
    event = log.events.get(seq)
    other = known if known != name else event.name if event is not None else name
    if other != name:
        text = f"{conversation_id} {seq}: acked to {history.name} for {msg_id}, and it is {other}"
        evidence.faults.append(Fault("conflicting_seq", text))


def _find_members(log: Log, users: set[str]) -> None:
    if log.conversation_id in users:
        log.stays = {log.conversation_id: [Stay(1, 1)]}
        return
    pair = next(_pairs(log, users), None)
    if pair is not None:
        log.stays = {user: [Stay(1, 1)] for user in pair}
        return
    _follow_members(log)


def _pairs(log: Log, users: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the two users whose private conversation this is, if it is one."""
    senders = {event.sender_id for event in log.events.values()} | {user for user, _ in log.acked.values()}
    peers = users | {
        str(event.body["to_user_id"]) for event in log.events.values() if "to_user_id" in event.body
    }
    for sender in senders:
        for peer in peers:
            if private_id(sender, peer) == log.conversation_id:
                yield sender, peer


def _follow_members(log: Log) -> None:
    """Replay who came and went in a group, as docs/protocol.md says."""
    policy: str | None = None
    for seq in sorted(log.events):
        event = log.events[seq]
        match event.kind:
            case "group_created":
                policy = str(event.body["history_policy"])
                log.stays = {user: [Stay(1, 1)] for user in event.body["user_ids"]}
            case "group_updated":
                policy = str(event.body.get("history_policy", policy))
            case "member_joined" if policy is not None:
                for user in event.body["user_ids"]:
                    _join(log, user, seq, 1 if policy == "full" else seq)
            case "member_left":
                _leave(log, event.sender_id, seq)
            case "member_removed":
                _leave(log, event.body["user_id"], seq)
    log.is_known = policy is not None


def _join(log: Log, user_id: str, seq: int, from_seq: int) -> None:
    stays = log.stays.setdefault(user_id, [])
    if not stays or stays[-1].until_seq < FOREVER:  # whoever is a member stays one as before
        stays.append(Stay(seq, from_seq))


def _leave(log: Log, user_id: str, seq: int) -> None:
    stays = log.stays.get(user_id)
    if stays and stays[-1].until_seq == FOREVER:
        stays[-1] = replace(stays[-1], until_seq=seq)
