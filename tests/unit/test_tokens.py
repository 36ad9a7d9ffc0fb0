"""Tokens: what is accepted, and everything that is not."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.accounts import Device
from pingme.services.tokens import RefreshDecision, Tokens, decide_refresh
from tests.fakes.clock import FakeClock

SECRET = "a secret for tests that is long enough"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tokens(clock: FakeClock) -> Tokens:
    return Tokens(SECRET, clock=clock, expiration_s=3_600, cached=3)


def issue(tokens: Tokens) -> str:
    return tokens.issue(user_id="u1", device_id="d1", family_id="f1")


def forge(clock: FakeClock, *, key: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    now_s = clock.now_ms() // 1000
    claims = {"sub": "u1", "did": "d1", "sid": "f1", "jti": "j", "iat": now_s, "exp": now_s + 60, **changes}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm=algorithm)


def code_of(tokens: Tokens, token: str) -> ErrorCode:
    with pytest.raises(Refused) as caught:
        tokens.verify(token)
    return caught.value.code


def test_an_issued_token_is_verified(tokens: Tokens, clock: FakeClock) -> None:
    """It says who, where, until when; a second look gives the same."""
    token = issue(tokens)

    claims = tokens.verify(token)

    assert (claims.sub, claims.did, claims.sid) == ("u1", "d1", "f1")
    assert claims.exp * 1000 == clock.now_ms() + 3_600_000
    assert tokens.verify(token) is claims


def test_two_tokens_of_one_moment_differ(tokens: Tokens) -> None:
    """Each has its own jti."""
    assert issue(tokens) != issue(tokens)


async def test_a_token_expires_also_after_it_was_seen(tokens: Tokens, clock: FakeClock) -> None:
    """The cache honours the expiry."""
    token = issue(tokens)
    tokens.verify(token)

    await clock.advance(3_599_999)
    tokens.verify(token)
    await clock.advance(1)

    assert code_of(tokens, token) is ErrorCode.TOKEN_EXPIRED
    assert code_of(tokens, token) is ErrorCode.TOKEN_EXPIRED


def test_a_clock_set_back_makes_no_token_invalid(tokens: Tokens, clock: FakeClock) -> None:
    """A token of the future is only a token of a clock that was wrong."""
    token = issue(tokens)

    clock.jump_wall(-3_600_000)

    tokens.verify(token)


@pytest.mark.parametrize("missing", ["sub", "did", "sid", "jti", "iat", "exp"])
def test_a_token_without_a_claim_is_invalid(tokens: Tokens, clock: FakeClock, missing: str) -> None:
    """All of them are required."""
    assert code_of(tokens, forge(clock, **{missing: None})) is ErrorCode.INVALID_TOKEN


@pytest.mark.parametrize(
    "wrong", [{"exp": "soon"}, {"exp": 1e400}, {"sub": 7}, {"did": ["d"]}, {"exp": True}]
)
def test_a_claim_of_another_type_is_invalid(tokens: Tokens, clock: FakeClock, wrong: dict[str, Any]) -> None:
    """A good signature does not excuse a wrong shape."""
    assert code_of(tokens, forge(clock, **wrong)) is ErrorCode.INVALID_TOKEN


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_with_the_right_key_is_invalid(
    tokens: Tokens, clock: FakeClock, algorithm: str
) -> None:
    """One algorithm is allowed."""
    token = forge(clock, key=SECRET * 4, algorithm=algorithm)
    other = Tokens(SECRET * 4, clock=clock, expiration_s=60)

    assert code_of(other, token) is ErrorCode.INVALID_TOKEN


@pytest.mark.parametrize("name", ["none", "None", "NONE", "", "RS256", "hs256"])
def test_a_header_with_another_algorithm_is_invalid(tokens: Tokens, clock: FakeClock, name: str) -> None:
    """No signature, or the server's key taken for another kind of key, is not let in."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": name, "typ": "JWT"}).encode()).decode().rstrip("=")
    _, payload, signature = forge(clock).split(".")

    assert code_of(tokens, f"{header}.{payload}.") is ErrorCode.INVALID_TOKEN
    assert code_of(tokens, f"{header}.{payload}.{signature}") is ErrorCode.INVALID_TOKEN


