"""Commands as bytes and back; what is no command is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingme.domain.errors import ErrorCode, RecordUndecodable
from pingme.domain.events import Command
from pingme.wire.records import decode_record, encode_record
from tests.fakes.commands import (
    ADA,
    BOB,
    GROUP,
    create_group,
    dissolve,
    edit,
    join,
    leave,
    profile,
    react,
    recall,
    remove,
    set_role,
    set_up,
    to_group,
    to_user,
    update_group,
)

COMMANDS = [
    to_user(ADA, BOB, "\x00 é 😀 \u2028", msg_id="m", client_ts=5),
    to_group(ADA, reply_to=2**53 - 1, mentions=("all",), msg_id="m"),
    edit(ADA, GROUP, 1, "x"),
    recall(ADA, GROUP, 1),
    react(ADA, GROUP, 1, "👍"),
    react(ADA, GROUP, 1, "👍", remove=True),
    create_group(ADA, BOB),
    join(ADA, BOB),
    leave(ADA),
    remove(ADA, BOB),
    set_role(ADA, BOB, "admin"),
    update_group(ADA, name="x"),
    dissolve(ADA),
    set_up(ADA, GROUP, muted=True),
    profile(ADA, nickname="x"),
]
GOOD = json.loads(encode_record(COMMANDS[0]))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.kind)
def test_a_command_comes_back(command: Command) -> None:
    """Equal in every field, the payload byte for byte."""
    assert decode_record(encode_record(command)) == command


@given(st.text(), st.none() | st.integers(0, 2**53 - 1))
def test_any_content_comes_back(content: str, client_ts: int | None) -> None:
    """Whatever the characters."""
    command = to_user(ADA, BOB, content, client_ts=client_ts)

    assert decode_record(encode_record(command)) == command


def changed(**fields: object) -> bytes:
    return json.dumps({**GOOD, **fields}, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"\xff\xfe",
        b"{",
        b"[1]",
        b"{}",
        encode_record(COMMANDS[0])[:-1],
        encode_record(COMMANDS[0]) + b"x",
        b"[" * 100_000,
        changed(v=2),
        changed(v="1"),
        changed(kind="sing"),
        changed(kind="refused"),
        changed(kind=None),
        changed(sender_id='u","x":"'),
        changed(sender_id=""),
        changed(msg_id="a b"),
        changed(msg_id="x" * 65),
        changed(conversation_id="é"),
        changed(client_ts=-1),
        changed(client_ts=2**70),
        changed(body={}),
        changed(body=None),
        changed(body="x"),
        changed(body={"content": "x", "content_type": "text", "reply_to": 2**70}),
        changed(body={"content": "x", "content_type": "text", "reply_to": 0}),
        changed(body={"content_type": "text", "content": "x"}),
        changed(body={"content": "x", "content_type": "text", "more": 1}),
        changed(body={"content": "x", "content_type": "text", "reply_to": None}),
        changed(kind="edit", body={"content": "x", "target_seq": 2**64}),
        changed(kind="recall", body={"target_seq": 0}),
        changed(kind="member_role", body={"role": "king", "user_id": "u-b"}),
        encode_record(COMMANDS[0]).replace(b'"content":', b'"content": '),
    ],
)
def test_what_is_no_record_is_undecodable(raw: bytes) -> None:
    """With 50002: broken JSON, other versions and kinds, ids that need escapes, other spellings of a body."""
    with pytest.raises(RecordUndecodable) as caught:
        decode_record(raw)

    assert caught.value.code == ErrorCode.UNMARSHAL_FAILED
    assert caught.value.message


@settings(max_examples=200)
@given(st.binary(max_size=100) | st.tuples(st.integers(0, 150), st.integers(0, 255)).map(
    lambda change: bytes([*encode_record(COMMANDS[0])[: change[0]], change[1], *encode_record(COMMANDS[0])[change[0] + 1 :]])
))  # fmt: skip
def test_any_bytes_are_a_record_or_undecodable(raw: bytes) -> None:
    """Also with one byte changed: nothing else is raised, and what is decoded encodes to the same command."""
    try:
        command = decode_record(raw)
    except RecordUndecodable:
        return
    assert decode_record(encode_record(command)) == command
