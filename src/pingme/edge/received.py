"""What other nodes say, as the values that the pipeline speaks."""

from __future__ import annotations

from pingme.domain.events import Event, Outcome, RefusedOutcome, Stored
from pingme.wire.pushed import PushedAnswer, PushedEvent


def outcome_of(item: PushedEvent) -> Stored:
    """Return what was stored, with its event; digest and hash are the store's and stay there."""
    event = Event(
        item.conversation_id, item.seq, item.kind, item.sender_id, item.msg_id,
        item.server_ts, item.payload, item.client_ts, b"", b"",
    )  # fmt: skip
    return Stored(
        item.conversation_id, item.seq, item.server_ts, item.duplicate, event, item.hearers, item.members_seq
    )


def answer_of(item: PushedAnswer) -> Outcome:
    """Return the outcome of a command that stored nothing new."""
    if item.code:
        return RefusedOutcome(item.code, item.message)
    return Stored(item.conversation_id, item.seq, item.server_ts, duplicate=True)
