"""What routes ask for: who is asking, from where, and the services."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Annotated, cast

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from pingme.domain.errors import ErrorCode, Refused
from pingme.edge.http.services import HttpServices
from pingme.services.sessions import Identity

FORWARDED_MAX = 20  # addresses of X-Forwarded-For that are looked at; more proxies in a row do not exist

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="The `token` of POST /auth/login.")


def services_of(request: Request) -> HttpServices:
    """Return the services that the application was built with."""
    return cast("HttpServices", request.app.state.pingme)


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return networks; an address alone is a network of one.

    Raises:
        ValueError: one of them is neither.
    """
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def trace_client(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Return the address that the request comes from.

    X-Forwarded-For is read from its end, and only as far as trusted proxies have written it.

    Args:
        peer: the other end of the connection.
        forwarded: the header, "" when there is none.
        trusted: `app.trusted_proxies`.
    """
    client = peer
    for text in reversed(forwarded.split(",")[-FORWARDED_MAX:]):
        candidate = text.strip()
        if not _is_trusted(client, trusted) or not _is_address(candidate):
            break
        client = candidate
    return client


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    if not trusted or not _is_address(address):
        return False
    ip = ipaddress.ip_address(address)
    return any(ip in network for network in trusted)


def client_address(request: Request) -> str:
    """Return the client's address, for throttling; "" when the transport has none."""
    peer = request.client.host if request.client else ""
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    return trace_client(peer, forwarded, request.app.state.trusted_proxies)


async def require_identity(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Identity:
    """Return who is asking.

    Raises:
        Refused: 10003 no bearer token was sent; 30004, 30005.
    """
    if credentials is None or len(request.headers.getlist("authorization")) > 1:
        raise Refused(ErrorCode.UNAUTHORIZED, "expected the header Authorization: Bearer <access token>")
    return await services_of(request).accounts.verify_access(credentials.credentials)


async def _address(request: Request) -> str:
    return client_address(request)


async def _services(request: Request) -> HttpServices:
    return services_of(request)


WhoAsks = Annotated[Identity, Depends(require_identity)]
Address = Annotated[str, Depends(_address)]
Services = Annotated[HttpServices, Depends(_services)]

LOGGED_IN = [Depends(require_identity)]
"""For routes that anybody with a session may call: ``dependencies=LOGGED_IN``."""
