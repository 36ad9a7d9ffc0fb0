// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { draftOf, keepDraft } from "../../src/state/drafts";
import { navigate } from "../../src/state/route";
import { endedBecause, startSession } from "../../src/state/session";
import { phase } from "../../src/state/store";
import { openDialog } from "../../src/ui";
import { dialogs } from "../../src/ui/dialogs";
import { AppPage } from "../app-page";

let page: AppPage;

beforeEach(() => {
  page = new AppPage();
});

afterEach(() => page.close());

/** Another tab of this browser logs in: the client goes on with its session. */
async function loginElsewhere(): Promise<void> {
  page.fake.me = page.fake.addUser("ume", "Me");
  page.fake.setStatus({ state: "connecting" });
  page.fake.tell("me");
  await page.settle();
}

/** Another tab logs out, or another device ends this one's session. */
async function endElsewhere(reason: "logged_out" | "revoked"): Promise<void> {
  page.fake.me = null;
  page.fake.setStatus({ state: "ended", reason });
  page.fake.tell("me");
  await page.settle();
}

describe("the session", () => {
  it("begins here when another tab logs in, and ends here when it logs out", async () => {
    page.fake.me = null;
    await startSession();
    await page.draw();
    expect(phase.value).toBe("anonymous");

    await loginElsewhere();
    expect(page.root.querySelector("main.shell")).not.toBeNull();

    await endElsewhere("logged_out");
    expect(page.root.querySelector("main.shell")).toBeNull();
    expect(endedBecause.value).toBe("logged_out");

    await loginElsewhere();
    expect(page.root.querySelector("main.shell")).not.toBeNull();
    expect(endedBecause.value).toBeNull();
  });

  it("takes with it what was begun and not sent, when another tab logs out", async () => {
    await startSession();
    keepDraft(page.group, "mine");

    await endElsewhere("logged_out");

    expect(Object.keys(localStorage).filter((key) => key.startsWith("pingme.draft."))).toEqual([]);
    expect(draftOf(page.group)).toBe("");
  });

  it.each(["logged_out", "revoked"] as const)("closes every dialog when it is %s", async (reason) => {
    await startSession();
    await page.draw();
    openDialog("profile");
    openDialog("confirm", { title: "Sure?", action: "Yes", onConfirm: () => undefined });
    await page.settle();
    expect(page.root.querySelector("dialog")).not.toBeNull();

    await endElsewhere(reason);

    expect(dialogs.value).toEqual([]);
    expect(page.root.querySelector("dialog")).toBeNull();
  });
});

describe("what is read aloud", () => {
  const BREATH_MS = 850;
  const said = (): string | null | undefined => page.root.querySelector(".shell > [role=log]")?.textContent;
  const breathe = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, BREATH_MS));

  it("is each new message of the open conversation, in a tab without the connection, too", async () => {
    page.fake.onMessage = () => () => false; // told to the tab that has the connection
    page.fake.append(page.group, { content: "old", sender_id: "uada" });
    await page.draw();
    await breathe();
    expect(said()).toBe("");

    page.fake.append(page.group, { content: "new", sender_id: "uada" });
    await page.settle();
    await breathe();

    expect(said()).toBe("Ada: new");
  });

  it("is neither one's own message, nor an edited one, nor one of another conversation", async () => {
    page.fake.addConversation({ conversation_id: "other", type: "group", name: "Other", role: "member" });
    page.fake.append(page.group, { content: "old", sender_id: "uada" });
    page.fake.append("other", { content: "old there", sender_id: "uada" });
    await page.draw();

    page.fake.replace(page.group, 1, { content: "edited" });
    await page.settle();
    page.fake.append(page.group, { content: "my own", sender_id: "ume" });
    page.fake.append("other", { content: "there", sender_id: "uada" });
    await page.settle();
    navigate({ view: "conversation", id: "other" });
    await page.settle();
    await breathe();

    expect(said()).not.toMatch(/edited|my own|there/);
  });
});
