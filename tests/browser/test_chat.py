"""People in a browser: accounts, private chats, groups, and what one does with a message."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import NewPerson
from tests.browser.person import WITHIN_MS, Person


async def two(new_person: NewPerson) -> tuple[Person, Person]:
    """Return two who are logged in, with a chat of one message, open at both."""
    ada, bob = await new_person("ada"), await new_person("bob")
    await ada.register()
    await bob.register()
    await ada.find(bob.username)
    await ada.say("hello bob")
    await bob.open(ada.username)
    await bob.sees("hello bob")
    return ada, bob


async def test_an_account_is_made_and_lasts(new_person: NewPerson):
    """Registered, reloaded, logged out, refused with a wrong password, let in with the right one."""
    ada = await new_person()
    await ada.register()
    await ada.page.reload()
    await ada.is_in()

    await ada.page.get_by_role("button", name="Menu").click()
    await ada.page.get_by_role("menuitem", name="Log out").click()
    await ada.page.get_by_role("dialog").get_by_role("button", name="Log out").click()
    await expect(ada.page.get_by_label("Username")).to_be_visible(timeout=WITHIN_MS)
    await ada.page.reload()
    await expect(ada.page.get_by_label("Username")).to_be_visible(timeout=WITHIN_MS)

    ada.network_broke = True  # the browser writes the 401 down
    await ada.page.get_by_label("Username").fill(ada.username)
    await ada.page.get_by_label("Password", exact=True).fill("not the right one")
    await ada.page.locator("form button[type=submit]").click()
    await expect(ada.page.get_by_role("alert")).to_be_visible(timeout=WITHIN_MS)
    await ada.login()


async def test_two_people_chat(new_person: NewPerson):
    """What one writes, the other reads; the ticks say sent, delivered, read; the list counts what is unread."""
    ada, bob = await new_person("ada"), await new_person("bob")
    await ada.register()
    await bob.register()

    await ada.find(bob.username)
    await ada.say("hello bob")
    await ada.has_tick("hello bob", "Delivered")
    await expect(bob.row(ada.username)).to_contain_text("1")
    await bob.open(ada.username)
    await bob.sees("hello bob")
    await ada.has_tick("hello bob", "Read")

    await bob.composer.type("hi", delay=20)
    await expect(ada.page.get_by_text("typing…").first).to_be_visible(timeout=WITHIN_MS)
    await bob.composer.press("Enter")
    await ada.sees("hi")
    await expect(bob.row(ada.username)).not_to_contain_text("unread")


async def test_a_message_is_answered_edited_reacted_to_and_recalled(new_person: NewPerson):
    """Everybody sees the same in the end."""
    ada, bob = await two(new_person)

    await bob.message("hello bob").hover()
    await bob.page.get_by_role("button", name="Reply").first.click()
    await bob.say("hello yourself")
    await expect(ada.message("hello yourself").locator(".quote")).to_contain_text("hello bob")

    await bob.composer.press("ArrowUp")
    await bob.composer.fill("hello to you")
    await bob.composer.press("Enter")
    await ada.sees("hello to you")
    await expect(ada.message("hello to you")).to_contain_text("edited")

    await ada.message("hello to you").hover()
    await ada.page.get_by_role("button", name="React").first.click()
    await ada.page.get_by_role("button", name="👍").first.click()
    await expect(bob.message("hello to you")).to_contain_text("👍", timeout=WITHIN_MS)

    await bob.message("hello to you").hover()
    await bob.page.get_by_role("button", name="Message actions").click()
    await bob.page.get_by_role("menuitem", name="Recall").click()
    await bob.page.get_by_role("dialog").get_by_role("button", name="Recall").click()
    await ada.sees("This message was recalled.")
    await expect(ada.message("hello to you")).to_have_count(0)


async def test_a_group_is_made_and_members_are_mentioned(new_person: NewPerson):
    """Its name, its members and a mention reach everybody; who leaves hears nothing later."""
    ada, bob = await two(new_person)

    await ada.page.get_by_role("button", name="New group").first.click()
    dialog = ada.page.get_by_role("dialog")
    await dialog.get_by_label("Group name").fill("Friday lunch")
    await dialog.get_by_role("combobox").fill(bob.username)
    await dialog.get_by_text(f"@{bob.username}").first.click()
    await dialog.get_by_role("button", name="Create group").click()
    await expect(ada.page.get_by_role("heading", name="Friday lunch")).to_be_visible(timeout=WITHIN_MS)

    await ada.composer.type(f"@{bob.username[:4]}")
    await expect(ada.page.get_by_role("option").first).to_be_visible(timeout=WITHIN_MS)
    await ada.composer.press("Enter")
    await ada.composer.type("twelve o'clock?")
    await ada.composer.press("Enter")
    await ada.sees("twelve o'clock?")

    await expect(bob.row("Friday lunch")).to_contain_text("mentioned", timeout=WITHIN_MS)
    await bob.open("Friday lunch")
    await bob.sees("twelve o'clock?")
