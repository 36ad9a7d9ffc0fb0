"""argon2id in a bounded pool: each hash takes a core for a tenth of a second and 64 MiB."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.usernames import normalise_password

T = TypeVar("T")

HASH_MS = 150  # one hash with the library's parameters; only for telling clients how long to wait
JITTER_MS = 1000  # added to that, so that refused clients do not all come back at once


class Passwords:
    """Hash and verify passwords, a few at a time.

    Args:
        hashes: how many are computed at once (`limits.login_hashes`), from 1.
        waiting: how many more may wait (`limits.login_waiting`), from 0.
        entropy: source of random bytes.
        hasher: parameters; the library's defaults when None. Old hashes are renewed when they change.
    """

    def __init__(
        self,
        *,
        hashes: int,
        waiting: int,
        entropy: Callable[[int], bytes],
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._hasher = hasher or PasswordHasher()
        self._pool = ThreadPoolExecutor(hashes, thread_name_prefix="argon2")
        self._slots = asyncio.Semaphore(hashes)
        self._hashes = hashes
        self._bound = hashes + waiting
        self._present = 0
        self._dummy = _dummy_hash(self._hasher, entropy)

    async def hash(self, password: str) -> str:
        """Return the PHC string of a password.

        Raises:
            Refused: 10008, too many wait already.
        """
        text = normalise_password(password)
        return await self._run(lambda: self._hasher.hash(text))

    async def verify(
        self, password_hash: str | None, password: str, *, before: Callable[[], None] | None = None
    ) -> bool:
        """Tell whether the password belongs to the hash.

        Args:
            password_hash: PHC string; None (no such user) takes as long as a real one and is always False.
            password: what somebody typed.
            before: runs after the wait and before the work; what it raises ends the call.

        Raises:
            Refused: 10008, too many wait already.
        """
        text = normalise_password(password)
        stored = self._dummy if password_hash is None else password_hash
        matches = await self._run(lambda: self._matches(stored, text), before)
        return matches is True and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """Let go of the threads; what waits is given up."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password) is True
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False

    async def _run(self, work: Callable[[], T], before: Callable[[], None] | None = None) -> T:
        """Wait for a free thread, within the bound, and work there."""
        if self._present >= self._bound:
            wait_ms = HASH_MS * self._present // self._hashes + JITTER_MS
            raise Refused(ErrorCode.OVERLOADED, "too many logins at once", retry_after_ms=wait_ms)
        self._present += 1
        try:
            async with self._slots:
                if before is not None:
                    before()
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._present -= 1


def _dummy_hash(hasher: PasswordHasher, entropy: Callable[[int], bytes]) -> str:
    """Return the PHC string of no password at all: random bytes in the place of salt and hash."""

    def field(size: int) -> str:
        return base64.b64encode(entropy(size)).decode("ascii").rstrip("=")

    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${field(hasher.salt_len)}${field(hasher.hash_len)}"
