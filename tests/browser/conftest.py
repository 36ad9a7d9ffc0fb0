"""A real server, Debian's Chromium, and people who each have a context of their own.

Every test ends with a look at what the browser complained about: errors and violations of the policy fail it.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright

import pingme
from tests.browser.chromium import ARGS
from tests.browser.person import Person, new_name
from tests.conversations.server import CHEAP_PASSWORDS, ServerProcess
from tests.services.service import in_ci, insist_on_program

DIST = Path(pingme.__file__).parent / "web" / "dist" / "index.html"
FAILED = Path(__file__).resolve().parents[2] / ".cache" / "browser"  # screenshots of failed tests
UNLIMITED = {
    "PINGME_LIMITS__SENDS_PER_S": "0",
    "PINGME_LIMITS__HTTP_SENDS_PER_S": "0",
    "PINGME_LIMITS__REGISTRATIONS_PER_HOUR": "0",
}
NewPerson = Callable[..., Awaitable[Person]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser takes seconds to start, and minutes on a busy machine."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(240))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Tell the fixtures whether the test has failed."""
    report: Any = yield
    if report.when == "call":
        item.stash[_failed] = report.failed
    return report


_failed = pytest.StashKey[bool]()


def chromium() -> str:
    """Return the path of Chromium; without it, or without the built client, skip by name (CI installs it, or fails)."""
    insist_on_program("chromium", "chromium")
    found = shutil.which("chromium")
    if not DIST.exists():
        assert not in_ci(), "the web client is not built: make web"
        pytest.skip("the web client is not built: make web")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that all tests share who don't stop it."""
    process = ServerProcess(tmp_path_factory.mktemp("browser") / "data", UNLIMITED, prelude=CHEAP_PASSWORDS)
    asyncio.run(process.start())
    yield process
    asyncio.run(process.stop())
    assert "Traceback" not in process.log()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium(), args=ARGS)
        yield running
        await running.close()


@pytest.fixture
async def new_person(
    request: pytest.FixtureRequest, browser: Browser, server: ServerProcess
) -> AsyncIterator[NewPerson]:
    """Makes people; at the end nothing may have gone wrong in any of their pages."""
    people: list[Person] = []

    async def make(stem: str = "ada", *, url: str = "", username: str = "", **options: Any) -> Person:
        settings = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **options}
        context = await browser.new_context(**settings)
        context.set_default_timeout(20_000)
        person = Person(context, await context.new_page(), url or server.url, username or new_name(stem))
        people.append(person)
        return person

    yield make
    if request.node.stash.get(_failed, False):
        FAILED.mkdir(parents=True, exist_ok=True)
        for person in people:
            name = re.sub(r"\W+", "-", f"{request.node.name}-{person.username}")
            await person.page.screenshot(path=FAILED / f"{name}.png")
    for person in people:
        person.has_no_errors()
        await person.context.close()
