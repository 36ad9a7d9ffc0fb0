"""The use cases of accounts, on the fake store and a clock that stands still."""

from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from pingme.adapters.secret_file import load_or_make_secret
from pingme.domain.errors import ErrorCode, PingMeError, Refused, StoreOutcomeUnknown
from pingme.domain.events import ProfileUpdatedBody
from pingme.domain.usernames import username_key
from pingme.services.accounts_admin import HANDLERS
from pingme.services.passwords import Passwords
from pingme.services.sessions import LoggedIn
from tests.fakes.accounts_world import CHEAP, PASSWORD, AccountsWorld


@pytest.fixture
def world() -> Iterator[AccountsWorld]:
    made = AccountsWorld(devices_per_user=3)
    yield made
    made.close()


async def code_of(doing: Any) -> ErrorCode:
    with pytest.raises(Refused) as caught:
        await doing
    return caught.value.code


async def join(world: AccountsWorld, name: str = "ada", *, device: str | None = None) -> LoggedIn:
    if await world.store.credentials(username_key(name)) is None:
        await world.accounts.register(name, PASSWORD)
    return await world.accounts.login(name, PASSWORD, device_id=device)


async def is_in(world: AccountsWorld, session: LoggedIn) -> bool:
    try:
        await world.accounts.verify_access(session.token)
    except Refused as refused:
        assert refused.code is ErrorCode.INVALID_TOKEN  # noqa: PT017  # the one reason a session of now has
        return False
    return True


async def test_who_registers_can_log_in(world: AccountsWorld) -> None:
    """With any spelling of the name; the token says who and where."""
    user = await world.accounts.register("Ada", PASSWORD, email="ada@example.org", nickname="A. L.")

    session = await world.accounts.login("ADA", PASSWORD, device_id="phone", device_name="Ada's phone")

    who = await world.accounts.verify_access(session.token)
    assert (who.user_id, who.username, who.device_id) == (user.user_id, "Ada", "phone")
    assert who.expires_ts == world.clock.now_ms() + 3_600_000
    assert session.user == user
    assert [device.name for device in await world.accounts.devices(user.user_id)] == ["Ada's phone"]


async def test_a_taken_name_is_refused_in_any_spelling(world: AccountsWorld) -> None:
    """30002."""
    await world.accounts.register("ada", PASSWORD)

    assert await code_of(world.accounts.register("ＡＤＡ", PASSWORD)) is ErrorCode.USER_EXISTS


async def test_two_who_want_one_name_at_once(world: AccountsWorld) -> None:
    """One gets it."""
    results = await asyncio.gather(
        *(world.accounts.register("ada", PASSWORD) for _ in range(4)), return_exceptions=True
    )

    refused = [result for result in results if isinstance(result, Refused)]
    assert [each.code for each in refused] == [ErrorCode.USER_EXISTS] * 3


async def test_registration_can_be_closed() -> None:
    """10004; administrators still create accounts."""
    world = AccountsWorld(registration_open=False)

    assert await code_of(world.accounts.register("ada", PASSWORD)) is ErrorCode.FORBIDDEN
    await world.accounts.admin_create("admin", PASSWORD)
    await world.accounts.login("admin", PASSWORD)
    world.close()


async def test_registrations_of_an_address_can_be_limited() -> None:
    """10007 with the wait; other addresses go on."""
    world = AccountsWorld(registrations_per_hour=1)
    await world.accounts.register("ada", PASSWORD, address="192.0.2.1")

    assert (
        await code_of(world.accounts.register("bob", PASSWORD, address="192.0.2.1"))
        is ErrorCode.TOO_MANY_REQUESTS
    )
    await world.accounts.register("bob", PASSWORD, address="192.0.2.2")
    world.close()


