"""What a client may send: every frame good, and each field missing or out of range."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pingme.wire.frames import CLIENT_FRAMES, AnyClientFrame, FrameError, decode_frame, encode_frame

ID = "x" * 64
BIG = 2**53 - 1
NO_IDS: list[object] = ["", "x" * 65, "a b", "a\n", "é", 1, None]
NO_TARGETS: list[object] = ["", "x" * 65, 1]  # of a send; their alphabet: test_messages_service.py
NO_SEQS: list[object] = [0, -1, BIG + 1, 2**64, 10**30, 1.5, "1", True, None]

# type -> (the smallest good payload, good values of single fields, bad values of single fields)
FRAMES: dict[str, tuple[dict[str, object], dict[str, list[object]], dict[str, list[object]]]] = {
    "auth": ({"token": "t"}, {"token": ["t" * 4096], "protocol": [1, 2]}, {"token": ["t" * 4097, 1, None]}),
    "send": (
        {"msg_id": "m", "content": "hi", "to_user_id": "u-b"},
        {
            "msg_id": [ID],
            "content": ["", "\x00", "😀\u2028"],
            "content_type": ["text", "a/b+c.d-e_f"],
            "client_ts": [0, BIG, None],
            "reply_to": [1, BIG, None],
            "mentions": [[], ["u-a"] * 50, ["all"], None],
            "group_id": [ID, None],
        },
        {
            "msg_id": NO_IDS,
            "content": [1, None, []],
            "to_user_id": NO_TARGETS,
            "group_id": NO_TARGETS,
            "conversation_id": NO_TARGETS,
            "content_type": ["", "Text", "/a", "a b", "x" * 65, None, "text\n"],
            "client_ts": [-1, BIG + 1, 1.5, "1"],
            "reply_to": NO_SEQS[:-1],
            "mentions": [["u-a"] * 51, ["a b"], "all", [1]],
        },
    ),
    "edit": (
        {"msg_id": "m", "conversation_id": "c", "seq": 1, "content": "x"},
        {"seq": [BIG]},
        {"msg_id": NO_IDS, "conversation_id": NO_IDS, "seq": NO_SEQS, "content": [None, 1]},
    ),
    "recall": (
        {"msg_id": "m", "conversation_id": "c", "seq": 1},
        {"seq": [BIG]},
        {"msg_id": NO_IDS, "conversation_id": NO_IDS, "seq": NO_SEQS},
    ),
    "react": (
        {"msg_id": "m", "conversation_id": "c", "seq": 1, "emoji": "👍"},
        {"remove": [True, False], "emoji": ["x" * 32]},
        {"seq": NO_SEQS, "emoji": ["", "x" * 33, None, 1], "remove": [None, 1, "yes"]},
    ),
    "ack": (
        {"conversation_id": "c", "seq": 1, "ack_type": "read"},
        {"ack_type": ["delivered"], "seq": [BIG]},
        {"conversation_id": NO_IDS, "seq": NO_SEQS, "ack_type": ["seen", None, 1]},
    ),
    "history": (
        {"conversation_id": "c"},
        {"before_seq": [1, BIG, None], "after_seq": [0, BIG, None], "limit": [1, 200]},
        {
            "conversation_id": NO_IDS,
            "before_seq": [0, -1, BIG + 1],
            "after_seq": [-1, BIG + 1],
            "limit": [0, 201, None],
        },
    ),
    "typing": (
        {"conversation_id": "c", "active": True},
        {"active": [False]},
        {"conversation_id": NO_IDS, "active": [None, 1, "true"]},
    ),
    "presence_set": ({"status": "online"}, {"status": ["away"]}, {"status": ["offline", "", None]}),
    "presence_watch": (
        {"user_ids": []},
        {"user_ids": [["u-a"] * 500]},
        {"user_ids": [["u-a"] * 501, ["a b"], None, "u-a"]},
    ),
}
# Frames whose payload may be left out.
OPTIONAL: dict[str, tuple[dict[str, list[object]], dict[str, list[object]]]] = {
    "sync": (
        {"since": ["t", "t" * 1024, None], "limit": [0, 200]},
        {"since": ["t" * 1025, 1], "limit": [-1, 201, None, 1.5]},
    ),
    "ping": ({}, {}),
}
GOOD = [
    *((kind, least) for kind, (least, _, _) in FRAMES.items()),
    *(
        (kind, {**least, name: value})
        for kind, (least, good, _) in FRAMES.items()
        for name, values in good.items()
        for value in values
    ),
    *(
        (kind, {name: value})
        for kind, (good, _) in OPTIONAL.items()
        for name, values in good.items()
        for value in values
    ),
]
BAD = [
    *(
        (kind, {**least, name: value})
        for kind, (least, _, bad) in FRAMES.items()
        for name, values in bad.items()
        for value in values
    ),
    *(
        (kind, {key: value for key, value in least.items() if key != name})
        for kind, (least, _, _) in FRAMES.items()
        for name in least
        if name != "to_user_id"  # one of three; which of them is for the service to say
    ),
    *(
        (kind, {name: value})
        for kind, (_, bad) in OPTIONAL.items()
        for name, values in bad.items()
        for value in values
    ),
    *((kind, payload) for kind in FRAMES for payload in (None, [], "x", 1)),
    *((kind, {}) for kind in FRAMES),
]  # fmt: skip


def raw(kind: str, payload: object, **more: object) -> bytes:
    return json.dumps({"type": kind, "payload": payload, **more}).encode()


def test_every_frame_is_in_the_table() -> None:
    """A new frame needs its row here."""
    assert {*FRAMES, *OPTIONAL} == {frame.__struct_config__.tag for frame in CLIENT_FRAMES}


@pytest.mark.parametrize(("kind", "payload"), GOOD)
def test_a_good_frame_is_decoded(kind: str, payload: dict[str, Any]) -> None:
    """With its fields, whatever else stands in it; and encodes to itself."""
    frame = decode_frame(raw(kind, {**payload, "new_field": {"a": [1]}}, id="7", also=None))

    assert frame.__struct_config__.tag == kind
    assert frame.id == "7"
    for name, value in payload.items():
        found = getattr(frame.payload, name)  # type: ignore[union-attr]
        assert (list(found) if isinstance(found, tuple) else found) == value
    assert decode_frame(encode_frame(frame)) == frame


@pytest.mark.parametrize(("kind", "payload"), BAD)
def test_a_bad_frame_is_refused(kind: str, payload: object) -> None:
    """With a sentence and the id of what it answers."""
    with pytest.raises(FrameError) as caught:
        decode_frame(raw(kind, payload, id="7"))

    assert caught.value.id == "7"
    assert str(caught.value)
    msg_id = payload.get("msg_id") if isinstance(payload, dict) else None
    assert caught.value.msg_id in {msg_id if isinstance(msg_id, str) else None, None}


def test_a_refusal_names_the_msg_id() -> None:
    """Where it can be read, so that the client knows which send was wrong."""
    with pytest.raises(FrameError) as caught:
        decode_frame(raw("send", {"msg_id": "m-1", "content": 5}))

    assert (caught.value.id, caught.value.msg_id) == (None, "m-1")


@pytest.mark.parametrize("kind", ["ping", "sync"])
def test_a_payload_may_be_left_out(kind: str) -> None:
    """Where every field has a default."""
    assert decode_frame(json.dumps({"type": kind}).encode()).id is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"{}",
        b'"send"',
        b"{",
        b'{"type":"sing","id":"1"}',
        b'{"type":1}',
        b'{"type":"ping"} x',
        b'{"type":"ping","id":5}',
        b'{"type":"ping","id":"' + b"x" * 65 + b'"}',
        b'{"type":"send","payload":{"msg_id":"m","to_user_id":"u","content":"\\ud800"}}',
        b'{"type":"send","payload":{"msg_id":"m","to_user_id":"u","content":"\xed\xa0\x80"}}',
        b'{"type":"send","payload":{"msg_id":"m","to_user_id":"u","content":"\xff"}}',
        b'{"type":"send","payload":{"msg_id":"m","to_user_id":"u","content":"a\nb"}}',
        b"\xef\xbb\xbf" + b'{"type":"ping"}',
        b"[" * 100_000,
        b'{"type":"ping","x":' + b"[" * 100_000,
        b'{"type":"send","payload":' * 50_000,
    ],
)
def test_what_is_no_frame_is_refused(text: bytes) -> None:
    """Broken JSON, unknown types, lone surrogates, endless nesting: always the same error."""
    with pytest.raises(FrameError):
        decode_frame(text)


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_a_frame_error(text: bytes) -> None:
    """Nothing else is raised."""
    _try(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    sorted(
        {name for least, good, bad in FRAMES.values() for name in (*least, *good, *bad)} | {"since", "limit"}
    )
)


@settings(max_examples=300)
@given(
    st.sampled_from([*FRAMES, *OPTIONAL, "other"]),
    st.dictionaries(names, json_values, max_size=6),
    json_values,
)
def test_any_json_is_a_frame_or_a_frame_error(kind: str, payload: object, frame_id: object) -> None:
    """Right names with any values raise nothing else."""
    _try(json.dumps({"type": kind, "id": frame_id, "payload": payload}).encode())


def _try(text: bytes) -> AnyClientFrame | None:
    try:
        return decode_frame(text)
    except FrameError:
        return None
