"""What FastAPI's OpenAPI leaves out or says loosely, so that the reference is true (docs/protocol.md, "HTTP").

An optional query parameter is absent or has its type (there is no null in a URL); a body may be too large; each code
that a route may answer stands as an example beside its status; and what cannot happen on a route is not listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from pingme.domain.errors import ERRORS, UNKNOWN_OUTCOME, ErrorCode
from pingme.edge.http.envelope import CODES, SCHEMAS, ErrorEnvelope

ABOUT = """\
A self-hosted chat server. Every answer is `{code, message, data, request_id}`; `code` 0 is success. The socket at `/ws`
carries the same operations and everything live: [its reference](/docs/ws).
"""
HEADERS_TOO_LARGE = "10002: request line and headers have more than `limits.header_bytes`"
TOO_LARGE = "10002: the body has more than `limits.body_bytes`"


def describe_api(app: FastAPI) -> None:
    """Make ``app.openapi()`` return the completed document."""
    plain = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            document["info"]["description"] = ABOUT
            schemas = document["components"]["schemas"]
            envelope = ErrorEnvelope.model_json_schema(ref_template=SCHEMAS + "{model}")
            schemas |= {ErrorEnvelope.__name__: envelope, **envelope.pop("$defs")}
            for _, operation in operations(document):
                _complete(operation)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = complete  # type: ignore[method-assign]  # the way that FastAPI documents


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ``GET /path`` and the operation for each operation of a document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def _complete(operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _without_null(parameter["schema"])
    answers = operation["responses"]
    answers["431"] = {
        **answers["500"],
        "description": HEADERS_TOO_LARGE,
        CODES: [ErrorCode.INVALID_PARAMETERS],
    }
    if "requestBody" in operation:
        too_large = answers.setdefault("413", {**answers["422"], CODES: []})
        too_large[CODES] = sorted({ErrorCode.INVALID_PARAMETERS, *too_large[CODES]})
        too_large["description"] = "; ".join(
            [TOO_LARGE, *(_text(code) for code in too_large[CODES] if code != ErrorCode.INVALID_PARAMETERS)]
        )
    else:
        answers.pop("400", None)  # nothing to be parsed
        if not operation.get("parameters"):
            answers.pop("422", None)
    for status, answer in answers.items():
        codes = answer.pop(CODES, ())
        if codes:
            media = dict(answer["content"]["application/json"])
            media["examples"] = {str(int(code)): {"value": _example(code)} for code in codes}
            answer["content"] = {"application/json": media}
        if status == "503":
            answer["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}}


def _text(code: ErrorCode) -> str:
    return f"{int(code)}: {ERRORS[code].text}"


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an optional parameter as that of the parameter when it is there."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    return {**{name: value for name, value in schema.items() if name != "anyOf"}, **kinds[0]}


def _example(code: ErrorCode) -> dict[str, Any]:
    row = ERRORS[code]
    outcome = "unknown" if code in UNKNOWN_OUTCOME else "refused"
    data = {"retryable": row.retryable, "outcome": outcome}
    return {"code": int(code), "message": row.text, "data": data, "request_id": "0192f0c1-7f3e-7c3a-9b1e"}
