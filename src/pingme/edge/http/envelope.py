"""The one shape of every answer, ``{"code", "message", "data", "request_id"}``, and how errors get it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Generic, TypeVar

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pingme.domain.errors import ERRORS, ErrorCode, OutcomeUnknown, PingMeError

T = TypeVar("T")

CODES = "x-codes"  # the codes behind a status, until `pingme.edge.http.openapi` has made examples of them
SCHEMAS = "#/components/schemas/"
LOCATION_MAX = 80  # characters of a field's name in a message; the name may be the client's own
BAD_REQUEST, UNPROCESSABLE = 400, 422
# Statuses that the framework itself answers with; anything else of it is the client's mistake.
_STATUS_CODES = {
    401: ErrorCode.UNAUTHORIZED,
    403: ErrorCode.FORBIDDEN,
    404: ErrorCode.NOT_FOUND,
    429: ErrorCode.TOO_MANY_REQUESTS,
    500: ErrorCode.SERVER_ERROR,
    503: ErrorCode.OVERLOADED,
}


class ApiModel(BaseModel):
    """The base of all bodies that clients send: unknown fields are refused, and errors never show a value."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Envelope(BaseModel, Generic[T]):
    """A successful answer."""

    code: int = Field(0, description="0 is success; otherwise a code of the table of errors.")
    message: str = Field("success", description="For people.")
    data: T
    request_id: str = Field(description="As sent in X-Request-ID, or made; it stands in the server's log.")


class ErrorData(BaseModel):
    """What a client needs to decide what to do."""

    retryable: bool = Field(description="True when the same request may succeed later.")
    retry_after_ms: int | None = Field(None, description="How long to wait, when that is known.")
    outcome: str = Field(description="`refused`: not done, and will not be; `unknown`: nobody can say yet.")


class ErrorEnvelope(BaseModel):
    """An answer that is not a success."""

    code: int
    message: str
    data: ErrorData
    request_id: str


class ErrorResponse(JSONResponse):
    """An error in the envelope. The application that sends it counts it by ``app.state.count_refusal``, where it has one."""

    refused: ErrorCode = ErrorCode.SERVER_ERROR

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it (ASGI 3)."""
        count: Callable[[int], None] | None = getattr(scope["app"].state, "count_refusal", None)
        if count is not None:
            count(int(self.refused))
        await super().__call__(scope, receive, send)


def request_id_of(request: Request) -> str:
    """Return the id of this request, which the middleware has chosen."""
    return str(request.scope.get("pingme_request_id", ""))


def reply(request: Request, data: T) -> Envelope[T]:
    """Wrap the data of a successful answer."""
    return Envelope[T](code=0, message="success", data=data, request_id=request_id_of(request))


def errors(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of a route that may answer with these codes, for OpenAPI.

    Every route may also answer 10001, 10002, 10008 and 20001; those are added. The schema is named here and written down
    by `pingme.edge.http.openapi`: a ``model`` would cost a validator for each of some 300 answers, at each start.
    """
    every = {*codes, ErrorCode.SERVER_ERROR, ErrorCode.INVALID_PARAMETERS, ErrorCode.OVERLOADED}
    texts: dict[int, list[str]] = {BAD_REQUEST: [f"{ErrorCode.INVALID_PARAMETERS}: not JSON"]}
    listed: dict[int, list[ErrorCode]] = {BAD_REQUEST: [ErrorCode.INVALID_PARAMETERS]}
    for code in sorted(every | {ErrorCode.DATABASE_ERROR}):
        texts.setdefault(ERRORS[code].http, []).append(f"{code}: {ERRORS[code].text}")
        listed.setdefault(ERRORS[code].http, []).append(code)
    return {
        status: {
            "content": {"application/json": {"schema": {"$ref": f"{SCHEMAS}{ErrorEnvelope.__name__}"}}},
            "description": "; ".join(lines),
            CODES: listed[status],
        }
        for status, lines in texts.items()
    }


