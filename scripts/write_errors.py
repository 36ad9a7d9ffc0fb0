#!/usr/bin/env python3
"""Write the table of errors in docs/errors.md from the one in `pingme.domain.errors`.

`python scripts/write_errors.py` writes it; tests/unit/test_error_docs.py compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pingme.domain.errors import ERRORS, UNKNOWN_OUTCOME, ErrorCode

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "errors.md"
BEGIN = "<!-- errors: begin (written by `python scripts/write_errors.py`) -->"
END = "<!-- errors: end -->"

GROUPS: dict[int, str] = {
    0: "Success",
    1: "General",
    2: "Engines and sockets",
    3: "Accounts",
    4: "Conversations and messages",
    5: "The pipeline",
}
"""By the first digit of the code."""

# These stand in logs, metrics and /health; a send gets the answer of what was done instead.
NO_SEND = frozenset(
    {
        ErrorCode.KAFKA_ERROR,
        ErrorCode.DELIVERY_FAILED,
        ErrorCode.CONSUMER_GROUP_ERROR,
        ErrorCode.DLQ_SEND_FAILED,
        ErrorCode.PRODUCER_ERROR,
    }
)


def outcome(code: ErrorCode) -> str:
    """Return what an answer with this code says about a send."""
    if code in NO_SEND:
        return "–"
    if code is ErrorCode.SUCCESS:
        return "stored"
    return "unknown" if code in UNKNOWN_OUTCOME else "refused"


def markdown() -> str:
    """Return a heading and a table for every group of codes."""
    parts = []
    for digit, title in GROUPS.items():
        codes = [code for code in ErrorCode if code // 10_000 == digit]
        rows = [row(code) for code in codes]
        head = [
            "| code | HTTP | meaning | retry | outcome | what a client does |",
            "|---|---|---|---|---|---|",
        ]
        parts.append("\n".join([f"### {title}", "", *head, *rows]))
    return "\n\n".join(parts) + "\n"


def row(code: ErrorCode) -> str:
    """Return the line of one code."""
    error = ERRORS[code]
    retry = "yes" if error.retryable else "no"
    cells = (f"{int(code)}", f"{error.http}", error.text, retry, outcome(code), error.advice)
    return "| " + " | ".join(cells) + " |"


def replace_between_markers(text: str) -> str:
    """Return a document with the part between its markers written anew.

    Raises:
        ValueError: the document does not have both markers, in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        message = f"expected the markers {BEGIN} and {END}"
        raise ValueError(message)
    return f"{before}{BEGIN}\n\n{markdown()}\n{END}{after}"


def main() -> int:
    """Write the document."""
    DOCUMENT.write_text(replace_between_markers(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
