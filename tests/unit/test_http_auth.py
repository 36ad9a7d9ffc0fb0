"""Accounts over HTTP: the envelope, the status, the headers; and that nothing leaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from pingme.edge.http.app import create_app
from pingme.edge.http.deps import parse_networks, trace_client
from pingme.edge.http.services import HttpServices
from tests.fakes.accounts_world import PASSWORD, AccountsWorld

API = "/api/v1"
ADA = {"username": "ada", "password": PASSWORD}


@pytest.fixture
async def world() -> AsyncIterator[AccountsWorld]:
    made = AccountsWorld()
    yield made
    made.close()


@pytest.fixture
def app(world: AccountsWorld) -> FastAPI:
    return create_app(
        HttpServices(world.accounts, world.accounts.people),
        clock=world.clock,
        allowed_origins=["https://chat.example.org"],
        trusted_proxies=["10.0.0.0/8"],
        body_limit_bytes=2_000,
    )


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("10.0.0.1", 5_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def login(http: httpx.AsyncClient, name: str = "ada", **more: str) -> dict[str, Any]:
    body = {"username": name, "password": PASSWORD}
    await http.post(f"{API}/auth/register", json=body)
    answer = await http.post(f"{API}/auth/login", json={**body, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


def bearer(session: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {session['token']}"}


def seen(answer: httpx.Response) -> tuple[int, int]:
    """Status and code of an answer, which has the envelope's four fields."""
    body = answer.json()
    assert set(body) == {"code", "message", "data", "request_id"}
    assert answer.headers["X-Request-ID"] == body["request_id"]
    return answer.status_code, body["code"]


async def test_register_login_profile(http: httpx.AsyncClient) -> None:
    """The way in, with the shapes that clients rely on."""
    registered = await http.post(f"{API}/auth/register", json={**ADA, "email": "ada@example.org"})
    logged_in = await http.post(f"{API}/auth/login", json=ADA)
    session = logged_in.json()["data"]
    profile = await http.get(f"{API}/user/profile", headers=bearer(session))

    assert (seen(registered), seen(logged_in), seen(profile)) == ((201, 0), (200, 0), (200, 0))
    user = registered.json()["data"]["user"]
    assert set(user) == {"user_id", "username", "nickname", "avatar", "email", "created_ts"}
    assert set(session) == {"token", "expires_in", "refresh_token", "device_id", "user"}
    assert session["expires_in"] == 3_600
    assert profile.json()["data"]["user"] == session["user"] == user


@pytest.mark.parametrize(
    ("body", "expected", "word"),
    [
        ({"username": "ada"}, (422, 10002), "password"),
        ({**ADA, "admin": True}, (422, 10002), "admin: unknown field"),
        ({"username": 7, "password": PASSWORD}, (422, 10002), "username"),
        ({"username": "a", "password": PASSWORD}, (422, 10002), "username"),
        ({"username": "ada", "password": "s3cret"}, (422, 10002), "password"),
        ({"username": "ada", "password": "s3cret" * 200}, (422, 10002), "password"),
        ({"username": "ada", "password": {"s3cret": 1}}, (422, 10002), "password"),
        ({"username": "p\u0430ypal", "password": PASSWORD}, (422, 10002), "script"),
        ([1], (422, 10002), "body"),
        (None, (422, 10002), "body"),
    ],
)
async def test_a_wrong_body_is_named_and_not_echoed(
    http: httpx.AsyncClient, body: Any, expected: tuple[int, int], word: str
) -> None:
    """The field and the rule; never the value."""
    answer = await http.post(f"{API}/auth/register", json=body)

    assert seen(answer) == expected
    assert word in answer.json()["message"]
    assert "s3cret" not in answer.text


@pytest.mark.parametrize("raw", [b"{", b"", b"\xff\xfe", b"[" * 1_500, b"nul"])
async def test_a_body_that_is_no_json_is_refused(http: httpx.AsyncClient, raw: bytes) -> None:
    """400 (an absent one 422), always 10002."""
    answer = await http.post(f"{API}/auth/login", content=raw, headers={"Content-Type": "application/json"})

    status, code = seen(answer)
    assert status == (400 if raw else 422)
    assert code == 10002


async def test_lone_surrogates_and_huge_numbers_break_nothing(http: httpx.AsyncClient) -> None:
    """A surrogate neither as a value nor as a field's name."""
    digits = b'{"username": 1' + b"0" * 1_500 + b"}"
    for raw in (b'{"username": "\\ud800abc", "password": "12345678"}', b'{"\\ud800": 1}', digits):
        answer = await http.post(
            f"{API}/auth/register", content=raw, headers={"Content-Type": "application/json"}
        )
        assert seen(answer) == (422, 10002)


