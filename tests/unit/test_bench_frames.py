"""The load's fixed offsets against the frames that the server really sends and decodes."""

from __future__ import annotations

import pytest

from pingme.cli.bench import frames
from pingme.domain.events import Event, MessageBody, encode_body
from pingme.domain.ids import is_id, pack_msg_id
from pingme.wire.encode import ack_frame, event_frame
from pingme.wire.frames import Send, decode_frame

STAMP = 123_456_789_012
TAG = frames.tag_of(54_321, 77)


def msg_id(*, ordered: bool = True) -> str:
    return frames.MsgIds(ordered=ordered).prefix(STAMP).decode() + f"{TAG:012x}"


def text_of(frame: bytes) -> bytes:
    """Return the text of a server's frame of 126 to 65 535 bytes (RFC 6455 §5.2)."""
    return frame[4:]


@pytest.mark.parametrize("seq", [1, 999, 10_000_000])
@pytest.mark.parametrize("conversation_id", [frames.group_id_of(200, 3), frames.pair_id_of("ua", "ub")])
def test_a_push_is_read_at_its_offsets(conversation_id: str, seq: int) -> None:
    """Conversation, seq, tag and time stand where the load looks for them."""
    assert len(conversation_id) == frames.CONVERSATION_ID_LENGTH
    body = MessageBody(content=f"{STAMP:016d}xxx", content_type="text")
    event = Event(
        conversation_id, seq, "message", frames.user_id_of(5), msg_id(), 1_700_000_000_000,
        encode_body(body), None, b"", b"",
    )  # fmt: skip

    data = text_of(event_frame(event))

    comma = data.index(b",", frames.PUSH_SEQ_AT)
    tag_at, stamp_at = comma + frames.PUSH_TAG_FROM_COMMA, comma + frames.PUSH_STAMP_FROM_COMMA
    assert data[frames.KIND_AT : frames.KIND_END] == frames.KIND_PUSH
    assert data[frames.PUSH_ID_AT : frames.PUSH_ID_END] == conversation_id.encode()
    assert int(data[frames.PUSH_SEQ_AT : comma]) == seq
    assert int(data[tag_at : tag_at + 12], 16) == TAG
    assert int(data[stamp_at : stamp_at + frames.STAMP_BYTES]) == STAMP


def test_an_ack_is_read_at_its_offsets() -> None:
    """Tag, conversation and seq stand where the load looks for them; a duplicate ends otherwise."""
    group_id = frames.group_id_of(4, 12)

    data = text_of(ack_frame(msg_id(), group_id, 42, 1_700_000_000_000, False, None))
    again = text_of(ack_frame(msg_id(), group_id, 42, 1_700_000_000_000, True, None))

    comma = data.index(b",", frames.ACK_SEQ_AT)
    assert data[frames.KIND_AT : frames.KIND_END] == frames.KIND_ACK
    assert int(data[frames.ACK_TAG_AT : frames.ACK_TAG_END], 16) == TAG
    assert data[frames.ACK_ID_AT : frames.ACK_ID_END] == group_id.encode()
    assert int(data[frames.ACK_SEQ_AT : comma]) == 42
    assert data.endswith(frames.ACK_END)
    assert not again.endswith(frames.ACK_END)


@pytest.mark.parametrize("payload_bytes", [16, 64, 8_192])
def test_a_send_is_one_frame_of_the_asked_size(payload_bytes: int) -> None:
    """The server decodes it; the header's length is the text's; the masking key is 0."""
    template = frames.SendTemplate('"to_user_id":"ubench000001"', payload_bytes)
    ids = frames.MsgIds(ordered=True)

    frame = template.frame(ids.prefix(STAMP), TAG, STAMP)

    at = 6 if frame[1] & 0x7F < 126 else 8
    length = frame[1] & 0x7F if at == 6 else int.from_bytes(frame[2:4], "big")
    sent = decode_frame(frame[at:])
    assert frame[0] == 0x81
    assert frame[1] & 0x80
    assert frame[at - 4 : at] == bytes(4)
    assert length == len(frame) - at
    assert isinstance(sent, Send)
    assert len(sent.payload.content) == payload_bytes
    assert int(sent.payload.msg_id[-12:], 16) == TAG


@pytest.mark.parametrize(("ordered", "version"), [(True, "7"), (False, "4")])
def test_msg_ids_are_canonical_uuids(ordered: bool, version: str) -> None:
    """The store packs them into 16 bytes (RFC 9562 §4)."""
    made = msg_id(ordered=ordered)

    assert is_id(made)
    assert len(pack_msg_id(made)) == 16
    assert made[14] == version


def test_msg_ids_follow_time_or_do_not() -> None:
    """Ordered prefixes of one millisecond are the same, random ones always differ."""
    ordered, random = frames.MsgIds(ordered=True), frames.MsgIds(ordered=False)

    assert ordered.prefix(STAMP) == ordered.prefix(STAMP + 999)
    assert random.prefix(STAMP) != random.prefix(STAMP)
