"""The tokens of one device: kept in the data_dir, renewed before they run out.

The file may be shared with other processes of the same account (`pingme send` beside `pingme chat`):
whoever renews
writes the new pair at once, and looks first whether somebody else has.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from pingme.domain.errors import Refused
from pingme.ports.clock import Clock
from pingme.sdk.errors import NotLoggedIn, SessionEnded, StorageFailed
from pingme.sdk.models import Login
from pingme.sdk.reconnect import TOKEN_CODES
from pingme.sdk.rest import Rest

FILE_NAME = "session.json"
RENEW_AT = 0.8  # of a token's life: leaves a fifth of it for failed attempts


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a session consists of. ``renew_at_ms``: Unix milliseconds."""

    server: str
    user_id: str
    username: str
    token: str
    refresh_token: str
    renew_at_ms: int
    device_id: str | None = None


class Session:
    """The tokens in use.

    Args:
        rest: makes the calls; its transport gets the access token.
        data_dir: where the tokens are kept; None keeps them in memory.
        server: the base URL, written beside the tokens.
    """

    def __init__(self, rest: Rest, *, data_dir: Path | None, server: str, clock: Clock) -> None:
        self._rest = rest
        self._path = data_dir / FILE_NAME if data_dir is not None else None
        self._server = server
        self._clock = clock
        self._lock = asyncio.Lock()
        self.tokens: Tokens | None = load_tokens(data_dir) if data_dir is not None else None
        self._use(self.tokens)
        rest.transport.renew = self.renew

    @property
    def current(self) -> Tokens:
        """The tokens.

        Raises:
            NotLoggedIn: there are none.
        """
        if self.tokens is None:
            raise NotLoggedIn("log in first")
        return self.tokens

    def begin(self, login: Login) -> Tokens:
        """Take the answer to a login."""
        assert login.user is not None
        tokens = Tokens(
            server=self._server,
            user_id=login.user.user_id,
            username=login.user.username,
            token=login.token,
            refresh_token=login.refresh_token,
            renew_at_ms=self._renew_at_ms(login),
            device_id=login.device_id,
        )
        self._keep(tokens)
        return tokens

    def set_device(self, device_id: str) -> None:
        """Remember which device this is, so that the next login is the same one."""
        if self.tokens is not None and self.tokens.device_id != device_id:
            with suppress(StorageFailed):
                self._keep(msgspec.structs.replace(self.tokens, device_id=device_id))

    def forget(self) -> None:
        """Drop the tokens, also from the disk."""
        self._use(None)
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    async def renew(self) -> Tokens:
        """Return fresh tokens; calls at the same time share one renewal.

        Raises:
            SessionEnded: the session is over.
            ServerUnreachable: no answer; try again later.
        """
        used = self.current
        async with self._lock:
            if self.current.token != used.token:
                return self.current
            shared = _read(self._path) if self._path is not None else None
            if shared is not None and shared.refresh_token != used.refresh_token:
                self._use(shared)
                if shared.renew_at_ms > self._clock.now_ms():
                    return shared
                used = shared  # it has run out as well
            return await self._renew(used)

    async def _renew(self, used: Tokens) -> Tokens:
        try:
            login = await self._rest.refresh(used.refresh_token)
        except Refused as exc:
            if exc.code in TOKEN_CODES:
                raise SessionEnded("this session is over: log in again") from exc
            raise
        tokens = msgspec.structs.replace(
            used,
            token=login.token,
            refresh_token=login.refresh_token,
            renew_at_ms=self._renew_at_ms(login),
        )
        with suppress(StorageFailed):  # it is good for this process; the next one may have to log in
            self._keep(tokens)
        return tokens

    def _renew_at_ms(self, login: Login) -> int:
        return self._clock.now_ms() + int(login.expires_in * 1000 * RENEW_AT)

    def _keep(self, tokens: Tokens) -> None:
        self._use(tokens)
        if self._path is not None:
            try:
                _write(self._path, tokens)
            except OSError as exc:
                raise StorageFailed(f"the client's data_dir cannot be written: {exc}") from exc

    def _use(self, tokens: Tokens | None) -> None:
        self.tokens = tokens
        self._rest.transport.token = tokens.token if tokens is not None else None


def load_tokens(data_dir: Path) -> Tokens | None:
    """Return the session that a client keeps in its data_dir, None when there is none."""
    return _read(data_dir / FILE_NAME)


def _read(path: Path) -> Tokens | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Tokens)
    except (OSError, msgspec.DecodeError):
        return None


def _write(path: Path, tokens: Tokens) -> None:
    """Replace the file in one step; nobody but the owner reads it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(f".{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(tokens))
    fresh.replace(path)
