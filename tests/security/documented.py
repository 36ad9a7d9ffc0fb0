"""The OpenAPI that a server gives, without a server."""

from __future__ import annotations

import functools
from typing import Any, cast

from pingme.edge.http.app import create_app
from pingme.edge.http.services import HttpServices
from pingme.edge.http.system import SystemInfo, create_system_router
from tests.fakes.clock import FakeClock


@functools.cache  # half a second of work; nobody changes it
def document() -> dict[str, Any]:
    """Return the OpenAPI of the server."""
    app = create_app(cast(HttpServices, None), clock=FakeClock())
    info = SystemInfo(
        service="PingMe", env="development", version="0", python="3", components=dict, not_ready=str
    )
    app.include_router(create_system_router(info))
    return app.openapi()
