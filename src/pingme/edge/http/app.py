"""The HTTP application: its routers, and what stands around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import compile_path

from pingme.edge.http import auth, conversations, groups, messages, presence, users
from pingme.edge.http.asyncapi_page import create_socket_reference_router
from pingme.edge.http.deps import parse_networks
from pingme.edge.http.envelope import add_error_handlers, errors
from pingme.edge.http.middleware import BodyLimitMiddleware, RequestMiddleware
from pingme.edge.http.openapi import describe_api
from pingme.edge.http.reference import create_reference_router
from pingme.edge.http.services import HttpServices
from pingme.ports.clock import Clock

API = "/api/v1"

# One line per noun, in the order of the reference.
ROUTERS: tuple[APIRouter, ...] = (
    auth.router,
    users.router,
    messages.router,
    conversations.router,
    groups.router,
    presence.router,
)


def create_app(
    services: HttpServices,
    *,
    clock: Clock,
    name: str = "PingMe",
    version: str = "0",
    allowed_origins: Sequence[str] = (),
    trusted_proxies: Sequence[str] = (),
    body_limit_bytes: int = 65_536,
    socket_bounds: Mapping[str, int] | None = None,
    count_refusal: Callable[[int], None] | None = None,
) -> FastAPI:
    """Return the application; serving it is somebody else's work.

    Args:
        services: the use cases; put at ``app.state.pingme``.
        clock: time and entropy for request ids.
        name: `app.name`, the title of the reference.
        version: of PingMe.
        allowed_origins: `app.allowed_origins`; pages of these may call the API, ``*`` is everybody.
        trusted_proxies: `app.trusted_proxies`, addresses and networks.
        body_limit_bytes: `limits.body_bytes`.
        socket_bounds: bounds of sockets by name, which the reference of the socket tells.
        count_refusal: told the code of every error that is answered.

    Raises:
        ValueError: a proxy is no address or network.
    """
    app = FastAPI(
        title=name, version=version, docs_url=None, redoc_url=None, redirect_slashes=False, responses=errors()
    )
    app.state.pingme = services
    app.state.trusted_proxies = parse_networks(trusted_proxies)
    app.state.methods = _methods()
    app.state.count_refusal = count_refusal
    add_error_handlers(app)
    for router in ROUTERS:
        app.include_router(router, prefix=API)
    app.include_router(create_reference_router(name))
    app.include_router(create_socket_reference_router(name, version, socket_bounds or {}))
    describe_api(app)
    _add_middleware(app, clock, allowed_origins=allowed_origins, body_limit_bytes=body_limit_bytes)
    return app


def _methods() -> list[tuple[re.Pattern[str], set[str]]]:
    """Return the methods of each path, in the order in which paths are tried."""
    found: dict[str, set[str]] = {}
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute):
                found.setdefault(API + route.path, set()).update(route.methods or ())
    return [(compile_path(path)[0], methods) for path, methods in found.items()]


def _add_middleware(
    app: FastAPI, clock: Clock, *, allowed_origins: Sequence[str], body_limit_bytes: int
) -> None:
    """Add the layers from the inside out; CORS is outermost, so that pages can read refusals, too."""
    app.add_middleware(BodyLimitMiddleware, limit_bytes=body_limit_bytes)
    app.add_middleware(RequestMiddleware, clock=clock)
    if allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(allowed_origins),
            allow_credentials=False,  # tokens travel in a header, never in a cookie
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
            expose_headers=["X-Request-ID", "Retry-After"],
            max_age=600,
        )
