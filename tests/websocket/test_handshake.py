"""The opening handshake (RFC 6455 §4), byte for byte."""

from __future__ import annotations

import base64
import hashlib

import pytest

from tests.websocket.conftest import Place
from tests.websocket.raw import KEY, ask, frame, ping, request

TEXT = 1
AUTHORIZED = "Authorization: Bearer"


def accept_of(key: str) -> str:
    """Return the Sec-WebSocket-Accept of a key (RFC 6455 §4.2.2)."""
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return base64.b64encode(digest).decode()


UPGRADED = {
    "plain": request(),
    "firefox": request(connection="keep-alive, Upgrade"),
    "connection-lower-case": request(connection="upgrade"),
    "connection-upper-case": request(connection="UPGRADE"),
    "connection-spaces": request(connection="  keep-alive ,\t upgrade "),
    "connection-twice": request("Connection: keep-alive"),
    "connection-twice-other-order": request("Connection: Upgrade", connection="keep-alive"),
    "upgrade-upper-case": request(upgrade="WebSocket"),
    "upgrade-list": request(upgrade="h2c, websocket"),
    "names-lower-case": request()
    .replace(b"Sec-Websocket", b"sec-websocket")
    .replace(b"Upgrade:", b"upgrade:"),
    "names-upper-case": request()
    .replace(b"Sec-Websocket", b"SEC-WEBSOCKET")
    .replace(b"Upgrade:", b"UPGRADE:"),
    "key-with-spaces": request(sec_websocket_key=f"  {KEY.decode()}  "),
    "origin-own-host": request("Origin: http://127.0.0.1"),
    "origin-allowed": request("Origin: https://app.example"),
    "harmless-query": request(line="GET /ws?v=2 HTTP/1.1"),
    "protocols-offered": request("Sec-WebSocket-Protocol: chat, superchat"),
    "extensions-offered": request("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"),
    "unknown-extension": request("Sec-WebSocket-Extensions: x-nothing; a=1"),
    "a-hundred-headers": request(*(f"X-Number-{number}: {number}" for number in range(100))),
    "large-header": request(f"X-Large: {'x' * 12_000}"),
    "utf-8-header": request("X-Name: \xc3\xa9"),
    "empty-header": request("X-Empty:"),
}


@pytest.mark.parametrize("data", UPGRADED.values(), ids=UPGRADED)
def test_what_is_right_is_upgraded(place: Place, data: bytes) -> None:
    """101 with the accept key, no extension and no protocol; then the socket works."""
    with place.connect() as client:
        client.write(data)
        answer = client.answer()

        assert answer.status == 101
        assert answer.headers["upgrade"].lower() == "websocket"
        assert answer.headers["connection"].lower() == "upgrade"
        assert answer.headers["sec-websocket-accept"] == accept_of(KEY.decode())
        assert "sec-websocket-extensions" not in answer.headers
        assert "sec-websocket-protocol" not in answer.headers
        client.write(frame(9, b"there?"))
        client.pong(b"there?")


