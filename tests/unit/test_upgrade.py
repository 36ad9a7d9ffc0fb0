"""May this request become a WebSocket?"""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingme.edge.upgrade import Upgrade, UpgradeRefused, check_upgrade, origin_allowed

KEY = base64.b64encode(b"0123456789abcdef")


def ask(
    *more: tuple[bytes, bytes],
    method: str = "GET",
    path: str = "/ws",
    query: str = "",
    version: bytes = b"13",
    key: bytes = KEY,
    allowed: tuple[str, ...] = (),
) -> Upgrade | UpgradeRefused:
    headers = [
        (b"host", b"chat.example:8080"),
        (b"sec-websocket-version", version),
        (b"sec-websocket-key", key),
        *more,
    ]
    return check_upgrade(method, path, query, headers, allowed)


def status(answer: Upgrade | UpgradeRefused) -> int:
    return 101 if isinstance(answer, Upgrade) else answer.status


def test_a_plain_request_is_upgraded():
    """No Origin: not a browser."""
    assert ask() == Upgrade(KEY, None)


@pytest.mark.parametrize(
    ("origin", "allowed", "wanted"),
    [
        (b"http://chat.example:8080", (), 101),
        (b"https://chat.example:8080", (), 101),
        (b"HTTP://CHAT.EXAMPLE:8080", (), 101),
        (b"http://chat.example", (), 403),
        (b"http://evil.example", (), 403),
        (b"http://chat.example:8080.evil.example", (), 403),
        (b"http://evil.example", ("https://app.example",), 403),
        (b"https://app.example", ("https://app.example/",), 101),
        (b"http://app.example", ("https://app.example",), 403),
        (b"http://chat.example:8080", ("https://app.example",), 101),
        (b"null", (), 403),
        (b"", (), 403),
        (b"http://[", (), 403),
        (b"http://[::1", (), 403),
        (b"\xff\xfe", (), 403),
        (b"http://evil.example", ("*",), 101),
    ],
)
def test_pages_of_other_origins_may_not_connect(origin: bytes, allowed: tuple[str, ...], wanted: int):
    """Default: the request's own host; otherwise what the setting names."""
    assert status(ask((b"origin", origin), allowed=allowed)) == wanted


@pytest.mark.parametrize("query", ["token=x", "a=1&access_token=x", "TOKEN=", "jwt=a.b.c", "%74oken=x"])
def test_a_token_in_the_url_is_refused(query: str):
    """It would end up in logs, so 400, however it is spelt."""
    answer = ask(query=query)

    assert status(answer) == 400


def test_other_queries_are_ignored():
    """A query that is no token harms nothing."""
    assert status(ask(query="v=2&tokens=1")) == 101


@pytest.mark.parametrize("version", [b"8", b"14", b"", b"13, 8"])
def test_another_version_is_told_the_right_one(version: bytes):
    """426 with the version that is spoken here."""
    answer = ask(version=version)

    assert isinstance(answer, UpgradeRefused)
    assert (answer.status, answer.headers) == (426, (("Sec-WebSocket-Version", "13"),))


def test_other_paths_and_methods_are_refused():
    """404 and 405."""
    assert status(ask(path="/other")) == 404
    assert status(ask(path="/ws/")) == 404
    assert status(ask(method="POST")) == 405


@pytest.mark.parametrize(
    "key",
    [b"", b"  ", b"short", b"!" * 24, base64.b64encode(b"fifteen bytes.."), base64.b64encode(b"x" * 17)],
)
def test_a_key_must_be_16_bytes_of_base64(key: bytes):
    """RFC 6455 §4.2.1: anything else is answered 400."""
    assert status(ask(key=key)) == 400


@pytest.mark.parametrize(
    ("header", "token"),
    [(b"Bearer abc", "abc"), (b"bearer  abc ", "abc"), (b"Basic abc", ""), (b"Bearer", ""), (b"", "")],
)
def test_the_token_of_the_authorization_header_is_handed_on(header: bytes, token: str):
    """Another scheme is an empty, hence invalid, token and never ignored."""
    answer = ask((b"authorization", header))

    assert answer == Upgrade(KEY, token)


@given(st.binary(max_size=40), st.text(max_size=40), st.binary(max_size=30), st.binary(max_size=30))
def test_whatever_is_asked_is_answered(origin: bytes, query: str, key: bytes, authorization: bytes):
    """No header and no query raises."""
    answer = ask((b"origin", origin), (b"authorization", authorization), query=query, key=key)

    assert status(answer) in {101, 400, 403}


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_origin_is_decided(origin: str, host: str):
    """Malformed origins are refused, not errors."""
    assert origin_allowed(origin, host, ()) in {True, False}