async def test_unknown_user_and_wrong_password_get_one_answer_at_one_cost(world: AccountsWorld) -> None:
    """The same code and text, after the same work."""
    hashed: list[str] = []
    real = world.passwords._matches
    world.passwords._matches = lambda stored, given: hashed.append(stored) or real(stored, given)  # type: ignore[method-assign]
    await world.accounts.register("ada", PASSWORD)

    with pytest.raises(Refused) as unknown:
        await world.accounts.login("nobody", PASSWORD)
    with pytest.raises(Refused) as wrong:
        await world.accounts.login("ada", "wrong horse")

    assert unknown.value.code is wrong.value.code is ErrorCode.INVALID_CREDENTIALS
    assert unknown.value.message == wrong.value.message
    assert [text.split("$")[:4] for text in hashed] == [hashed[0].split("$")[:4]] * 2
    assert [len(text) for text in hashed] == [len(hashed[0])] * 2


async def test_the_sixth_guess_waits_and_then_is_heard(world: AccountsWorld) -> None:
    """Also the right password waits; success starts anew."""
    await join(world)
    for _ in range(5):
        assert await code_of(world.accounts.login("ada", "wrong horse")) is ErrorCode.INVALID_CREDENTIALS

    assert await code_of(world.accounts.login("ada", PASSWORD)) is ErrorCode.TOO_MANY_REQUESTS
    await world.clock.advance(1_000)
    await world.accounts.login("ada", PASSWORD)
    assert await code_of(world.accounts.login("ada", "wrong horse")) is ErrorCode.INVALID_CREDENTIALS


async def test_guessing_at_once_is_no_way_around_the_wait(world: AccountsWorld) -> None:
    """Of many parallel guesses only those that run before the limit are heard."""
    await join(world)

    results = await asyncio.gather(
        *(world.accounts.login("ada", f"wrong horse {n}") for n in range(50)), return_exceptions=True
    )

    heard = [r for r in results if isinstance(r, Refused) and r.code is ErrorCode.INVALID_CREDENTIALS]
    assert 5 <= len(heard) <= 7  # two are computed at once


async def test_beyond_the_bound_logins_are_refused() -> None:
    """10008 with a wait, at once; those within the bound are heard."""
    release = threading.Event()
    passwords = Passwords(hashes=1, waiting=2, entropy=bytes, hasher=CHEAP)
    passwords._matches = lambda stored, given: release.wait(10)  # type: ignore[method-assign]
    within = [asyncio.create_task(passwords.verify("x", "y")) for _ in range(3)]
    await asyncio.sleep(0)

    with pytest.raises(Refused) as caught:
        await passwords.verify("x", "y")

    assert caught.value.code is ErrorCode.OVERLOADED
    assert caught.value.retry_after_ms is not None
    assert caught.value.retry_after_ms > 0
    release.set()
    assert await asyncio.gather(*within) == [True, True, True]
    assert await passwords.verify("x", "y") is True
    passwords.close()


async def test_an_old_hash_is_renewed_at_login(world: AccountsWorld) -> None:
    """With today's parameters; the password stays the same."""
    world.passwords._hasher = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    await world.accounts.register("ada", PASSWORD)
    world.passwords._hasher = CHEAP

    await world.accounts.login("ada", PASSWORD)

    found = await world.store.credentials("ada")
    assert found is not None
    assert "t=1" in found.password_hash
    await world.accounts.login("ada", PASSWORD)


async def test_a_refresh_gives_new_tokens(world: AccountsWorld) -> None:
    """Both work; the session is the same."""
    first = await join(world, device="phone")

    second = await world.accounts.refresh(first.refresh_token)
    third = await world.accounts.refresh(second.refresh_token)

    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert [await is_in(world, each) for each in (first, second, third)] == [True, True, True]
    assert third.device_id == "phone"
    assert len(await world.accounts.devices(first.user.user_id)) == 1


async def test_parallel_refreshes_get_the_same_successor(world: AccountsWorld) -> None:
    """Tabs that wake up together all stay logged in."""
    session = await join(world)

    answers = await asyncio.gather(*(world.accounts.refresh(session.refresh_token) for _ in range(8)))

    assert len({answer.refresh_token for answer in answers}) == 1
    assert answers[0].refresh_token != session.refresh_token


