"""Menus as hands open them: they are there when the button, or the finger, goes up again, and until something else is pressed."""

from __future__ import annotations

from playwright.async_api import Locator, expect

from tests.browser.conftest import NewPerson
from tests.browser.person import WITHIN_MS, Person
from tests.browser.test_chat import two

LONG_MS = 700  # a finger that rests: 450 in list-events.ts and long-press.ts
SETTLED_MS = 150  # what closes menus does so within frames


async def middle_of(place: Locator) -> tuple[float, float]:
    """Return a point in the middle of an element."""
    box = await place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def right_press(person: Person, place: Locator) -> None:
    """Press and release the right button as a hand does, which takes a while."""
    await person.page.mouse.move(*await middle_of(place))
    await person.page.mouse.down(button="right")
    await person.page.wait_for_timeout(SETTLED_MS)
    await person.page.mouse.up(button="right")
    await person.page.wait_for_timeout(SETTLED_MS)


async def test_the_right_button_opens_menus_that_stay(new_person: NewPerson):
    """Over a message and in the list; a second one takes the first one's place; a press elsewhere and Esc end them."""
    ada, bob = await two(new_person)
    message, row = ada.message("hello bob").locator(".bubble"), ada.row(bob.username).locator("a")
    menus = ada.page.get_by_role("menu")

    await right_press(ada, message)
    await expect(ada.page.get_by_role("menu", name="Message actions")).to_be_visible()
    await right_press(ada, row)
    await expect(ada.page.get_by_role("menu", name=bob.username)).to_be_visible()
    await expect(menus).to_have_count(1)
    await right_press(ada, message)
    await expect(ada.page.get_by_role("menu", name="Message actions")).to_be_visible()

    await ada.page.keyboard.press("Escape")
    await expect(menus).to_have_count(0)
    await expect(ada.composer).to_be_visible()  # it closed the menu, not the conversation
    await right_press(ada, row)
    await ada.composer.click()
    await expect(menus).to_have_count(0)
    await expect(ada.composer).to_be_focused()


async def test_what_opened_a_menu_closes_it(new_person: NewPerson):
    """A button for a menu, or for emoji, opens it and takes it away again, turn by turn."""
    ada, _ = await two(new_person)

    for button, shown in (("Emoji", ".emoji-picker"), ("More", "[role=menu]")):
        for count in (1, 0, 1):
            await ada.page.get_by_role("button", name=button, exact=True).first.click()
            await expect(ada.page.locator(shown)).to_have_count(count, timeout=WITHIN_MS)
        await ada.page.keyboard.press("Escape")
        await expect(ada.page.locator(shown)).to_have_count(0)


async def test_esc_closes_the_menu_in_a_dialog_alone(new_person: NewPerson):
    """The dialog that holds the menu's button stays; the next Esc is for it; a dialog opened by a key ends menus."""
    ada, bob = await two(new_person)
    menus, dialogs = ada.page.get_by_role("menu"), ada.page.get_by_role("dialog")
    await ada.page.get_by_role("button", name="New group").first.click()
    await dialogs.get_by_label("Group name").fill("Lunch")
    await dialogs.get_by_role("combobox").fill(bob.username)
    await dialogs.get_by_text(f"@{bob.username}").first.click()
    await dialogs.get_by_role("button", name="Create group").click()
    await expect(ada.page.get_by_role("heading", name="Lunch")).to_be_visible(timeout=WITHIN_MS)
    await ada.page.locator(".chat-who").click()
    await dialogs.locator(".member").get_by_role("button", name=bob.username).last.click()
    await expect(menus).to_be_visible(timeout=WITHIN_MS)

    await ada.page.keyboard.press("Escape")
    await expect(menus).to_have_count(0)
    await expect(dialogs).to_be_visible()
    await ada.page.keyboard.press("Escape")
    await expect(dialogs).to_have_count(0)
    await ada.page.get_by_role("button", name="More", exact=True).click()
    await expect(menus).to_be_visible()
    await ada.page.keyboard.press("Control+/")
    await expect(dialogs).to_be_visible()
    await expect(menus).to_have_count(0)


async def test_a_finger_that_rests_opens_a_menu_that_stays(new_person: NewPerson):
    """On a phone, on a message and in the list; what is chosen then is done."""
    ada = await new_person("ada", viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    bob = await new_person("bob")
    await ada.register()
    await bob.register()
    await ada.find(bob.username)
    await ada.say("hello bob")
    await ada.has_tick("hello bob", "Sent|Delivered")

    await rest(ada, ada.message("hello bob").locator(".bubble"))
    await expect(ada.page.get_by_role("menu")).to_be_visible()
    await ada.page.get_by_role("menuitem", name="Reply").tap()
    await expect(ada.page.get_by_role("menu")).to_have_count(0)
    await expect(ada.page.locator(".mode")).to_contain_text("hello bob")
    await ada.page.get_by_role("button", name="Back").tap()
    await rest(ada, ada.row(bob.username).locator("a"))
    await ada.page.get_by_role("menuitem", name="Pin").tap()
    await expect(ada.row(bob.username)).to_contain_text("pinned", ignore_case=True, timeout=WITHIN_MS)


async def rest(person: Person, place: Locator) -> None:
    """Put a finger on something, leave it there, take it away."""
    x, y = await middle_of(place)
    session = await person.context.new_cdp_session(person.page)
    touch = {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    await session.send("Input.dispatchTouchEvent", touch)
    await person.page.wait_for_timeout(LONG_MS)
    await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await person.page.wait_for_timeout(SETTLED_MS)
