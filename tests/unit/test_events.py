"""Bodies: alphabetical, absent fields left out, numbers that never change."""

from __future__ import annotations

import json

import msgspec
import pytest

from pingme.domain.events import (
    BODIES,
    KIND_NUMBERS,
    KINDS,
    MESSAGE,
    Body,
    ConversationSettingsBody,
    MemberLeftBody,
    MessageBody,
    ReactionBody,
    decode_body,
    encode_body,
)


@pytest.mark.parametrize("body", BODIES.values(), ids=lambda body: body.__name__)
def test_fields_stand_in_alphabetical_order(body: type[Body]) -> None:
    """So that encoding a body gives canonical JSON without sorting."""
    names = list(body.__struct_fields__)

    assert names == sorted(names)
    assert all(name.isascii() for name in names)


@pytest.mark.parametrize("body", BODIES.values(), ids=lambda body: body.__name__)
def test_only_none_is_left_out(body: type[Body]) -> None:
    """A default other than None would vanish from the JSON, and with it from the digest."""
    assert set(body.__struct_defaults__) <= {None, msgspec.NODEFAULT}
    assert body.__struct_config__.omit_defaults
    assert body.__struct_config__.frozen


def test_the_numbers_of_kinds_never_change() -> None:
    """They stand in every store: new kinds are appended."""
    assert KINDS[:13] == (
        "message", "edit", "recall", "reaction", "group_created", "member_joined", "member_left",
        "member_removed", "member_role", "group_updated", "group_dissolved", "conversation_settings",
        "profile_updated",
    )  # fmt: skip
    assert KIND_NUMBERS["message"] == MESSAGE == 0
    assert len(KINDS) < 255  # the number of refusals


def test_values_equal_to_false_and_empty_are_kept() -> None:
    """False, empty and zero are said; only None is silent."""
    settings = ConversationSettingsBody(about="c", draft="", muted=False)

    assert json.loads(encode_body(settings)) == {"about": "c", "draft": "", "muted": False}
    assert encode_body(MemberLeftBody()) == b"{}"
    assert decode_body("conversation_settings", encode_body(settings)) == settings


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("message", b'{"content":1,"content_type":"text"}'),
        ("message", b'{"content":"x"}'),
        ("message", b'{"content":"x","content_type":"text","reply_to":9007199254740992}'),
        ("edit", b'{"content":"x","target_seq":0}'),
        ("recall", b"{}"),
        ("group_created", b'{"history_policy":"some","join_policy":"open","name":"x","user_ids":[]}'),
    ],
)
def test_other_shapes_are_refused(kind: str, raw: bytes) -> None:
    """Missing fields, wrong types, numbers out of range."""
    with pytest.raises(msgspec.ValidationError):
        decode_body(kind, raw)


def test_an_unknown_kind_is_a_key_error() -> None:
    """Which whoever decodes records translates."""
    with pytest.raises(KeyError):
        decode_body("sing", b"{}")


def test_a_lone_surrogate_cannot_be_encoded() -> None:
    """It is not Unicode text: it never reaches the log."""
    with pytest.raises(UnicodeEncodeError):
        encode_body(MessageBody(content="\ud800", content_type="text"))
    with pytest.raises(UnicodeEncodeError):
        encode_body(ReactionBody(emoji="\udfff", target_seq=1))