async def test_unknown_paths_and_wrong_methods(http: httpx.AsyncClient) -> None:
    """404/10005, 405/10002 with Allow."""
    unknown = await http.get(f"{API}/nothing")
    wrong = await http.get(f"{API}/auth/login")

    assert seen(unknown) == (404, 10005)
    assert seen(wrong) == (405, 10002)
    assert wrong.headers["Allow"] == "POST"
    assert (await http.post(f"{API}/groups/g1/members/u1")).headers["Allow"] == "DELETE, PATCH"
    assert (await http.post("/docs")).headers["Allow"] == "GET"


async def test_a_request_id_is_kept_when_it_is_one(http: httpx.AsyncClient) -> None:
    """Anything else is replaced."""
    good = await http.get("/nothing", headers={"X-Request-ID": "trace-7.a:b_c"})
    bad = await http.get("/nothing", headers={"X-Request-ID": "x" * 65})
    ugly = await http.get("/nothing", headers={"X-Request-ID": 'a"b c'})

    assert good.json()["request_id"] == "trace-7.a:b_c"
    assert len(bad.json()["request_id"]) == len(ugly.json()["request_id"]) == 36


async def test_an_exception_is_logged_and_leaks_nothing(
    http: httpx.AsyncClient, world: AccountsWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    """500/10001 with the request_id under which the traceback stands."""

    async def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("inner secret")

    world.store.credentials = broken  # type: ignore[assignment,method-assign]
    answer = await http.post(f"{API}/auth/login", json=ADA, headers={"X-Request-ID": "r-1"})

    assert seen(answer) == (500, 10001)
    assert "inner" not in answer.text
    logged = capsys.readouterr().out
    assert "http_request_failed" in logged
    assert "r-1" in logged
    assert "inner secret" in logged
    assert PASSWORD not in logged


async def test_every_answer_has_its_security_headers(http: httpx.AsyncClient) -> None:
    """Also errors; answers are never kept by caches."""
    for answer in (await http.get("/nothing"), await http.post(f"{API}/auth/register", json=ADA)):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_pages_of_allowed_origins_may_call(http: httpx.AsyncClient) -> None:
    """Others get no permission; refusals are readable, too."""
    ask = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    good = {"Origin": "https://chat.example.org"}
    preflight = await http.options(f"{API}/auth/login", headers={**good, **ask})
    foreign = await http.options(f"{API}/auth/login", headers={"Origin": "https://evil.example", **ask})
    too_large = await http.post(f"{API}/auth/login", content=b"x" * 2_001, headers=good)

    assert preflight.headers["Access-Control-Allow-Origin"] == "https://chat.example.org"
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    assert "Access-Control-Allow-Origin" not in foreign.headers
    assert too_large.status_code == 413
    assert too_large.headers["Access-Control-Allow-Origin"] == "https://chat.example.org"


async def test_a_large_body_is_refused_announced_or_not(http: httpx.AsyncClient) -> None:
    """413/10002 by Content-Length and by counting chunks; what fits arrives whole."""

    async def chunks(count: int) -> AsyncIterator[bytes]:
        yield b'{"username": "ada", "password": "'
        for _ in range(count):
            yield b"x" * 100
        yield b'"}'

    announced = await http.post(f"{API}/auth/login", content=b"x" * 2_001)
    chunked = await http.post(f"{API}/auth/login", content=chunks(30))
    fits = await http.post(
        f"{API}/auth/login", content=chunks(5), headers={"Content-Type": "application/json"}
    )

    assert (seen(announced), seen(chunked), seen(fits)) == ((413, 10002), (413, 10002), (401, 30003))


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({}, 10003),
        ({"Authorization": "Basic YTpi"}, 10003),
        ({"Authorization": "Bearer"}, 10003),
        ({"Authorization": "Bearer x.y.z"}, 30005),
        ({"Authorization": "Bearer " + "x" * 5_000}, 30005),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/user/profile"),
        ("PUT", "/user/profile"),
        ("GET", "/users/u1"),
        ("GET", "/users?query=a"),
        ("GET", "/auth/devices"),
        ("DELETE", "/auth/devices/d1"),
        ("POST", "/auth/logout"),
        ("PUT", "/auth/password"),
    ],
)
async def test_without_a_good_token(
    http: httpx.AsyncClient, method: str, path: str, header: dict[str, str], code: int
) -> None:
    """401 with WWW-Authenticate; a body is not looked at first."""
    answer = await http.request(method, API + path, headers=header)

    assert seen(answer) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_an_expired_token(http: httpx.AsyncClient, world: AccountsWorld) -> None:
    """30004, and a refresh helps."""
    session = await login(http)
    await world.clock.advance(3_600_000)

    assert seen(await http.get(f"{API}/user/profile", headers=bearer(session))) == (401, 30004)
    answer = await http.post(f"{API}/auth/refresh", json={"refresh_token": session["refresh_token"]})
    assert seen(answer) == (200, 0)
    assert seen(await http.get(f"{API}/user/profile", headers=bearer(answer.json()["data"]))) == (200, 0)


