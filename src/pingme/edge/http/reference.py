"""``/docs``: the reference in Swagger UI, whole from this server; no other origin is asked for anything.

The assets (Swagger UI, Apache-2.0) come from the package fastapi-swagger; nothing else of it is used.
"""

from __future__ import annotations

import html
import importlib.resources
from collections.abc import Awaitable, Callable
from string import Template

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

PATH = "/docs"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)  # data: are the pictures inside Swagger's own style sheet

_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>$name</title>
  <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
  <div id="reference"></div>
  <script src="/docs/swagger-ui-bundle.js"></script>
  <script src="/docs/start.js"></script>
</body>
</html>
""")
# validatorUrl: by default Swagger UI sends the address of the reference to a server of its makers.
_START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""


def create_reference_router(name: str) -> APIRouter:
    """Return the routes of the page and its assets.

    Args:
        name: `app.name`, the page's title.
    """
    router = APIRouter(prefix=PATH, include_in_schema=False)
    page = _PAGE.substitute(name=html.escape(name))

    @router.get("")
    async def reference() -> Response:
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        return HTMLResponse(page, headers=headers)

    @router.get("/start.js")
    async def start() -> Response:
        return _asset(_START.encode(), "text/javascript")

    for file, media_type in _ASSETS.items():
        router.add_api_route(f"/{file}", _serve(file, media_type))
    return router


def _serve(file: str, media_type: str) -> Callable[[], Awaitable[Response]]:
    async def serve() -> Response:
        body = (importlib.resources.files("fastapi_swagger.resources") / file).read_bytes()
        return _asset(body, media_type)

    return serve


def _asset(body: bytes, media_type: str) -> Response:
    return Response(body, media_type=media_type, headers={"Cache-Control": "max-age=3600"})
