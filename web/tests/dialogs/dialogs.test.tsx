// @vitest-environment happy-dom
import { PingMeError } from "@pingme/sdk";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { route } from "../../src/state/route";
import { dialogs } from "../../src/ui/dialogs";
import { button, makePage, type Page } from "./page";

let page: Page;

// Compiling the chunks takes long on a busy machine; no test shall pay for it.
beforeAll(async () => {
  await Promise.all([import("../../src/dialogs/chat-dialogs"), import("../../src/dialogs/account-dialogs")]);
}, 120_000);

beforeEach(() => {
  page = makePage();
  page.fake.addUser("u1", "Ada Lovelace");
  page.fake.addUser("u2", "Adam");
});

afterEach(() => page.close());

const PAUSE_MS = 200; // longer than the search waits for the next key

describe("finding people", () => {
  it("asks once for what was typed in one go", async () => {
    const asked = vi.spyOn(page.fake, "searchUsers");
    const dialog = await page.open("newChat");
    const field = dialog.querySelector("input");

    await page.type(field, "a");
    await page.type(field, "ad");
    await page.settle(PAUSE_MS);

    expect(asked.mock.calls).toEqual([["ad"]]);
  });

  it("shows the answer to the last question, whichever comes last", async () => {
    let late: ((users: never[]) => void) | undefined;
    page.fake.searchUsers = async (query) =>
      query === "a"
        ? new Promise((resolve) => {
            late = resolve;
          })
        : [page.fake.addUser("u2", "Adam")];
    const dialog = await page.open("newChat");
    const field = dialog.querySelector("input");

    await page.type(field, "a");
    await page.settle(PAUSE_MS);
    await page.type(field, "ad");
    await page.settle(PAUSE_MS);
    late?.([]);
    await page.settle();

    expect(dialog.querySelector("[role=option]")?.textContent).toContain("Adam");
  });

  it("goes by arrows and Enter, and opens the chat", async () => {
    page.fake.searchUsers = async () => [...page.fake.people.values()];
    const dialog = await page.open("newChat");
    const field = dialog.querySelector("input");
    await page.type(field, "a");
    await page.settle(PAUSE_MS);

    await page.press(field, "ArrowDown");
    const active = dialog.querySelector(`[id="${field?.getAttribute("aria-activedescendant")}"]`);
    await page.press(field, "Enter");

    expect(active?.textContent).toContain("Adam");
    expect(route.value).toEqual({ view: "user", userId: "u2" });
    expect(dialogs.value).toEqual([]);
  });

  it("leaves oneself out", async () => {
    page.fake.searchUsers = async () => [...page.fake.people.values()];
    const dialog = await page.open("newChat");

    await page.type(dialog.querySelector("input"), "r");
    await page.settle(PAUSE_MS);

    expect(dialog.querySelectorAll("[role=option]")).toHaveLength(2);
  });

  it("says what is wrong when the server refuses", async () => {
    page.fake.searchUsers = async () => {
      throw new PingMeError("refused", 10007, "slow down");
    };
    const dialog = await page.open("newChat");

    await page.type(dialog.querySelector("input"), "a");
    await page.settle(PAUSE_MS);

    expect(dialog.querySelector("[role=alert]")?.textContent).toContain("That was too often");
  });
});

describe("a new group", () => {
  it("is not made without a name", async () => {
    const made = vi.spyOn(page.fake, "createGroup");
    const dialog = await page.open("newGroup");

    dialog.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true, bubbles: true }));
    await page.settle();

    expect(made).not.toHaveBeenCalled();
    expect(dialog.textContent).toContain("Give the group a name.");
  });

  it("is made with its members and rules, and opened", async () => {
    const made = vi.spyOn(page.fake, "createGroup");
    const dialog = await page.open("newGroup", { member_ids: ["u1"] });
    await page.type(dialog.querySelector("input"), "  Lunch ");
    const open = [...dialog.querySelectorAll<HTMLInputElement>("input[type=radio]")];
    open[1]?.dispatchEvent(new Event("change", { bubbles: true }));
    await page.settle();

    dialog.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true, bubbles: true }));
    await page.settle();

    expect(made).toHaveBeenCalledWith({
      name: "Lunch",
      member_ids: ["u1"],
      history_policy: "full",
      join_policy: "invite",
    });
    expect(route.value.view).toBe("conversation");
  });
});