async def test_the_previous_token_is_good_for_ten_seconds(world: AccountsWorld) -> None:
    """A lost answer is repeated; later it is a copy that somebody stole, and the session ends."""
    first = await join(world, device="phone")
    second = await world.accounts.refresh(first.refresh_token)

    await world.clock.advance(10_000)
    assert (await world.accounts.refresh(first.refresh_token)).refresh_token == second.refresh_token
    await world.clock.advance(1)
    assert await code_of(world.accounts.refresh(first.refresh_token)) is ErrorCode.INVALID_TOKEN

    assert not await is_in(world, second)
    assert await code_of(world.accounts.refresh(second.refresh_token)) is ErrorCode.INVALID_TOKEN
    assert world.revoked == [(*world.session_of(first), 4450)]


async def test_reuse_on_one_device_leaves_the_others(world: AccountsWorld) -> None:
    """A family is one device."""
    phone = await join(world, device="phone")
    laptop = await join(world, device="laptop")
    await world.accounts.refresh((await world.accounts.refresh(phone.refresh_token)).refresh_token)

    assert await code_of(world.accounts.refresh(phone.refresh_token)) is ErrorCode.INVALID_TOKEN
    assert await is_in(world, laptop)


async def test_a_session_that_was_not_refreshed_expires() -> None:
    """30004; each refresh counts anew."""
    world = AccountsWorld(refresh_ttl_s=100)
    session = await join(world)
    await world.clock.advance(99_000)
    session = await world.accounts.refresh(session.refresh_token)
    await world.clock.advance(99_999)
    session = await world.accounts.refresh(session.refresh_token)
    await world.clock.advance(100_000)

    assert await code_of(world.accounts.refresh(session.refresh_token)) is ErrorCode.TOKEN_EXPIRED
    assert await world.accounts.devices(session.user.user_id) == []
    world.close()


async def test_logout_ends_this_session_at_once(world: AccountsWorld) -> None:
    """Its tokens are worth nothing, its sockets close; the other device stays."""
    phone = await join(world, device="phone")
    laptop = await join(world, device="laptop")

    await world.accounts.logout(await world.accounts.verify_access(phone.token))

    assert not await is_in(world, phone)
    assert await is_in(world, laptop)
    assert await code_of(world.accounts.refresh(phone.refresh_token)) is ErrorCode.INVALID_TOKEN
    assert world.revoked == [(*world.session_of(phone), 4450)]


async def test_a_new_password_keeps_this_device_only(world: AccountsWorld) -> None:
    """The old password is worth nothing."""
    phone = await join(world, device="phone")
    laptop = await join(world, device="laptop")
    who = await world.accounts.verify_access(phone.token)
    assert await is_in(world, laptop)

    await world.accounts.change_password(who, PASSWORD, "another horse")

    assert await is_in(world, phone)
    assert not await is_in(world, laptop)
    assert world.revoked == [(*world.session_of(laptop), 4450)]
    assert await code_of(world.accounts.login("ada", PASSWORD)) is ErrorCode.INVALID_CREDENTIALS
    await world.accounts.login("ada", "another horse")
    await world.accounts.refresh(phone.refresh_token)


async def test_a_new_password_needs_the_old_one_and_the_rules(world: AccountsWorld) -> None:
    """Nothing changes otherwise; guesses count."""
    who = await world.accounts.verify_access((await join(world)).token)

    assert (
        await code_of(world.accounts.change_password(who, PASSWORD, "short")) is ErrorCode.INVALID_PARAMETERS
    )
    for _ in range(5):
        wrong = world.accounts.change_password(who, "wrong horse", "another horse")
        assert await code_of(wrong) is ErrorCode.INVALID_CREDENTIALS
    right = world.accounts.change_password(who, PASSWORD, "another horse")
    assert await code_of(right) is ErrorCode.TOO_MANY_REQUESTS


async def test_above_the_limit_the_oldest_device_is_closed(world: AccountsWorld) -> None:
    """4451, and its token is worth nothing at once."""
    sessions = []
    for number in range(4):
        sessions.append(await join(world, device=f"d{number}"))
        assert await is_in(world, sessions[-1])
        await world.clock.advance(10)

    assert [await is_in(world, session) for session in sessions] == [False, True, True, True]
    assert world.revoked == [(*world.session_of(sessions[0]), 4451)]


async def test_a_new_login_on_the_same_device_replaces_the_old(world: AccountsWorld) -> None:
    """One session per device; the former one's sockets stay closed."""
    first = await join(world, device="phone")
    assert await is_in(world, first)
    second = await join(world, device="phone")

    assert (await is_in(world, first), await is_in(world, second)) == (False, True)
    assert world.revoked == [(*world.session_of(first), 4451)]


