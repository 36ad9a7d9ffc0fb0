// @vitest-environment happy-dom
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { App } from "../../src/app";
import { flushChanges } from "../../src/state/client";
import type { FakeClient } from "../../src/state/fake";
import { navigate, route } from "../../src/state/route";
import { AppPage } from "../app-page";

let page: AppPage;
let fake: FakeClient;
let root: HTMLElement;

beforeEach(() => {
  localStorage.clear();
  page = new AppPage();
  ({ fake, root } = page);
});

afterEach(() => page.close());

const draw = () => page.draw();
const settle = () => page.settle();

const type = (text: string) => page.type(text);
const press = (key: string, more?: KeyboardEventInit) => page.press(key, more);

describe("an open conversation", () => {
  it("shows what was said, and markup in it as text", async () => {
    fake.append("g1", { content: "<img src=x onerror=alert(1)>", sender_id: "uada" });
    await draw();

    expect(root.querySelector(".bubble")?.textContent).toContain("<img src=x onerror=alert(1)>");
    expect(root.querySelector(".bubble img")).toBeNull();
  });

  it("sends by Enter, not by Shift+Enter, nor while a word is composed", async () => {
    await draw();
    await type("hello");

    await press("Enter", { shiftKey: true });
    await press("Enter", { isComposing: true });
    expect(fake.calls.filter(([name]) => name === "send")).toEqual([]);

    await press("Enter");
    expect(fake.calls.filter(([name]) => name === "send")).toEqual([
      ["send", { conversation_id: "g1", content: "hello" }],
    ]);
    expect(page.field.value).toBe("");
  });

  it("completes a mention, and sends whom it means", async () => {
    await draw();
    page.field.dispatchEvent(new FocusEvent("focus"));
    await settle();
    await type("@Ad");
    await press("Enter");
    await press("Enter");

    expect(fake.calls.filter(([name]) => name === "send")).toEqual([
      ["send", { conversation_id: "g1", content: "@Ada", mentions: ["uada"] }],
    ]);
  });

  it("edits one's newest message by the arrow upwards, and leaves by Escape", async () => {
    fake.append("g1", { content: "helo", sender_id: "ume" });
    await draw();

    await press("ArrowUp");
    expect(page.field.value).toBe("helo");
    await press("Escape");
    expect(page.field.value).toBe("");

    await press("ArrowUp");
    await type("hello");
    await press("Enter");
    expect(fake.calls.filter(([name]) => name === "edit")).toEqual([
      ["edit", { conversation_id: "g1", seq: 1, content: "hello" }],
    ]);
  });

  it("shows what waits, and says what is wrong with what was refused", async () => {
    fake.offline = true;
    await draw();
    await type("later");
    await press("Enter");

    expect(root.querySelector(".row-pending")?.textContent).toContain("later");
  });

  it("cannot be written to by a former member, and says why", async () => {
    fake.patch("g1", { info: { conversation_id: "g1", type: "group", former: true } });
    await draw();

    expect(page.field).toBeNull();
    expect(root.querySelector(".composer-closed")?.textContent).toContain("no longer a member");
  });
});

describe("the banner", () => {
  it("says that what is written is kept while there is no line", async () => {
    fake.setStatus({ state: "offline", since_ts: 0, retry_at_ts: Date.now() + 60_000 });
    await draw();

    expect(root.querySelector(".banner")?.textContent).toContain("kept and sent");
  });
});

describe("the search", () => {
  it("opens on Enter what is typed, though the list still shows something else first", async () => {
    fake.addConversation({
      conversation_id: "g2",
      type: "group",
      name: "Eve",
      role: "member",
      member_count: 2,
    });
    flushChanges();
    navigate({ view: "home" });
    render(<App />, root);
    const search = root.querySelector<HTMLInputElement>("#search");
    if (!search) throw new Error("no search");

    search.value = "lunch";
    search.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
    expect(route.value).toMatchObject({ view: "conversation", id: "g1" });
    search.value = "eve";
    search.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
    expect(route.value).toMatchObject({ view: "conversation", id: "g2" });
    search.value = "nobody";
    search.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
    expect(route.value).toMatchObject({ view: "conversation", id: "g2" });
  });
});
