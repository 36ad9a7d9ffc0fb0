"""One HTTP call: envelope, errors, and repeating what is safe to repeat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import httpx
import msgspec

from pingme.domain.errors import ERRORS, UNKNOWN_OUTCOME, ErrorCode, PingMeError, Refused
from pingme.ports.clock import Clock
from pingme.sdk.errors import ClientClosed, ServerUnreachable, error_of
from pingme.sdk.models import Envelope, Failure, Page
from pingme.sdk.reconnect import TOKEN_CODES, backoff_ms

T = TypeVar("T")
API = "/api/v1"
TIMEOUT_S = 15.0  # the server answers 10009 after 10 s at the latest
MAX_ATTEMPTS = 4
_REPEATED = frozenset(
    {ErrorCode.TOO_MANY_REQUESTS, ErrorCode.OVERLOADED, ErrorCode.OUTCOME_UNKNOWN, ErrorCode.DATABASE_ERROR}
)

Values = Mapping[str, object]
Query = Mapping[str, str | int | None]


class Transport:
    """Calls to ``/api/v1`` of one server.

    Args:
        base_url: ``http://host:port``.
        clock: waits between attempts.
        http: a client to use instead of an own one; the caller closes it.
    """

    def __init__(self, base_url: str, *, clock: Clock, http: httpx.AsyncClient | None = None) -> None:
        self._own = http is None
        self._http = http or httpx.AsyncClient(timeout=TIMEOUT_S)
        self._url = base_url.rstrip("/") + API
        self._clock = clock
        self.token: str | None = None
        self.renew: Callable[[], Awaitable[object]] | None = None  # called once when the token has run out

    async def close(self) -> None:
        """Close the connections."""
        if self._own:
            await self._http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        answer: type[T],
        body: Values | None = None,
        query: Query | None = None,
        safe: bool | None = None,
        auth: bool = True,
        timeout_s: float | None = None,
    ) -> T:
        """Return the ``data`` of an answer.

        Args:
            method: GET, POST …
            path: below ``/api/v1``.
            answer: what data is converted to.
            body: sent as JSON; None values are left out.
            query: parameters; None values are left out.
            safe: whether a repeat does no harm: GET, and what carries a msg_id. Such calls are made up to
                MAX_ATTEMPTS times.
            auth: send the access token, and renew it once when it has run out.
            timeout_s: of one attempt; by default the HTTP client's own.

        Raises:
            ServerUnreachable: no answer.
            Refused: the server said no.
            OutcomeUnknown: nobody can say whether it was done.
        """
        repeatable = safe if safe is not None else method == "GET"
        renewed = False
        attempt = 1
        while True:
            try:
                data = await self._once(
                    method, path, body=_present(body), query=_present(query), auth=auth, timeout_s=timeout_s
                )
                return convert(data, answer)
            except PingMeError as error:
                if auth and error.code in TOKEN_CODES and self.renew is not None and not renewed:
                    await self.renew()
                    renewed = True
                elif repeatable and attempt < MAX_ATTEMPTS and _may_repeat(error):
                    wait = backoff_ms(attempt, self._clock.jitter())
                    await self._clock.sleep_ms(max(wait, error.retry_after_ms or 0))
                    attempt += 1
                else:
                    raise

    async def page(self, path: str, *, item: type[T], query: Query) -> tuple[list[T], str | None]:
        """Return the items of a list page, and the cursor of the next."""
        page = await self.call("GET", path, answer=Page, query=query)
        return [convert(entry, item) for entry in page.items], page.next_cursor

    async def _once(
        self,
        method: str,
        path: str,
        *,
        body: Values | None,
        query: Query | None,
        auth: bool,
        timeout_s: float | None,
    ) -> Any:
        if self._http.is_closed:
            raise ClientClosed
        headers = {"Authorization": f"Bearer {self.token}"} if auth and self.token else {}
        timeout = timeout_s if timeout_s is not None else httpx.USE_CLIENT_DEFAULT
        try:
            response = await self._http.request(
                method, self._url + path, json=body, params=query, headers=headers, timeout=timeout
            )
        except UnicodeEncodeError as exc:
            raise Refused(ErrorCode.INVALID_PARAMETERS, str(exc)) from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise ServerUnreachable(f"no answer from {self._url}: {str(exc) or type(exc).__name__}") from exc
        return _data_of(response)


def convert(data: Any, to: type[T]) -> T:
    """Return plain JSON values as a struct."""
    try:
        return msgspec.convert(data, to)
    except msgspec.ValidationError as exc:
        raise ServerUnreachable(f"the server's answer has another shape than expected: {exc}") from exc


def _data_of(response: httpx.Response) -> Any:
    try:
        envelope = msgspec.json.decode(response.content, type=Envelope)
        if envelope.code == 0:
            return msgspec.json.decode(bytes(envelope.data))
    except msgspec.DecodeError as exc:
        raise ServerUnreachable(
            f"expected an answer of PingMe, got HTTP {response.status_code} from {response.url.host}"
        ) from exc
    failure = _failure_of(envelope)
    wait_s = response.headers.get("Retry-After", "")
    wait_ms = failure.retry_after_ms or (int(wait_s) * 1000 if wait_s.isdigit() else None)
    raise error_of(envelope.code, envelope.message, outcome=failure.outcome, retry_after_ms=wait_ms)


def _failure_of(envelope: Envelope) -> Failure:
    """Return what an error says besides its code; proxies and older servers may leave it out."""
    try:
        return msgspec.json.decode(bytes(envelope.data), type=Failure)
    except msgspec.DecodeError:
        return Failure(outcome="unknown" if envelope.code in UNKNOWN_OUTCOME else "refused")


def _may_repeat(error: PingMeError) -> bool:
    return isinstance(error, ServerUnreachable) or (error.code in _REPEATED and ERRORS[error.code].retryable)


def _present(values: Mapping[str, T] | None) -> dict[str, T] | None:
    return {key: value for key, value in values.items() if value is not None} if values is not None else None
