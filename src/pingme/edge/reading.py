"""When a socket is read: not while it is too fast, or too much of what it sent is unanswered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pingme.wire import frames
from pingme.wire.websocket import CloseCode

if TYPE_CHECKING:
    from pingme.edge.connection import Connection

MAX_JOBS = 16  # frames that wait for their turn, per connection; then the socket is not read
MAX_IGNORED = 64  # frames after our close frame: those that were on their way

ANSWERED_LATER = (
    frames.Sync,
    frames.History,
    frames.Ack,
    frames.Typing,
    frames.PresenceSet,
    frames.PresenceWatch,
)
# Not answered, and so free for a flood; or answered at length, and asked for once in a while by anybody else.
COUNTED = (frames.Typing, frames.PresenceSet, frames.PresenceWatch, frames.Sync)


def spend_token(connection: Connection) -> None:
    """Count a send against the rate; above it, or with too much unanswered, stop reading for a while."""
    rules = connection.node.rules
    if connection.unanswered >= rules.unanswered_sends:
        connection.pause()
    now = connection.node.clock.monotonic_ms()
    if not connection.tokens_ms:
        connection.tokens_ms = now
    gained = (now - connection.tokens_ms) * rules.sends_per_s / 1000
    connection.tokens = min(float(rules.sends_burst), connection.tokens + gained) - 1
    connection.tokens_ms = now
    if connection.tokens < 0:
        connection.pause()
        connection.node.resumes.put(connection, int(-connection.tokens * 1000 / rules.sends_per_s) + 1)


def control_allowed(connection: Connection) -> bool:
    """Count a frame of those that cost little but come in floods; close 4429 above the bound."""
    now = connection.node.wheel.now_s
    if now != connection.controls_s:
        connection.controls_s = now
        connection.controls = 0
    connection.controls += 1
    if connection.controls > connection.node.rules.control_frames_per_s:
        connection.close(CloseCode.FLOODING, "too many control frames")
        return False
    return True


def ignore(connection: Connection) -> None:
    """Count what comes after our close frame: whoever goes on flooding is not read any more."""
    connection.ignored += 1
    if connection.ignored == MAX_IGNORED:
        connection.pipe.pause_reading()


def resume_reading(connection: Connection) -> None:
    """Read a paused socket again, or say when to ask anew."""
    rules = connection.node.rules
    if connection.jobs_waiting >= MAX_JOBS:
        return
    if not rules.unlimited:
        if connection.unanswered >= rules.unanswered_sends:
            return
        elapsed = connection.node.clock.monotonic_ms() - connection.tokens_ms
        owed_ms = -connection.tokens * 1000 / rules.sends_per_s - elapsed
        if owed_ms > 0:
            connection.node.resumes.put(connection, int(owed_ms) + 1)
            return
    connection.paused = False
    connection.pipe.resume_reading()
