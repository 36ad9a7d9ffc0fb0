"""Text is UTF-8 (RFC 3629, RFC 6455 §5.6, §8.1), checked when a message is whole."""

from __future__ import annotations

import pytest

from pingme.wire.websocket import TEXT
from tests.websocket.conftest import Place
from tests.websocket.raw import ask, fragments, frame

VALID = {
    "del": "\x7f",
    "u+0080": "\u0080",
    "u+07ff": "\u07ff",
    "u+0800": "\u0800",
    "u+d7ff": "\ud7ff",
    "u+e000": "\ue000",
    "bom": "\ufeff",
    "u+fffd": "\ufffd",
    "u+fffe": "\ufffe",
    "u+ffff": "\uffff",
    "u+10000": "\U00010000",
    "u+1fffe": "\U0001fffe",
    "u+10ffff": "\U0010ffff",
    "greek": "κόσμε",
    "family": "👨‍👩‍👧‍👦",
    "right-to-left": "שלום \u202e olleh",
    "combining": "e\u0301\u0302\u0303",
}
INVALID = {
    "lone-continuation": b"\x80",
    "last-continuation": b"\xbf",
    "many-continuations": b"\x80\xbf\x80\xbf",
    "fe": b"\xfe",
    "ff": b"\xff",
    "cut-2": b"\xc3",
    "cut-3": b"\xe2\x82",
    "cut-3-after-1": b"\xe2",
    "cut-4": b"\xf0\x9f\x98",
    "cut-4-after-1": b"\xf0",
    "two-starts": b"\xc3\xc3\xa9",
    "overlong-slash-2": b"\xc0\xaf",
    "overlong-slash-3": b"\xe0\x80\xaf",
    "overlong-slash-4": b"\xf0\x80\x80\xaf",
    "overlong-nul": b"\xc0\x80",
    "overlong-u+7f": b"\xc1\xbf",
    "overlong-u+7ff": b"\xe0\x9f\xbf",
    "overlong-u+ffff": b"\xf0\x8f\xbf\xbf",
    "surrogate-first": b"\xed\xa0\x80",
    "surrogate-last": b"\xed\xbf\xbf",
    "surrogate-pair": b"\xed\xa0\xbd\xed\xb8\x80",
    "above-u+10ffff": b"\xf4\x90\x80\x80",
    "five-bytes": b"\xf8\x88\x80\x80\x80",
    "six-bytes": b"\xfc\x84\x80\x80\x80\x80",
    "latin-1": "é".encode("latin-1"),
    "utf-16": "é".encode("utf-16"),
}


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_valid_text_comes_back_as_it_was(place: Place, text: str) -> None:
    """The edges of every length, and what people write."""
    with place.open() as client:
        client.write(frame(TEXT, ask(text)))

        client.hears(text)


@pytest.mark.parametrize("text", ["é€😀", "\U0010ffff\ud7ff\u07ff"], ids=["usual", "edges"])
def test_a_character_may_be_cut_anywhere(place: Place, text: str) -> None:
    """Over fragments and over writes, at every byte."""
    message = ask(text)
    with place.open() as client:
        for cut in range(len(message) + 1):
            client.write(*fragments(message, [cut]))
        client.crumbs(frame(TEXT, message))

        client.hears(*([text] * (len(message) + 2)))


@pytest.mark.parametrize("raw", INVALID.values(), ids=INVALID)
def test_what_is_not_utf8_ends_the_socket(place: Place, raw: bytes) -> None:
    """1007, for a whole message."""
    with place.open() as client:
        client.write(frame(TEXT, b'{"type":"ping","id":"' + raw + b'"}'))

        client.closed(1007)


@pytest.mark.parametrize(
    "raw",
    [b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xe2\x82"],
    ids=["surrogate", "above", "overlong", "cut"],
)
def test_it_does_so_at_the_end_of_the_message(place: Place, raw: bytes) -> None:
    """RFC 6455 lets a server check early or at the end: here a ping after the bad fragment is still answered."""
    message = b'{"type":"ping","id":"' + raw + b'"}'
    first, *rest = fragments(message, [22, len(message) - 1])
    with place.open() as client:
        client.write(first, rest[0], frame(9, b"between"))
        client.pong(b"between")
        client.write(rest[1])

        client.closed(1007)
