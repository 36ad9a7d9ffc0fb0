#!/usr/bin/env python3
"""Write the wire's types of the TypeScript SDK from the server's own OpenAPI and AsyncAPI documents.

`python scripts/write_sdk_types.py` writes sdk/ts/src/generated/; tests/unit/test_sdk_types.py compares.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pingme.adapters.clock_system import SystemClock
from pingme.edge.http.app import create_app
from pingme.edge.http.asyncapi import socket_reference
from pingme.edge.http.services import HttpServices

FOLDER = Path(__file__).resolve().parent.parent / "sdk" / "ts" / "src" / "generated"
HEAD = "/** {about} Written by scripts/write_sdk_types.py: change the server's structs instead. */\n"
PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_NAME = re.compile(r"[A-Za-z_]\w*")
# Envelopes are unwrapped by the SDK, and the reference of errors is in docs/errors.md.
LEFT_OUT = ("Envelope_", "HTTPValidationError", "ValidationError")


def files() -> dict[str, str]:
    """Return the text of every generated file by its name."""
    return {
        "http.ts": module("Bodies and answers of the HTTP API (`/openapi.json`).", http_schemas()),
        "socket.ts": module("Payloads of the WebSocket (`/asyncapi.json`).", socket_schemas()),
    }


def http_schemas() -> Mapping[str, Any]:
    """Return the schemas of `/openapi.json`."""
    schemas: dict[str, Any] = create_app(cast(HttpServices, None), clock=SystemClock()).openapi()[
        "components"
    ]["schemas"]
    return {name: schema for name, schema in schemas.items() if not name.startswith(LEFT_OUT)}


def socket_schemas() -> Mapping[str, Any]:
    """Return the schemas of `/asyncapi.json`."""
    schemas: dict[str, Any] = socket_reference("PingMe", "", {})["components"]["schemas"]
    return schemas


def module(about: str, schemas: Mapping[str, Any]) -> str:
    """Return a TypeScript module with one type per schema."""
    parts = [declaration(name, schemas[name]) for name in sorted(schemas)]
    return "\n".join([HEAD.format(about=about), *parts])


def declaration(name: str, schema: Mapping[str, Any]) -> str:
    """Return the exported type of a schema."""
    about = comment(schema.get("description"))
    if "properties" not in schema:
        return f"{about}export type {name} = {type_of(schema)};\n"
    required = set(schema.get("required", ()))
    lines = [field(key, each, optional=key not in required) for key, each in schema["properties"].items()]
    return f"{about}export interface {name} {{\n{''.join(lines)}}}\n"


def field(name: str, schema: Mapping[str, Any], *, optional: bool) -> str:
    """Return one field of an interface; an absent one is left out on the wire, so it is never null."""
    about = comment(schema.get("description"), indent="  ")
    key = name if _NAME.fullmatch(name) else f'"{name}"'
    return f"{about}  {key}{'?' if optional else ''}: {type_of(schema)};\n"


def comment(text: str | None, indent: str = "") -> str:
    """Return a description as a comment of one line."""
    return f"{indent}/** {' '.join(text.split()).replace('*/', '* /')} */\n" if text else ""


def type_of(schema: Mapping[str, Any]) -> str:
    """Return the TypeScript type of a JSON Schema, as far as the server's schemas go."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for key, joint in (("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")):
        if key in schema:
            kinds = [each for each in schema[key] if each != {"type": "null"}]
            return joint.join(dict.fromkeys(type_of(each) for each in kinds))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " | ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in values)
    kind = schema.get("type")
    if kind == "array":
        item = type_of(schema.get("items", {}))
        return f"readonly ({item})[]" if " " in item else f"readonly {item}[]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"Record<string, {type_of(more)}>" if isinstance(more, Mapping) else "Record<string, unknown>"
    return PLAIN.get(str(kind), "unknown")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file_name, content in files().items():
        (FOLDER / file_name).write_text(content, encoding="utf-8")
