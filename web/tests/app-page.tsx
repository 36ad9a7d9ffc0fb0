import { render } from "preact";
import { vi } from "vitest";
import { App } from "../src/app";
import { attachClient, flushChanges } from "../src/state/client";
import { forgetDrafts } from "../src/state/drafts";
import { FakeClient } from "../src/state/fake";
import { navigate } from "../src/state/route";
import { phase } from "../src/state/store";

/** The whole page over a client without a server: "Me", "Ada", and a group with the two, which is open. */
export class AppPage {
  readonly fake = new FakeClient();
  readonly root = document.body.appendChild(document.createElement("div"));
  private readonly detach: () => void;

  /** Members are remembered by the group's id for a minute: tests of who is there give another one each. */
  constructor(readonly group = "g1") {
    stubBrowser();
    this.fake.me = this.fake.addUser("ume", "Me");
    this.fake.addUser("uada", "Ada");
    this.fake.addConversation({
      conversation_id: this.group,
      type: "group",
      name: "Lunch",
      role: "admin",
      member_count: 2,
    });
    this.detach = attachClient(this.fake);
    phase.value = "ready";
    navigate({ view: "conversation", id: this.group });
  }

  async draw(): Promise<void> {
    render(<App />, this.root);
    await this.settle();
  }

  /** Lets promises, effects and what waits for a frame go by. */
  async settle(): Promise<void> {
    for (let n = 0; n < 4; n++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      flushChanges();
    }
  }

  get field(): HTMLTextAreaElement {
    return this.root.querySelector("#composer") as HTMLTextAreaElement;
  }

  async type(text: string): Promise<void> {
    this.field.value = text;
    this.field.setSelectionRange(text.length, text.length);
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
    await this.settle();
  }

  async press(key: string, more: KeyboardEventInit = {}): Promise<void> {
    this.field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
    await this.settle();
  }

  calls(name: string): unknown[] {
    return this.fake.calls.filter(([each]) => each === name);
  }

  close(): void {
    render(null, this.root);
    this.root.remove();
    this.detach();
    forgetDrafts();
    vi.unstubAllGlobals();
  }
}

/** happy-dom lays nothing out, has no popovers, and has locks in name only. */
function stubBrowser(): void {
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
}
