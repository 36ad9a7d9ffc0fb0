// @vitest-environment happy-dom
import type { Pending } from "@pingme/sdk";
import { PingMeError } from "@pingme/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { navigate } from "../../src/state/route";
import { AppPage } from "../app-page";

let page: AppPage;

beforeEach(() => {
  page = new AppPage();
});

afterEach(() => page.close());

function first(values: Partial<Pending>): Pending {
  return {
    msg_id: "w1",
    conversation_id: "pada",
    kind: "send",
    content: "my first words",
    client_ts: Date.now(),
    state: "waiting",
    ...values,
  };
}

async function showing(pending: Pending): Promise<void> {
  page.fake.waiting.set("pada", [pending]);
  navigate({ view: "user", userId: "uada" });
  await page.draw();
}

describe("a private chat that does not exist yet", () => {
  it("shows the first message while it waits", async () => {
    await showing(first({}));

    expect(page.root.querySelector(".row-pending")?.textContent).toContain("my first words");
    expect(page.root.querySelector(".beginning")?.textContent).not.toContain("No messages yet");
  });

  it("says why the first message was refused, and lets go of it", async () => {
    await showing(first({ state: "failed", error: new PingMeError("refused", 10002, "no") }));
    const [, discard] = page.root.querySelectorAll<HTMLElement>(".failed-action");

    expect(page.root.querySelector(".failed")).not.toBeNull();
    discard?.click();
    await page.settle();
    expect(page.root.querySelector(".row-pending")).toBeNull();
  });
});
