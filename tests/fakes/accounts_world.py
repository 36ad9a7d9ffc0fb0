"""Everything that tests of accounts need, built around the fake store and a clock that stands still."""

from __future__ import annotations

from typing import Any

from argon2 import PasswordHasher

from pingme.domain.events import ProfileUpdatedBody
from pingme.services.accounts import Accounts
from pingme.services.passwords import Passwords
from pingme.services.sessions import LoggedIn
from pingme.services.throttle import LoginThrottle
from pingme.services.tokens import Tokens
from tests.fakes.accounts import MemoryAccounts
from tests.fakes.clock import FakeClock

SECRET = "a secret for tests that is long enough"
PASSWORD = "correct horse"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class AccountsWorld:
    """The service with its fakes; `revoked` and `published` are what it told the others."""

    def __init__(self, **settings: Any) -> None:
        self.clock = FakeClock()
        self.store = MemoryAccounts()
        self.revoked: list[tuple[str, str, int]] = []
        self.published: list[tuple[str, str, ProfileUpdatedBody]] = []
        self.tokens = Tokens(SECRET, clock=self.clock, expiration_s=3_600)
        self.throttle = LoginThrottle(self.clock, failures=5)
        self.passwords = Passwords(hashes=2, waiting=64, entropy=self.clock.entropy, hasher=CHEAP)
        self.accounts = Accounts(
            self.store,
            self.passwords,
            self.tokens,
            self.throttle,
            self.clock,
            on_revoked=lambda *told: self.revoked.append(told),
            publish_profile=self.publish,
            **settings,
        )

    async def publish(self, user_id: str, msg_id: str, body: ProfileUpdatedBody) -> None:
        self.published.append((user_id, msg_id, body))
        self.store.apply_profile(user_id, body)

    def session_of(self, login: LoggedIn) -> tuple[str, str]:
        """Return whose session it is, and its family."""
        return login.user.user_id, self.tokens.parse_refresh(login.refresh_token).family_id

    def close(self) -> None:
        self.passwords.close()
