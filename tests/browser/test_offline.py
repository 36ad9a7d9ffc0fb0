"""What a break of the network, of the server, of the page and of a tab does to what one writes: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from tests.browser.conftest import UNLIMITED, NewPerson
from tests.browser.load import Account, new_account
from tests.browser.person import WITHIN_MS, Person
from tests.conversations.server import CHEAP_PASSWORDS, ServerProcess, free_port


class OwnServer(ServerProcess):
    """A server of one test, which may stop it; tells how many sockets it has."""

    def __init__(self, folder: Path) -> None:
        self._metrics_port = free_port()
        metrics = {"PINGME_METRICS__PORT": str(self._metrics_port)}
        super().__init__(folder / "data", UNLIMITED | metrics, prelude=CHEAP_PASSWORDS)

    async def sockets(self) -> int:
        """Return how many WebSockets are open."""
        async with httpx.AsyncClient(trust_env=False) as http:
            text = (await http.get(f"http://127.0.0.1:{self._metrics_port}/metrics")).text
        (line,) = [each for each in text.splitlines() if each.startswith("pingme_connections ")]
        return int(float(line.split()[1]))

    async def has_sockets(self, count: int) -> None:
        """Wait until there are so many."""
        for _ in range(WITHIN_MS // 100):
            if await self.sockets() == count:
                return
            await asyncio.sleep(0.1)  # another process's figures can only be asked for
        raise AssertionError(f"{await self.sockets()} sockets, expected {count}")


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[OwnServer]:
    async with OwnServer(tmp_path) as server:
        yield server


async def two_on(server: ServerProcess, new_person: NewPerson) -> tuple[Person, Person]:
    """Return two who chat on this server."""
    ada, bob = await new_person("ada", url=server.url), await new_person("bob", url=server.url)
    await ada.register()
    await bob.register()
    await ada.find(bob.username)
    await ada.say("before")
    await bob.open(ada.username)
    await bob.sees("before")
    for person in (ada, bob):
        person.network_broke = True
    return ada, bob


async def test_what_is_written_offline_is_sent_once_and_in_order(
    own_server: OwnServer, new_person: NewPerson
):
    """The network is cut, three messages wait, the network comes back."""
    ada, bob = await two_on(own_server, new_person)

    await ada.context.set_offline(True)
    for text in ("first", "second", "third"):
        await ada.say(text)
    await ada.has_tick("third", "Waiting to be sent")
    await ada.context.set_offline(False)

    await bob.sees("third")
    assert await bob.texts() == ["before", "first", "second", "third"]
    await ada.has_tick("third", "Read")
    assert await ada.texts() == ["before", "first", "second", "third"]


async def test_a_first_message_written_offline_is_shown_until_it_is_sent(
    own_server: OwnServer, new_person: NewPerson
):
    """The private conversation does not exist yet; what waits in it is there all the same, also after a reload."""
    ada, bob = await new_person("ada", url=own_server.url), await new_person("bob", url=own_server.url)
    await ada.register()
    await bob.register()
    await ada.find(bob.username)
    ada.network_broke = bob.network_broke = True

    await own_server.kill9()
    await ada.say("the first words")
    await ada.has_tick("the first words", "Waiting to be sent")
    await ada.page.reload()
    await ada.has_tick("the first words", "Waiting to be sent")
    await own_server.start()

    await bob.open(ada.username)
    await bob.sees("the first words")
    await ada.has_tick("the first words", "Read")
    assert await ada.texts() == ["the first words"]


async def test_a_server_that_was_away_gets_what_was_written_meanwhile(
    own_server: OwnServer, new_person: NewPerson
):
    """The banner says so, a reload keeps what waits, and the server that comes back stores it once."""
    ada, bob = await two_on(own_server, new_person)

    await own_server.kill9()
    await ada.say("while it was away")
    await ada.has_tick("while it was away", "Waiting to be sent")
    await ada.page.reload()
    await ada.has_tick("while it was away", "Waiting to be sent")
    await own_server.start()

    await ada.has_tick("while it was away", "Read")
    await bob.sees("while it was away")
    assert await bob.texts() == ["before", "while it was away"]


async def test_a_reload_in_the_middle_of_sending_loses_and_doubles_nothing(
    own_server: OwnServer, new_person: NewPerson
):
    """Twenty messages, the page goes away while they are on their way."""
    ada, bob = await two_on(own_server, new_person)
    texts = [f"message {number:02d}" for number in range(20)]

    for text in texts:
        await ada.say(text)
    await ada.page.reload()

    await bob.sees(texts[-1])
    assert await bob.texts() == ["before", *texts]
    await ada.sees(texts[-1])
    assert await ada.texts() == ["before", *texts]


async def test_tabs_share_one_connection(own_server: OwnServer, new_person: NewPerson):
    """Two tabs, one socket; both hear and send; when the tab that has it goes, the other takes over."""
    ada = await new_person("ada", url=own_server.url)
    await ada.register()
    bob = await new_account(own_server.url, "bob")
    await bob.send_all(["to the first tab"], to_user_id=await user_id_of(ada, bob))
    await ada.open(bob.username)
    await ada.sees("to the first tab")
    await own_server.has_sockets(1)

    other = Person(ada.context, await ada.context.new_page(), ada.url, ada.username)
    await other.page.goto(ada.page.url)
    await other.sees("to the first tab")
    await other.say("from the second tab")
    await ada.sees("from the second tab")
    assert await own_server.sockets() == 1

    await ada.page.close()
    await bob.send_all(["after it was closed"], to_user_id=await user_id_of(other, bob))
    await other.sees("after it was closed")
    await own_server.has_sockets(1)
    other.has_no_errors()


async def user_id_of(person: Person, by: Account) -> str:
    """Return somebody's user id, as another account finds it."""
    found = await by.call("GET", f"/users?query={person.username}")
    return str(found["items"][0]["user_id"])


async def test_the_client_starts_without_a_network(own_server: OwnServer, new_person: NewPerson):
    """The service worker has its files and the local copy has the conversations: both are there at once."""
    ada, _ = await two_on(own_server, new_person)
    await ada.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    await own_server.stop()

    fresh = await ada.context.new_page()
    await fresh.goto(own_server.url)
    await expect(fresh.locator(".conv-name").first).to_be_visible(timeout=WITHIN_MS)
    await fresh.locator(".conv-link").first.click()
    await expect(fresh.locator("article.row", has_text="before")).to_be_visible(timeout=WITHIN_MS)


async def test_it_can_be_installed(own_server: OwnServer, new_person: NewPerson):
    """Chromium finds nothing that stands in the way of an installation."""
    ada = await new_person("ada", url=own_server.url)
    await ada.page.goto(own_server.url)
    await ada.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    session = await ada.context.new_cdp_session(ada.page)

    manifest = await session.send("Page.getAppManifest")
    errors = await session.send("Page.getInstallabilityErrors")

    assert manifest["errors"] == []
    assert manifest["url"].endswith("/manifest.webmanifest")
    # A context of a test is a private window, which cannot install anything.
    assert [each["errorId"] for each in errors["installabilityErrors"]] in ([], ["in-incognito"])
