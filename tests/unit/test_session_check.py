"""A node looks in the store whether sessions have ended elsewhere, and closes their sockets."""

from __future__ import annotations

import asyncio

import pytest

from pingme.domain.errors import StoreUnavailable
from pingme.ports.accounts import Device, NewUser
from pingme.services import session_check
from pingme.services.session_check import SessionCheck
from tests.fakes.accounts import MemoryAccounts
from tests.fakes.clock import FakeClock


class Sockets:
    def __init__(self, *families: str) -> None:
        self.open = set(families)

    def families(self) -> set[str]:
        return set(self.open)

    def close_families(self, family_ids: set[str]) -> None:
        self.open -= family_ids


class Accounts(MemoryAccounts):
    """Counts questions, and may be away."""

    asked = 0
    away = False

    async def standing(self, family_ids):  # type: ignore[no-untyped-def]
        self.asked += 1
        if self.away:
            raise StoreUnavailable("away")
        return await super().standing(family_ids)


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.accounts = Accounts()
        self.sockets = Sockets("f-phone", "f-laptop")
        self.forgotten = 0
        self.check = SessionCheck(self.accounts, self.clock, lambda: self.sockets, self._forget)

    def _forget(self) -> None:
        self.forgotten += 1

    async def log_in(self) -> None:
        await self.accounts.create_user(
            NewUser(user_id="ua", username="a", username_key="a", password_hash="hash", created_ts=1)
        )
        for name in ("phone", "laptop"):
            device = Device(
                device_id=name, name="", family_id=f"f-{name}", generation=1, rotated_ts=1, created_ts=1,
                expires_ts=10**15,
            )  # fmt: skip
            await self.accounts.open_device("ua", device, password_hash="hash", now_ms=1, limit=20)


async def test_a_session_that_ended_elsewhere_is_closed_with_the_next_look() -> None:
    """Only that one; and what is remembered of sessions is dropped."""
    bench = Bench()
    await bench.log_in()
    await bench.check.look()
    assert bench.sockets.open == {"f-phone", "f-laptop"}

    await bench.accounts.remove_device("ua", "phone")
    await bench.check.look()

    assert bench.sockets.open == {"f-laptop"}
    assert bench.forgotten == 2


async def test_while_nothing_ends_it_asks_for_one_number_only() -> None:
    """The sockets are looked at once in the beginning, and when the number has changed."""
    bench = Bench()
    await bench.log_in()
    for _ in range(60):
        await bench.check.look()
    assert bench.accounts.asked == 1

    await bench.accounts.remove_device("ua", "laptop")
    for _ in range(60):
        await bench.check.look()
    assert bench.accounts.asked == 2


async def test_a_store_that_is_away_closes_nobody_and_is_asked_again() -> None:
    """Nothing is known, so nothing is done; the look after it finds what has ended meanwhile."""
    bench = Bench()
    await bench.log_in()
    await bench.check.look()
    await bench.accounts.remove_device("ua", "phone")
    bench.accounts.away = True
    with pytest.raises(StoreUnavailable):
        await bench.check.look()
    assert bench.sockets.open == {"f-phone", "f-laptop"}

    bench.accounts.away = False
    await bench.check.look()

    assert bench.sockets.open == {"f-laptop"}


async def test_it_looks_every_second_for_ever() -> None:
    """Also after a look that failed."""
    bench = Bench()
    await bench.log_in()
    bench.accounts.away = True
    running = asyncio.create_task(bench.check.run())
    await bench.clock.advance(session_check.LOOK_MS)
    assert bench.accounts.asked == 1

    await bench.accounts.remove_device("ua", "phone")
    bench.accounts.away = False
    await bench.clock.advance(session_check.LOOK_MS)

    assert bench.sockets.open == {"f-laptop"}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
