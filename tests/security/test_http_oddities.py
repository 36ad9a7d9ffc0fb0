"""Requests that no honest client sends: two lengths, odd paths, odd JSON. One answer each, never a 5xx."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import httpx
import pytest

from tests.conversations.server import ServerProcess
from tests.security.api_world import API, PASSWORD, codes, name, shared_person

WITHIN_S = 15.0
HEALTH = "GET /health/live HTTP/1.1\r\nHost: a\r\n"
LOGIN = f"POST {API}/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
BODY = json.dumps({"username": "nobody", "password": PASSWORD})
BEHIND = "GET /version HTTP/1.1\r\nHost: a\r\n\r\n"


def raw(server: ServerProcess, request: str | bytes) -> list[int]:
    """Send bytes, say no more, and return the status of each answer until the server closes."""
    data = request.encode("latin-1") if isinstance(request, str) else request
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=WITHIN_S) as plain:
        plain.sendall(data)
        plain.shutdown(socket.SHUT_WR)
        try:
            while part := plain.recv(65_536):
                received += part
        except ConnectionResetError:
            pass  # closed with something unread: what was answered before counts
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


@pytest.mark.parametrize(
    "request_text",
    [
        f"{LOGIN}Content-Length: {len(BODY)}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{BEHIND}",
        f"{LOGIN}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{BEHIND}",
        f"{LOGIN}Content-Length: {len(BODY)}\r\nContent-Length: 5\r\n\r\n{BODY}{BEHIND}",
        f"{LOGIN}Content-Length: {len(BODY)}, 5\r\n\r\n{BODY}{BEHIND}",
        f"{LOGIN}Content-Length: -1\r\n\r\n{BEHIND}",
        f"{LOGIN}Content-Length: +5\r\n\r\nhello{BEHIND}",
        f"{LOGIN}Content-Length: 0x5\r\n\r\nhello{BEHIND}",
        f"{LOGIN}Content-Length: 99999999999999999999999\r\n\r\n{BEHIND}",
        f"{LOGIN}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{BEHIND}",
        f"{LOGIN}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{BEHIND}",
        f"{LOGIN}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{BEHIND}",
        f"{LOGIN}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n\r\n{BEHIND}",
        f"{LOGIN}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n{BEHIND}",
        f"{HEALTH}Bad Header: x\r\n\r\n{BEHIND}",
        f"{HEALTH}: x\r\n\r\n{BEHIND}",
        f"{HEALTH}X: a\0b\r\n\r\n{BEHIND}",
        "GET /health/live HTTP/9.9\r\nHost: a\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_a_request_whose_end_is_in_doubt_is_refused_with_all_behind_it(
    server: ServerProcess, request_text: str
) -> None:
    """One 4xx and the end: what might be a second request is never served (RFC 9112 §6.3, §11.2)."""
    answers = raw(server, request_text)

    assert len(answers) <= 1, answers
    assert all(400 <= status < 500 for status in answers)


def test_a_refusal_of_the_protocol_has_the_envelope(server: ServerProcess) -> None:
    """And the headers of every other answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=WITHIN_S) as plain:
        plain.sendall(b"nonsense\r\n\r\n")
        received = b"".join(iter(lambda: plain.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")

    assert set(json.loads(body)) == {"code", "message", "data", "request_id"}
    assert json.loads(body)["code"] == 10002
    assert b"x-content-type-options: nosniff" in head.lower()
    assert b"connection: close" in head.lower()


def test_honest_requests_behind_each_other_are_all_answered(server: ServerProcess) -> None:
    """Pipelining is legal, with and without a body."""
    length = f"{LOGIN}Content-Length: {len(BODY)}\r\n\r\n{BODY}"
    chunked = f"{LOGIN}Transfer-Encoding: chunked\r\n\r\n{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n"
    last = "GET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=WITHIN_S) as plain:
        plain.sendall((length + chunked + last).encode())
        received = b"".join(iter(lambda: plain.recv(65_536), b""))

    assert [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)] == [401, 401, 200]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("//api/v1/user/profile", 404),
        ("/api//v1/user/profile", 404),
        ("/api/v1/user/profile/", 404),
        ("/api/v1/user/../user/profile", 404),
        ("/api/v1/user/%2e%2e/user/profile", 404),
        (
            "/api/v1/user%2fprofile",
            401,
        ),  # the server decodes a path before it looks: the same route, and its door
        ("/API/V1/user/profile", 404),
        ("/api/v1/user/profile%00", 404),
        ("/api/v1/user/profile;x=1", 404),
        ("/api/v1/user/profile%20", 404),
        ("/docs/../../pyproject.toml", 404),
        ("/docs/%2e%2e/%2e%2e/pyproject.toml", 404),
        ("/docs/..%2f..%2fpyproject.toml", 404),
        ("/home.css/../home.html", 404),
        ("/assets/../web_client.py", 404),
        ("/assets/..%2f..%2fhome.html", 404),
        ("/%ff%fe", 404),
        ("/" + "a" * 10_000, 404),
        ("/" + "a" * 20_000, 431),
        ("/?" + "a=1&" * 3_000, 200),
        ("/%", 404),
        ("/metrics", 404),
        ("http://evil.example/api/v1/user/profile", 401),
    ],
)
def test_there_is_one_way_to_each_route(server: ServerProcess, path: str, status: int) -> None:
    """Nothing that reads like a route leads past its door, and no file of the disk is reached."""
    assert raw(server, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") == [status]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "FOO"])
def test_other_methods_do_nothing(server: ServerProcess, method: str) -> None:
    """No body is echoed (TRACE), no tunnel is opened (CONNECT), no route is called."""
    target = "evil.example:443" if method == "CONNECT" else f"{API}/auth/logout"
    (answer,) = raw(server, f"{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert answer in {400, 404, 405}


def test_without_allowed_origins_no_page_of_another_origin_may_read(http: httpx.Client) -> None:
    """Neither the answer nor the preflight gives permission; `null` and look-alikes are no exception."""
    for origin in ("https://evil.example", "null", str(http.base_url).rstrip("/") + ".evil.example"):
        ask = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for answer in (
            http.options(f"{API}/auth/login", headers=ask),
            http.get("/version", headers={"Origin": origin}),
        ):
            assert not [key for key in answer.headers if key.startswith("access-control-")]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xef\xbb\xbf{}", 422),
        (b"\xff\xfe{\x00}\x00", 422),
        (b"'single'", 400),
        (b"{}{}", 400),
        (b"[" * 60_000, 400),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400),
        (b'{"name": NaN, "member_ids": []}', 422),
        (b'{"name": -Infinity}', 422),
        (b'{"name": "\\ud800", "member_ids": []}', 422),
        (b'{"\\udfff": 1}', 422),
        (b'{"name": 1e400}', 422),
        (b'{"name": ' + b"9" * 5_000 + b"}", 400),
        (b"null", 422),
        (b"true", 422),
        (b'"text"', 422),
        (b"[1]", 422),
        (b"0" * 70_000, 413),
    ],
)
def test_odd_json_is_refused(http: httpx.Client, body: bytes, status: int) -> None:
    """10002 with 400 for what is no JSON, 422 for what does not fit; the value is not shown."""
    me = shared_person(http)
    headers = {**me.headers, "Content-Type": "application/json"}
    answer = http.post(f"{API}/groups", content=body, headers=headers)

    assert codes(answer) == (status, 10002)


