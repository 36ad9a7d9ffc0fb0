"""/docs: everything it loads comes from this server, and its policy allows nothing else."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser
from typing import Any, cast

import httpx
import pytest

from pingme.edge.http.app import create_app
from pingme.edge.http.services import HttpServices
from pingme.wire.session import CLIENT_FRAME_TYPES, SERVER_FRAME_TYPES
from tests.fakes.clock import FakeClock

# Swagger UI 5.34.0. Another script on our origin could read tokens: a new version is a decision.
SCRIPT_SHA256 = "3f6abf70480db7e07914df4c98a77385f22ea585eaf457a3e6415ba0eae2d167"


@pytest.fixture(scope="module")
def app() -> Any:
    return create_app(cast(HttpServices, None), clock=FakeClock(), name="<b>Ours</b>")


async def get(app: Any, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path)


class Page(HTMLParser):
    """Collects what a browser would load, and text between script tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.attributes: list[str] = []
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag in {"script", "style"}
        self.attributes += [name for name, _ in attrs]
        self.loads += [value for name, value in attrs if name in {"src", "href"} and value is not None]

    def handle_endtag(self, tag: str) -> None:
        self._script = False

    def handle_data(self, data: str) -> None:
        if self._script:
            self.inline.append(data)


async def test_everything_the_page_loads_is_here(app: Any) -> None:
    """Each address is a path of this server and is served with its own content type."""
    page = Page((await get(app, "/docs")).text)
    answers = {path: await get(app, path) for path in page.loads}

    assert all(path.startswith("/docs/") for path in page.loads)
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(page.loads, 200)
    assert [answer.headers["Content-Type"].partition(";")[0] for answer in answers.values()] == [
        "image/png",
        "text/css",
        "text/javascript",
        "text/javascript",
    ]


async def test_the_policy_allows_this_server_alone(app: Any) -> None:
    """No foreign origin, nothing inline; data: is for the pictures inside the style sheet."""
    answer = await get(app, "/docs")
    page = Page(answer.text)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))

    assert policy["default-src"] == "'none'"
    assert {value for name, value in policy.items() if name.endswith("-src")} == {
        "'none'",
        "'self'",
        "'self' data:",
    }
    assert policy["img-src"] == "'self' data:"
    assert not page.inline
    assert not [name for name in page.attributes if name == "style" or name.startswith("on")]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_script_is_the_one_that_was_looked_at(app: Any) -> None:
    """Its hash is pinned here as its package is in pyproject.toml."""
    script = await get(app, "/docs/swagger-ui-bundle.js")

    assert hashlib.sha256(script.content).hexdigest() == SCRIPT_SHA256


async def test_the_style_sheet_loads_no_other_file(app: Any) -> None:
    """Its pictures are inside it."""
    css = (await get(app, "/docs/swagger-ui.css")).text

    assert "@import" not in css
    assert set(re.findall(r"url\([\"']?(data:|[^\"')]{0,20})", css)) == {"data:"}


async def test_the_page_asks_no_validator(app: Any) -> None:
    """Swagger UI would send the address of the reference to its makers; the name of the server is text."""
    start = await get(app, "/docs/start.js")

    assert "validatorUrl: null" in start.text
    assert "://" not in start.text
    assert "&lt;b&gt;Ours&lt;/b&gt;" in (await get(app, "/docs")).text


async def test_the_reference_of_the_socket_is_served(app: Any) -> None:
    """The document is JSON; the page loads one style sheet of this server and runs nothing."""
    document = await get(app, "/asyncapi.json")
    answer = await get(app, "/docs/ws")
    page = Page(answer.text)

    assert document.json()["asyncapi"] == "3.0.0"
    assert document.headers["Content-Type"] == "application/json"
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'; style-src 'self'" in answer.headers["Content-Security-Policy"]
    assert not page.inline
    assert not [name for name in page.attributes if name == "style" or name.startswith("on")]
    loads = {path for path in page.loads if not path.startswith("#")}
    assert loads == {"/", "/docs", "/asyncapi.json", "/docs/reference.css"}
    assert (await get(app, "/docs/reference.css")).headers["Content-Type"].startswith("text/css")
    assert "&lt;b&gt;Ours&lt;/b&gt;" in answer.text


async def test_the_reference_of_the_socket_shows_every_frame(app: Any) -> None:
    """Each frame has a place of its own, and each link within the page leads to one."""
    text = (await get(app, "/docs/ws")).text
    places = set(re.findall(r' id="([^"]+)"', text))

    assert {f"client.{kind}" for kind in CLIENT_FRAME_TYPES} <= places
    assert {f"server.{kind}" for kind in SERVER_FRAME_TYPES} <= places
    assert set(re.findall(r'href="#([^"]+)"', text)) <= places
