"""Spliced bytes and the structs of the server's frames are the same."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingme.domain.events import Command, Event
from pingme.wire import server_frames
from pingme.wire.encode import EventView, Reactors, ack_frame, event_frame, frame_of, history_payload, item
from pingme.wire.server_frames import PAYLOADS, HistoryPage, Item, MessageAck, decode_server_frame
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

DIGEST, HASH = bytes(range(16)), bytes(range(16, 32))
COMMANDS = [
    to_user(ADA, BOB, "x", client_ts=3, reply_to=1, mentions=(BOB,)),
    to_group(ADA),
    edit(ADA, GROUP, 1, "x"),
    recall(ADA, GROUP, 1),
    react(ADA, GROUP, 1, "👍"),
    react(ADA, GROUP, 1, "👍", remove=True),
    create_group(ADA, BOB, name="\x01"),
    join(ADA, BOB),
    leave(ADA),
    remove(ADA, BOB),
    set_role(ADA, BOB, "owner"),
    update_group(ADA, announcement=""),
    dissolve(ADA),
    set_up(ADA, GROUP, muted=False, draft="\x00"),
    profile(ADA, email=""),
]


def text_of(frame: bytes) -> bytes:
    """Take the header off an unmasked frame."""
    assert frame[0] == 0x81
    return frame[{126: 4, 127: 10}.get(frame[1], 2) :]


def event_of(command: Command, seq: int = 7) -> Event:
    return Event(
        command.conversation_id, seq, command.kind, command.sender_id, command.msg_id,
        1_000, command.payload, command.client_ts, DIGEST, HASH,
    )  # fmt: skip


def view_of(command: Command, **more: object) -> EventView:
    fields = {
        "conversation_id": command.conversation_id,
        "seq": 7,
        "kind": command.kind,
        "sender_id": command.sender_id,
        "msg_id": command.msg_id,
        "server_ts": 1_000,
        "client_ts": command.client_ts,
        "payload": command.payload,
        "digest": DIGEST,
        "hash": HASH,
        **more,
    }
    return EventView(**fields)  # type: ignore[arg-type]


def check(found: Item, command: Command) -> None:
    """Insist that an item says what the command said."""
    assert (found.conversation_id, found.seq, found.kind, found.sender_id, found.msg_id, found.server_ts) == (
        command.conversation_id, 7, command.kind, command.sender_id, command.msg_id, 1_000,
    )  # fmt: skip
    assert found.client_ts == command.client_ts
    for name, value in json.loads(command.payload).items():
        assert getattr(found, name) == value


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.kind)
def test_a_pushed_event_is_the_struct(command: Command) -> None:
    """Messages as message, everything else as event with its kind; each key stands once."""
    text = text_of(event_frame(event_of(command)))

    frame = decode_server_frame(text)
    assert frame.type == ("message" if command.kind == "message" else "event")
    assert isinstance(frame.payload, Item)
    check(frame.payload, command)
    keys = json.loads(text, object_pairs_hook=lambda pairs: [key for key, _ in pairs])
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.kind)
def test_an_item_of_a_page_is_the_struct(command: Command) -> None:
    """With the digest in hex; each key stands once."""
    raw = item(view_of(command))

    found = msgspec.json.decode(raw, type=Item)
    check(found, command)
    assert found.digest == DIGEST.hex()
    keys = [key for key, _ in json.loads(raw, object_pairs_hook=list)]
    assert len(keys) == len(set(keys))


@given(st.text(), st.text(min_size=1), st.integers(1, 2**53 - 1), st.booleans())
def test_any_content_survives(content: str, emoji: str, edited_seq: int, recalled: bool) -> None:
    """Whatever the characters and however long, pushed and in pages."""
    command = to_user(ADA, BOB, content)
    pushed = decode_server_frame(text_of(event_frame(event_of(command)))).payload
    view = view_of(
        command, edited_seq=edited_seq, recalled=recalled, reactions=(Reactors(emoji, 2, (ADA, BOB)),)
    )

    page = msgspec.json.decode(
        history_payload(GROUP, HASH, [item(view), item(view)], has_more=True), type=HistoryPage
    )

    assert isinstance(pushed, Item)
    assert pushed.content == content
    assert (page.prev_hash, page.has_more, len(page.events)) == (HASH.hex(), True, 2)
    shown = page.events[1]
    assert (shown.content, shown.edited_seq, shown.recalled) == (content, edited_seq, recalled)
    assert shown.reactions == [server_frames.Reaction(emoji=emoji, count=2, user_ids=[ADA, BOB])]


@given(st.none() | st.text(max_size=64), st.booleans(), st.integers(1, 2**53 - 1))
def test_an_ack_is_the_struct(frame_id: str | None, duplicate: bool, seq: int) -> None:
    """With any id that a client may choose."""
    frame = decode_server_frame(text_of(ack_frame("m-1", GROUP, seq, 5, duplicate, frame_id)))

    expected = MessageAck(msg_id="m-1", conversation_id=GROUP, seq=seq, server_ts=5, duplicate=duplicate)
    assert (frame.type, frame.id, frame.payload) == ("message_ack", frame_id, expected)
    other = decode_server_frame(text_of(frame_of("message_ack", msgspec.json.encode(expected), frame_id)))
    assert other == frame


def test_an_empty_page_is_a_page() -> None:
    """Without events."""
    page = msgspec.json.decode(history_payload(GROUP, HASH, [], has_more=False), type=HistoryPage)

    assert page.events == []


@given(
    st.binary(max_size=80)
    | st.sampled_from(sorted(PAYLOADS)).map(lambda kind: b'{"type":"%b"}' % kind.encode())
)
def test_a_client_meets_any_bytes_with_one_error(text: bytes) -> None:
    """Not JSON, not UTF-8, not of its shape: a ValueError (msgspec's, or of the encoding)."""
    try:
        frame = decode_server_frame(text)
    except ValueError:
        return
    assert frame.payload is None or isinstance(frame.payload, PAYLOADS[frame.type])


def test_a_newer_servers_frames_are_let_pass() -> None:
    """Unknown types have no payload, unknown fields are left out."""
    assert decode_server_frame(b'{"type":"new","payload":{"a":1}}').payload is None
    known = decode_server_frame(b'{"type":"pong","payload":{"timestamp":1,"new":2}}')
    assert known.payload == server_frames.Pong(timestamp=1)
