"""The types of the TypeScript SDK are those of the server's own references."""

from __future__ import annotations

import pytest
from scripts import write_sdk_types


@pytest.mark.parametrize("name", ["http.ts", "socket.ts"])
def test_the_generated_types_are_those_of_the_server(name: str):
    """Written again, the file stays as it is."""
    text = (write_sdk_types.FOLDER / name).read_text(encoding="utf-8")

    assert write_sdk_types.files()[name] == text, "run: python scripts/write_sdk_types.py"


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (
            {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
            "readonly (string | number)[]",
        ),
        ({"enum": ["a", 1]}, '"a" | 1'),
        ({"const": "ping"}, '"ping"'),
        ({"anyOf": [{"$ref": "#/components/schemas/User"}, {"type": "null"}]}, "User"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "Record<string, number>"),
        ({}, "unknown"),
    ],
)
def test_a_schema_becomes_the_type_of_the_same_values(schema: dict[str, object], expected: str):
    """Lists, choices, references and maps; null is left out, because absent fields are."""
    assert write_sdk_types.type_of(schema) == expected
