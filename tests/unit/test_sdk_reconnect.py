"""When a client comes back, and when it stays away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingme.domain.errors import ErrorCode
from pingme.sdk.errors import ProtocolFault, Replaced, SessionEnded
from pingme.sdk.reconnect import MAX_MS, Ended, ReconnectAfter, Stop, backoff_ms, decide_reconnect
from pingme.wire.websocket import RESUMABLE, CloseCode


def test_waits_double_from_200_ms_to_15_s():
    """Without jitter's share the waits are 200, 400, 800 … 15 000 ms."""
    waits = [backoff_ms(attempt, 1.0) for attempt in range(1, 10)]

    assert waits == [200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000]


@given(attempt=st.integers(1, 10_000), jitter=st.floats(0, 1))
def test_every_wait_is_within_its_bounds(attempt: int, jitter: float):
    """However often it failed: at least 100 ms, at most 15 s."""
    assert 100 <= backoff_ms(attempt, jitter) <= MAX_MS


@pytest.mark.parametrize("code", [*RESUMABLE, 1000, 1006, CloseCode.SERVER_ERROR])
def test_ends_that_pass_lead_back(code: int):
    """A server that leaves, is overloaded or gone is connected to again, with the same token."""
    assert decide_reconnect(Ended(code), 1, 1.0) == ReconnectAfter(200)


def test_a_refused_token_is_refreshed_first():
    """4401, and a token refused while connecting, ask for fresh tokens."""
    closed = decide_reconnect(Ended(CloseCode.NOT_AUTHENTICATED), 1, 0.0)
    refused = decide_reconnect(Ended(1006, token_refused=True), 1, 0.0)

    assert closed == refused == ReconnectAfter(100, refresh=True)


def test_the_server_may_ask_for_a_longer_wait():
    """`reconnect {after_ms}` and Retry-After are obeyed."""
    assert decide_reconnect(Ended(1001, after_ms=3_000), 1, 0.0) == ReconnectAfter(3_000)


@pytest.mark.parametrize(
    ("code", "error", "number"),
    [
        (CloseCode.REVOKED, SessionEnded, ErrorCode.UNAUTHORIZED),
        (CloseCode.REPLACED, Replaced, ErrorCode.CONFLICT),
        (CloseCode.VIOLATION, ProtocolFault, ErrorCode.WEBSOCKET_ERROR),
        (CloseCode.MESSAGE_TOO_BIG, ProtocolFault, ErrorCode.WEBSOCKET_ERROR),
    ],
)
def test_ends_that_would_only_repeat_stop_the_client(code: int, error: type[Exception], number: ErrorCode):
    """Revoked, replaced and faulty clients stay away and say why."""
    decision = decide_reconnect(Ended(code, "because"), 1, 0.5)

    assert isinstance(decision, Stop)
    assert isinstance(decision.error, error)
    assert decision.error.code == number


def test_an_address_that_has_worked_is_not_given_up():
    """404 and 403 come from a proxy while the server is away; at the first attempt the address is wrong."""
    refused = Ended(CloseCode.VIOLATION, "HTTP 404", rejected=True)

    first = decide_reconnect(refused, 1, 1.0)
    later = decide_reconnect(refused, 1, 1.0, was_open=True)
    fault = decide_reconnect(Ended(CloseCode.VIOLATION), 1, 1.0, was_open=True)

    assert isinstance(first, Stop)
    assert later == ReconnectAfter(200)
    assert isinstance(fault, Stop)