async def test_a_removed_device_is_out_at_once(world: AccountsWorld) -> None:
    """10005 for one that is not there, also for somebody else's."""
    phone = await join(world, device="phone")
    bob = await join(world, "bob", device="bobs")
    assert await is_in(world, phone)

    await world.accounts.remove_device(phone.user.user_id, "phone")

    assert not await is_in(world, phone)
    assert await code_of(world.accounts.remove_device(phone.user.user_id, "phone")) is ErrorCode.NOT_FOUND
    assert await code_of(world.accounts.remove_device(phone.user.user_id, "bobs")) is ErrorCode.NOT_FOUND
    assert await is_in(world, bob)


@pytest.mark.parametrize("device_id", ["", "a b", "x" * 65, "ä"])
async def test_a_malformed_device_id(world: AccountsWorld, device_id: str) -> None:
    """An empty one is none; others are refused."""
    if not device_id:
        assert (await join(world, device=device_id)).device_id.startswith("d")
        return
    assert await code_of(join(world, device=device_id)) is ErrorCode.INVALID_PARAMETERS


async def test_a_disabled_user_is_out_until_enabled(world: AccountsWorld) -> None:
    """Sessions end at once; the right password is answered 10004, a wrong one like everybody's."""
    session = await join(world, device="phone")
    assert await is_in(world, session)

    await world.accounts.admin_set_disabled("ADA", disabled=True)

    assert not await is_in(world, session)
    assert world.revoked == [(*world.session_of(session), 4450)]
    assert await code_of(world.accounts.refresh(session.refresh_token)) is ErrorCode.INVALID_TOKEN
    assert await code_of(world.accounts.login("ada", PASSWORD)) is ErrorCode.FORBIDDEN
    assert await code_of(world.accounts.login("ada", "wrong horse")) is ErrorCode.INVALID_CREDENTIALS
    await world.accounts.admin_set_disabled(session.user.user_id, disabled=False)
    await world.accounts.login("ada", PASSWORD)
    assert not await is_in(world, session)


async def test_after_an_unknown_outcome_nothing_cached_is_believed(world: AccountsWorld) -> None:
    """The device may be gone although the call failed."""
    session = await join(world, device="phone")
    assert await is_in(world, session)
    real = world.store.remove_device

    async def broken(*args: Any, **kwargs: Any) -> None:
        await real(*args, **kwargs)
        raise StoreOutcomeUnknown("commit broke")

    world.store.remove_device = broken  # type: ignore[assignment,method-assign]
    with pytest.raises(StoreOutcomeUnknown):
        await world.accounts.remove_device(session.user.user_id, "phone")

    assert not await is_in(world, session)


async def test_what_another_process_changed_is_seen_after_forget(world: AccountsWorld) -> None:
    """For nodes that share a store."""
    session = await join(world, device="phone")
    assert await is_in(world, session)
    await world.store.remove_device(session.user.user_id, "phone")

    world.accounts.sessions.forget(session.user.user_id)

    assert not await is_in(world, session)


async def test_a_profile_change_is_an_event(world: AccountsWorld) -> None:
    """What is absent stays, the msg_id is the client's or made, and everybody sees the result."""
    session = await join(world)
    user_id = session.user.user_id

    await world.accounts.update_profile(user_id, nickname=" Ada L. ", msg_id="m1")
    user = await world.accounts.update_profile(user_id, email="ada@example.org")

    assert (user.nickname, user.email) == ("Ada L.", "ada@example.org")
    assert world.published[0] == (user_id, "m1", ProfileUpdatedBody(nickname="Ada L."))
    assert len(world.published[1][1]) == 36
    assert await code_of(world.accounts.update_profile(user_id)) is ErrorCode.INVALID_PARAMETERS
    assert (
        await code_of(world.accounts.update_profile(user_id, avatar="javascript:x"))
        is ErrorCode.INVALID_PARAMETERS
    )
    assert len(world.published) == 2


