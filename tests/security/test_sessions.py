"""Tokens, sessions and logins against a real server: what is forged, ended or too much gets nowhere."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from pingme.edge.http.openapi import operations
from tests.conversations.server import ServerProcess
from tests.security.api_world import API, PASSWORD, Person, codes, name, person
from tests.security.documented import document
from tests.security.scene import SECRET, answer_to, close_code, disable, hear, run_server, tell

pytestmark = pytest.mark.slow

WITHIN_S = 2.0  # docs/guarantees.md: a revocation closes open sockets within this
PROTECTED = [label for label, each in operations(document()) if "security" in each]


@dataclass
class Place:
    """A server and a client of it."""

    http: httpx.Client
    process: ServerProcess
    data_dir: Path

    @contextlib.contextmanager
    def socket(self, token: str) -> Iterator[ClientConnection]:
        """Open a socket; a token is sent and was taken."""
        url = f"{self.process.url.replace('http', 'ws')}/ws"
        with connect(url, proxy=None, compression=None) as made:
            if token:
                tell(made, "auth", {"token": token, "protocol": 1})
                assert hear(made)["type"] == "auth_ok"
            yield made


def served(folder: Path, **settings: str) -> Iterator[Place]:
    env = {f"PINGME_{key}": value for key, value in settings.items()}
    for process, data_dir in run_server(folder, env):
        with httpx.Client(base_url=process.url, trust_env=False, timeout=60) as http:
            yield Place(http, process, data_dir)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from served(tmp_path_factory.mktemp("sessions"))


@pytest.fixture
def own_place(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    """Start servers with settings of the test's own."""
    running: list[Iterator[Place]] = []

    def start(**settings: str) -> Place:
        running.append(served(tmp_path, **settings))
        return next(running[-1])

    yield start
    for each in running:
        assert next(each, None) is None


# Forged tokens.


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(header: dict[str, Any], claims: dict[str, Any], *, key: str = SECRET, sha: str = "sha256") -> str:
    """Sign anything as a token; no library says no."""
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{text}.{b64(hmac.new(key.encode(), text.encode(), sha).digest())}"


def forgeries(me: Person, other: Person) -> dict[str, str]:
    good = {"alg": "HS256", "typ": "JWT"}
    claims = jwt.decode(me.token, options={"verify_signature": False})
    theirs = jwt.decode(other.token, options={"verify_signature": False})
    head, body, mac = me.token.split(".")
    later = int(time.time()) + 3_600
    return {
        "no algorithm": f"{b64(json.dumps({**good, 'alg': 'none'}).encode())}.{body}.",
        "no algorithm, a signature": f"{b64(json.dumps({**good, 'alg': 'None'}).encode())}.{body}.{mac}",
        "HS512": signed({**good, "alg": "HS512"}, claims, sha="sha512"),
        "HS384": signed({**good, "alg": "HS384"}, claims, sha="sha384"),
        "RS256 with the secret as key": signed({**good, "alg": "RS256"}, claims),
        "a list of algorithms": signed({**good, "alg": ["HS256"]}, claims),
        "no alg": signed({"typ": "JWT"}, claims),
        "critical extension": signed({**good, "crit": ["exp"]}, claims),
        "detached payload": signed({**good, "b64": False, "crit": ["b64"]}, claims),
        "a key of the token's own": signed({**good, "jwk": {"kty": "oct", "k": b64(b"x" * 32)}}, claims, key="x" * 32),
        "kid is a path": signed({**good, "kid": "../../../../dev/null"}, claims, key=""),
        "kid is SQL": signed({**good, "kid": "' UNION SELECT 'x"}, claims, key="x"),
        "jku": signed({**good, "jku": "http://127.0.0.1:9/keys"}, claims, key="x"),
        "another key": signed(good, claims, key=SECRET[::-1]),
        "the header of another": f"{b64(b'{}')}.{body}.{mac}",
        "header and payload swapped": f"{body}.{head}.{mac}",
        "another payload": f"{head}.{other.token.split('.')[1]}.{mac}",
        "without exp": signed(good, {k: v for k, v in claims.items() if k != "exp"}),
        "without iat": signed(good, {k: v for k, v in claims.items() if k != "iat"}),
        "without sub": signed(good, {k: v for k, v in claims.items() if k != "sub"}),
        "without a session": signed(good, {k: v for k, v in claims.items() if k != "sid"}),
        "exp is a text": signed(good, {**claims, "exp": str(later)}),
        "exp is a fraction": signed(good, {**claims, "exp": later + 0.5}),
        "exp is endless": signed(good, {**claims, "exp": float("inf")}),
        "exp is null": signed(good, {**claims, "exp": None}),
        "sub is a list": signed(good, {**claims, "sub": [me.user_id]}),
        "my session, another's name": signed(good, {**claims, "sub": other.user_id}),
        "another's session, my name": signed(good, {**claims, "sid": theirs["sid"]}),
        "my session, another device": signed(good, {**claims, "did": theirs["did"]}),
        "a session that never was": signed(good, {**claims, "sid": "0" * 32}),
        "sid is SQL": signed(good, {**claims, "sid": "' OR 1=1 --"}),
        "a list of claims": f"{head}.{b64(b'[1]')}.{mac}",
        "two dots": "..",
        "four parts": me.token + ".x",
        "five parts": f"{head}...{body}.{mac}",
        "a dot behind": me.token + ".",
        "padding behind": me.token + "=",
        "characters that base64 skips": me.token + "!!!!",
        "a skipped character inside": f"{head}.{body[:4]}!{body[4:]}.{mac}",
        "a letter less": me.token[:-1],
        "upper case": me.token.upper(),
        "twice": me.token + me.token,
        "quoted": f'"{me.token}"',
        "huge": head + "." + body * 40 + "." + mac,
    }  # fmt: skip