def test_a_tampered_token_is_invalid(tokens: Tokens, clock: FakeClock) -> None:
    """Another payload under the same signature, or another key."""
    head, _, signature = issue(tokens).split(".")
    _, payload, _ = forge(clock, sub="u2").split(".")

    assert code_of(tokens, f"{head}.{payload}.{signature}") is ErrorCode.INVALID_TOKEN
    assert code_of(tokens, forge(clock, key=SECRET[::-1])) is ErrorCode.INVALID_TOKEN


@pytest.mark.parametrize("behind", ["=", "==", "!!!!", "\n", " ", ".", ".x"])
def test_a_token_has_one_spelling(tokens: Tokens, behind: str) -> None:
    """Nothing stands behind it, and nothing that a lenient decoder passes over stands inside (RFC 7515 §2)."""
    token = issue(tokens)
    place = len(token) - 4

    assert code_of(tokens, token + behind) is ErrorCode.INVALID_TOKEN
    assert code_of(tokens, token[:place] + behind + token[place:]) is ErrorCode.INVALID_TOKEN


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_an_invalid_token(text: str) -> None:
    """Nothing but 30005 comes out."""
    tokens = Tokens(SECRET, clock=FakeClock(), expiration_s=60)

    assert code_of(tokens, text) is ErrorCode.INVALID_TOKEN
    with pytest.raises(Refused):
        tokens.parse_refresh(text)


def test_the_cache_is_bounded(tokens: Tokens) -> None:
    """The oldest goes; it is verified anew when it comes again."""
    issued = [issue(tokens) for _ in range(10)]
    for token in issued:
        tokens.verify(token)

    assert len(tokens._verified) == 3
    tokens.verify(issued[0])


def test_a_short_secret_still_signs_with_a_whole_key(clock: FakeClock) -> None:
    """Development allows it; an empty one is a mistake."""
    tokens = Tokens("short", clock=clock, expiration_s=60)

    tokens.verify(issue(tokens))
    with pytest.raises(ValueError, match="secret"):
        Tokens("", clock=clock, expiration_s=60)


def test_a_refresh_token_is_a_function_of_family_and_generation(tokens: Tokens, clock: FakeClock) -> None:
    """So a repeated exchange gives the same successor, also from another process with the same secret."""
    family = tokens.new_family()
    token = tokens.issue_refresh(family, 7)

    assert token == Tokens(SECRET, clock=clock, expiration_s=1).issue_refresh(family, 7)
    assert token != tokens.issue_refresh(family, 8)
    assert (tokens.parse_refresh(token).family_id, tokens.parse_refresh(token).generation) == (family, 7)


def test_a_changed_refresh_token_is_invalid(tokens: Tokens) -> None:
    """Every character counts, and an access token is no refresh token."""
    token = tokens.issue_refresh(tokens.new_family(), 1)
    changed = [token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :] for i in range(len(token))]

    for text in [*changed, token + "A", token[:-1], token + "=", issue(tokens)]:
        with pytest.raises(Refused):
            tokens.parse_refresh(text)


def device(generation: int, *, rotated_ts: int, expires_ts: int) -> Device:
    return Device(
        device_id="d",
        name="",
        family_id="f",
        generation=generation,
        rotated_ts=rotated_ts,
        created_ts=0,
        expires_ts=expires_ts,
    )


@pytest.mark.parametrize(
    ("generation", "after_ms", "decision"),
    [
        (5, 0, RefreshDecision.ROTATE),
        (5, 999_999, RefreshDecision.ROTATE),
        (4, 10_000, RefreshDecision.REPEAT),
        (4, 10_001, RefreshDecision.REUSED),
        (3, 0, RefreshDecision.REUSED),
        (6, 0, RefreshDecision.REUSED),
        (5, 1_000_000, RefreshDecision.EXPIRED),
        (4, 1_000_000, RefreshDecision.EXPIRED),
    ],
)
def test_what_a_refresh_token_is_worth(generation: int, after_ms: int, decision: RefreshDecision) -> None:
    """The current one rotates, the one before repeats for 10 s, all others are reuse."""
    current = device(5, rotated_ts=50_000, expires_ts=1_050_000)

    assert decide_refresh(current, generation, 50_000 + after_ms) is decision
