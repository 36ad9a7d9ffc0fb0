"""The `limits` section: every bound that docs/protocol.md and docs/architecture.md name, with its range and unit."""

from __future__ import annotations

from pydantic import Field

from pingme.config.section import Section

DAY_S = 86_400
YEAR_S = 365 * DAY_S
MIB = 1 << 20


class LimitsSettings(Section):
    """Bounds. What happens at each is in docs/protocol.md, "Limits"."""

    # What a client may send.
    sends_per_s: int = Field(
        default=20,
        ge=0,
        le=1_000_000,
        description="Sends per second and connection; beyond it the socket is not read. 0 = no limit, and none by "
        "`http_sends_per_s`, `connects_per_s` and `unanswered_sends` either: for measuring.",
    )
    sends_burst: int = Field(
        default=60, ge=1, le=1_000_000, description="Sends that may come at once before the rate counts."
    )
    http_sends_per_s: int = Field(
        default=20,
        ge=0,
        le=1_000_000,
        description="What a user may write over HTTP in a second, with bursts of three times that; beyond it 10007. "
        "0 = no limit.",
    )
    unanswered_sends: int = Field(
        default=64,
        ge=1,
        le=65_536,
        description="Unanswered sends of a connection; at the bound the socket is not read.",
    )
    control_frames_per_s: int = Field(
        default=50,
        ge=1,
        le=100_000,
        description="Ping, pong, typing, presence and sync frames per second and connection; beyond it close 4429.",
    )
    connects_per_s: int = Field(
        default=10,
        ge=0,
        le=100_000,
        description="Connects per second and user, with bursts of three times that; beyond it auth waits up to 2 s, "
        "then close 4429. 0 = no limit.",
    )
    reaction_kinds: int = Field(
        default=20, ge=1, le=1_000, description="Different emoji on one message; beyond it 40008."
    )
    edit_window_s: int = Field(
        default=DAY_S,
        ge=0,
        le=10 * YEAR_S,
        description="Seconds in which a sender may edit; later 40007. 0 = no limit.",
    )
    recall_window_s: int = Field(
        default=DAY_S,
        ge=0,
        le=10 * YEAR_S,
        description="Seconds in which a sender may recall; later 40007. 0 = no limit.",
    )
    body_bytes: int = Field(
        default=65_536, ge=1_024, le=16 * MIB, description="Bytes of an HTTP request body."
    )
    header_bytes: int = Field(
        default=16_384, ge=1_024, le=MIB, description="Bytes of the headers of an HTTP request."
    )

    # Connections and pages.
    connections: int = Field(
        default=100_000, ge=1, le=10_000_000, description="Open WebSockets of this node; beyond it 503."
    )
    http_connections: int = Field(
        default=10_000,
        ge=1,
        le=10_000_000,
        description="Open HTTP sockets of this node, WebSockets not counted; beyond it 503 (10008) at once.",
    )
    auth_deadline_s: float = Field(
        default=5.0,
        ge=1,
        le=300,
        description="Seconds in which a socket must authenticate, rounded to whole ones; later close 4401.",
    )
    outbox_bytes: int = Field(
        default=MIB,
        ge=65_536,
        le=1_024 * MIB,
        description="Bytes waiting for a slow client; beyond it close 4413.",
    )
    devices_per_user: int = Field(
        default=20, ge=1, le=1_000, description="Devices of a user; the oldest is closed with 4451."
    )
    presence_grace_s: float = Field(
        default=5.0,
        ge=0,
        le=300,
        description="Seconds after the last device went before the user is shown offline.",
    )

    # Groups.
    group_members: int = Field(
        default=1_000, ge=2, le=100_000, description="Members of a group; beyond it 40008."
    )
    groups_per_user: int = Field(
        default=1_000, ge=1, le=100_000, description="Groups of a user; beyond it 40008."
    )

    # Accounts.
    login_hashes: int = Field(
        default=2, ge=1, le=64, description="Passwords hashed at once; each takes a core for 0.1 s or so."
    )
    login_waiting: int = Field(
        default=64, ge=0, le=65_536, description="Logins waiting for a hash; beyond it 10008."
    )
    login_failures: int = Field(
        default=5,
        ge=1,
        le=1_000,
        description="Failed logins of an account before the delay begins to double.",
    )
    registrations_per_hour: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Registrations per hour and address; beyond it 10007. 0 = no limit.",
    )
    refresh_ttl_s: int = Field(
        default=30 * DAY_S, ge=60, le=10 * YEAR_S, description="Seconds for which a refresh token is good."
    )

    # The server's own waits and queues.
    answer_timeout_s: float = Field(
        default=10.0,
        ge=0.01,
        le=300,
        description="Seconds after which a send without an outcome is answered 10009.",
    )
    store_statement_s: float = Field(
        default=5.0,
        ge=0.01,
        le=300,
        description="Seconds of waiting while another program holds the file (one attempt to write: 0.1 at most); then "
        "20001. MySQL: of one statement, and of waiting for a lock (whole ones).",
    )
    log_records: int = Field(
        default=10_000,
        ge=1,
        le=10_000_000,
        description="Commands waiting in the message log; beyond it 10008.",
    )
    outage_refuse_ms: int = Field(
        default=1_500,
        ge=0,
        le=60_000,
        description="Milliseconds of a store outage after which embedded sends are refused.",
    )
    draining_s: float = Field(
        default=20.0,
        ge=0,
        le=600,
        description="Seconds in which a stopping server answers what it has; a supervisor waits ten more before it kills.",
    )
    drain_spread_ms: int = Field(
        default=3_000,
        ge=0,
        le=600_000,
        description="Milliseconds over which clients of a stopping server come back.",
    )
