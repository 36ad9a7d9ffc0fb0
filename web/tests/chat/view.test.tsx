// @vitest-environment happy-dom
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { App } from "../../src/app";
import { attachClient, flushChanges } from "../../src/state/client";
import { FakeClient } from "../../src/state/fake";
import { navigate, route } from "../../src/state/route";
import { phase } from "../../src/state/store";

let fake: FakeClient;
let root: HTMLElement;

beforeEach(() => {
  localStorage.clear();
  // happy-dom lays nothing out, has no popovers, and has locks in name only.
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
      disconnect() {}
    },
  );
  Object.defineProperty(navigator, "locks", {
    value: { request: async () => undefined, query: async () => ({ held: [] }) },
    configurable: true,
  });
  HTMLElement.prototype.showPopover ??= () => undefined;
  HTMLElement.prototype.hidePopover ??= () => undefined;
  fake = new FakeClient();
  fake.me = fake.addUser("ume", "Me");
  fake.addUser("uada", "Ada");
  fake.addConversation({
    conversation_id: "g1",
    type: "group",
    name: "Lunch",
    role: "admin",
    member_count: 2,
  });
  attachClient(fake);
  phase.value = "ready";
  navigate({ view: "conversation", id: "g1" });
  root = document.body.appendChild(document.createElement("div"));
});

afterEach(() => {
  render(null, root);
  root.remove();
  vi.unstubAllGlobals();
});

async function draw(): Promise<void> {
  render(<App />, root);
  await settle();
}

async function settle(): Promise<void> {
  for (let n = 0; n < 4; n++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    flushChanges();
  }
}

function field(): HTMLTextAreaElement {
  return root.querySelector("#composer") as HTMLTextAreaElement;
}

async function type(text: string): Promise<void> {
  field().value = text;
  field().setSelectionRange(text.length, text.length);
  field().dispatchEvent(new Event("input", { bubbles: true }));
  await settle();
}

async function press(key: string, more: KeyboardEventInit = {}): Promise<void> {
  field().dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
  await settle();
}

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
    expect(field().value).toBe("");
  });

  it("completes a mention, and sends whom it means", async () => {
    await draw();
    field().dispatchEvent(new FocusEvent("focus"));
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
    expect(field().value).toBe("helo");
    await press("Escape");
    expect(field().value).toBe("");

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

    expect(field()).toBeNull();
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
