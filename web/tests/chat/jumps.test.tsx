// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Scroller } from "../../src/chat/scroller";
import type { FakeTimeline } from "../../src/state/fake-timeline";
import { navigate } from "../../src/state/route";
import { AppPage } from "../app-page";

const MANY = 200; // more than a timeline has at first
let page: AppPage;

beforeEach(() => {
  page = new AppPage();
});

afterEach(() => {
  page.close();
  vi.restoreAllMocks();
});

/** Draws the conversation, with the newest of its messages; returns its timeline. */
async function open(): Promise<FakeTimeline> {
  const made = vi.spyOn(page.fake, "timeline");
  await page.draw();
  return (await made.mock.results[0]?.value) as FakeTimeline;
}

/** Appends messages of one's own: nothing is unread, so it opens at the end. */
function say(count: number): void {
  const sender_id = page.fake.me?.user_id ?? "";
  for (let n = 1; n <= count; n++) page.fake.append(page.group, { content: `text ${n}`, sender_id });
}

/** Waits for a row to be lit up. Effects run after a frame. */
async function lights(seq: string): Promise<void> {
  await vi.waitFor(() => expect(lit()).toBe(seq));
}

const lit = (): string | undefined => page.root.querySelector<HTMLElement>(".row-lit")?.dataset["seq"];

/** Lets the light of the jump before go out. */
async function unlit(): Promise<void> {
  await vi.waitFor(() => expect(lit()).toBeUndefined(), 3_000);
}

describe("a jump", () => {
  it("arrives though something was drawn while its rows were on their way", async () => {
    say(MANY);
    const shown = vi.spyOn(Scroller.prototype, "show");
    const timeline = await open();
    const around = timeline.around.bind(timeline);
    timeline.around = async (seq) => {
      page.fake.append(page.group, { content: "meanwhile", sender_id: "uada" });
      await page.settle();
      await around(seq);
    };

    navigate({ view: "conversation", id: page.group, seq: 3 });

    await vi.waitFor(() => expect(shown.mock.calls[0]?.[0].dataset["seq"]).toBe("3"));
    expect(lit()).toBe("3");
  });

  it("says so where its rows cannot be loaded", async () => {
    say(MANY);
    const timeline = await open();
    timeline.around = () => Promise.reject(new TypeError("offline"));

    navigate({ view: "conversation", id: page.group, seq: 3 });

    await vi.waitFor(() =>
      expect(page.root.querySelector(".toast-error")?.textContent ?? "").toContain("reach"),
    );
  });

  it("goes to the next row where the entry has none", async () => {
    say(2);
    page.fake.append(page.group, { kind: "reaction", sender_id: "uada", server_ts: Date.now() });
    say(1);
    await open();

    navigate({ view: "conversation", id: page.group, seq: 3 });
    await lights("4");
  });

  it("is made again by the same address", async () => {
    say(3);
    await open();
    navigate({ view: "conversation", id: page.group, seq: 2 });
    await lights("2");
    await unlit();

    navigate({ view: "conversation", id: page.group, seq: 2 });
    await lights("2");
  });
});