async def test_a_reused_refresh_token_ends_the_session(http: httpx.AsyncClient, world: AccountsWorld) -> None:
    """30005, for the thief and for the owner."""
    session = await login(http)
    token = {"refresh_token": session["refresh_token"]}
    fresh = (await http.post(f"{API}/auth/refresh", json=token)).json()["data"]
    await world.clock.advance(10_001)

    assert seen(await http.post(f"{API}/auth/refresh", json=token)) == (401, 30005)
    assert seen(await http.get(f"{API}/user/profile", headers=bearer(fresh))) == (401, 30005)


async def test_logout_and_devices(http: httpx.AsyncClient, world: AccountsWorld) -> None:
    """The list shows which one asks; a removed one is out at once."""
    phone = await login(http, device_id="phone", device_name="Ada's phone")
    laptop = await login(http, device_id="laptop")

    listed = await http.get(f"{API}/auth/devices", headers=bearer(phone))
    removed = await http.delete(f"{API}/auth/devices/laptop", headers=bearer(phone))
    again = await http.delete(f"{API}/auth/devices/laptop", headers=bearer(phone))
    out = await http.get(f"{API}/auth/devices", headers=bearer(laptop))
    logout = await http.post(f"{API}/auth/logout", headers=bearer(phone))
    after = await http.get(f"{API}/auth/devices", headers=bearer(phone))

    items = {item["device_id"]: (item["name"], item["current"]) for item in listed.json()["data"]["items"]}
    assert items == {"phone": ("Ada's phone", True), "laptop": ("", False)}
    answers = (removed, again, out, logout, after)
    assert [seen(answer) for answer in answers] == [
        (200, 0),
        (404, 10005),
        (401, 30005),
        (200, 0),
        (401, 30005),
    ]
    assert [(family, code) for _, family, code in world.revoked] == [
        (world.tokens.parse_refresh(each["refresh_token"]).family_id, 4450) for each in (laptop, phone)
    ]


async def test_a_password_change(http: httpx.AsyncClient) -> None:
    """30003 when the old one is wrong."""
    session = await login(http)
    wrong = {"old_password": "wrong horse", "new_password": "another horse"}
    right = {"old_password": PASSWORD, "new_password": "another horse"}

    assert seen(await http.put(f"{API}/auth/password", json=wrong, headers=bearer(session))) == (401, 30003)
    assert seen(await http.put(f"{API}/auth/password", json=right, headers=bearer(session))) == (200, 0)
    assert seen(await http.post(f"{API}/auth/login", json=ADA)) == (401, 30003)


async def test_too_many_failures_say_when_to_come_back(http: httpx.AsyncClient) -> None:
    """429/10007 with Retry-After, in whole seconds."""
    for _ in range(5):
        await http.post(f"{API}/auth/login", json={**ADA, "password": "wrong horse"})

    answer = await http.post(f"{API}/auth/login", json=ADA)

    assert seen(answer) == (429, 10007)
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["data"] == {"retryable": True, "retry_after_ms": 1_000, "outcome": "refused"}


async def test_a_proxy_passes_the_client_on(http: httpx.AsyncClient, world: AccountsWorld) -> None:
    """Failures count for the address that the trusted proxy names."""
    for number in range(20):
        body = {"username": f"name{number}", "password": "wrong horse"}
        await http.post(f"{API}/auth/login", json=body, headers={"X-Forwarded-For": "198.51.100.7"})

    blocked = await http.post(f"{API}/auth/login", json=ADA, headers={"X-Forwarded-For": "198.51.100.7"})
    other = await http.post(f"{API}/auth/login", json=ADA, headers={"X-Forwarded-For": "198.51.100.8"})

    assert (seen(blocked), seen(other)) == ((429, 10007), (401, 30003))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "6.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "6.6.6.6, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("192.0.2.9", "6.6.6.6", "192.0.2.9"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("", "6.6.6.6", ""),
        ("testclient", "6.6.6.6", "testclient"),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, forwarded: str, client: str) -> None:
    """From the end of the list, as far as they go."""
    assert trace_client(peer, forwarded, parse_networks(["10.0.0.0/8"])) == client