def test_no_forged_token_is_taken(place: Place) -> None:
    """30005 by HTTP, and 4401 in `auth`."""
    me, other = person(place.http), person(place.http)
    found: dict[str, tuple[int, int, int]] = {}
    for what, token in forgeries(me, other).items():
        answer = place.http.get(f"{API}/user/profile", headers={"Authorization": f"Bearer {token}"})
        with place.socket("") as socket:
            tell(socket, "auth", {"token": token, "protocol": 1})
            if what != "huge":  # too long for an `auth` at all
                failed = hear(socket)
                assert (failed["type"], failed["payload"]["code"]) == ("auth_fail", 30005), what
            found[what] = (*codes(answer), close_code(socket))

    assert found == dict.fromkeys(found, (401, 30005, 4401))
    assert place.http.get(f"{API}/user/profile", headers=me.headers).status_code == 200


def test_a_token_that_is_no_ascii_is_refused(place: Place) -> None:
    """As any other, and by its bytes."""
    for raw in ("tökén".encode(), "\u202etoken".encode(), b"\xff\xfe", b"a\tb"):
        answer = place.http.get(f"{API}/user/profile", headers={b"Authorization": b"Bearer " + raw})
        assert codes(answer) == (401, 30005)


def test_a_token_anywhere_else_than_in_its_header_is_not_looked_at(place: Place) -> None:
    """Not in the query, not in a cookie; the scheme's name is not case-sensitive (RFC 9110 §11.1)."""
    me = person(place.http)
    path = f"{API}/user/profile"

    assert codes(place.http.get(path, params={"token": me.token, "access_token": me.token})) == (401, 10003)
    assert codes(place.http.get(path, headers={"Cookie": f"token={me.token}"})) == (401, 10003)
    assert codes(place.http.get(path, headers={"Authorization": f"Token {me.token}"})) == (401, 10003)
    assert codes(place.http.get(path, headers={"Authorization": f"bearer {me.token}"})) == (200, 0)


def test_two_authorization_headers_are_never_two_people(place: Place) -> None:
    """Parts of a path that read one or the other would disagree, so neither counts."""
    me, other = person(place.http), person(place.http)
    both = [("Authorization", f"Bearer {me.token}"), ("Authorization", f"Bearer {other.token}")]
    answer = place.http.get(f"{API}/user/profile", headers=both)
    url = f"{place.process.url.replace('http', 'ws')}/ws"

    assert codes(answer) == (401, 10003)
    with pytest.raises(InvalidStatus) as caught, connect(url, additional_headers=both, proxy=None):
        pass
    assert caught.value.response.status_code == 400


# The end of sessions.


def ended_by_logout(place: Place, me: Person) -> None:
    me.do("POST", "/auth/logout")


def ended_by_another_device(place: Place, me: Person) -> None:
    other = Person(place.http, me.username)
    other.login()
    other.do("DELETE", f"/auth/devices/{me.device_id}")


def ended_by_a_new_password(place: Place, me: Person) -> None:
    other = Person(place.http, me.username)
    other.login()
    other.do("PUT", "/auth/password", {"old_password": PASSWORD, "new_password": f"{PASSWORD} 2"})


def ended_by_an_operator(place: Place, me: Person) -> None:
    disable(place.data_dir, me.username)


def ended_by_a_reused_refresh_token(place: Place, me: Person) -> None:
    tokens = [me.refresh_token]
    for _ in range(2):
        data = place.http.post(f"{API}/auth/refresh", json={"refresh_token": tokens[-1]}).json()["data"]
        tokens.append(data["refresh_token"])
    reused = place.http.post(f"{API}/auth/refresh", json={"refresh_token": tokens[0]})
    assert codes(reused) == (401, 30005)
    me.refresh_token = tokens[-1]