describe("the details of a group", () => {
  beforeEach(() => {
    page.fake.addConversation({
      conversation_id: "g1",
      type: "group",
      name: "<img src=x onerror=alert(1)>",
      role: "owner",
      member_count: 3,
      announcement: "<script>alert(1)</script>",
    });
    page.fake.members = async () => [
      { ...page.fake.addUser("urobin", "Robin"), role: "owner", joined_seq: 1 },
      { ...page.fake.addUser("u1", "<b>Ada</b>"), role: "member", joined_seq: 1 },
    ];
  });

  it("shows names and announcement as text, whatever stands in them", async () => {
    const dialog = await page.open("details", { conversation_id: "g1" });

    expect(dialog.querySelector("img, script, b")).toBeNull();
    expect(dialog.textContent).toContain("<img src=x onerror=alert(1)>");
    expect(dialog.textContent).toContain("<b>Ada</b>");
    expect(dialog.textContent).toContain("<script>alert(1)</script>");
  });

  it("lets its owner leave only after another owner was made", async () => {
    const dialog = await page.open("details", { conversation_id: "g1" });

    expect(button(dialog, "Leave group")?.disabled).toBe(true);
    expect(dialog.textContent).toContain("Make somebody else the owner first");
  });

  it("ends the group only when its name was typed", async () => {
    const ended = vi.spyOn(page.fake, "dissolveGroup");
    const dialog = await page.open("details", { conversation_id: "g1" });
    await page.click(button(dialog, "Dissolve group"));
    const inner = dialog.querySelector("dialog");
    const form = inner?.querySelector("form");

    form?.dispatchEvent(new Event("submit", { cancelable: true, bubbles: true }));
    await page.settle();
    expect(ended).not.toHaveBeenCalled();
    await page.type(inner?.querySelector("input") ?? null, "<img src=x onerror=alert(1)>");
    form?.dispatchEvent(new Event("submit", { cancelable: true, bubbles: true }));
    await page.settle();

    expect(ended).toHaveBeenCalledWith("g1");
  });

  it("offers a plain member nothing that only admins may do", async () => {
    page.fake.patch("g1", { info: { ...page.fake.conversation("g1")?.info, role: "member" } as never });
    const dialog = await page.open("details", { conversation_id: "g1" });

    expect(button(dialog, "Dissolve group")).toBeUndefined();
    expect(button(dialog, "Add")).toBeUndefined();
    expect(dialog.querySelector("input[type=radio]")).toBeNull();
    expect(dialog.querySelector("[aria-label='Rename group']")).toBeNull();
  });
});

describe("who read a message", () => {
  it("is told apart from who only got it, and who did not", async () => {
    page.fake.addConversation({ conversation_id: "g1", type: "group", name: "Lunch", member_count: 4 });
    page.fake.addUser("u3", "Cleo");
    page.fake.receipts = async () => ({ delivered: ["u1", "u2"], read: ["u1"] });

    const dialog = await page.open("readers", { conversation_id: "g1", seq: 1 });
    const parts = [...dialog.querySelectorAll("section")].map((part) => part.textContent);

    expect(parts).toEqual([
      expect.stringMatching(/^Read 1.*Ada Lovelace/),
      expect.stringMatching(/^Delivered 1.*Adam/),
      expect.stringMatching(/^Not delivered yet 1.*Cleo/),
    ]);
  });
});

describe("a password that is wrong", () => {
  it("is said at its field", async () => {
    page.fake.changePassword = async () => {
      throw new PingMeError("refused", 30003, "");
    };
    const dialog = await page.open("password");
    const [, current, next, again] = dialog.querySelectorAll("input");
    await page.type(current ?? null, "not my password");
    await page.type(next ?? null, "a new password");
    await page.type(again ?? null, "a new password");

    dialog.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true, bubbles: true }));
    await page.settle();

    expect(current?.getAttribute("aria-invalid")).toBe("true");
    expect(dialog.textContent).toContain("The current password is wrong.");
    expect(dialogs.value).toHaveLength(1);
  });
});
