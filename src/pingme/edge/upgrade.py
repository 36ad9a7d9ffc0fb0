"""May this request become a WebSocket? A pure decision on its line and headers (RFC 6455 §4.2.1)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from pingme.domain.errors import ErrorCode

WS_PATH = "/ws"
VERSION = b"13"  # RFC 6455 §4.1
KEY_BYTES = 16  # of the Sec-WebSocket-Key, RFC 6455 §4.1
# Of two that differ, which one counts would depend on who reads: RFC 6455 §11.3, RFC 9110 §5.3.
ONCE = (b"host", b"origin", b"authorization", b"sec-websocket-key", b"sec-websocket-version")
TOKEN_NAMES = frozenset({"token", "access_token", "jwt", "authorization"})


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A request that may be upgraded.

    Attributes:
        key: its Sec-WebSocket-Key.
        token: of the Authorization header, None when it has none.
    """

    key: bytes
    token: str | None


@dataclass(frozen=True, slots=True)
class UpgradeRefused:
    """A request that may not, and its answer; ``code`` where it is not the usual one of the status."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    code: ErrorCode | None = None


NOT_AN_UPGRADE = UpgradeRefused(
    426,
    "expected Connection: Upgrade and Upgrade: websocket; a proxy must pass both on",
    (("Connection", "Upgrade"), ("Upgrade", "websocket")),
)


def check_upgrade(
    method: str,
    path: str,
    query: str,
    headers: Sequence[tuple[bytes, bytes]],
    allowed_origins: Sequence[str],
    *,
    http_version: str = "1.1",
) -> Upgrade | UpgradeRefused:
    """Decide on an upgrade request.

    Args:
        method: of the request line.
        path: without the query.
        query: behind the ``?``.
        headers: lower-case names.
        allowed_origins: `app.allowed_origins`; empty allows the request's own host only.
        http_version: of the request line.
    """
    found = dict(headers)
    if path != WS_PATH:
        return UpgradeRefused(404, f"WebSockets are served at {WS_PATH}")
    if method != "GET":
        return UpgradeRefused(405, "expected GET", (("Allow", "GET"),))
    malformed = _malformed(found, headers, http_version)
    if malformed:
        return UpgradeRefused(400, malformed)
    if TOKEN_NAMES & {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)}:
        return UpgradeRefused(
            400, "a token in the URL ends up in logs: send it in the auth frame or Authorization"
        )
    if found.get(b"sec-websocket-version") != VERSION:
        return UpgradeRefused(426, "expected Sec-WebSocket-Version: 13", (("Sec-WebSocket-Version", "13"),))
    key = found.get(b"sec-websocket-key", b"").strip()
    if not _is_key(key):
        return UpgradeRefused(400, "expected a Sec-WebSocket-Key of 16 bytes in base64")
    origin = found.get(b"origin")
    if origin is not None and not origin_allowed(
        origin.decode("latin-1"), found.get(b"host", b"").decode("latin-1"), allowed_origins
    ):
        return UpgradeRefused(403, "this origin is not allowed: add it to app.allowed_origins")
    return Upgrade(key, _bearer(found.get(b"authorization")))


def origin_allowed(origin: str, host: str, allowed: Sequence[str]) -> bool:
    """Tell whether pages of this origin may connect.

    Args:
        origin: the Origin header: scheme://host[:port], or ``null``.
        host: the Host header.
        allowed: origins; ``*`` is everybody. The request's own host is always allowed.
    """
    if "*" in allowed or origin.rstrip("/").lower() in {one.rstrip("/").lower() for one in allowed}:
        return True
    try:
        netloc = urlsplit(origin).netloc
    except ValueError:  # brackets that are no IPv6 address
        return False
    return bool(host) and netloc.lower() == host.lower()


def _malformed(
    found: dict[bytes, bytes], headers: Sequence[tuple[bytes, bytes]], http_version: str
) -> str | None:
    if http_version != "1.1":
        return "expected HTTP/1.1"
    if b"host" not in found:
        return "expected a Host header"
    for name in ONCE:
        if sum(name == one for one, _ in headers) > 1:
            return f"expected {name.decode()} once"
    return None


def header_tokens(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> set[bytes]:
    """Return the lower-case elements of a header that is a list, from all its lines (RFC 9110 §5.6.1)."""
    return {token.strip().lower() for one, value in headers if one == name for token in value.split(b",")}


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except ValueError:
        return False


def _bearer(value: bytes | None) -> str | None:
    if value is None:
        return None
    scheme, _, token = value.decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
