"""Two tabs of one browser: the session, dialogs, drafts and what is read aloud are the same in both, without a reload."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.conftest import NewPerson
from tests.browser.person import PASSWORD, WITHIN_MS, Person
from tests.browser.test_chat import two


async def second_tab(person: Person) -> Person:
    """Open what somebody has open in another tab of the same browser."""
    other = Person(person.context, await person.context.new_page(), person.url, person.username)
    await other.page.goto(person.page.url)
    await other.is_in()
    return other


async def log_out(page: Page) -> None:
    """Log out by the menu, and confirm it."""
    await page.locator(".side-me").click()
    await page.get_by_role("menuitem", name="Log out").click()
    await page.get_by_role("dialog").get_by_role("button", name="Log out").click()
    await expect(page.get_by_label("Password", exact=True)).to_be_visible(timeout=WITHIN_MS)


async def test_a_session_ends_and_begins_in_every_tab(new_person: NewPerson):
    """Logging out in one tab closes what is open in the other; logging in again brings both in."""
    ada = await new_person("ada")
    await ada.register()
    other = await second_tab(ada)
    await other.page.locator(".side-me").click()
    await other.page.get_by_role("menuitem", name="Profile").click()
    await expect(other.page.get_by_role("dialog", name="Profile")).to_be_visible(timeout=WITHIN_MS)

    await log_out(ada.page)
    await expect(other.page.get_by_label("Password", exact=True)).to_be_visible(timeout=WITHIN_MS)
    await expect(other.page.locator("dialog")).to_have_count(0)

    await ada.page.get_by_label("Username").fill(ada.username)
    await ada.page.get_by_label("Password", exact=True).fill(PASSWORD)
    await ada.page.locator("form button[type=submit]").click()
    await ada.is_in()
    await other.is_in()
    other.has_no_errors()


async def test_a_draft_that_was_sent_in_one_tab_is_gone_in_the_other(new_person: NewPerson):
    """The field of each tab has the focus all the time; Enter in the second one sends nothing again."""
    ada, bob = await two(new_person)
    other = await second_tab(ada)
    await expect(other.composer).to_be_focused(timeout=WITHIN_MS)
    await ada.composer.press_sequentially("only once")
    await expect(other.composer).to_have_value("only once", timeout=WITHIN_MS)

    await other.composer.press("Enter")
    await expect(ada.composer).to_have_value("", timeout=WITHIN_MS)
    await ada.composer.press("Enter")

    await ada.say("the last one")
    await bob.sees("the last one")
    await bob.sees("only once")
    other.has_no_errors()


async def test_each_tab_reads_new_messages_aloud(new_person: NewPerson):
    """One tab has the connection; the one in front may be the other."""
    ada, bob = await two(new_person)
    other = await second_tab(ada)
    await other.sees("hello bob")

    await bob.say("is it you?")

    for tab in (ada, other):
        aloud = tab.page.locator(".shell > [role=log]")
        await expect(aloud).to_have_text(f"{bob.username}: is it you?", timeout=WITHIN_MS)
    other.has_no_errors()


async def test_copying_needs_no_clipboard(new_person: NewPerson):
    """Pages of plain http have none: messages, code and what stands in a dialog are copied all the same."""
    ada, _ = await two(new_person)
    await ada.context.add_init_script("delete Navigator.prototype.clipboard")
    await ada.page.reload()
    assert await ada.page.evaluate("navigator.clipboard === undefined")
    await ada.say("```py\nfirst()\n  second()\n```")

    await ada.page.get_by_role("button", name="Copy code").click()
    await ada.composer.press("Control+V")
    await expect(ada.composer).to_have_value("first()\n  second()")

    await ada.composer.fill("")
    await ada.message("hello bob").click(button="right")
    await ada.page.get_by_role("menuitem", name="Copy text").click()
    await ada.composer.press("Control+V")
    await expect(ada.composer).to_have_value("hello bob")

    await ada.composer.fill("")
    await ada.page.locator(".side-me").click()
    await ada.page.get_by_role("menuitem", name="Profile").click()
    await ada.page.get_by_role("button", name="Copy: Username").click()
    await ada.page.get_by_role("dialog").get_by_role("button", name="Close").first.click()
    await ada.composer.press("Control+V")
    await expect(ada.composer).to_have_value(ada.username)
