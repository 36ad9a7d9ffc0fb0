"""Figures of the web client: `python -m tests.figures.web` (needs Chromium and the built client); docs/benchmarks.md has them.

A server and a browser on this machine. Printed, not judged: a busy machine is slower.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.browser.chromium import ARGS
from tests.browser.load import Account, new_account
from tests.browser.person import PASSWORD, Person, new_name
from tests.conversations.server import CHEAP_PASSWORDS, ServerProcess

CONVERSATIONS = 1_000
STARTS = 5
RATE_PER_S = 200
TYPING_S = 10
MEMORY_STEPS = (10_000, 20_000, 30_000, 40_000, 50_000)
UNLIMITED = {
    "PINGME_LIMITS__SENDS_PER_S": "0",
    "PINGME_LIMITS__HTTP_SENDS_PER_S": "0",
    "PINGME_LIMITS__REGISTRATIONS_PER_HOUR": "0",
}
# Notes when the first conversation is on the screen: a frame after it is in the page, since the navigation began.
FIRST_ROW = """new MutationObserver((_, observer) => {
  if (!document.querySelector(".conv")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.firstRowMs = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
window.eventMs = [];
new PerformanceObserver(list => window.eventMs.push(...list.getEntries().map(each => each.duration)))
  .observe({ type: "event", durationThreshold: 16 });"""


async def main() -> None:
    """Measure one thing after the other and print a line of JSON for each."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            ServerProcess(Path(folder) / "data", UNLIMITED, prelude=CHEAP_PASSWORDS) as server,
            async_playwright() as playwright,
        ):
            path = shutil.which("chromium")
            browser = await playwright.chromium.launch(executable_path=path, args=ARGS)
            person, others = await prepare(browser, server.url)
            await measure_starts(person)
            await measure_typing(person, others)
            await measure_memory(person, others)
            await browser.close()


def tell(what: str, **figures: Any) -> None:
    """Print what was measured."""
    print(json.dumps({"what": what, **figures}), flush=True)


async def prepare(browser: Browser, url: str) -> tuple[Person, list[Account]]:
    """Return somebody with many conversations, and some of those who write to them."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    await context.add_init_script(FIRST_ROW)
    person = Person(context, await context.new_page(), url, new_name("ada"))
    ada = await new_account(url, person.username.rstrip("0123456789"))
    person.username = ada.username
    others: list[Account] = []
    for _ in range(CONVERSATIONS // 50):
        batch = await asyncio.gather(*(new_account(url) for _ in range(50)))
        await asyncio.gather(*(each.send_all(["hello"], to_user_id=ada.user_id) for each in batch))
        others += batch
    return person, others


async def measure_starts(person: Person) -> None:
    """The list of conversations, from nothing and from the local copy."""
    page = person.page
    await page.goto(person.url)
    await page.get_by_label("Username").fill(person.username)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    before = await page.evaluate("performance.now()")
    await page.locator("form button[type=submit]").click()
    cold_ms = await first_row_ms(page) - before
    tell("first list after logging in, nothing kept", conversations=CONVERSATIONS, ms=round(cold_ms))
    await page.wait_for_timeout(5_000)  # the local copy is written, the service worker is installed
    warm: list[float] = []
    for _ in range(STARTS):
        await page.reload()
        warm.append(await first_row_ms(page))
        await page.wait_for_timeout(1_000)
    tell(
        "first list from the local copy", median_ms=round(statistics.median(warm)), all_ms=[*map(round, warm)]
    )


async def first_row_ms(page: Page) -> float:
    """Return when the first conversation was on the screen, in milliseconds since the navigation began."""
    await page.locator(".conv").first.wait_for()
    await page.wait_for_timeout(500)  # the policy forbids what Playwright would poll with
    found: float = await page.evaluate("window.firstRowMs")
    return found


async def measure_typing(person: Person, others: list[Account]) -> None:
    """Keys and clicks while messages arrive; Event Timing tells how long each took to the next paint."""
    page = person.page
    (found,) = (await others[0].call("GET", f"/users?query={person.username}"))["items"]
    await page.locator(".conv-link").first.click()
    await page.locator("#composer").wait_for()
    await page.evaluate("window.eventMs.length = 0")
    writing = asyncio.create_task(flow(others[:20], found["user_id"], RATE_PER_S, TYPING_S))
    keys = 0
    while not writing.done():
        await page.keyboard.type("words ", delay=40)
        keys += 6
    await writing
    slow = sorted(await page.evaluate("window.eventMs"))
    tell(
        "keys and clicks while messages arrive",
        per_s=RATE_PER_S,
        keys=keys,
        over_16_ms=len(slow),
        p95_ms=slow[int(len(slow) * 0.95)] if slow else 16,
        max_ms=slow[-1] if slow else 16,
    )


async def flow(senders: list[Account], user_id: str, per_s: int, seconds: int) -> None:
    """Let several send at a steady rate."""
    for _ in range(seconds * 10):
        start = asyncio.get_running_loop().time()
        share = per_s // 10 // len(senders)
        texts = ["a message as people write them"] * max(1, share)
        await asyncio.gather(*(each.send_all(texts, to_user_id=user_id) for each in senders))
        await asyncio.sleep(max(0.0, start + 0.1 - asyncio.get_running_loop().time()))


async def measure_memory(person: Person, others: list[Account]) -> None:
    """The heap and the page after many messages were received, garbage collected."""
    page = person.page
    (found,) = (await others[0].call("GET", f"/users?query={person.username}"))["items"]
    session = await person.context.new_cdp_session(page)
    received = 0
    for step in MEMORY_STEPS:
        share = (step - received) // 10
        await asyncio.gather(
            *(
                each.send_all(["a message as people write them"] * share, to_user_id=found["user_id"])
                for each in others[:10]
            )
        )
        received = step
        await page.wait_for_timeout(3_000)
        await session.send("HeapProfiler.collectGarbage")
        heap = await session.send("Runtime.getHeapUsage")
        tell("memory", received=step, heap_mb=round(heap["usedSize"] / 1e6, 1), elements=await elements(page))


async def elements(page: Page) -> int:
    """Return how many elements the page has."""
    count: int = await page.evaluate("document.querySelectorAll('*').length")
    return count


if __name__ == "__main__":
    asyncio.run(main())
