"""Somebody at a browser: a context of their own, what they do in the page, and what went wrong in it."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, expect

PASSWORD = "a stable, and a quiet one"
WITHIN_MS = 20_000  # on a machine that does something else, too
# What the browser itself says when a server is away: the tests that stop it expect that.
NETWORK = re.compile(r"Failed to load resource|WebSocket connection to|net::ERR_|status of [45]\d\d")

_TEXTS = """bubbles => bubbles.map(bubble => {
  const copy = bubble.cloneNode(true);
  copy.querySelectorAll(".bubble-meta, .bubble-name, .quote").forEach(each => each.remove());
  return copy.textContent.trim();
})"""

_numbers = itertools.count(1)


def new_name(stem: str) -> str:
    """Return a username that no other test has."""
    return f"{stem}{next(_numbers)}"


@dataclass
class Watch:
    """Collects every error of the pages of a context; violations of the content security policy are among them."""

    errors: list[str] = field(default_factory=list)

    def page(self, page: Page) -> None:
        """Listen to a page."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "assert"}:
            self.errors.append(f"{message.location.get('url')}: {message.text}")

    def unexpected(self, *, network_broke: bool) -> list[str]:
        """Return the errors that nobody has caused on purpose."""
        return [each for each in self.errors if not (network_broke and NETWORK.search(each))]


class Person:
    """One context of a browser, and its first page.

    Attributes:
        network_broke: set by a test that takes the server or the network away.
    """

    def __init__(self, context: BrowserContext, page: Page, url: str, username: str) -> None:
        self.context = context
        self.page = page
        self.url = url
        self.username = username
        self.watch = Watch()
        self.network_broke = False
        self.watch.page(page)

    async def register(self, *, nickname: str = "") -> None:
        """Make an account in the page; one is logged in then."""
        page = self.page
        await page.goto(self.url)
        await page.get_by_role("button", name="Create account").click()
        await page.get_by_label("Username").fill(self.username)
        if nickname:
            await page.get_by_label("Display name").fill(nickname)
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.locator("form button[type=submit]").click()
        await self.is_in()

    async def login(self) -> None:
        """Log in with an account that there is."""
        await self.page.goto(self.url)
        await self.page.get_by_label("Username").fill(self.username)
        await self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        await self.page.locator("form button[type=submit]").click()
        await self.is_in()

    async def is_in(self) -> None:
        """Wait for the list of conversations."""
        await expect(self.page.get_by_label("Search conversations")).to_be_visible(timeout=WITHIN_MS)

    async def find(self, username: str) -> None:
        """Look somebody up and open the chat with them."""
        await self.page.get_by_role("button", name="New chat").first.click()
        box = self.page.get_by_role("combobox", name="Find people")
        await box.fill(username)
        await self.page.get_by_role("dialog").get_by_text(f"@{username}").first.click()
        await expect(self.composer).to_be_visible(timeout=WITHIN_MS)

    async def open(self, title: str) -> None:
        """Open a conversation of the list."""
        await self.row(title).click()
        await expect(self.composer).to_be_visible(timeout=WITHIN_MS)

    async def say(self, text: str) -> None:
        """Write into the open conversation and send."""
        await self.composer.fill(text)
        await self.composer.press("Enter")

    @property
    def composer(self) -> Locator:
        """Where one writes."""
        return self.page.locator("#composer")

    def row(self, title: str) -> Locator:
        """The conversation of this title in the list."""
        return self.page.locator(".conv", has=self.page.locator(".conv-name", has_text=title))

    def message(self, text: str) -> Locator:
        """The message with this text in the open conversation."""
        return self.page.locator("article.row", has_text=text)

    async def sees(self, text: str) -> None:
        """Wait until the open conversation shows a message, once."""
        await expect(self.message(text)).to_have_count(1, timeout=WITHIN_MS)

    async def texts(self) -> list[str]:
        """Return what the open conversation shows, in order, without times and ticks."""
        found: list[str] = await self.page.locator("article.row .bubble").evaluate_all(_TEXTS)
        return found

    async def has_tick(self, text: str, state: str) -> None:
        """Wait until one's own message says how far it has come: Sent, Delivered, Read; or one of several, with |."""
        ticks = self.message(text).locator(".ticks .visually-hidden")
        await expect(ticks).to_have_text(re.compile(f"^({state})$"), timeout=WITHIN_MS)

    def has_no_errors(self) -> None:
        """Check that nothing went wrong in the page, and that it tried nothing that its policy forbids."""
        assert self.watch.unexpected(network_broke=self.network_broke) == []
