"""What is legal when: the tables of both ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingme.wire.frames import CLIENT_FRAMES, AnyClientFrame
from pingme.wire.server_frames import PAYLOADS
from pingme.wire.session import (
    CLIENT_FRAME_TYPES,
    CLIENT_RECEIVES,
    CLOSE_CODES,
    SERVER_FRAME_TYPES,
    SERVER_RECEIVES,
    State,
    Verdict,
    expected_of_server,
)
from pingme.wire.websocket import CloseCode

CLOSING = {Verdict.CLOSE_NOT_AUTHENTICATED, Verdict.CLOSE_VIOLATION}


def test_the_tables_are_total() -> None:
    """Every frame type in every state has exactly one answer, at both ends."""
    assert SERVER_RECEIVES.keys() == {(state, kind) for state in State for kind in CLIENT_FRAME_TYPES}
    assert CLIENT_RECEIVES.keys() == {(state, kind) for state in State for kind in SERVER_FRAME_TYPES}


def test_the_tables_know_every_frame() -> None:
    """The types in the tables are those of the structs."""
    assert set(SERVER_FRAME_TYPES) == set(PAYLOADS)
    assert set(CLIENT_FRAMES) == set(AnyClientFrame.__args__)
    assert len(set(CLIENT_FRAME_TYPES)) == len(CLIENT_FRAMES) == 12


def test_every_closing_verdict_has_its_code() -> None:
    """4401 for what came before authentication, 4400 for a violation."""
    assert CLOSE_CODES == {
        Verdict.CLOSE_NOT_AUTHENTICATED: CloseCode.NOT_AUTHENTICATED,
        Verdict.CLOSE_VIOLATION: CloseCode.VIOLATION,
    }


@pytest.mark.parametrize("kind", CLIENT_FRAME_TYPES)
def test_what_a_server_does_with_a_frame(kind: str) -> None:
    """Only auth counts before auth; frames behind it wait; two at once are a violation; after a close nothing counts."""
    is_auth = kind == "auth"

    assert SERVER_RECEIVES[State.CONNECTING, kind] is (
        Verdict.HANDLE if is_auth else Verdict.CLOSE_NOT_AUTHENTICATED
    )
    assert SERVER_RECEIVES[State.AUTHENTICATING, kind] is (
        Verdict.CLOSE_VIOLATION if is_auth else Verdict.HOLD
    )
    assert SERVER_RECEIVES[State.OPEN, kind] is Verdict.HANDLE
    assert SERVER_RECEIVES[State.CLOSING, kind] is Verdict.IGNORE


@pytest.mark.parametrize("kind", SERVER_FRAME_TYPES)
def test_what_a_client_does_with_a_frame(kind: str) -> None:
    """Before auth_ok a server says only how authentication went, or that it leaves."""
    early = {"auth_ok", "auth_fail", "reconnect"}

    assert CLIENT_RECEIVES[State.CONNECTING, kind] is (
        Verdict.HANDLE if kind in early else Verdict.CLOSE_VIOLATION
    )
    assert CLIENT_RECEIVES[State.AUTHENTICATING, kind] is (
        Verdict.HANDLE if kind in early | {"error"} else Verdict.CLOSE_VIOLATION
    )
    assert CLIENT_RECEIVES[State.OPEN, kind] is Verdict.HANDLE
    assert CLIENT_RECEIVES[State.CLOSING, kind] is Verdict.IGNORE


@pytest.mark.parametrize("state", State)
def test_what_was_expected_is_said(state: State) -> None:
    """A close reason exists for every state."""
    assert expected_of_server(state).startswith("expected")


@given(st.lists(st.sampled_from(CLIENT_FRAME_TYPES), max_size=20))
def test_no_sequence_handles_anything_before_auth(kinds: list[str]) -> None:
    """Whatever a client sends, nothing but auth is handled until the token was found good."""
    state = State.CONNECTING
    held = 0

    for kind in kinds:
        verdict = SERVER_RECEIVES[state, kind]
        if verdict in CLOSING:
            state = State.CLOSING
        elif verdict is Verdict.HANDLE and state is State.CONNECTING:
            assert kind == "auth"
            state = State.AUTHENTICATING
        elif verdict is Verdict.HOLD:
            held += 1
            if held == 3:  # the answer to auth arrives some time
                state = State.OPEN
        else:
            assert state in {State.OPEN, State.CLOSING}
