"""Answers whose data is JSON already: stored bytes go out as they are, described by the wire's own structs."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from pingme.edge.http.envelope import request_id_of

_encode = msgspec.json.Encoder().encode


def raw_envelope(request: Request, data: bytes) -> Response:
    """Wrap the JSON of a successful answer's data without parsing it."""
    body = b'{"code":0,"message":"success","data":%b,"request_id":%b}' % (
        data,
        _encode(request_id_of(request)),
    )
    return Response(body, media_type="application/json")


def wire_answer(data: type[msgspec.Struct], description: str = "Success") -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of a route that answers with this struct in the envelope, for OpenAPI."""
    schema = {
        "type": "object",
        "required": ["code", "message", "data", "request_id"],
        "properties": {
            "code": {
                "type": "integer",
                "description": "0 is success; otherwise a code of the table of errors.",
            },
            "message": {"type": "string"},
            "data": inline_schema(data),
            "request_id": {"type": "string"},
        },
    }
    return {200: {"description": description, "content": {"application/json": {"schema": schema}}}}


def inline_schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON Schema of a struct without references: the structs of the wire do not contain themselves."""
    (root,), parts = msgspec.json.schema_components([struct], ref_template="{name}")
    found = _inlined(root, parts)
    assert isinstance(found, dict)
    return found


def _inlined(node: object, parts: dict[str, Any]) -> object:
    if isinstance(node, dict):
        if "$ref" in node:
            return _inlined(parts[node["$ref"]], parts)
        return {key: _inlined(value, parts) for key, value in node.items()}
    if isinstance(node, list):
        return [_inlined(value, parts) for value in node]
    return node
