// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { draftOf, tellDraft } from "../../src/state/drafts";
import { AppPage } from "../app-page";

let page: AppPage;
let made = 0;

beforeEach(() => {
  page = new AppPage(`g${++made}`);
});

afterEach(() => page.close());

/** Another device of the same user changes the draft. */
async function elsewhere(draft: string): Promise<void> {
  await page.fake.settings(page.group, { draft });
  await page.settle();
}

/** The server has what was typed, as after a rest. */
async function rest(): Promise<void> {
  tellDraft(page.group);
  await page.settle();
}

describe("the draft in the field", () => {
  it("comes back when an edit is saved, and the next key goes on with it", async () => {
    page.fake.append(page.group, { content: "helo", sender_id: "ume" });
    await page.draw();
    await page.type("half a mess");

    const message = page.root.querySelector<HTMLElement>("article.row");
    message?.dispatchEvent(new KeyboardEvent("keydown", { key: "e", bubbles: true, cancelable: true }));
    await page.settle();
    expect(page.field.value).toBe("helo");
    await page.type("hello");
    await page.press("Enter");

    expect(page.calls("edit")).toEqual([["edit", { conversation_id: page.group, seq: 1, content: "hello" }]]);
    expect(page.field.value).toBe("half a mess");
    expect(draftOf(page.group)).toBe("half a mess");
  });

  it("goes when it was sent from another device, though the field has the focus", async () => {
    await page.draw();
    page.field.focus();
    await page.type("hello");
    await rest();

    await elsewhere("");
    await page.press("Enter");

    expect(page.field.value).toBe("");
    expect(page.calls("send")).toEqual([]);
  });

  it("goes on where another device went on, with the caret at the end or where it was", async () => {
    await page.draw();
    page.field.focus();
    await page.type("hello");
    await rest();

    await elsewhere("hello there");
    expect([page.field.value, page.field.selectionStart]).toEqual(["hello there", 11]);

    page.field.setSelectionRange(2, 2);
    await elsewhere("hello there, Ada");
    expect([page.field.value, page.field.selectionStart]).toEqual(["hello there, Ada", 2]);
  });

  it("stays as long as something newer is being written here", async () => {
    await page.draw();
    page.field.focus();
    await page.type("hello");

    await elsewhere("from the phone");

    expect(page.field.value).toBe("hello");
  });

  it("does not take the place of what is being edited", async () => {
    page.fake.append(page.group, { content: "helo", sender_id: "ume" });
    await page.draw();
    await page.press("ArrowUp");
    await page.type("hell");

    await elsewhere("from the phone");
    expect(page.field.value).toBe("hell");
    await page.press("Escape");
    expect(page.field.value).toBe("from the phone");
  });
});

describe("Enter", () => {
  it("that is held after an edit does not send the draft that comes back", async () => {
    page.fake.append(page.group, { content: "helo", sender_id: "ume" });
    await page.draw();
    await page.type("half a mess");
    const message = page.root.querySelector<HTMLElement>("article.row");
    message?.dispatchEvent(new KeyboardEvent("keydown", { key: "e", bubbles: true, cancelable: true }));
    await page.settle();

    await page.press("Enter");
    await page.press("Enter", { repeat: true });

    expect(page.field.value).toBe("half a mess");
    expect(page.calls("send")).toEqual([]);
  });
});

describe("whom a sent message mentions", () => {
  beforeEach(() => {
    page.fake.addUser("uann", "Ann");
    page.fake.addUser("uannlee", "Ann Lee");
    page.fake.addUser("uming", "小明");
  });

  it.each([
    ["@Ann Lee, look", ["uannlee"]],
    ["write to x@ann.org", undefined],
    ["write to info@all.example", undefined],
    ["@小明你好", ["uming"]],
    ["@ann and @everyone", ["all"]],
  ])("in %j it is %j, as it will be drawn", async (content, mentions) => {
    await page.draw();
    page.field.dispatchEvent(new FocusEvent("focus"));
    await page.settle();
    await page.type(content);
    page.root.querySelector("form.composer-row")?.dispatchEvent(new Event("submit", { cancelable: true }));
    await page.settle();

    expect(page.calls("send")).toEqual([
      ["send", { conversation_id: page.group, content, ...(mentions && { mentions }) }],
    ]);
  });
});