REFUSED = {
    "no-upgrade-header": (426, request(without=("upgrade",))),
    "no-connection-header": (426, request(without=("connection",))),
    "connection-close": (426, request(connection="close")),
    "another-protocol": (426, request(upgrade="h2c")),
    "http-1.0": (400, request(line="GET /ws HTTP/1.0")),
    "no-host": (400, request(without=("host",))),
    "host-twice": (400, request("Host: other.example")),
    "post": (405, request("Content-Length: 0", line="POST /ws HTTP/1.1")),
    "put": (405, request(line="PUT /ws HTTP/1.1")),
    "another-path": (404, request(line="GET /other HTTP/1.1")),
    "path-with-slash": (404, request(line="GET /ws/ HTTP/1.1")),
    "absolute-path": (404, request(line="GET //ws HTTP/1.1")),
    "no-key": (400, request(without=("sec-websocket-key",))),
    "empty-key": (400, request(sec_websocket_key="")),
    "short-key": (400, request(sec_websocket_key="c2hvcnQ=")),
    "long-key": (400, request(sec_websocket_key=base64.b64encode(b"x" * 17).decode())),
    "key-not-base64": (400, request(sec_websocket_key="!" * 24)),
    "key-twice": (400, request(f"Sec-WebSocket-Key: {base64.b64encode(b'x' * 16).decode()}")),
    "no-version": (426, request(without=("sec-websocket-version",))),
    "version-8": (426, request(sec_websocket_version="8")),
    "version-14": (426, request(sec_websocket_version="14")),
    "version-list": (426, request(sec_websocket_version="13, 8")),
    "version-zeros": (426, request(sec_websocket_version="013")),
    "version-twice": (400, request("Sec-WebSocket-Version: 8")),
    "token-in-url": (400, request(line="GET /ws?token=x HTTP/1.1")),
    "access-token-in-url": (400, request(line="GET /ws?a=1&access_token=x HTTP/1.1")),
    "escaped-token-in-url": (400, request(line="GET /ws?%74oken=x HTTP/1.1")),
    "origin-of-others": (403, request("Origin: https://evil.example")),
    "origin-null": (403, request("Origin: null")),
    "origin-other-port": (403, request("Origin: http://127.0.0.1:1")),
    "origin-malformed": (403, request("Origin: http://[")),
    "origin-twice": (400, request("Origin: https://app.example", "Origin: https://evil.example")),
    "bad-token": (401, request(f"{AUTHORIZED} nothing")),
    "empty-token": (401, request(AUTHORIZED)),
    "another-scheme": (401, request("Authorization: Basic dTpw")),
    "token-twice": (400, request(f"{AUTHORIZED} a", f"{AUTHORIZED} b")),
    "headers-too-large": (431, request(f"X-Large: {'x' * 20_000}")),
    "too-many-headers": (431, request(*(f"X-Number-{number}: {number}" for number in range(1_000)))),
    "url-too-long": (431, request(line=f"GET /ws?{'x' * 20_000} HTTP/1.1")),
    "space-in-name": (400, request("X Header: a")),
    "no-colon": (400, request("nothing")),
    "nul-in-value": (400, request("X-Nul: a\x00b")),
    "folded-header": (400, request("X-Folded: a\r\n b")),
    "no-http": (400, b"hello\r\n\r\n"),
    "binary": (400, bytes(range(128, 256)) + b"\r\n\r\n"),
    "tls": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300)),
    "length-and-chunked": (
        400,
        request("Content-Length: 5", "Transfer-Encoding: chunked", line="POST /ws HTTP/1.1"),
    ),
}


@pytest.mark.parametrize(("status", "data"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused(place: Place, status: int, data: bytes) -> None:
    """With its status, once, and the connection ends."""
    with place.connect() as client:
        client.write(data)
        answer = client.answer()

        assert answer.status == status
        assert answer.headers["connection"].startswith("close")
        client.dies()


def test_another_version_is_told_the_right_one(place: Place) -> None:
    """426 with Sec-WebSocket-Version (RFC 6455 §4.4)."""
    with place.connect() as client:
        client.write(request(sec_websocket_version="12"))

        answer = client.answer()

        assert (answer.status, answer.headers["sec-websocket-version"]) == (426, "13")


def test_a_request_may_come_byte_by_byte(place: Place) -> None:
    """And what follows, too."""
    with place.connect() as client:
        client.crumbs(request(f"{AUTHORIZED} {place.user_token}"))
        assert client.answer().status == 101
        assert client.text()["type"] == "auth_ok"
        client.crumbs(ping("slow"))
        client.hears("slow")


def test_what_stands_behind_the_request_is_served(place: Place) -> None:
    """Frames in the same segment as the request, with the token in its headers."""
    with place.connect() as client:
        client.write(request(f"{AUTHORIZED} {place.user_token}"), ping("a"), frame(TEXT, ask("b")))

        assert client.answer().status == 101
        assert client.text()["type"] == "auth_ok"
        client.hears("a", "b")


@pytest.mark.parametrize(
    ("bad", "code"), [(frame(3, b"x"), 1002), (frame(TEXT, b" " * 40_000), 1009)], ids=["1002", "1009"]
)
def test_a_violation_behind_the_request_is_told(place: Place, bad: bytes, code: int) -> None:
    """In the segment of the request, too; what comes after it does not count."""
    with place.connect() as client:
        client.write(request(), bad, frame(9, b"late"))

        assert client.answer().status == 101
        client.closed(code)


def test_an_upgrade_may_follow_a_request_on_the_same_connection(place: Place) -> None:
    """Keep-alive: first HTTP, then the socket."""
    with place.connect() as client:
        client.write(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = client.answer()
        assert client.body(answer).startswith(b"{")

        client.write(request())

        assert client.answer().status == 101


def test_nothing_is_upgraded_before_an_earlier_answer(place: Place) -> None:
    """A pipelined request is answered, and then the connection ends instead of mixing the two protocols."""
    with place.connect() as client:
        client.write(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n", request())

        answer = client.answer()

        assert answer.status == 200
        assert client.body(answer).startswith(b"{")
        client.ended()


def test_an_offer_of_another_protocol_is_served_as_http(place: Place) -> None:
    """RFC 9110 §7.8: a server may ignore Upgrade; the connection ends after the answer."""
    with place.connect() as client:
        client.write(b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")

        answer = client.answer()

        assert (answer.status, answer.headers.get("connection")) == (200, "close")
