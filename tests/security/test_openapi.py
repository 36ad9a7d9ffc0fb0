"""The reference is complete: every operation says who may call it, what it takes within which limits, what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from pingme.edge.http.openapi import operations
from tests.security.api_world import codes, shared_person
from tests.security.documented import document

DOCUMENT = document()
OPERATIONS = dict(operations(DOCUMENT))
PUBLIC = {"POST /api/v1/auth/register", "POST /api/v1/auth/login", "POST /api/v1/auth/refresh"} | {
    label for label in OPERATIONS if not label.split(" ")[1].startswith("/api/")
}
each_operation = pytest.mark.parametrize("label", OPERATIONS)


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][name] if name else schema
    return found


def leaves(name: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every text, number and list that a client may send, by its name."""
    found = resolve(schema)
    for part in found.get("anyOf", [found]):
        kind = {**part, **({"examples": found["examples"]} if "examples" in found else {})}
        if kind.get("type") == "array":
            yield name, kind
            yield from leaves(f"{name}[]", kind["items"])
        elif kind.get("type") in {"string", "integer", "number"}:
            yield name, kind


def inputs(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for parameter in operation.get("parameters", ()):
        yield from leaves(parameter["name"], parameter["schema"])
    if "requestBody" in operation:
        body = resolve(operation["requestBody"]["content"]["application/json"]["schema"])
        for name, schema in body["properties"].items():
            yield from leaves(name, schema)


@each_operation
def test_every_operation_says_whether_it_needs_a_token(label: str) -> None:
    """The scheme is bearer; those without it are public, and those with it document 401."""
    operation = OPERATIONS[label]

    assert ("security" not in operation) == (label in PUBLIC)
    assert label in PUBLIC or "401" in operation["responses"]


@each_operation
def test_every_input_has_its_limits(label: str) -> None:
    """Texts a length, a pattern or a list of values; numbers both ends; lists a length."""
    for name, schema in inputs(OPERATIONS[label]):
        bounded = {
            "string": {"maxLength", "pattern", "enum", "const"} & set(schema),
            "integer": {"minimum", "maximum"} <= set(schema),
            "array": "maxItems" in schema,
        }[schema["type"]]
        assert bounded, f"{name}: {schema}"


@each_operation
def test_every_field_of_a_body_has_an_example_or_shows_its_values(label: str) -> None:
    """The page at /docs fills in something that works; unknown fields are refused, and that is said."""
    operation = OPERATIONS[label]
    if "requestBody" not in operation:
        return
    body = resolve(operation["requestBody"]["content"]["application/json"]["schema"])
    fields = {
        f"{label} {name}": schema
        for prop, of in body["properties"].items()
        for name, schema in leaves(prop, of)
    }

    assert body["additionalProperties"] is False
    assert [
        name
        for name, schema in fields.items()
        if schema["type"] != "array" and not {"examples", "enum", "const"} & set(schema)
    ] == []


@each_operation
def test_every_error_has_an_example_for_each_code(label: str) -> None:
    """The examples are envelopes whose code belongs to the status."""
    for status, answer in OPERATIONS[label]["responses"].items():
        if status >= "400" and "/api/" in label:
            examples = answer["content"]["application/json"]["examples"]
            assert examples
            assert all(
                set(each["value"]) == {"code", "message", "data", "request_id"} for each in examples.values()
            )
            assert all(int(name) == each["value"]["code"] for name, each in examples.items())


@each_operation
def test_an_unknown_field_is_refused(label: str, http: httpx.Client) -> None:
    """422 with 10002, for every body, before anything else is looked at but the token."""
    if "requestBody" not in OPERATIONS[label]:
        return
    method, path = label.split(" ")
    schema = resolve(OPERATIONS[label]["requestBody"]["content"]["application/json"]["schema"])
    body = {name: resolve(of).get("examples", [None])[0] for name, of in schema["properties"].items()}
    path = path.replace("{", "").replace("}", "")
    answer = http.request(method, path, json={**body, "surprise": 1}, headers=shared_person(http).headers)

    assert codes(answer) == (422, 10002)
    assert "surprise: unknown field" in answer.json()["message"]
