"""/asyncapi.json: a valid document of every frame, whose examples are frames."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from pingme.domain.events import KINDS
from pingme.edge.http.asyncapi import ANSWERS, PUSHED, socket_reference
from pingme.edge.http.asyncapi_examples import CLIENT_EXAMPLES, SERVER_EXAMPLES
from pingme.wire.close_codes import CLOSE_ROWS
from pingme.wire.frames import CLIENT_FRAMES, decode_frame
from pingme.wire.server_frames import PAYLOADS, decode_server_frame
from pingme.wire.session import CLIENT_FRAME_TYPES, SERVER_FRAME_TYPES
from pingme.wire.websocket import CloseCode

ROOT = Path(__file__).resolve().parent.parent.parent
ASYNCAPI_3 = ROOT / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
DOCUMENT = socket_reference("Ours", "1.2.3", {"sends_per_s": 20})
MESSAGES = DOCUMENT["components"]["messages"]


def resolve(reference: str) -> Any:
    """Return what ``#/…`` stands for in the document."""
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def references(node: Any) -> list[str]:
    """Return every ``$ref`` below a node."""
    if isinstance(node, list):
        return [found for each in node for found in references(each)]
    if isinstance(node, dict):
        inner = [found for each in node.values() for found in references(each)]
        return [*inner, node["$ref"]] if "$ref" in node else inner
    return []


def leaves(node: Any, path: str = "") -> set[tuple[str, Any]]:
    """Return every plain value of a JSON document with its path."""
    if isinstance(node, dict):
        return {leaf for key, each in node.items() for leaf in leaves(each, f"{path}/{key}")}
    if isinstance(node, list):
        return {leaf for index, each in enumerate(node) for leaf in leaves(each, f"{path}/{index}")}
    return {(path, node)}


# Their values in the examples are the defaults, which are left out when a struct is encoded again.
LEFT_OUT = {
    ("/payload/protocol", 1),
    ("/payload/limit", 20),
    ("/payload/limit", 50),
    ("/payload/events/0/kind", "message"),
    ("/payload/conversations/0/events/0/kind", "message"),
}


def test_the_document_is_asyncapi_3():
    """The schema of the specification itself accepts it."""
    if not ASYNCAPI_3.exists():
        assert os.environ.get("CI") != "true", f"{ASYNCAPI_3} is missing: npm ci"
        pytest.skip("the schema of AsyncAPI 3 is not installed: npm ci")
    validator = jsonschema_rs.validator_for(json.loads(ASYNCAPI_3.read_text(encoding="utf-8")))

    problems = [
        f"{'/'.join(map(str, each.instance_path))}: {each.message}"
        for each in validator.iter_errors(DOCUMENT)
    ]

    assert problems == []


def test_every_reference_leads_somewhere():
    """Each ``$ref`` names a part of the document."""
    found = references(DOCUMENT)

    assert found
    for reference in found:
        assert resolve(reference)


def test_every_frame_is_a_message_with_an_operation():
    """What clients send is received and answered, what servers send is an answer or comes by itself."""
    operations = DOCUMENT["operations"]
    answers = {answer for kinds in ANSWERS.values() for answer in kinds}

    assert set(MESSAGES) == {f"client.{kind}" for kind in CLIENT_FRAME_TYPES} | {
        f"server.{kind}" for kind in SERVER_FRAME_TYPES
    }
    assert set(DOCUMENT["channels"]["socket"]["messages"]) == set(MESSAGES)
    assert {name for name, each in operations.items() if each["action"] == "receive"} == {
        f"client.{kind}" for kind in CLIENT_FRAME_TYPES
    }
    assert answers | set(PUSHED) == set(SERVER_FRAME_TYPES)
    assert {
        name for name, each in operations.items() if "reply" not in each and each["action"] == "receive"
    } == {
        "client.typing",
        "client.presence_set",
    }


def test_every_field_of_a_struct_is_in_its_schema():
    """Names and which ones are needed are those of the structs that decode and encode."""
    schemas = DOCUMENT["components"]["schemas"]
    payloads = [
        each.type
        for frame in CLIENT_FRAMES
        for each in msgspec.structs.fields(frame)
        if each.name == "payload"
    ]

    for struct in (*payloads, *PAYLOADS.values()):
        fields = msgspec.structs.fields(struct)
        schema = schemas[struct.__name__]
        assert list(schema["properties"]) == [each.encode_name for each in fields]
        assert set(schema["required"]) == {each.encode_name for each in fields if each.required}


@pytest.mark.parametrize(
    ("side", "kind", "name"),
    [
        (side, kind, name)
        for side, examples in (("client", CLIENT_EXAMPLES), ("server", SERVER_EXAMPLES))
        for kind, named in examples.items()
        for name in named
    ],
)
def test_an_example_is_a_frame(side: str, kind: str, name: str):
    """It has the shape that the document gives, and the code decodes every field of it."""
    (example,) = [each["payload"] for each in MESSAGES[f"{side}.{kind}"]["examples"] if each["name"] == name]
    schema = {**MESSAGES[f"{side}.{kind}"]["payload"], "components": DOCUMENT["components"]}
    text = json.dumps(example).encode()

    jsonschema_rs.validate(schema, example)
    decoded = decode_frame(text) if side == "client" else decode_server_frame(text)
    kept = {"type": kind, **json.loads(msgspec.json.encode(decoded))}

    assert leaves(example) - leaves(kept) <= LEFT_OUT


def test_the_schemas_offer_no_null():
    """What is absent is left out on the wire, so no field is described as null."""
    assert '"null"' not in json.dumps(DOCUMENT)
    assert "\\\\Z" not in json.dumps(DOCUMENT)


def test_every_close_code_and_bound_is_told():
    """The channel has the table of codes and this server's own limits."""
    channel = DOCUMENT["channels"]["socket"]

    assert set(CLOSE_ROWS) == set(CloseCode)
    assert [each["code"] for each in channel["x-close-codes"]] == sorted(map(int, CloseCode))
    assert channel["x-limits"] == {"sends_per_s": 20}


def test_every_kind_of_event_is_named():
    """An item's kind is one of the log's, and each has the schema of its body."""
    schemas = DOCUMENT["components"]["schemas"]

    assert schemas["Item"]["properties"]["kind"]["enum"] == list(KINDS)
    assert {"MemberJoinedBody", "ProfileUpdatedBody"} <= set(schemas)
