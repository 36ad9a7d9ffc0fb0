"""What is delivered after a commit that broke was read back."""

from __future__ import annotations

from collections.abc import Sequence

from pingme.domain.events import Command, Event, Outcome, Stored


def with_events(
    commands: Sequence[Command], outcomes: Sequence[Outcome], since_ms: Sequence[int | None]
) -> list[Outcome]:
    """Give duplicates their events back where perhaps nobody has delivered them.

    An older one was delivered, or will be found by sync; and who has joined since then may not hear it.

    Args:
        commands: the batch.
        outcomes: one for each.
        since_ms: for each, the time (server_ts) from which on nobody knows whether it was delivered; None: it was.
    """
    return [
        _restored(command, outcome)
        if isinstance(outcome, Stored)
        and outcome.event is None
        and since is not None
        and outcome.server_ts >= since
        else outcome
        for command, outcome, since in zip(commands, outcomes, since_ms, strict=True)
    ]


def _restored(command: Command, stored: Stored) -> Stored:
    event = Event(
        stored.conversation_id, stored.seq, command.kind, command.sender_id, command.msg_id,
        stored.server_ts, command.payload, command.client_ts, b"", b"",
    )  # fmt: skip
    return Stored(
        stored.conversation_id, stored.seq, stored.server_ts, stored.duplicate, event, stored.hearers,
        stored.members_seq,
    )  # fmt: skip
