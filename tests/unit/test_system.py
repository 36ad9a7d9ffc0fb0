"""Health, version and the first page: for anybody, without a token."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import httpx
import pytest
from fastapi import FastAPI

from pingme.domain.errors import ERRORS, ErrorCode
from pingme.edge.http.system import (
    ComponentHealth,
    SystemInfo,
    commit_of_installation,
    create_system_router,
    worst,
)

FINE = ComponentHealth()
INFO = SystemInfo(
    service="PingMe",
    env="development",
    version="1.2.3",
    python="3.11.7",
    components=lambda: {"store": FINE, "push": FINE},
    not_ready=lambda: "",
    commit="abc123",
)


async def get(path: str, info: SystemInfo = INFO, **headers: str) -> httpx.Response:
    app = FastAPI()
    app.include_router(create_system_router(info))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://chat.example.org") as client:
        return await client.get(path, headers=headers)


def with_components(**components: ComponentHealth) -> SystemInfo:
    return replace(INFO, components=lambda: components)


# Health.


async def test_a_healthy_server_says_so():
    """Status, name, environment and every component."""
    answer = await get("/health")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "healthy",
        "service": "PingMe",
        "env": "development",
        "components": {
            "store": {"status": "healthy", "detail": ""},
            "push": {"status": "healthy", "detail": ""},
        },
    }


async def test_a_degraded_server_still_serves():
    """200: load balancers leave it in; what is degraded is said with the fix."""
    answer = await get(
        "/health", with_components(store=FINE, push=ComponentHealth("degraded", "Redis is away"))
    )

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["components"]["push"]["detail"] == "Redis is away"
    assert "retry-after" not in answer.headers


async def test_an_unhealthy_server_is_503_with_retry_after():
    """The worst component decides."""
    answer = await get(
        "/health",
        with_components(
            push=ComponentHealth("degraded", "x"), store=ComponentHealth("unhealthy", "disk is full")
        ),
    )

    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
    assert int(answer.headers["retry-after"]) >= 1


def test_the_worst_of_nothing_is_healthy():
    """A server without components has nothing that could be wrong."""
    assert worst({}) == "healthy"


async def test_live_and_ready_are_two_questions():
    """A draining or unhealthy server is alive: restarting it would not help."""
    draining = replace(INFO, not_ready=lambda: "draining")

    live, ready, not_ready = (
        await get("/health/live", draining),
        await get("/health/ready"),
        await get("/health/ready", draining),
    )

    assert (live.status_code, live.json()) == (200, {"status": "alive"})
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert (not_ready.status_code, not_ready.json()) == (503, {"status": "not_ready", "reason": "draining"})
    assert "retry-after" in not_ready.headers


# Version.


async def test_the_version_tells_what_runs():
    """Name, version, commit, Python and environment."""
    assert (await get("/version")).json() == {
        "name": "PingMe", "version": "1.2.3", "commit": "abc123", "python": "3.11.7", "env": "development",
    }  # fmt: skip
    assert (await get("/version", replace(INFO, commit=None))).json()["commit"] == "unknown"


class Distribution:
    """What was noted when a package was installed."""

    def __init__(self, direct_url: str | None) -> None:
        self.direct_url = direct_url

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self.direct_url


@pytest.mark.parametrize(
    ("direct_url", "commit"),
    [
        ('{"url": "https://example.org", "vcs_info": {"vcs": "git", "commit_id": "abc"}}', "abc"),
        ('{"url": "file:///here", "dir_info": {"editable": true}}', None),
        ('{"vcs_info": 7}', None),
        ("broken", None),
        (None, None),
    ],
)
def test_the_commit_is_what_the_installation_says(monkeypatch, direct_url, commit):
    """PEP 610, and nothing where it says nothing."""
    monkeypatch.setattr("importlib.metadata.distribution", lambda _name: Distribution(direct_url))

    assert commit_of_installation() == commit


# The first page.


class Page(HTMLParser):
    """Collects what a browser would load and do."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


async def test_the_first_page_shows_three_steps():
    """Register, chat, build on it; with this server's own address."""
    answer = await get("/")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "curl http://chat.example.org/api/v1/auth/register" in answer.text
    assert "pingme chat --server http://chat.example.org" in answer.text
    assert ("href", "/docs") in Page(answer.text).attributes
    assert answer.text.count("<li>") == 3


async def test_the_first_page_runs_nothing():
    """A strict policy that allows one style sheet of this server, and a page that needs no more."""
    answer = await get("/")
    page = Page(answer.text)

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert not {"script", "style", "form", "iframe", "img"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name == "style" or name.startswith("on")]
    assert (await get("/home.css")).headers["content-type"].startswith("text/css")


async def test_the_style_sheet_loads_nothing():
    """No other server, no fonts, no images."""
    css = (await get("/home.css")).text

    assert not re.search(r"url\(|@import|//", css)


@pytest.mark.parametrize("host", ["<script>alert(1)</script>", "a'b", 'a"b', "x y", "a&b", "$name"])
async def test_a_made_up_host_is_not_repeated(host):
    """What is no host name does not get into the page."""
    answer = await get("/", Host=host)

    assert host not in answer.text
    assert "http://localhost:8080/api/v1" in answer.text


async def test_behind_a_tls_proxy_the_address_is_https():
    """The commands on the page work where the page was opened."""
    answer = await get("/", **{"X-Forwarded-Proto": "https"})

    assert "curl https://chat.example.org/api/v1/auth/register" in answer.text


async def test_the_name_is_escaped():
    """`app.name` is text, whatever it holds."""
    answer = await get("/", replace(INFO, service="<b>Ours</b> & $version"))

    assert "&lt;b&gt;Ours&lt;/b&gt; &amp; $version" in answer.text
    assert "<b>" not in answer.text


async def test_the_routes_stand_in_the_reference():
    """Health and version are documented; pages are not part of the API."""
    app = FastAPI()
    app.include_router(create_system_router(INFO))

    paths = app.openapi()["paths"]

    assert set(paths) == {"/health", "/health/live", "/health/ready", "/version"}
    assert all("security" not in operation for path in paths.values() for operation in path.values())


def test_every_unavailable_error_is_retryable_or_says_why():
    """503 in the table goes with Retry-After; the one exception is a definite refusal."""
    definite = [code for code, row in ERRORS.items() if row.http == 503 and not row.retryable]

    assert definite == [ErrorCode.PERSIST_FAILED]
