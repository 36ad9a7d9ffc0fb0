"""Health, version and the first page: what anybody may ask without an account."""

from __future__ import annotations

import html
import importlib.metadata
import importlib.resources
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Template
from typing import Literal

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

Status = Literal["healthy", "degraded", "unhealthy"]

RETRY_AFTER_S = 5  # an outage that ends is noticed within five seconds (docs/guarantees.md)
_ORDER: tuple[Status, ...] = ("healthy", "degraded", "unhealthy")
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}\Z")
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class ComponentHealth:
    """How one part of the server is.

    Attributes:
        status: ``degraded``: the chat goes on with less; ``unhealthy``: what it promises does not hold now.
        detail: what is wrong and what to do about it; "" when all is well. Never a secret.
    """

    status: Status = "healthy"
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemInfo:
    """What the routes below tell.

    Attributes:
        service: `app.name`.
        env: `app.env`.
        version: of PingMe.
        commit: of the source; None when it is not known.
        python: version of the interpreter.
        components: asked at each request; must not wait for anything.
        not_ready: "" while traffic is accepted, else why not: ``starting``, ``draining``.
    """

    service: str
    env: str
    version: str
    python: str
    components: Callable[[], Mapping[str, ComponentHealth]]
    not_ready: Callable[[], str]
    commit: str | None = None


class ComponentView(BaseModel):
    """One part of the server."""

    status: Status
    detail: str = Field(description="What is wrong and what to do; empty when all is well.")


class HealthView(BaseModel):
    """The whole server; its status is the worst of its components."""

    status: Status
    service: str
    env: str
    components: dict[str, ComponentView]


class LiveView(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class ReadyView(BaseModel):
    """Whether new traffic should come here."""

    status: Literal["ready", "not_ready"]
    reason: str = Field("", description="`starting` or `draining`.")


class VersionView(BaseModel):
    """What runs."""

    name: str
    version: str
    commit: str
    python: str
    env: str


def worst(components: Mapping[str, ComponentHealth]) -> Status:
    """Return the worst status of all components, ``healthy`` for none."""
    return _ORDER[max((_ORDER.index(part.status) for part in components.values()), default=0)]


def commit_of_installation() -> str | None:
    """Return the commit that this package was installed from, when it came from a repository (PEP 610)."""
    try:
        text = importlib.metadata.distribution("pingme").read_text("direct_url.json")
        found = msgspec.json.decode(text or "{}", type=dict[str, object]).get("vcs_info")
    except (importlib.metadata.PackageNotFoundError, msgspec.DecodeError):
        return None
    commit = found.get("commit_id") if isinstance(found, dict) else None
    return commit if isinstance(commit, str) else None


def _json(view: BaseModel, *, ok: bool) -> JSONResponse:
    headers = {} if ok else {"Retry-After": str(RETRY_AFTER_S)}
    return JSONResponse(view.model_dump(), status_code=200 if ok else 503, headers=headers)


def _resource(name: str) -> str:
    return (importlib.resources.files("pingme") / "web" / name).read_text(encoding="utf-8")


def first_page(service: str, version: str, base_url: str) -> str:
    """Return the page at ``/``: what to do next, with this server's own address."""
    values = {"name": service, "version": version, "base_url": base_url}
    return Template(_resource("home.html")).substitute(
        {key: html.escape(text) for key, text in values.items()}
    )


def base_url_of(request: Request) -> str:
    """Return the address by which this request came.

    X-Forwarded-Proto is believed from anybody: it decides nothing but what its own sender is shown.
    """
    secure = "https" in {request.url.scheme, request.headers.get("x-forwarded-proto", "").lower()}
    scheme = "https" if secure else "http"
    return f"{scheme}://{host_of(request)}"


def host_of(request: Request) -> str:
    """Return the host, with its port, by which this request came; a Host header that is none is not repeated."""
    host = request.headers.get("host", "")
    return host if _HOST.match(host) else "localhost:8080"


def create_system_router(info: SystemInfo) -> APIRouter:
    """Return the routes outside /api/v1; none of them asks for a token."""
    router = APIRouter(tags=["system"])
    unavailable = "See the components; Retry-After says when to ask again."

    @router.get(
        "/health",
        response_model=HealthView,
        responses={503: {"model": HealthView, "description": unavailable}},
    )
    async def health() -> Response:
        """Tell how each part of the server is; 503 when one is unhealthy."""
        components = info.components()
        status = worst(components)
        parts = {name: ComponentView(status=p.status, detail=p.detail) for name, p in components.items()}
        view = HealthView(status=status, service=info.service, env=info.env, components=parts)
        return _json(view, ok=status != "unhealthy")

    @router.get("/health/live", response_model=LiveView)
    async def live() -> Response:
        """Tell that the process answers; restart it only when this fails."""
        return _json(LiveView(), ok=True)

    @router.get(
        "/health/ready",
        response_model=ReadyView,
        responses={503: {"model": ReadyView, "description": "Not now."}},
    )
    async def ready() -> Response:
        """Tell whether to send traffic here; not while it starts or drains."""
        reason = info.not_ready()
        view = ReadyView(status="not_ready" if reason else "ready", reason=reason)
        return _json(view, ok=not reason)

    @router.get("/version")
    async def version() -> VersionView:
        """Tell what runs."""
        return VersionView(
            name=info.service,
            version=info.version,
            commit=info.commit or "unknown",
            python=info.python,
            env=info.env,
        )

    _add_pages(router, info)
    return router


def _add_pages(router: APIRouter, info: SystemInfo) -> None:
    @router.get("/", include_in_schema=False)
    async def home(request: Request) -> Response:
        page = first_page(info.service, info.version, base_url_of(request))
        return HTMLResponse(page, headers=_PAGE_HEADERS)

    @router.get("/home.css", include_in_schema=False)
    async def style() -> Response:
        return Response(
            _resource("home.css"), media_type="text/css", headers={"Cache-Control": "max-age=3600"}
        )