@pytest.mark.parametrize("seq", [0, -1, 2**53, 2**63, 2**64, 10**400, 1.5, 1.0, "1", True, None, [], {}])
def test_a_seq_is_a_whole_number_below_2_to_the_53(http: httpx.Client, seq: Any) -> None:
    """Nothing is rounded or taken for a number."""
    me = shared_person(http)
    body = {"conversation_id": me.user_id, "seq": seq, "ack_type": "read"}
    text = json.dumps(body).encode()
    answer = http.post(
        f"{API}/messages/ack", content=text, headers={**me.headers, "Content-Type": "application/json"}
    )

    assert answer.status_code in {400, 422}
    assert answer.json()["code"] == 10002


def test_a_text_comes_back_as_it_was_sent(http: httpx.Client) -> None:
    """NUL, controls, right-to-left marks and the ends of Unicode stand in content; they are the reader's business."""
    me = shared_person(http)
    text = "\0\x01\x7f\u2028\u202e\ufeff\uffff\U0010ffff\r\n'\"\\<script>"
    sent = me.say(text, to_user_id=me.user_id)
    page = me.do("GET", "/messages/history", conversation_id=sent["conversation_id"], limit=1)

    assert page["events"][0]["content"] == text


def test_of_a_key_that_comes_twice_the_last_counts(http: httpx.Client) -> None:
    """In what is checked and in what is done: there is one reading of a body."""
    me = shared_person(http)
    start = json.dumps({"msg_id": name(), "to_user_id": me.user_id})[:-1]
    body = f'{start}, "content": "", "content": "last"}}'
    headers = {**me.headers, "Content-Type": "application/json"}
    sent = http.post(f"{API}/messages", content=body.encode(), headers=headers).json()["data"]
    page = me.do("GET", "/messages/history", conversation_id=sent["conversation_id"], limit=1)

    assert page["events"][0]["content"] == "last"


@pytest.mark.parametrize("path", [f"{API}/user/profile", "/version", "/health", "/openapi.json", "/nothing"])
def test_answers_carry_their_security_headers(http: httpx.Client, path: str) -> None:
    """No sniffing, no framing, no referrer, no cache; tokens above all."""
    answer = http.get(path, headers=shared_person(http).headers)

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Server" not in answer.headers


def test_an_answer_with_tokens_is_kept_by_no_cache(http: httpx.Client) -> None:
    """Login and refresh (RFC 6749 §5.1)."""
    me = shared_person(http)
    body = {"username": me.username, "password": PASSWORD, "device_id": "cache"}
    login = http.post(f"{API}/auth/login", json=body)
    token = {"refresh_token": login.json()["data"]["refresh_token"]}

    assert login.headers["Cache-Control"] == "no-store"
    assert http.post(f"{API}/auth/refresh", json=token).headers["Cache-Control"] == "no-store"
