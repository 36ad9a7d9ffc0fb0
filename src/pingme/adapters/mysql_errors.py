"""What the server's error numbers mean for the store.

Numbers: MySQL 8.0 Error Message Reference; MariaDB uses the same below 1900.
"""

from __future__ import annotations

import re

from asyncmy import errors

from pingme.domain.errors import StoreError, StoreRejected, StoreUnavailable

DEADLOCK, LOCK_WAIT = 1213, 1205
DUPLICATE = 1062
DATABASE_MISSING, DATABASE_FORBIDDEN, ACCESS_DENIED = 1049, 1044, 1045

# The connection is of no use any more: gone, lost, shut down, killed, idle for too long; a server that became read-only
# is no longer the primary.
BROKEN = frozenset(
    {2003, 2006, 2013, 2014, 2055, 1053, 1152, 1158, 1159, 1160, 1161, 1290, 1836, 1927, 3169, 4031}
)
# These rows will never be taken: packet too large, out of range, wrong string, too long, invalid JSON.
_REJECTED = frozenset({1153, 1264, 1265, 1292, 1366, 1406, 3140, 1054, 1064, 1146})
_KEY = re.compile(r"for key '(?:[^'.]*\.)?([^']+)'")


class CannotConnect(StoreUnavailable):
    """There is no connection.

    Attributes:
        number: the server's, or 0.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


class TryAgain(StoreUnavailable):
    """Nothing was written, and the same transaction may work when it is run again now."""


class LockTimeout(TryAgain):
    """Somebody else has held a lock for as long as we wait for one."""


class DuplicateKey(StoreRejected):
    """A unique key stands against one of the rows; the statement was undone, the transaction was not.

    Attributes:
        key: the name of the index.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        found = _KEY.search(message)
        self.key = found.group(1) if found else ""


def number_of(error: BaseException) -> int:
    """Return the number of a driver's error, 0 where it has none."""
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0


def text_of(error: BaseException) -> str:
    """Return the text of a driver's error, with its number."""
    number = number_of(error)
    text = str(error.args[1]) if len(error.args) > 1 else str(error) or type(error).__name__
    return f"{text} ({number})" if number else text


def translate(error: Exception) -> StoreError:
    """Return the port's error for one that a statement met; not for COMMIT, whose end may be unknown."""
    number, text = number_of(error), text_of(error)
    if number == DEADLOCK:
        return TryAgain(text)
    if number == LOCK_WAIT:
        return LockTimeout(text)
    if number in BROKEN:
        return TryAgain(f"the connection is lost: {text}")
    if number == DUPLICATE:
        return DuplicateKey(text)
    if number in _REJECTED or isinstance(error, (errors.IntegrityError, errors.DataError)):
        return StoreRejected(text)
    return StoreUnavailable(text)
