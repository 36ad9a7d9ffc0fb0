"""Guessing passwords takes time: after some failures each further one doubles the wait."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

from pingme.domain.errors import ErrorCode, Refused
from pingme.ports.clock import Clock

FIRST_DELAY_MS = 1_000
LAST_DELAY_MS = 60_000  # one guess a minute; longer would let strangers lock people out
FORGET_MS = 3_600_000  # an hour without a failure starts anew
ADDRESS_FACTOR = 4  # an office or a school stands behind one address
MAX_ENTRIES = 10_000  # about 2 MiB; each new one has cost the other side a hash
HOUR_MS = 3_600_000


@dataclass(slots=True)
class _Failures:
    count: int
    at_ms: int
    until_ms: int


def address_key(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 network that IPv6 hosts own whole."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


class LoginThrottle:
    """Failures per username and per client address. Memory is bounded: the longest untouched entry goes
    first.

    Args:
        clock: its monotonic time counts; the wall clock may jump.
        failures: `limits.login_failures`; so many are free for a username, four times as many for an address.
        max_entries: names and addresses remembered.
    """

    def __init__(self, clock: Clock, *, failures: int, max_entries: int = MAX_ENTRIES) -> None:
        self._clock = clock
        self._failures = failures
        self._max_entries = max_entries
        self._entries: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def check(self, username_key: str, address: str) -> None:
        """Raise when the name or the address must wait.

        Raises:
            Refused: 10007 with retry_after_ms.
        """
        now_ms = self._clock.monotonic_ms()
        waits = [
            entry.until_ms - now_ms
            for key in _keys(username_key, address)
            if (entry := self._entries.get(key))
        ]
        wait_ms = max(waits, default=0)
        if wait_ms > 0:
            raise Refused(ErrorCode.TOO_MANY_REQUESTS, "too many failed logins", retry_after_ms=wait_ms)

    def fail(self, username_key: str, address: str) -> None:
        """Count a wrong password."""
        by_name, by_address = _keys(username_key, address)
        self._count(by_name, self._failures)
        self._count(by_address, self._failures * ADDRESS_FACTOR)

    def succeed(self, username_key: str) -> None:
        """Forget the failures of a name. Those of the address stay: an attacker may own an account, too."""
        self._entries.pop(("user", username_key), None)

    def __len__(self) -> int:
        return len(self._entries)

    def _count(self, key: tuple[str, str], free: int) -> None:
        now_ms = self._clock.monotonic_ms()
        entry = self._entries.pop(key, None)
        if entry is None or now_ms - entry.at_ms > FORGET_MS:
            entry = _Failures(0, now_ms, 0)
        entry.count += 1
        entry.at_ms = now_ms
        entry.until_ms = now_ms + delay_ms(entry.count, free)
        self._entries[key] = entry
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)


def delay_ms(failures: int, free: int) -> int:
    """Return the wait after so many failures: none below ``free``, then 1 s, 2 s, 4 s … up to a minute."""
    if failures < free:
        return 0
    return min(LAST_DELAY_MS, FIRST_DELAY_MS << min(failures - free, 10))


def _keys(username_key: str, address: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("user", username_key), ("address", address_key(address))


class RegistrationQuota:
    """How many accounts one address may make in an hour (`limits.registrations_per_hour`).

    Args:
        clock: its monotonic time counts.
        per_hour: 0 = no limit.
        max_entries: addresses remembered.
    """

    def __init__(self, clock: Clock, *, per_hour: int, max_entries: int = MAX_ENTRIES) -> None:
        self._clock = clock
        self._per_hour = per_hour
        self._max_entries = max_entries
        self._used: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def take(self, address: str) -> None:
        """Count one registration.

        Raises:
            Refused: 10007 with retry_after_ms, the hour's are used up.
        """
        if self._per_hour == 0:
            return
        now_ms = self._clock.monotonic_ms()
        key = address_key(address)
        since_ms, count = self._used.pop(key, (now_ms, 0))
        if now_ms - since_ms >= HOUR_MS:
            since_ms, count = now_ms, 0
        self._used[key] = (since_ms, min(count + 1, self._per_hour))
        while len(self._used) > self._max_entries:
            self._used.popitem(last=False)
        if count >= self._per_hour:
            wait_ms = since_ms + HOUR_MS - now_ms
            raise Refused(ErrorCode.TOO_MANY_REQUESTS, "too many registrations", retry_after_ms=wait_ms)
