"""``/``: the built web client, from memory.

`index.html` is asked for again at each visit and names everything else by its hash, which is kept for a year. The
content security policy lets the page load from this server alone, runs no text as script, and lets nobody frame it.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pingme.edge.http.static_files import StaticFile, answer, load_files
from pingme.edge.http.system import host_of

log = structlog.get_logger(__name__)

HASHED = "public, max-age=31536000, immutable"  # a year: other bytes have another name
ASK_AGAIN = "no-cache"
INDEX = "index.html"
FILES = ("manifest.webmanifest", "sw.js", "icon.svg", "icon-192.png", "icon-512.png", "icon-maskable-512.png")
"""The files outside ``assets/``: their names are known to browsers, so they have no hash."""

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    # No foreign pictures: whoever sets an address as avatar would learn when and from where others look at it.
    "img-src": "'self' data: blob:",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "pingme",  # web/src/worker.ts: the one address that becomes a script
}
# The worker fetches the files of the client and nothing else.
WORKER_POLICY = "default-src 'none'; connect-src 'self'"
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()"


def create_web_router(files: Mapping[str, StaticFile] | None = None) -> APIRouter | None:
    """Return the routes of the web client, None when it is not there (a checkout that was never built).

    Args:
        files: by path below ``dist``; None: those of this installation.
    """
    if files is None:
        files = _installed()
    index = files.get(INDEX)
    if index is None:
        return None
    router = APIRouter(include_in_schema=False)

    @router.api_route("/", methods=["GET", "HEAD"])
    async def page(request: Request) -> Response:
        headers = {
            "Content-Security-Policy": policy(host_of(request)),
            "Permissions-Policy": PERMISSIONS,
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        return answer(index, request.headers, cache_control=ASK_AGAIN, extra=headers)

    @router.api_route("/assets/{path:path}", methods=["GET", "HEAD"])
    async def asset(request: Request, path: str) -> Response:
        return _serve(request, files.get(f"assets/{path}"), HASHED)

    for name in FILES:
        _add_file(router, name, files.get(name))
    return router


def policy(host: str) -> str:
    """Return the content security policy of the page.

    Args:
        host: of this server; not every browser takes 'self' for the WebSocket of the same host, so it is named.
    """
    connect = f"'self' ws://{host} wss://{host}"
    return "; ".join(f"{name} {value}" for name, value in {**POLICY, "connect-src": connect}.items())


def _installed() -> dict[str, StaticFile]:
    try:
        return load_files(importlib.resources.files("pingme") / "web" / "dist")
    except (OSError, ValueError) as exc:
        log.warning("web_client_unusable", reason=str(exc))
        return {}


def _add_file(router: APIRouter, name: str, file: StaticFile | None) -> None:
    @router.api_route(f"/{name}", methods=["GET", "HEAD"])
    async def serve(request: Request) -> Response:
        return _serve(request, file, ASK_AGAIN)


def _serve(request: Request, file: StaticFile | None, cache_control: str) -> Response:
    if file is None:  # read by browsers and people, not by clients of the API: no envelope
        return PlainTextResponse("not found\n", status_code=404, headers={"Cache-Control": "no-store"})
    extra = {"Cross-Origin-Resource-Policy": "same-origin"}
    if file.media_type.startswith("text/javascript"):
        extra["Content-Security-Policy"] = WORKER_POLICY
    return answer(file, request.headers, cache_control=cache_control, extra=extra)
