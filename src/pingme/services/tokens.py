"""Access tokens (JWT, RFC 7519, HS256 only) and refresh tokens (our own, without a row for each).

A refresh token is ``base64url(family ‖ generation) "." base64url(HMAC-SHA256)``. Only the number of the
current generation is stored, so a repeated exchange gives the same successor, and a token that was copied is
noticed when either copy is used late.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from enum import Enum

import jwt
import msgspec

from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.accounts import Device
from pingme.ports.clock import Clock

ALGORITHM = "HS256"
KEY_BYTES = 32  # RFC 7518 §3.2: at least the size of the hash
FAMILY_BYTES = 16
GENERATION_BYTES = 4
REPEAT_MS = 10_000  # tabs that refresh together, and answers that were lost
TOKEN_MAX = 2_048  # characters; ours have some 330
CACHED_TOKENS = 20_000  # verified tokens kept, some 10 MiB

_OPTIONS: dict[str, object] = {
    "require": ["exp", "iat", "sub"],
    # Checked here, by the injected clock; iat never: after the clock was set back, good tokens are "of the
    # future".
    "verify_exp": False,
    "verify_iat": False,
}


class Claims(msgspec.Struct, frozen=True):
    """What an access token says. Times are Unix seconds, as RFC 7519 has it.

    Attributes:
        sub: user id.
        did: device id.
        sid: family id.
        jti: id of this token.
    """

    sub: str
    did: str
    sid: str
    jti: str
    iat: int
    exp: int


class RefreshDecision(Enum):
    """What a refresh token with a good signature is worth."""

    ROTATE = "rotate"
    REPEAT = "repeat"
    EXPIRED = "expired"
    REUSED = "reused"


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a refresh token says: which login session, and which exchange of it."""

    family_id: str
    generation: int


def decide_refresh(device: Device, generation: int, now_ms: int) -> RefreshDecision:
    """Judge a token of this generation by the device's current state.

    Args:
        device: the session as it is stored.
        generation: of the token that was presented.
        now_ms: Unix milliseconds.
    """
    if now_ms >= device.expires_ts:
        return RefreshDecision.EXPIRED
    if generation == device.generation:
        return RefreshDecision.ROTATE
    recent = abs(now_ms - device.rotated_ts) <= REPEAT_MS
    if generation == device.generation - 1 and recent:
        return RefreshDecision.REPEAT
    return RefreshDecision.REUSED


class Tokens:
    """Make and check both kinds of token. Used on the event loop only.

    Args:
        secret: the signing key; one below 32 bytes (possible in development only) is stretched by SHA-256.
        clock: wall time for expiry, entropy for ids.
        expiration_s: how long an access token is good (`jwt.expiration`).
    """

    def __init__(self, secret: str, *, clock: Clock, expiration_s: int, cached: int = CACHED_TOKENS) -> None:
        raw = secret.encode()
        if not raw:
            raise ValueError("secret: expected at least one byte, got none")
        self._key = raw if len(raw) >= KEY_BYTES else hashlib.sha256(raw).digest()
        self._refresh_key = hmac.digest(self._key, b"pingme refresh token 1", "sha256")
        self._clock = clock
        self.expiration_s = expiration_s
        self._jwt = jwt.PyJWT(_OPTIONS)  # type: ignore[arg-type]  # the same keys, without PyJWT's TypedDict
        self._cached = cached
        self._verified: dict[bytes, Claims] = {}

    def issue(self, *, user_id: str, device_id: str, family_id: str) -> str:
        """Return a new access token, good for ``expiration_s``."""
        now_s = self._clock.now_ms() // 1000
        claims = Claims(
            sub=user_id,
            did=device_id,
            sid=family_id,
            jti=base64.urlsafe_b64encode(self._clock.entropy(12)).decode("ascii"),
            iat=now_s,
            exp=now_s + self.expiration_s,
        )
        return self._jwt.encode(msgspec.structs.asdict(claims), self._key, algorithm=ALGORITHM)

    def verify(self, token: str) -> Claims:
        """Return what a good access token says; cheap for one that was seen before.

        Raises:
            Refused: 30004 it is expired; 30005 anything else is wrong with it.
        """
        if len(token) > TOKEN_MAX or not token.isascii():
            raise Refused(ErrorCode.INVALID_TOKEN)
        digest = hashlib.sha256(token.encode("ascii")).digest()  # so that a memory dump shows no tokens
        claims = self._verified.get(digest)
        if claims is None:
            claims = self._decode(token)
            if len(self._verified) >= self._cached:
                del self._verified[next(iter(self._verified))]
            self._verified[digest] = claims
        if self._clock.now_ms() >= claims.exp * 1000:
            self._verified.pop(digest, None)
            raise Refused(ErrorCode.TOKEN_EXPIRED)
        return claims

    def _decode(self, token: str) -> Claims:
        try:
            for part in token.split("."):
                _decode(
                    part
                )  # PyJWT takes padding and passes over what is no base64 (RFC 7515 §2 has neither)
            payload = self._jwt.decode(token, self._key, algorithms=[ALGORITHM])
            return msgspec.convert(payload, Claims)
        except (jwt.InvalidTokenError, msgspec.ValidationError, ValueError, RecursionError) as exc:
            raise Refused(ErrorCode.INVALID_TOKEN) from exc

    def new_family(self) -> str:
        """Return the id of a new token family: 32 hexadecimal digits."""
        return self._clock.entropy(FAMILY_BYTES).hex()

    def issue_refresh(self, family_id: str, generation: int) -> str:
        """Return the refresh token of this generation, always the same one."""
        body = bytes.fromhex(family_id) + generation.to_bytes(GENERATION_BYTES, "big")
        return f"{_encode(body)}.{_encode(self._mac(body))}"

    def parse_refresh(self, token: str) -> RefreshClaims:
        """Return what a refresh token says, after its signature was checked.

        Raises:
            Refused: 30005, it is not one of ours.
        """
        body, _, mac = token.partition(".")
        try:
            raw, signature = _decode(body), _decode(mac)
        except (binascii.Error, ValueError) as exc:
            raise Refused(ErrorCode.INVALID_TOKEN) from exc
        good = hmac.compare_digest(signature, self._mac(raw))
        if not good or len(raw) != FAMILY_BYTES + GENERATION_BYTES:
            raise Refused(ErrorCode.INVALID_TOKEN)
        return RefreshClaims(raw[:FAMILY_BYTES].hex(), int.from_bytes(raw[FAMILY_BYTES:], "big"))

    def _mac(self, body: bytes) -> bytes:
        return hmac.digest(self._refresh_key, body, "sha256")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _decode(text: str) -> bytes:
    """Decode base64url strictly: one spelling for each value."""
    if len(text) > TOKEN_MAX or not text.isascii():
        raise ValueError("expected base64url")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _encode(raw) != text:
        raise ValueError("expected canonical base64url")
    return raw
