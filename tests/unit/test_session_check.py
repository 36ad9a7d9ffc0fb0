"""A node that may not hear revocations asks the store which sessions stand."""

from __future__ import annotations

from pingme.domain.errors import StoreUnavailable
from pingme.ports.accounts import Device, NewUser
from pingme.services import session_check
from pingme.services.session_check import SessionCheck
from tests.fakes.accounts import MemoryAccounts
from tests.fakes.clock import FakeClock
from tests.fakes.push import RecordingPush


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
        self.push = RecordingPush()
        self.sockets = Sockets("f-phone", "f-laptop")
        self.forgotten = 0
        self.check = SessionCheck(self.accounts, self.push, self.clock, lambda: self.sockets, self._forget)

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

    async def turns(self, milliseconds: int) -> None:
        for _ in range(milliseconds // session_check.TICK_MS):
            await self.clock.advance(session_check.TICK_MS)
            await self.check.turn()


async def test_while_cut_off_ended_sessions_are_closed_within_a_second() -> None:
    """Only those; and what is remembered of sessions is dropped each time."""
    bench = Bench()
    await bench.log_in()
    bench.push.cut_off = True
    await bench.turns(500)
    assert bench.sockets.open == {"f-phone", "f-laptop"}

    await bench.accounts.remove_device("ua", "phone")
    await bench.turns(1_000)

    assert bench.sockets.open == {"f-laptop"}
    assert bench.forgotten == 2


async def test_while_connected_it_hardly_asks() -> None:
    """Once in 30 s, and once when the connection is back."""
    bench = Bench()
    await bench.log_in()
    await bench.turns(29_500)
    assert bench.accounts.asked == 0
    await bench.turns(500)
    assert bench.accounts.asked == 1

    bench.push.cut_off = True
    await bench.turns(500)
    bench.push.cut_off = False
    await bench.turns(500)
    assert bench.accounts.asked == 3


async def test_a_store_that_is_away_closes_nobody() -> None:
    """Nothing is known, so nothing is done; the next question comes."""
    bench = Bench()
    bench.push.cut_off = bench.accounts.away = True
    await bench.turns(2_000)

    assert bench.sockets.open == {"f-phone", "f-laptop"}
    assert bench.accounts.asked == 2