async def test_search_walks_usernames_then_nicknames(world: AccountsWorld) -> None:
    """Each user once, whatever the size of the pages; disabled ones never."""
    people = [
        ("sunny", ""),
        ("sunday", "Sunshine"),
        ("moon", "Sun God"),
        ("sunset", ""),
        ("star", "Sunflower"),
    ]
    for name, nickname in people:
        await world.accounts.register(name, PASSWORD, nickname=nickname)
    await world.accounts.admin_set_disabled("sunset", disabled=True)

    for limit in (1, 2, 3, 50):
        found: list[str] = []
        cursor = None
        for _ in range(20):
            page = await world.accounts.people.search("SUN", cursor=cursor, limit=limit)
            found += [user.username for user in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == ["sunday", "sunny", "moon", "star"]


@pytest.mark.parametrize("cursor", ["x", "bm90IGpzb24", "WzFd", "ä", "WyJ6IiwiIiwiIl0"])
async def test_a_foreign_cursor_is_refused(world: AccountsWorld, cursor: str) -> None:
    """10002, whatever it is."""
    assert await code_of(world.accounts.people.search("a", cursor=cursor)) is ErrorCode.INVALID_PARAMETERS


async def test_many_accounts_share_one_hash(world: AccountsWorld) -> None:
    """Each can log in; taken names are left out."""
    await world.accounts.register("user1", "her own secret")

    assert await world.accounts.admin_create_many([f"user{n}" for n in range(50)], PASSWORD) == 49

    await world.accounts.login("user49", PASSWORD)
    await world.accounts.login("user1", "her own secret")


async def test_the_admin_commands(world: AccountsWorld) -> None:
    """Plain values in and out; a new password ends all sessions."""
    accounts = world.accounts
    made = await HANDLERS["user.create"](accounts, {"username": "admin", "password": PASSWORD})
    await HANDLERS["user.create"](accounts, {"username": "bob", "password": PASSWORD, "nickname": "Bob"})
    session = await join(world, "admin", device="phone")
    await HANDLERS["user.set_password"](accounts, {"username": "admin", "password": "another horse"})
    disabled = await HANDLERS["user.disable"](accounts, {"username": "bob"})
    first = await HANDLERS["user.list"](accounts, {"limit": 1})
    second = await HANDLERS["user.list"](accounts, {"limit": 5, "after": first["next_cursor"]})
    enabled = await HANDLERS["user.enable"](accounts, {"username": "bob"})

    assert made["user"]["username"] == "admin"
    assert "password" not in str(made)
    assert not await is_in(world, session)
    assert world.revoked == [(*world.session_of(session), 4450)]
    assert (disabled["user"]["disabled"], enabled["user"]["disabled"]) == (True, False)
    assert [user["username"] for user in first["items"] + second["items"]] == ["admin", "bob"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("command", "arguments", "code"),
    [
        ("user.create", {"username": "ada"}, ErrorCode.INVALID_PARAMETERS),
        ("user.create", {"username": 7, "password": PASSWORD}, ErrorCode.INVALID_PARAMETERS),
        ("user.list", {"limit": 0}, ErrorCode.INVALID_PARAMETERS),
        ("user.disable", {"username": "nobody"}, ErrorCode.USER_NOT_FOUND),
        ("user.set_password", {"username": "nobody", "password": PASSWORD}, ErrorCode.USER_NOT_FOUND),
    ],
)
async def test_wrong_admin_commands(
    world: AccountsWorld, command: str, arguments: dict[str, Any], code: ErrorCode
) -> None:
    """Each is answered from the table."""
    assert await code_of(HANDLERS[command](world.accounts, arguments)) is code


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    """Mode 0600, at least 32 bytes, the same at the next start, no draft left over."""
    path = tmp_path / "data" / "jwt.secret"

    secret = load_or_make_secret(path, entropy=lambda size: b"\x07" * size)

    assert load_or_make_secret(path, entropy=lambda size: b"\x08" * size) == secret
    assert len(secret) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["jwt.secret"]


def test_a_broken_secret_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    """A short secret is never used."""
    path = tmp_path / "jwt.secret"
    path.write_text("short")

    with pytest.raises(PingMeError, match="delete the file"):
        load_or_make_secret(path, entropy=bytes)
