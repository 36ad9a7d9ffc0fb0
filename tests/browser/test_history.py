"""Long histories and large groups: the view does not move while rows come and go, and the page stays small."""

from __future__ import annotations

from typing import Any

import httpx
from playwright.async_api import expect

from tests.browser.conftest import NewPerson
from tests.browser.load import new_account
from tests.browser.person import PASSWORD, WITHIN_MS, new_name
from tests.conversations.server import ServerProcess

MESSAGES = 10_000
MAX_ROWS = 500  # in the page at a time
DRIFT_PX = 2.0
STEP_PX = 400  # less than what is in view, so that something of it stays

# Scrolls step by step, one in each frame, until the end is there. A row that is in view before and after a step is looked
# at: what it moved beyond the step is drift.
SCROLL = """async ({ direction, last, step, driftPx, limitMs }) => {
  const box = document.querySelector(".messages");
  // After a frame was painted: what observers of sizes put right before that, nobody has seen.
  const frame = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)));
  const found = { worst: 0, rows: 0, seen: 0, done: false, steps: 0, over: [] };
  const seen = new Set();
  const end = performance.now() + limitMs;
  const pick = () => {
    const { top, bottom } = box.getBoundingClientRect();
    const at = direction > 0 ? bottom - 80 : top + 80;
    return [...box.querySelectorAll(".row")].find(row => row.getBoundingClientRect().bottom > at);
  };
  while (performance.now() < end) {
    const rows = box.querySelectorAll("article.row[data-seq]");
    rows.forEach(row => seen.add(Number(row.dataset.seq)));
    found.rows = Math.max(found.rows, rows.length);
    const row = pick(), top = row?.getBoundingClientRect().top, from = box.scrollTop;
    box.scrollTop = from + direction * step;
    const moved = box.scrollTop - from;
    await frame();
    if (row?.isConnected) {
      const drift = Math.abs(row.getBoundingClientRect().top - top + moved);
      found.worst = Math.max(found.worst, drift);
      if (drift > driftPx) found.over.push([found.steps, Math.round(drift)]);
    }
    found.steps += 1;
    const at = direction < 0 ? box.querySelector(".beginning") : box.querySelector(`[data-seq="${last}"]`);
    if (moved === 0 && at) { found.done = true; break; }
  }
  found.seen = seen.size;
  return found;
}"""


def text_of(number: int) -> str:
    """Return a message; their heights differ, so that no guess of the browser is right."""
    return f"message {number:05d}" + " and more words that fill a line" * (number * 7 % 11)


async def test_ten_thousand_messages_scroll_as_one(server: ServerProcess, new_person: NewPerson):
    """Up to the beginning and down to the end: every message was there, the anchor stayed, the page stayed small."""
    ada = await new_person()
    await ada.register()
    eve = await new_account(server.url)
    (found,) = (await eve.call("GET", f"/users?query={ada.username}"))["items"]
    await eve.send_all([text_of(number) for number in range(MESSAGES)], to_user_id=found["user_id"])
    await ada.open(eve.username)
    # Everything is unread, so it opens at the first message.
    await ada.sees("message 00000")
    await ada.page.get_by_role("button", name="Jump to newest").click()
    await ada.sees("message 09999")

    up = await scroll(ada.page, -1)
    down = await scroll(ada.page, 1)

    for way in (up, down):
        assert way["done"], way
        assert way["seen"] == MESSAGES, way
        assert way["worst"] <= DRIFT_PX, way
        assert way["rows"] <= MAX_ROWS, way


async def scroll(page: Any, direction: int) -> dict[str, Any]:
    """Scroll to one end and return what was measured."""
    asked = {
        "direction": direction,
        "last": MESSAGES,
        "step": STEP_PX,
        "driftPx": DRIFT_PX,
        "limitMs": 100_000,
    }
    found: dict[str, Any] = await page.evaluate(SCROLL, asked)
    print(found)
    return found


async def test_a_date_is_jumped_to_twice_and_the_way_back_leads_out(
    server: ServerProcess, new_person: NewPerson
):
    """The first message comes into view each time; going back leaves the conversation at once."""
    ada = await new_person()
    await ada.register()
    eve = await new_account(server.url)
    (found,) = (await eve.call("GET", f"/users?query={ada.username}"))["items"]
    await eve.send_all([text_of(number) for number in range(200)], to_user_id=found["user_id"])
    await ada.open(eve.username)
    await ada.sees("message 00000")

    for _ in range(2):
        await ada.page.get_by_role("button", name="Jump to newest").click()
        await expect(ada.message("message 00199")).to_be_in_viewport(timeout=WITHIN_MS)
        await ada.page.get_by_role("button", name="Jump to date").click()
        await ada.page.get_by_role("dialog").get_by_role("button", name="Beginning").click()
        await expect(ada.message("message 00000")).to_be_in_viewport(timeout=WITHIN_MS)
    await ada.page.go_back()
    await expect(ada.composer).to_have_count(0)


async def test_a_group_of_two_hundred(server: ServerProcess, new_person: NewPerson):
    """Its members are counted, found for a mention, listed; readers are counted on one's own message."""
    ada = await new_person()
    await ada.register()
    eve = await new_account(server.url)
    (found,) = (await eve.call("GET", f"/users?query={ada.username}"))["items"]
    members = await many(server.url, 198)
    body = {"name": "Everybody", "member_ids": [found["user_id"], *members]}
    group_id = (await eve.call("POST", "/groups", body))["group"]["group_id"]

    await ada.open("Everybody")
    await expect(ada.page.locator(".chat-sub")).to_contain_text("200 members", timeout=WITHIN_MS)
    await ada.say("hello everybody")
    await ada.has_tick("hello everybody", "Sent")
    await eve.call("POST", "/messages/ack", {"conversation_id": group_id, "seq": 2, "ack_type": "read"})
    await ada.has_tick("hello everybody", "Read by 1 person")

    await ada.composer.type("@member1")
    await expect(ada.page.get_by_role("option").first).to_be_visible(timeout=WITHIN_MS)
    await ada.composer.press("Escape")
    await ada.page.locator(".chat-who").click()
    dialog = ada.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("200", timeout=WITHIN_MS)
    await dialog.get_by_label("Search members").fill(eve.username)
    await expect(dialog.get_by_text(f"@{eve.username}").first).to_be_visible(timeout=WITHIN_MS)


async def many(url: str, count: int) -> list[str]:
    """Make accounts that nobody uses, and return their ids."""
    made: list[str] = []
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        for _ in range(count):
            body = {"username": new_name("member"), "password": PASSWORD}
            answer = (await http.post(f"{url}/api/v1/auth/register", json=body)).raise_for_status()
            made.append(answer.json()["data"]["user"]["user_id"])
    return made
