"""The one table of errors."""

from __future__ import annotations

import pytest

from pingme.domain import errors
from pingme.domain.errors import ERRORS, UNKNOWN_OUTCOME, ErrorCode, OutcomeUnknown, PingMeError, Refused

# The protocol's table: code -> HTTP status. Written out a second time, because clients rely on it.
STATUS = {
    0: 200, 10001: 500, 10002: 422, 10003: 401, 10004: 403, 10005: 404, 10006: 409, 10007: 429, 10008: 503,
    10009: 504, 20001: 503, 20002: 503, 20003: 500, 20004: 500, 30001: 404, 30002: 409, 30003: 401,
    30004: 401, 30005: 401, 40001: 404, 40002: 404, 40003: 403, 40004: 409, 40005: 403, 40006: 413,
    40007: 409, 40008: 409, 50001: 503, 50002: 400, 50003: 503, 50004: 503, 50005: 503, 50006: 500,
    50007: 503, 50008: 503,
}  # fmt: skip


def test_every_code_has_its_row() -> None:
    """And no row is left over."""
    assert list(ERRORS) == list(ErrorCode)
    assert {int(code): row.http for code, row in ERRORS.items()} == STATUS


@pytest.mark.parametrize("code", ErrorCode)
def test_every_row_says_what_to_do(code: ErrorCode) -> None:
    """In a few words, without a full stop; texts are unique."""
    row = ERRORS[code]

    assert row.text
    assert row.advice
    assert not row.text.endswith(".")
    assert [other.text for other in ERRORS.values()].count(row.text) == 1


def test_an_unknown_outcome_is_never_called_a_refusal() -> None:
    """10009, 50006 and 20003 say nothing about whether it was stored; nothing else is unknown."""
    assert set(UNKNOWN_OUTCOME) == {10009, 50006, 20003}
    assert OutcomeUnknown().code in UNKNOWN_OUTCOME


def test_one_root_for_every_error() -> None:
    """Every error of the table's module descends from PingMeError and has a code with a row."""
    found = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]

    assert len(found) >= 8
    for each in found:
        assert issubclass(each, PingMeError)
        assert each.code in ERRORS


def test_an_error_speaks_for_itself() -> None:
    """Without a message it has the table's text and status; with them, its own."""
    plain, own = Refused(ErrorCode.TOO_LATE), Refused(ErrorCode.INVALID_PARAMETERS, "limit: 0", status=400)

    assert (str(plain), plain.http_status, plain.retry_after_ms) == ("too late to edit or recall", 409, None)
    assert (str(own), own.http_status) == ("limit: 0", 400)
    assert Refused(ErrorCode.OVERLOADED, retry_after_ms=5).retry_after_ms == 5
