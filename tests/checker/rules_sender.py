"""What senders were promised: an answer in time, one seq, and seqs in the order of what they knew when they sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.checker.evidence import Evidence
from tests.checker.records import Answer, History, Send
from tests.checker.verdict import Fault

ANSWERED_WITHIN_S = 10.0  # docs/guarantees.md: then the outcome is unknown, and the server says so
SLACK_S = 2.0  # for the way there and back on a busy machine

Span = tuple[float, float]


def check(evidence: Evidence, allowances: Sequence[Span] = ()) -> Iterator[Fault]:
    """Yield what is wrong with the answers to senders.

    Args:
        evidence: of all clients.
        allowances: times in which a server could not have answered (stopped, cut off); waits are longer by as much.
    """
    for history in evidence.histories:
        yield from _one_seq(history)
        yield from _waits(history, allowances)
        yield from _unsettled(evidence, history)
        yield from _pipelined(history)
    yield from _causes(evidence)


def _one_seq(history: History) -> Iterator[Fault]:
    seqs: dict[str, tuple[str, int]] = {}
    for answer in history.answers:
        if answer.outcome == "ack":
            place = (answer.conversation_id, answer.seq)
            first = seqs.setdefault(answer.msg_id, place)
            if first != place:
                text = f"{history.name}: {answer.msg_id} was acked at {first}, then at {place}"
                yield Fault("duplicated", text)


def _waits(history: History, allowances: Sequence[Span]) -> Iterator[Fault]:
    """Each send is answered in time on its connection, or the connection ends."""
    answers: dict[tuple[int, str], list[float]] = {}
    for answer in history.answers:
        answers.setdefault((answer.connection, answer.msg_id), []).append(answer.t_s)
    for send in history.sends:
        connection = history.connections.get(send.connection)
        closed_s = connection.closed_s if connection is not None else None
        end_s = history.ended_s if closed_s is None else closed_s
        times = answers.get((send.connection, send.msg_id), [])
        until_s = min((at for at in times if at >= send.t_s), default=end_s)
        allowed_s = ANSWERED_WITHIN_S + SLACK_S
        allowed_s += sum(max(0, min(until_s, to_s) - max(send.t_s, from_s)) for from_s, to_s in allowances)
        if until_s - send.t_s > allowed_s:
            text = f"{history.name}: {send.msg_id} had no answer for {until_s - send.t_s:.1f} s"
            yield Fault("unanswered", text)


def _unsettled(evidence: Evidence, history: History) -> Iterator[Fault]:
    """In the end everything sent is stored, refused, or kept by the operator's side as a dead letter."""
    settled = {
        answer.msg_id
        for other in evidence.histories
        if other.user_id == history.user_id  # a second device may have sent it again
        for answer in other.answers
        if answer.outcome == "ack" or (answer.outcome in ("refused", "unknown") and not answer.retryable)
    }
    for msg_id in dict.fromkeys(send.msg_id for send in history.sends):
        if msg_id not in settled:
            yield Fault("unanswered", f"{history.name}: nobody said what became of {msg_id}")


def _pipelined(history: History) -> Iterator[Fault]:
    """What one connection sent earlier, and was acked on it, stands before what it sent later for the first time."""
    acked = {
        (answer.connection, answer.msg_id): answer
        for answer in reversed(history.answers)
        if answer.outcome == "ack"
    }
    seqs = {answer.msg_id: answer.seq for answer in history.answers if answer.outcome == "ack"}
    last: dict[tuple[int, str], int] = {}
    for place, send in enumerate(history.sends):
        last[send.connection, send.msg_id] = place
    known: set[str] = set()
    highest: dict[tuple[int, str], tuple[int, str]] = {}
    for place, send in enumerate(history.sends):
        if send.connection == 0:  # HTTP requests overtake each other
            known.add(send.msg_id)
            continue
        key = (send.connection, send.conversation_id)
        seq, before = seqs.get(send.msg_id, 0), highest.get(key, (0, ""))
        if send.msg_id not in known and seq and seq < before[0]:
            text = (
                f"{history.name}: {send.msg_id} ({seq}) stands before {before[1]} ({before[0]}), sent earlier"
            )
            yield Fault("reordered", text)
        known.add(send.msg_id)
        answer = acked.get((send.connection, send.msg_id))
        if answer is not None and last[send.connection, send.msg_id] == place:
            highest[key] = max(before, (answer.seq, send.msg_id))


def _causes(evidence: Evidence) -> Iterator[Fault]:
    """ack(a) before send(b), whoever sent them, means seq(a) < seq(b)."""
    seqs: dict[tuple[str, str], int] = {
        event.name: seq for log in evidence.logs.values() for seq, event in log.events.items()
    }
    acks: dict[str, list[Answer]] = {}
    firsts: dict[str, list[tuple[Send, tuple[str, str]]]] = {}
    first_s: dict[tuple[str, str], float] = {}
    for history in evidence.histories:
        for answer in history.answers:
            if answer.outcome == "ack":
                acks.setdefault(answer.conversation_id, []).append(answer)
                seqs.setdefault((history.user_id, answer.msg_id), answer.seq)
        for send in history.sends:
            name = (history.user_id, send.msg_id)
            first_s[name] = min(send.t_s, first_s.get(name, send.t_s))
    for history in evidence.histories:
        for send in history.sends:
            name = (history.user_id, send.msg_id)
            if first_s[name] == send.t_s:
                firsts.setdefault(send.conversation_id, []).append((send, name))
    for conversation_id, sends in firsts.items():
        yield from _sweep(conversation_id, sends, acks.get(conversation_id, []), seqs)


def _sweep(
    conversation_id: str,
    sends: list[tuple[Send, tuple[str, str]]],
    acks: list[Answer],
    seqs: dict[tuple[str, str], int],
) -> Iterator[Fault]:
    waiting = sorted(acks, key=lambda answer: answer.t_s, reverse=True)
    highest, by = 0, ""
    for send, name in sorted(sends, key=lambda pair: pair[0].t_s):
        while waiting and waiting[-1].t_s < send.t_s:
            answer = waiting.pop()
            if answer.seq > highest:
                highest, by = answer.seq, answer.msg_id
        seq = seqs.get(name, 0)
        if seq and seq <= highest and by != name[1]:
            text = f"{conversation_id}: {name} stands at {seq}, but {by} was acked at {highest} before it was sent"
            yield Fault("ack_order", text)