@pytest.mark.parametrize(
    "end",
    [
        ended_by_logout,
        ended_by_another_device,
        ended_by_a_new_password,
        ended_by_an_operator,
        ended_by_a_reused_refresh_token,
    ],
)
def test_an_ended_session_is_out_everywhere(place: Place, end: Callable[[Place, Person], None]) -> None:
    """Its socket closes with 4450 within two seconds; every route, the socket and the refresh refuse its tokens."""
    me = person(place.http)
    with place.socket(me.token) as socket, ThreadPoolExecutor(1) as pool:
        closing = pool.submit(lambda: (close_code(socket), time.monotonic()))
        end(place, me)
        ended = time.monotonic()
        code, closed = closing.result()

    assert code == 4450
    assert closed - ended < WITHIN_S
    for label in PROTECTED:
        method, path = label.split(" ")
        answer = place.http.request(method, path.replace("{", "").replace("}", ""), headers=me.headers)
        assert codes(answer) == (401, 30005), label
    with place.socket("") as socket:
        tell(socket, "auth", {"token": me.token, "protocol": 1})
        assert hear(socket)["payload"]["code"] == 30005
        assert close_code(socket) == 4401
    refreshed = place.http.post(f"{API}/auth/refresh", json={"refresh_token": me.refresh_token})
    assert codes(refreshed) == (401, 30005)


def test_twenty_tabs_that_refresh_at_once_stay_together(place: Place) -> None:
    """All get the same successor, and it works."""
    me = person(place.http)
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(
                lambda _: place.http.post(f"{API}/auth/refresh", json={"refresh_token": me.refresh_token}),
                range(20),
            )
        )

    assert {codes(answer) for answer in answers} == {(200, 0)}
    (successor,) = {answer.json()["data"]["refresh_token"] for answer in answers}
    again = place.http.post(f"{API}/auth/refresh", json={"refresh_token": successor})
    assert codes(again) == (200, 0)


def test_an_access_token_is_no_refresh_token_and_the_other_way_round(place: Place) -> None:
    """Each is good for one thing."""
    me = person(place.http)
    swapped = place.http.post(f"{API}/auth/refresh", json={"refresh_token": me.token})
    used = place.http.get(f"{API}/user/profile", headers={"Authorization": f"Bearer {me.refresh_token}"})

    assert (codes(swapped), codes(used)) == ((401, 30005), (401, 30005))


def test_an_open_socket_ends_with_its_token_unless_it_is_renewed(own_place: Callable[..., Place]) -> None:
    """4401 at the end of the token; `auth` with a newer one keeps it open beyond."""
    place = own_place(JWT__EXPIRATION="6")  # a login on a busy machine takes its time, too
    other, me = person(place.http), person(place.http)
    with place.socket(me.token) as kept, place.socket(other.token) as left, ThreadPoolExecutor(1) as pool:
        closing = pool.submit(lambda: close_code(left))
        for _ in range(8):
            time.sleep(1)  # a real server's clock cannot be set
            data = place.http.post(f"{API}/auth/refresh", json={"refresh_token": me.refresh_token}).json()[
                "data"
            ]
            me.refresh_token = data["refresh_token"]
            tell(kept, "auth", {"token": data["token"], "protocol": 1})
            assert answer_to(kept)["type"] == "auth_ok"
        assert closing.result(10) == 4401
        tell(kept, "ping", None)
        assert answer_to(kept)["type"] == "pong"
    assert codes(place.http.get(f"{API}/user/profile", headers=other.headers)) == (401, 30004)


def test_the_twenty_first_device_closes_the_one_not_used_for_longest(own_place: Callable[..., Place]) -> None:
    """4451, and its token is out; the twenty newest stay."""
    place = own_place(LIMITS__DEVICES_PER_USER="20")
    first = person(place.http)
    with place.socket(first.token) as socket, ThreadPoolExecutor(4) as pool:
        closing = pool.submit(lambda: close_code(socket))
        devices = [Person(place.http, first.username) for _ in range(20)]
        list(pool.map(lambda each: each.login(), devices))
        assert closing.result(10) == 4451

    assert codes(place.http.get(f"{API}/user/profile", headers=first.headers)) == (401, 30005)
    assert len(devices[0].do("GET", "/auth/devices")["items"]) == 20
    assert {codes(each.call("GET", "/user/profile")) for each in devices} == {(200, 0)}


# Coming in.


def test_guessing_waits_and_an_unknown_user_is_answered_alike(own_place: Callable[..., Place]) -> None:
    """Five free failures, then 429 with a delay that doubles; nothing in the answers tells who exists."""
    place = own_place(LIMITS__LOGIN_FAILURES="5")
    me = person(place.http)

    def guess(username: str) -> list[tuple[int, dict[str, Any], str | None]]:
        found = []
        for _ in range(6):
            answer = place.http.post(
                f"{API}/auth/login", json={"username": username, "password": "wrong horse battery"}
            )
            body = answer.json()
            del body["request_id"]
            (body["data"] or {}).pop("retry_after_ms", None)
            found.append((answer.status_code, body, answer.headers.get("Retry-After")))
        return found

    unknown, known = guess(name()), guess(me.username)

    assert [status for status, _, _ in known] == [401] * 5 + [429]
    assert known == unknown


