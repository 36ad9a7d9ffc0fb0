"""What independent clients were told and saw, and the check that it fits together. Knows nothing of the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ANSWERED_WITHIN_S = 10.0  # docs/guarantees.md: then the outcome is unknown, and the server says so
SLACK_S = 2.0  # for the way there and back on a busy machine


KINDS = (
    "lost",  # acked, and not there; or there, and a member who caught up does not have it
    "doubled",  # one msg_id of one sender at two seqs
    "reordered",  # before what the same connection had sent earlier
    "phantom",  # never sent by the one who is said to have sent it, or refused for good
    "conflicting",  # the same seq or the same ack told in two ways
    "skipped",  # a live connection jumped over a seq
    "unanswered",  # no outcome after everybody has settled, or one that took too long
    "other",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken promise: its kind, of `KINDS`, and what happened."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(slots=True)
class Sent:
    """One message of a client.

    Attributes:
        attempts: how often it left.
        sent_s: when it left last, on the monotonic clock.
        seq: from its ack.
        refused: the code of a refusal that is final.
    """

    msg_id: str
    conversation_id: str
    attempts: int = 0
    sent_s: float = 0.0
    seq: int | None = None
    refused: int | None = None

    @property
    def settled(self) -> bool:
        return self.seq is not None or self.refused is not None


@dataclass(slots=True)
class History:
    """Everything that one client knows.

    Attributes:
        seen: conversation -> seq -> (msg_id, sender), from acks, live pushes, sync and history.
        faults: what is wrong by itself, noted when it was seen.
        waits_s: (when sent, how long until the ack), of first attempts.
        hole_count: how often a live connection skipped a seq.
    """

    name: str
    user_id: str
    sent: dict[str, Sent] = field(default_factory=dict)
    seen: dict[str, dict[int, tuple[str, str]]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    waits_s: list[tuple[float, float]] = field(default_factory=list)
    delivered_s: list[tuple[float, float]] = field(default_factory=list)
    refusals: dict[int, int] = field(default_factory=dict)
    close_codes: dict[int, int] = field(default_factory=dict)
    hole_count: int = 0
    longest_answer_s: float = 0.0

    def see(self, conversation_id: str, seq: int, msg_id: str, sender_id: str) -> None:
        """Note an event; the same seq must always be the same event."""
        log = self.seen.setdefault(conversation_id, {})
        before = log.setdefault(seq, (msg_id, sender_id))
        if before != (msg_id, sender_id):
            text = f"{self.name}: {conversation_id} {seq} was {before}, then {(msg_id, sender_id)}"
            self.faults.append(Fault("conflicting", text))

    def acked(self, msg_id: str, seq: int) -> None:
        """Note an ack; a second one must name the same seq."""
        sent = self.sent[msg_id]
        if sent.seq not in (None, seq):
            text = f"{self.name}: {msg_id} was acked with {sent.seq}, then with {seq}"
            self.faults.append(Fault("conflicting", text))
        sent.seq = seq
        self.see(sent.conversation_id, seq, msg_id, self.user_id)


def check(histories: Sequence[History], members: Mapping[str, Sequence[str]]) -> list[Fault]:
    """Return what breaks a promise; an empty list when all of them were kept.

    Args:
        histories: of all clients that wrote, after everybody has caught up.
        members: conversation -> user ids that were members from its first event to the end.
    """
    faults = [fault for history in histories for fault in history.faults]
    logs = _merge(histories, faults)
    for conversation_id, log in logs.items():
        faults += _check_log(conversation_id, log)
        for history in histories:
            if history.user_id in members.get(conversation_id, ()):
                faults += _check_complete(history, conversation_id, log)
    for history in histories:
        faults += _check_sent(history, logs)
        if history.hole_count:
            text = f"{history.name}: {history.hole_count} times a live connection skipped an event"
            faults.append(Fault("skipped", text))
        if history.longest_answer_s > ANSWERED_WITHIN_S + SLACK_S:
            faults.append(
                Fault("unanswered", f"{history.name}: an answer took {history.longest_answer_s:.1f} s")
            )
    return faults + _check_phantoms(histories, logs)


def count_faults(faults: Sequence[Fault]) -> dict[str, int]:
    """Return how many faults of each kind there are, 0 too."""
    return {kind: sum(fault.kind == kind for fault in faults) for kind in KINDS}


Logs = dict[str, dict[int, tuple[str, str]]]


def _merge(histories: Sequence[History], faults: list[Fault]) -> Logs:
    """Join what everybody saw; two members must never differ."""
    logs: Logs = {}
    for history in histories:
        for conversation_id, seen in history.seen.items():
            log = logs.setdefault(conversation_id, {})
            for seq, event in seen.items():
                if log.setdefault(seq, event) != event:
                    text = f"{conversation_id} {seq}: {log[seq]} for one, {event} for {history.name}"
                    faults.append(Fault("conflicting", text))
    return logs


def _check_log(conversation_id: str, log: Mapping[int, tuple[str, str]]) -> list[Fault]:
    faults = []
    places: dict[tuple[str, str], int] = {}
    for seq, event in sorted(log.items()):
        if event in places:
            faults.append(
                Fault("doubled", f"{conversation_id}: {event} stands at {places[event]} and at {seq}")
            )
        places[event] = seq
    return faults


def _check_complete(
    history: History, conversation_id: str, log: Mapping[int, tuple[str, str]]
) -> list[Fault]:
    missing = sorted(set(range(1, max(log) + 1)) - set(history.seen.get(conversation_id, {})))
    if not missing:
        return []
    text = f"{history.name}: {conversation_id}: {len(missing)} events missing, the first is {missing[0]}"
    return [Fault("lost", text)]


def _check_sent(history: History, logs: Logs) -> list[Fault]:
    faults = []
    last: dict[str, int] = {}
    for sent in history.sent.values():  # in the order of sending
        log = logs.get(sent.conversation_id, {})
        event = (sent.msg_id, history.user_id)
        places = [seq for seq, found in log.items() if found == event] if sent.refused is not None else []
        if sent.seq is not None and log.get(sent.seq) != event:
            found = log.get(sent.seq)
            faults.append(
                Fault("lost", f"{history.name}: {sent.msg_id}, acked at {sent.seq}: there is {found}")
            )
        if places:
            text = f"{history.name}: {sent.msg_id} was refused ({sent.refused}) and stands at {places}"
            faults.append(Fault("phantom", text))
        if not sent.settled:
            text = f"{history.name}: {sent.msg_id} was never answered in {sent.attempts} attempts"
            faults.append(Fault("unanswered", text))
        if sent.seq is not None and sent.attempts == 1:
            if sent.seq < last.get(sent.conversation_id, 0):
                text = f"{history.name}: {sent.msg_id} stands before what was sent earlier"
                faults.append(Fault("reordered", text))
            last[sent.conversation_id] = sent.seq
    return faults


def _check_phantoms(histories: Sequence[History], logs: Logs) -> list[Fault]:
    """Whatever a client of ours is said to have sent, it has sent."""
    by_user = {history.user_id: history for history in histories}
    return [
        Fault("phantom", f"{conversation_id} {seq}: {msg_id} of {sender_id}, who never sent it")
        for conversation_id, log in logs.items()
        for seq, (msg_id, sender_id) in log.items()
        if sender_id in by_user and msg_id.startswith("m-") and msg_id not in by_user[sender_id].sent
    ]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
