import { render } from "preact";
import { act } from "preact/test-utils";
import { installDialogs } from "../../src/dialogs";
import { attachClient } from "../../src/state/client";
import { FakeClient } from "../../src/state/fake";
import { closeDialog, openDialog } from "../../src/ui";
import { DialogHost } from "../../src/ui/dialog-host";
import { dialogs } from "../../src/ui/dialogs";

/** A page with nothing but dialogs, over a client without a server. */
export interface Page {
  readonly fake: FakeClient;
  readonly root: HTMLElement;
  /** Opens a dialog and waits until it stands. */
  open: typeof openDialog extends (...a: infer A) => void ? (...a: A) => Promise<HTMLElement> : never;
  /** Lets promises, effects and timers of so many milliseconds go by. */
  settle(ms?: number): Promise<void>;
  type(field: HTMLInputElement | null, text: string): Promise<void>;
  press(field: Element | null, key: string): Promise<void>;
  click(element: HTMLElement | null | undefined): Promise<void>;
  close(): void;
}

/** Makes a page; `close` takes it away. */
export function makePage(): Page {
  const fake = new FakeClient();
  fake.me = fake.addUser("urobin", "Robin");
  const stop = attachClient(fake);
  installDialogs();
  const root = document.createElement("div");
  document.body.append(root);
  render(<DialogHost />, root);
  const settle = (ms = 0): Promise<void> =>
    act(async () => {
      await new Promise((resolve) => setTimeout(resolve, ms));
    });
  return {
    fake,
    root,
    settle,
    async open(...args) {
      openDialog(...args);
      for (let tries = 0; tries < 200 && !root.querySelector("dialog"); tries++) await settle(5);
      const shown = root.querySelector<HTMLElement>("dialog");
      if (!shown) throw new Error(`expected the dialog ${args[0]}, got none`);
      await settle();
      return shown;
    },
    async type(field, text) {
      if (field) field.value = text;
      field?.dispatchEvent(new Event("input", { bubbles: true }));
      await settle();
    },
    async press(field, key) {
      field?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      await settle();
    },
    async click(element) {
      element?.click();
      await settle();
    },
    close() {
      while (dialogs.value.length > 0) closeDialog();
      render(null, root);
      root.remove();
      stop();
    },
  };
}

/** The button whose words these are. */
export function button(box: Element, words: string): HTMLButtonElement | undefined {
  return [...box.querySelectorAll("button")].find((each) => each.textContent?.trim() === words);
}
