"""Sessions that other nodes may end are believed for a while only."""

from __future__ import annotations

import pytest

from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.accounts import Device, NewUser
from pingme.services.sessions import Sessions
from pingme.services.tokens import Tokens
from tests.fakes.accounts import MemoryAccounts
from tests.fakes.clock import FakeClock

TTL_MS = 2_000
DEVICE = Device(
    device_id="d1", name="", family_id="f1", generation=1, rotated_ts=0, created_ts=0, expires_ts=2**50
)


class CountingAccounts(MemoryAccounts):
    asked = 0

    async def session(self, family_id: str):
        self.asked += 1
        return await super().session(family_id)


async def open_session(ttl_ms: int | None) -> tuple[Sessions, CountingAccounts, FakeClock, str]:
    clock, accounts = FakeClock(), CountingAccounts()
    await accounts.create_user(
        NewUser(user_id="u1", username="ada", username_key="ada", password_hash="hash", created_ts=0)
    )
    await accounts.open_device("u1", DEVICE, password_hash="hash", now_ms=clock.now_ms(), limit=20)
    tokens = Tokens("s" * 32, clock=clock, expiration_s=3600)
    sessions = Sessions(
        accounts,
        tokens,
        clock=clock,
        on_revoked=lambda *_: None,
        devices_per_user=20,
        refresh_ttl_s=3600,
        session_ttl_ms=ttl_ms,
    )
    return sessions, accounts, clock, tokens.issue(user_id="u1", device_id="d1", family_id="f1")


async def test_a_session_ended_elsewhere_is_believed_for_two_seconds_at_most() -> None:
    """Until then the store is not asked again; after it the token is refused."""
    sessions, accounts, clock, token = await open_session(TTL_MS)
    await sessions.verify_access(token)
    await accounts.remove_device("u1", "d1")

    await clock.advance(TTL_MS - 1)
    await sessions.verify_access(token)
    assert accounts.asked == 1
    await clock.advance(1)

    with pytest.raises(Refused) as refused:
        await sessions.verify_access(token)
    assert refused.value.code is ErrorCode.INVALID_TOKEN


async def test_a_session_that_goes_on_is_asked_for_once_per_bound() -> None:
    """However many requests come."""
    sessions, accounts, clock, token = await open_session(TTL_MS)
    for _ in range(3):
        for _ in range(10):
            await sessions.verify_access(token)
        await clock.advance(TTL_MS)

    assert accounts.asked == 3


async def test_nothing_is_kept_of_sessions_that_ended() -> None:
    """Here or elsewhere: every login makes a new family, for as long as the process lives."""
    sessions, accounts, _, token = await open_session(TTL_MS)
    await sessions.verify_access(token)
    assert len(sessions._sessions) == 1

    sessions.forget("u1")
    assert sessions._sessions == {}
    await sessions.verify_access(token)
    await sessions.end("u1", "d1")

    assert sessions._sessions == {}
    assert accounts.asked == 2


async def test_embedded_a_session_is_believed_until_it_ends_here() -> None:
    """One process does all the ending, so nothing is asked again."""
    sessions, accounts, clock, token = await open_session(None)
    for _ in range(5):
        await sessions.verify_access(token)
        await clock.advance(60_000)

    assert accounts.asked == 1
