"""The pictures in docs/pictures, made anew: `python -m tests.browser.pictures` (needs Chromium and the built client).

The rooms are those of `pingme demo`, the same past each time; only the times of day differ.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.browser.chromium import ARGS

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
DESKTOP = {"width": 1120, "height": 700}
PHONE = {"width": 390, "height": 760}


async def main() -> None:
    """Start a demo, look at it in every way, and keep the pictures."""
    PICTURES.mkdir(exist_ok=True)
    program = "from pingme.cli.app import main; main()"
    command = [
        sys.executable,
        "-c",
        program,
        "demo",
        "--json",
        "--seed",
        "7",
        "--speed",
        "4",
        "--seconds",
        "240",
    ]
    demo = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert demo.stdout is not None
    try:
        facts = json.loads(await demo.stdout.readline())
        async with async_playwright() as playwright:
            path = shutil.which("chromium")
            browser = await playwright.chromium.launch(executable_path=path, args=ARGS)
            await take(browser, facts, "chat-light.png", viewport=DESKTOP, color_scheme="light")
            await take(browser, facts, "chat-dark.png", viewport=DESKTOP, color_scheme="dark")
            await take(browser, facts, "phone.png", viewport=PHONE, color_scheme="light", has_touch=True)
            await browser.close()
    finally:
        demo.terminate()
        await demo.wait()


async def take(browser: Browser, facts: dict[str, Any], name: str, **options: Any) -> None:
    """Log in as the guest, open the liveliest group, and keep a picture; on a phone of the list, too."""
    context = await browser.new_context(locale="en-GB", reduced_motion="reduce", **options)
    page = await context.new_page()
    await page.goto(facts["url"])
    if name == "chat-light.png":
        await page.get_by_label("Username").wait_for()
        await page.screenshot(path=PICTURES / "log-in.png")
    await page.get_by_label("Username").fill(facts["guest"])
    await page.get_by_label("Password", exact=True).fill(facts["password"])
    await page.locator("form button[type=submit]").click()
    await page.locator(".conv").first.wait_for()
    await settled(page)
    if options["viewport"] == PHONE:
        await page.screenshot(path=PICTURES / "phone-list.png")
    await page.locator(".conv-link").nth(0).click()
    await page.locator("article.row").first.wait_for()
    await settled(page)
    await page.screenshot(path=PICTURES / name)
    await context.close()


async def settled(page: Page) -> None:
    """Wait until names and receipts are there, which come a moment after what they belong to."""
    await page.wait_for_timeout(1_500)


if __name__ == "__main__":
    asyncio.run(main())
