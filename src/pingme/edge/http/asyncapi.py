"""``/asyncapi.json``: the reference of the socket (AsyncAPI 3), made from the structs that decode and encode the frames.

Operations are named from the server's side, as AsyncAPI asks: ``client.send`` is received, ``server.message`` is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from pingme.domain.events import BODIES
from pingme.edge.http.asyncapi_examples import CLIENT_EXAMPLES, SERVER_EXAMPLES, Frame
from pingme.wire.close_codes import CLOSE_ROWS
from pingme.wire.frames import CLIENT_FRAMES, PROTOCOL_VERSION, FrameId
from pingme.wire.server_frames import PAYLOADS

ABOUT = f"""\
Text frames with one JSON object each: `{{"type": "…", "payload": {{…}}}}`. A client may add `"id"`, which comes back in the
answer. Unknown fields are ignored; fields and types may be added.

Open the socket with `Authorization: Bearer <token>`, or send `auth` first, within a few seconds. This is version
{PROTOCOL_VERSION} of the protocol.
"""
STORED = ("message_ack", "error")

ANSWERS: dict[str, tuple[str, ...]] = {
    "auth": ("auth_ok", "auth_fail"),
    "ping": ("pong",),
    "send": STORED,
    "edit": STORED,
    "recall": STORED,
    "react": STORED,
    "ack": ("ack_response", "error"),
    "sync": ("sync_page", "sync_done", "error"),
    "history": ("history_page", "error"),
    "typing": (),
    "presence_set": (),
    "presence_watch": ("presence", "error"),
}
"""Type of a client's frame -> the types of the frames that may answer it."""

PUSHED: dict[str, str] = {
    "message": "A message of somebody else, or of one's own other device.",
    "event": "Any other entry of a conversation's log, or of one's own log.",
    "receipt": "Somebody got or read what one may see the receipts of.",
    "typing": "Somebody is typing, or no longer.",
    "presence": "A watched user came, went or is away.",
    "resync": "The live stream may have a hole.",
    "reconnect": "The server is leaving.",
    "error": "A frame that could not be read, or a late answer.",
}
"""Type of a frame that comes without being asked for -> when."""

_CHANNEL = "#/channels/socket"
SCHEMAS = "#/components/schemas/"


def socket_reference(name: str, version: str, bounds: Mapping[str, int]) -> dict[str, Any]:
    """Return the AsyncAPI document.

    Args:
        name: `app.name`.
        version: of PingMe.
        bounds: this server's bounds of sockets by name, as configured; they stand in ``x-limits``.
    """
    messages = _messages()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"{name}: the socket",
            "version": version,
            "description": ABOUT,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {"node": _server()},
        "channels": {
            "socket": {
                "address": "/ws",
                "title": "WebSocket",
                "description": "One socket of a device; a newer one replaces it.",
                "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in messages},
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
                "x-close-codes": _close_codes(),
                "x-limits": dict(bounds),
            }
        },
        "operations": _operations(),
        "components": {
            "messages": messages,
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An access token of `POST /api/v1/auth/login`.",
                }
            },
        },
    }


def plain(docstring: str | None) -> str:
    """Return a docstring as Markdown: its paragraphs without indentation, its names in single backticks."""
    paragraphs = (docstring or "").replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).strip()


def _server() -> dict[str, Any]:
    return {
        "host": "{host}",
        "protocol": "ws",
        "description": "`wss` behind a proxy that ends TLS.",
        "variables": {"host": {"default": "localhost:8080", "description": "Host and port of this server."}},
        "security": [{"$ref": "#/components/securitySchemes/token"}],
    }


def _close_codes() -> list[dict[str, Any]]:
    return [
        {"code": int(code), "name": code.name.lower(), **row._asdict()} for code, row in CLOSE_ROWS.items()
    ]


def _operations() -> dict[str, Any]:
    channel = {"$ref": _CHANNEL}
    found: dict[str, Any] = {}
    for frame in CLIENT_FRAMES:
        kind = str(frame.__struct_config__.tag)
        operation = {
            "action": "receive",
            "channel": channel,
            "summary": plain(frame.__doc__),
            "messages": _in_channel("client", kind),
        }
        if ANSWERS[kind]:
            operation["reply"] = {"channel": channel, "messages": _in_channel("server", *ANSWERS[kind])}
        found[f"client.{kind}"] = operation
    for kind, when in PUSHED.items():
        found[f"server.{kind}"] = {
            "action": "send",
            "channel": channel,
            "summary": when,
            "messages": _in_channel("server", kind),
        }
    return found


def _in_channel(side: str, *kinds: str) -> list[dict[str, str]]:
    return [{"$ref": f"{_CHANNEL}/messages/{side}.{kind}"} for kind in kinds]


def _messages() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for frame in CLIENT_FRAMES:
        kind = str(frame.__struct_config__.tag)
        fields = {each.name: each for each in msgspec.structs.fields(frame)}
        payload = fields["payload"].type if "payload" in fields else None
        found[f"client.{kind}"] = _message(
            kind, payload, CLIENT_EXAMPLES[kind], optional=payload is None or not fields["payload"].required
        )
    for kind, struct in PAYLOADS.items():
        found[f"server.{kind}"] = _message(kind, struct, SERVER_EXAMPLES[kind], optional=False)
    return found


def _message(
    kind: str, payload: type[msgspec.Struct] | None, examples: Mapping[str, Frame], *, optional: bool
) -> dict[str, Any]:
    properties: dict[str, Any] = {"type": {"const": kind}, "id": msgspec.json.schema(FrameId)}
    if payload is not None:
        properties["payload"] = {"$ref": SCHEMAS + payload.__name__}
    return {
        "name": kind,
        "title": kind,
        "summary": plain(payload.__doc__) if payload is not None else "",
        "correlationId": {
            "location": "$message.payload#/id",
            "description": "The answer has the `id` of what it answers.",
        },
        "payload": {
            "type": "object",
            "required": ["type"] if optional else ["type", "payload"],
            "properties": properties,
        },
        "examples": [{"name": name, "payload": example} for name, example in examples.items()],
    }


def _schemas() -> dict[str, Any]:
    """Return the schema of every payload, of what stands in them, and of the body of each kind of event."""
    clients = [
        each.type
        for frame in CLIENT_FRAMES
        for each in msgspec.structs.fields(frame)
        if each.name == "payload"
    ]
    structs = [*clients, *PAYLOADS.values(), *BODIES.values()]
    _, parts = msgspec.json.schema_components(dict.fromkeys(structs), ref_template=SCHEMAS + "{name}")
    return {name: _tidy(schema) for name, schema in parts.items()}


def _tidy(node: Any) -> Any:
    """Return a schema as readers need it.

    An absent field is left out on the wire, so null is not offered; patterns are those of ECMAScript.
    """
    if isinstance(node, list):
        return [_tidy(each) for each in node]
    if not isinstance(node, dict):
        return node
    kinds = [kind for kind in node.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        rest = {
            key: value for key, value in node.items() if key != "anyOf" and (key, value) != ("default", None)
        }
        return _tidy({**kinds[0], **rest})
    found = {key: _tidy(value) for key, value in node.items()}
    if isinstance(found.get("pattern"), str):
        found["pattern"] = re.sub(r"\\Z$", "$", found["pattern"])
    if isinstance(found.get("description"), str):
        found["description"] = plain(found["description"])
    return found