async def test_a_profile_is_changed_and_others_see_the_public_part(
    http: httpx.AsyncClient, world: AccountsWorld
) -> None:
    """Email is one's own."""
    ada, bob = await login(http), await login(http, "bob")
    change = {"nickname": "Ada L.", "email": "ada@example.org", "msg_id": "m1"}

    changed = await http.put(f"{API}/user/profile", json=change, headers=bearer(ada))
    public = await http.get(f"{API}/users/{ada['user']['user_id']}", headers=bearer(bob))
    nobody = await http.get(f"{API}/users/u-nobody", headers=bearer(bob))

    assert seen(changed) == (200, 0)
    assert changed.json()["data"]["user"]["email"] == "ada@example.org"
    assert public.json()["data"]["user"] == {
        "user_id": ada["user"]["user_id"],
        "username": "ada",
        "nickname": "Ada L.",
        "avatar": "",
    }
    assert seen(nobody) == (404, 30001)
    assert [msg_id for _, msg_id, _ in world.published] == ["m1"]


async def test_search_in_pages(http: httpx.AsyncClient) -> None:
    """next_cursor leads on; limits and cursors are checked."""
    session = await login(http)
    for number in range(3):
        await login(http, f"bob{number}")

    first = await http.get(f"{API}/users", params={"query": "BOB", "limit": 2}, headers=bearer(session))
    cursor = first.json()["data"]["next_cursor"]
    rest = await http.get(f"{API}/users", params={"query": "bob", "cursor": cursor}, headers=bearer(session))
    too_many = await http.get(f"{API}/users", params={"query": "b", "limit": 51}, headers=bearer(session))
    foreign = await http.get(f"{API}/users", params={"query": "b", "cursor": "x"}, headers=bearer(session))

    names = [user["username"] for page in (first, rest) for user in page.json()["data"]["items"]]
    assert names == ["bob0", "bob1", "bob2"]
    assert (seen(too_many), seen(foreign)) == ((422, 10002), (422, 10002))


async def test_many_users_by_id(http: httpx.AsyncClient) -> None:
    """In the order asked for, each once, with commas or repeated; unknown ids are left out and too many are refused."""
    session = await login(http)
    ids = [(await login(http, name))["user"]["user_id"] for name in ("bob", "cyd")]

    async def ask(*ids: str, **more: str) -> httpx.Response:
        return await http.get(f"{API}/users", params={"ids": list(ids), **more}, headers=bearer(session))

    commas = await ask(f"{ids[1]},u-nobody,{ids[0]},{ids[1]}")
    repeated = await ask(ids[1], ids[0])
    most = await ask(",".join(f"u{number}" for number in range(100)))
    bad = [await ask(",".join(f"u{number}" for number in range(101))), await ask(""), await ask("a b")]
    bad += [await ask(ids[0], query="b"), await http.get(f"{API}/users", headers=bearer(session))]

    assert [user["username"] for user in commas.json()["data"]["items"]] == ["cyd", "bob"]
    assert repeated.json()["data"] == commas.json()["data"]
    assert (seen(most), most.json()["data"]["items"]) == ((200, 0), [])
    assert [seen(answer) for answer in bad] == [(422, 10002)] * 5


async def test_the_reference_declares_every_route(http: httpx.AsyncClient) -> None:
    """OpenAPI 3.1: each operation says what it answers, and its errors have the envelope."""
    reference = (await http.get("/openapi.json")).json()

    assert reference["openapi"].startswith("3.1")
    for path, operations in reference["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            assert {"431", "500", "503"} <= set(operation["responses"]), path
            for status, response in operation["responses"].items():
                schema = response["content"]["application/json"]["schema"]
                named = schema.get(
                    "$ref", ""
                )  # answers that leave as stored bytes describe themselves in place
                assert named.endswith("ErrorEnvelope") == (status >= "400"), (path, status)
                assert named or "data" in schema["properties"], (path, status)
    assert "HTTPValidationError" not in reference["components"]["schemas"]
