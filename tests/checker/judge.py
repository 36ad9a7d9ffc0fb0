"""All rules on all histories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.checker import rules_device, rules_log, rules_sender
from tests.checker.evidence import Evidence, gather
from tests.checker.records import BadHistory, History, read_file
from tests.checker.rules_sender import Span
from tests.checker.verdict import Verdict


def judge(
    histories: Sequence[History], allowances: Sequence[Span] = (), halts: Sequence[Span] = ()
) -> Verdict:
    """Return what breaks a promise.

    Args:
        histories: of every device of every user who wrote; a user without a history is not judged as a sender.
        allowances: (from, to) on the histories' clock in which the server was stopped or cut off on purpose.
        halts: times in which the clients themselves did not run: nobody could hear anything.
    """
    evidence = gather(histories)
    faults = [
        *evidence.faults,
        *rules_log.check(evidence),
        *rules_device.check(evidence, halts),
        *rules_sender.check(evidence, [*allowances, *halts]),
    ]
    return Verdict(list(dict.fromkeys(faults)), _looked_at(evidence))


def read_folder(folder: Path) -> list[History]:
    """Return the histories in ``folder/*.ndjson``.

    Raises:
        BadHistory: one is not of the format, or there is none.
    """
    histories = [read_file(path) for path in sorted(folder.glob("*.ndjson"))]
    if not histories:
        raise BadHistory(f"{folder}: no *.ndjson in it")
    return histories


def _looked_at(evidence: Evidence) -> dict[str, int]:
    histories = evidence.histories
    return {
        "devices": len(histories),
        "conversations": len(evidence.logs),
        "events": sum(len(log.events) for log in evidence.logs.values()),
        "sends": sum(len(history.sends) for history in histories),
        "acks": sum(answer.outcome == "ack" for history in histories for answer in history.answers),
        "deliveries": sum(len(history.pushes) for history in histories),
        "connections": sum(len(history.connections) for history in histories),
    }