def test_one_name_is_given_once_whatever_its_spelling(place: Place) -> None:
    """Case, width and composition are one name; look-alikes of other scripts are no names."""
    base = name()
    wide = "".join(chr(ord(char) + 0xFEE0) for char in base)
    spellings = [base, base.upper(), base.title(), wide, base, base.upper(), wide, base]
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda each: place.http.post(
                    f"{API}/auth/register", json={"username": each, "password": PASSWORD}
                ),
                spellings,
            )
        )

    assert sorted(codes(answer) for answer in answers) == [(201, 0)] + [(409, 30002)] * 7
    lookalike = base.replace("a", "\u0430")
    refused = place.http.post(f"{API}/auth/register", json={"username": lookalike, "password": PASSWORD})
    assert codes(refused) == (422, 10002)


def test_beyond_the_queue_of_hashes_logins_are_told_to_come_back(own_place: Callable[..., Place]) -> None:
    """10008 with Retry-After at once; those in the queue get in."""
    place = own_place(LIMITS__LOGIN_HASHES="1", LIMITS__LOGIN_WAITING="2")
    me = person(place.http)
    body = {"username": me.username, "password": PASSWORD}
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: place.http.post(f"{API}/auth/login", json=body), range(16)))

    found = [codes(answer) for answer in answers]
    assert set(found) == {(200, 0), (503, 10008)}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers if answer.status_code == 503)


# What is written down.


def test_nothing_secret_is_written_down(own_place: Callable[..., Place]) -> None:
    """With debug logging neither the log nor /metrics holds a token, a password or a content, whatever happened."""
    from tests.conversations.server import free_port

    port = free_port()
    place = own_place(LOGGING__LEVEL="debug", METRICS__PORT=str(port))
    me, peer = person(place.http), person(place.http)
    secrets = {PASSWORD, "wrong-secret-password", me.token, me.refresh_token, peer.token, SECRET}
    content = "a content that nobody else may read"
    edited, draft, sent_live = f"{content}, edited", f"{content}, a draft", f"{content}, live"
    where = me.say(content, to_user_id=peer.user_id)
    target = {"conversation_id": where["conversation_id"], "seq": where["seq"]}
    me.do("POST", "/messages/edit", {**target, "msg_id": name(), "content": edited})
    me.do("PATCH", f"/conversations/{where['conversation_id']}/settings", {"draft": draft})
    peer.do("GET", "/messages/history", conversation_id=where["conversation_id"])
    with place.socket(me.token) as socket:
        tell(socket, "send", {"msg_id": name(), "to_user_id": peer.user_id, "content": sent_live})
        assert answer_to(socket)["type"] == "message_ack"
        socket.send(json.dumps({"type": "send", "payload": {"content": content, "token": me.token}}))
        socket.send(content)
        assert hear(socket)["type"] == "error"
    me.call("POST", "/messages", {"msg_id": name(), "content": content, "password": PASSWORD})
    place.http.post(f"{API}/auth/login", json={"username": me.username, "password": "wrong-secret-password"})
    place.http.post(f"{API}/auth/login", content=json.dumps({"password": PASSWORD}).encode() + b"{")
    place.http.get(f"{API}/user/profile", params={"token": me.token})
    place.http.get(f"{API}/user/profile", headers={"Authorization": f"Bearer {me.token}x"})
    place.http.get(
        "/ws", params={"token": me.token}, headers={"Connection": "Upgrade", "Upgrade": "websocket"}
    )
    place.http.get(f"{API}/{me.token}")
    for _ in range(3):
        again = {"refresh_token": me.refresh_token}
        data = place.http.post(f"{API}/auth/refresh", json=again).json()["data"]
        secrets |= {data["refresh_token"], data["token"]}
    peer.do("PUT", "/auth/password", {"old_password": PASSWORD, "new_password": f"{PASSWORD} 2"})
    me.do("POST", "/auth/logout")
    metrics = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    written = place.process.log()
    stored = b"".join(path.read_bytes() for path in place.data_dir.glob("pingme.db*"))

    assert "session_opened" in written
    assert "pingme_" in metrics
    parts = secrets | {token.rpartition(".")[2] for token in secrets if "." in token}
    for secret in parts | {content}:
        assert secret not in written, secret
        assert secret not in metrics, secret
    assert not [secret for secret in parts if secret.encode() in stored]
    assert hashlib.sha256(PASSWORD.encode()).digest() not in stored
