"""`AccountStore`: the fake, the embedded database and MySQL keep the same promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pingme.adapters.accounts_mysql import MysqlAccounts
from pingme.adapters.accounts_sqlite import SqliteAccounts
from pingme.adapters.sqlite_database import SqliteDatabase
from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.accounts import AccountStore, Device, NewUser
from tests.fakes.accounts import MemoryAccounts
from tests.fakes.store_worlds import mysql_database

DAY_MS = 86_400_000


@pytest.fixture(params=["memory", "sqlite", "mysql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AccountStore]:
    if request.param == "memory":
        yield MemoryAccounts()
        return
    if request.param == "mysql":
        async with mysql_database(request.getfixturevalue("mariadb")) as shared:
            yield MysqlAccounts(shared)
        return
    database = SqliteDatabase(tmp_path / "accounts.db")
    yield SqliteAccounts(database)
    await database.close()


def new_user(name: str, *, nickname: str = "", password_hash: str = "hash") -> NewUser:
    return NewUser(
        user_id=f"u-{name}",
        username=name.title(),
        username_key=name,
        password_hash=password_hash,
        nickname=nickname.title(),
        nickname_key=nickname,
        email=f"{name}@example.org",
        created_ts=1_000,
    )


def new_device(
    name: str, *, at_ms: int = 2_000, expires_ts: int = DAY_MS, family: str | None = None
) -> Device:
    return Device(
        device_id=name,
        name=f"{name}'s",
        family_id=family or f"f-{name}",
        generation=1,
        rotated_ts=at_ms,
        created_ts=at_ms,
        expires_ts=expires_ts,
    )


async def open_device(
    store: AccountStore, device: Device, *, limit: int = 20, now_ms: int = 2_000
) -> list[str] | None:
    removed = await store.open_device("u-ada", device, password_hash="hash", now_ms=now_ms, limit=limit)
    return None if removed is None else [each.family_id for each in removed]


async def test_a_created_user_is_found_by_id_and_by_key(store: AccountStore) -> None:
    """What was stored comes back, with the hash only where logins ask."""
    created = await store.create_user(new_user("ada", nickname="lovelace"))

    assert await store.user("u-ada") == created
    found = await store.credentials("ada")
    assert found is not None
    assert (found.user, found.password_hash) == (created, "hash")
    assert (created.username, created.nickname, created.email) == ("Ada", "Lovelace", "ada@example.org")
    assert (created.disabled, created.created_ts, created.last_seen_ts) == (False, 1_000, None)


async def test_an_unknown_user_is_none(store: AccountStore) -> None:
    """Nothing is found where nothing was made."""
    assert await store.user("u-nobody") is None
    assert await store.credentials("nobody") is None
    assert await store.session("f-none") is None
    assert await store.devices("u-nobody") == []
    assert await store.set_disabled("u-nobody", disabled=True) is None
    assert await store.change_password("u-nobody", "x", keep_device=None) is None
    assert await store.remove_device("u-nobody", "phone") is None


async def test_many_users_are_found_by_id(store: AccountStore) -> None:
    """Each once, disabled or not; ids that nobody has are left out."""
    made = [await store.create_user(new_user(name)) for name in ("ada", "bob", "cy")]
    await store.set_disabled("u-bob", disabled=True)

    found = await store.users(["u-bob", "u-nobody", "u-ada", "u-bob"])

    assert sorted(user.user_id for user in found) == ["u-ada", "u-bob"]
    assert made[0] in found
    assert await store.users([]) == []


async def test_a_taken_username_is_refused(store: AccountStore) -> None:
    """The key is unique; the first account is left as it was."""
    first = await store.create_user(new_user("ada"))

    with pytest.raises(Refused) as caught:
        await store.create_user(NewUser(**{**_fields(new_user("ada")), "user_id": "u-other"}))

    assert caught.value.code is ErrorCode.USER_EXISTS
    assert await store.user("u-other") is None
    assert await store.user("u-ada") == first


def _fields(new: NewUser) -> dict[str, object]:
    return {name: getattr(new, name) for name in NewUser.__struct_fields__}


async def test_many_users_are_made_at_once_without_the_taken_ones(store: AccountStore) -> None:
    """Bulk creation counts what it made."""
    await store.create_user(new_user("u0001", password_hash="own"))

    made = await store.create_users([new_user(f"u{number:04}") for number in range(1_000)])

    assert made == 999
    found = await store.credentials("u0001")
    assert found is not None
    assert found.password_hash == "own"


async def test_users_are_listed_by_key_in_pages(store: AccountStore) -> None:
    """Pages concatenate to all users in order of their keys, disabled ones included."""
    await store.create_users([new_user(name) for name in ("eve", "ada", "bob", "dan", "cid")])
    await store.set_disabled("u-cid", disabled=True)

    first = await store.list_users(limit=2)
    rest = await store.list_users(after_key="bob", limit=9)

    assert [user.user_id for user in first] == ["u-ada", "u-bob"]
    assert [(user.user_id, user.disabled) for user in rest] == [
        ("u-cid", True),
        ("u-dan", False),
        ("u-eve", False),
    ]


async def test_users_are_found_by_the_beginning_of_their_username(store: AccountStore) -> None:
    """Only the prefix counts, wildcards mean themselves, disabled users are left out."""
    await store.create_users(
        [new_user(name) for name in ("ada", "adam", "adele", "bob", "a_b", "Аня".lower())]
    )
    await store.set_disabled("u-adele", disabled=True)

    assert await _ids(store.users_by_username("ad")) == ["u-ada", "u-adam"]
    assert await _ids(store.users_by_username("ad", after_key="ada")) == ["u-adam"]
    assert await _ids(store.users_by_username("ad", limit=1)) == ["u-ada"]
    assert await _ids(store.users_by_username("a_")) == ["u-a_b"]
    assert await _ids(store.users_by_username("%")) == []
    assert await _ids(store.users_by_username("ан")) == ["u-аня"]


async def test_users_are_found_by_the_beginning_of_their_nickname(store: AccountStore) -> None:
    """Order is by nickname key, then id; an empty nickname is never found."""
    names = (("x1", "sun"), ("x2", "sunny"), ("x3", "sun"), ("x4", ""), ("x5", "moon"))
    await store.create_users([new_user(name, nickname=nickname) for name, nickname in names])

    assert await _ids(store.users_by_nickname("sun")) == ["u-x1", "u-x3", "u-x2"]
    assert await _ids(store.users_by_nickname("sun", after=("sun", "u-x1"))) == ["u-x3", "u-x2"]
    assert await _ids(store.users_by_nickname("sun", limit=1)) == ["u-x1"]


async def _ids(found: object) -> list[str]:
    return [user.user_id for user in await found]  # type: ignore[attr-defined]


async def test_last_seen_only_grows(store: AccountStore) -> None:
    """An older moment, or an unknown user, changes nothing."""
    await store.create_users([new_user("ada"), new_user("bob")])

    await store.set_last_seen({"u-ada": 500, "u-bob": 400, "u-nobody": 1})
    await store.set_last_seen({"u-ada": 300, "u-bob": 600})

    users = {user.user_id: user.last_seen_ts for user in await store.list_users()}
    assert users == {"u-ada": 500, "u-bob": 600}


async def test_a_hash_is_replaced_only_while_it_is_the_old_one(store: AccountStore) -> None:
    """A renewed hash never undoes a new password."""
    await store.create_user(new_user("ada"))

    assert await store.replace_hash("u-ada", old="hash", new="better") is True
    assert await store.replace_hash("u-ada", old="hash", new="late") is False

    found = await store.credentials("ada")
    assert found is not None
    assert found.password_hash == "better"


async def test_a_session_is_found_by_its_family(store: AccountStore) -> None:
    """It says whose it is and carries the device as stored."""
    await store.create_user(new_user("ada"))
    phone = new_device("phone")

    assert await open_device(store, phone) == []

    session = await store.session("f-phone")
    assert session is not None
    assert (session.user_id, session.username, session.disabled) == ("u-ada", "Ada", False)
    assert session.device == phone
    assert await store.devices("u-ada") == [phone]


async def test_a_new_login_on_a_device_replaces_its_session(store: AccountStore) -> None:
    """The old family is gone; the replaced session is returned."""
    await store.create_user(new_user("ada"))
    await open_device(store, new_device("phone"))

    removed = await open_device(store, new_device("phone", family="f-again"))

    assert removed == ["f-phone"]
    assert await store.session("f-phone") is None
    assert await store.session("f-again") is not None


async def test_above_the_limit_the_longest_unused_device_goes(store: AccountStore) -> None:
    """Use is the last rotation, not the login."""
    await store.create_user(new_user("ada"))
    for number in range(3):
        await open_device(store, new_device(f"d{number}", at_ms=2_000 + number))
    await store.rotate("f-d0", generation=1, now_ms=9_000, expires_ts=DAY_MS)

    removed = await open_device(store, new_device("d3", at_ms=9_500), limit=3)

    assert removed == ["f-d1"]
    assert {device.device_id for device in await store.devices("u-ada")} == {"d0", "d2", "d3"}


async def test_expired_devices_make_room_silently(store: AccountStore) -> None:
    """They are neither kept nor returned."""
    await store.create_user(new_user("ada"))
    await open_device(store, new_device("old", expires_ts=5_000))

    removed = await open_device(store, new_device("new", at_ms=6_000), limit=1, now_ms=6_000)

    assert removed == []
    assert [device.device_id for device in await store.devices("u-ada")] == ["new"]


async def test_a_login_that_a_new_password_or_a_disabling_overtook_opens_nothing(store: AccountStore) -> None:
    """The hash that was checked must still be the hash, the user must still be allowed in."""
    await store.create_user(new_user("ada"))
    await store.change_password("u-ada", "new", keep_device=None)

    assert await open_device(store, new_device("phone")) is None

    await store.change_password("u-ada", "hash", keep_device=None)
    await store.set_disabled("u-ada", disabled=True)

    assert await open_device(store, new_device("phone")) is None
    assert await store.devices("u-ada") == []


async def test_a_generation_is_rotated_by_one_caller_only(store: AccountStore) -> None:
    """The second to try the same generation learns that it came late."""
    await store.create_user(new_user("ada"))
    await open_device(store, new_device("phone"))

    assert await store.rotate("f-phone", generation=1, now_ms=7_000, expires_ts=2 * DAY_MS) is True
    assert await store.rotate("f-phone", generation=1, now_ms=8_000, expires_ts=3 * DAY_MS) is False

    session = await store.session("f-phone")
    assert session is not None
    assert (session.device.generation, session.device.rotated_ts) == (2, 7_000)
    assert session.device.expires_ts == 2 * DAY_MS


async def test_a_new_password_ends_all_sessions_but_one(store: AccountStore) -> None:
    """Unless the hash it was decided on is no longer there."""
    await store.create_user(new_user("ada"))
    for name in ("phone", "laptop", "tablet"):
        await open_device(store, new_device(name))

    assert await store.change_password("u-ada", "x", keep_device="phone", old="other") is None
    removed = await store.change_password("u-ada", "new", keep_device="phone", old="hash")

    assert removed is not None
    assert {device.device_id for device in removed} == {"laptop", "tablet"}
    assert [device.device_id for device in await store.devices("u-ada")] == ["phone"]


async def test_disabling_ends_all_sessions_and_enabling_none(store: AccountStore) -> None:
    """A disabled user has no sessions."""
    await store.create_user(new_user("ada"))
    await open_device(store, new_device("phone"))

    removed = await store.set_disabled("u-ada", disabled=True)
    again = await store.set_disabled("u-ada", disabled=False)

    assert removed is not None
    assert [device.device_id for device in removed] == ["phone"]
    assert again == []
    user = await store.user("u-ada")
    assert user is not None
    assert user.disabled is False


async def test_a_removed_device_is_returned_once(store: AccountStore) -> None:
    """A family that was replaced does not end its successor."""
    await store.create_user(new_user("ada"))
    await open_device(store, new_device("phone", family="f-second"))

    assert await store.remove_device("u-ada", "phone", family_id="f-first") is None
    removed = await store.remove_device("u-ada", "phone", family_id="f-second")

    assert removed is not None
    assert removed.device_id == "phone"
    assert await store.remove_device("u-ada", "phone") is None


async def test_standing_tells_which_sessions_are_good(store: AccountStore) -> None:
    """Of those asked for: neither the removed nor the unknown, nor those of a disabled user."""
    await store.create_user(new_user("ada"))
    for name in ("phone", "laptop"):
        assert await open_device(store, new_device(name)) == []
    assert await store.standing(["f-phone", "f-laptop", "f-none"]) == {"f-phone", "f-laptop"}
    assert await store.standing([]) == set()

    await store.remove_device("u-ada", "phone")
    assert await store.standing(["f-phone", "f-laptop"]) == {"f-laptop"}

    await store.set_disabled("u-ada", disabled=True)
    assert await store.standing(["f-phone", "f-laptop"]) == set()


async def test_every_end_of_a_session_is_counted(store: AccountStore) -> None:
    """Logout, a login in its place, a new password, a disabled account: each changes the number; nothing else does."""
    await store.create_user(new_user("ada"))
    seen = [await store.revocations()]
    for name in ("phone", "laptop", "tablet"):
        await open_device(store, new_device(name))
    await store.rotate("f-phone", generation=1, now_ms=2, expires_ts=10**15)
    assert await store.remove_device("u-ada", "none") is None
    assert await store.revocations() == seen[0]

    await open_device(store, new_device("phone", family="f-phone-2"))
    seen.append(await store.revocations())
    await store.remove_device("u-ada", "phone")
    seen.append(await store.revocations())
    await store.change_password("u-ada", "new", keep_device="laptop")
    seen.append(await store.revocations())
    await store.set_disabled("u-ada", disabled=True)
    seen.append(await store.revocations())

    assert seen == sorted(set(seen))
