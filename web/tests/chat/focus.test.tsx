// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppPage } from "../app-page";

let page: AppPage;

beforeEach(async () => {
  page = new AppPage();
  for (const content of ["one", "two", "three"]) page.fake.append(page.group, { content, sender_id: "uada" });
  await page.draw();
});

afterEach(() => page.close());

/** Texts of the rows at which Tab stops. */
function stops(): (string | null | undefined)[] {
  return [...page.root.querySelectorAll(".row[tabindex='0']")].map(
    (row) => row.querySelector(".bubble > :first-child")?.textContent,
  );
}

async function press(key: string, more: KeyboardEventInit = {}): Promise<void> {
  document.activeElement?.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }),
  );
  await page.settle();
}

describe("Tab in the messages", () => {
  it("stops at the newest one", async () => {
    expect(stops()).toEqual(["three"]);

    page.fake.append(page.group, { content: "four", sender_id: "uada" });
    await page.settle();
    expect(stops()).toEqual(["four"]);
  });

  it("stops at the one that had the focus last, where the arrows led", async () => {
    page.root.querySelector<HTMLElement>(".row[tabindex='0']")?.focus();
    await press("ArrowUp");

    expect(stops()).toEqual(["two"]);
    page.fake.append(page.group, { content: "four", sender_id: "uada" });
    await page.settle();
    expect(stops()).toEqual(["two"]);
  });

  it("is spared those who take the short way", async () => {
    page.root.querySelector<HTMLElement>(".shell-skip")?.click();

    expect(document.activeElement?.textContent).toContain("three");
  });
});

describe("the menu of a message", () => {
  it.each([
    ["Enter", {}],
    ["ContextMenu", {}],
    ["F10", { shiftKey: true }],
  ])("is opened by %s", async (key, more) => {
    page.root.querySelector<HTMLElement>(".row[tabindex='0']")?.focus();
    await press(key, more);

    expect(page.root.querySelector("[role=menu]")).not.toBeNull();
    await press("Escape");
    expect(page.root.querySelector("[role=menu]")).toBeNull();
  });
});