def error_response(
    request_id: str,
    code: ErrorCode,
    message: str = "",
    *,
    status: int | None = None,
    retry_after_ms: int | None = None,
    unknown: bool = False,
    headers: Mapping[str, str] | None = None,
) -> ErrorResponse:
    """Return an error in the envelope, with the headers that HTTP has for it."""
    row = ERRORS[code]
    http = status or row.http
    given = dict(headers or {})
    if retry_after_ms is not None:
        given["Retry-After"] = str(-(-retry_after_ms // 1000))  # whole seconds, rounded up
    if http == 401:  # RFC 9110 §11.6.1
        problem = (
            ' error="invalid_token"' if code in {ErrorCode.TOKEN_EXPIRED, ErrorCode.INVALID_TOKEN} else ""
        )
        given["WWW-Authenticate"] = f"Bearer{problem}"
    data = ErrorData(
        retryable=row.retryable,
        retry_after_ms=retry_after_ms,
        outcome="unknown" if unknown else "refused",
    )
    body = ErrorEnvelope(code=code, message=message or row.text, data=data, request_id=request_id)
    response = ErrorResponse(body.model_dump(exclude_none=True), status_code=http, headers=given)
    response.refused = code
    return response


async def on_pingme_error(request: Request, error: Exception) -> Response:
    """Answer an error that PingMe raised on purpose."""
    assert isinstance(error, PingMeError)
    retry_after_ms = error.retry_after_ms
    if retry_after_ms is None and error.http_status == 503:
        retry_after_ms = 1_000  # every 503 has a Retry-After; an outage's end is noticed within it
    return error_response(
        request_id_of(request),
        error.code,
        error.message,
        status=error.http_status,
        retry_after_ms=retry_after_ms,
        unknown=isinstance(error, OutcomeUnknown),
    )


def describe(error: Mapping[str, Any]) -> str:
    """Return one line for a validation error: the field and the rule, never what was sent."""
    location = [str(part) for part in error.get("loc", ())]
    path = ".".join(location[1:]) or (location[0] if location else "request")
    name = path.encode("utf-8", "replace").decode("utf-8")[:LOCATION_MAX]
    rule = "unknown field" if error.get("type") == "extra_forbidden" else str(error.get("msg", "invalid"))
    return f"{name}: {rule}"


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Answer a body, query or path that does not fit: 400 when it is not JSON at all, otherwise 422."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    malformed = any(item.get("type") == "json_invalid" for item in found)
    message = "body: expected JSON" if malformed else "; ".join(describe(item) for item in found[:5])
    status = BAD_REQUEST if malformed else UNPROCESSABLE
    return error_response(request_id_of(request), ErrorCode.INVALID_PARAMETERS, message, status=status)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses by itself: an unknown path, a wrong method, a broken body."""
    assert isinstance(error, HTTPException)
    code = _STATUS_CODES.get(error.status_code, ErrorCode.INVALID_PARAMETERS)
    message = "" if code is not ErrorCode.INVALID_PARAMETERS else str(error.detail).lower()
    headers = dict(error.headers or {})
    if error.status_code == 405:
        # The framework names the methods of the first route at this path only (RFC 9110 §15.5.6: all of them).
        allowed = allowed_methods(request.app.state.methods, request.url.path)
        headers["Allow"] = ", ".join(allowed) or headers.get("Allow", "GET")
    return error_response(request_id_of(request), code, message, status=error.status_code, headers=headers)


def allowed_methods(methods: Iterable[tuple[re.Pattern[str], Collection[str]]], path: str) -> list[str]:
    """Return the methods that are served at this path, none for an unknown path.

    Args:
        methods: the expression and the methods of each path, in the order in which they are tried.
        path: without the query.
    """
    return next((sorted(of) for pattern, of in methods if pattern.match(path)), [])


def add_error_handlers(app: FastAPI) -> None:
    """Give every error of the application its envelope. What is left is caught by `RequestMiddleware`."""
    app.add_exception_handler(PingMeError, on_pingme_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)
