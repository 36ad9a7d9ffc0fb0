// @vitest-environment happy-dom
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { copy } from "../../src/ui/copy";
import { ToastHost } from "../../src/ui/toast";

let root: HTMLElement;

beforeEach(() => {
  HTMLElement.prototype.showPopover ??= () => undefined;
  HTMLElement.prototype.hidePopover ??= () => undefined;
  root = document.body.appendChild(document.createElement("div"));
  render(<ToastHost />, root);
});

afterEach(() => {
  render(null, root);
  root.remove();
  Reflect.deleteProperty(document, "execCommand");
  vi.unstubAllGlobals();
});

/** The browser's clipboard; undefined as over plain http. */
function clipboard(writeText?: (text: string) => Promise<void>): void {
  vi.stubGlobal("navigator", { ...navigator, languages: ["en"], clipboard: writeText && { writeText } });
}

/** The older command; tells what was selected when it was given, and inside what. */
function command(succeeds: boolean): { text: string; within: Element | null }[] {
  const heard: { text: string; within: Element | null }[] = [];
  const execCommand = (name: string): boolean => {
    const field = document.activeElement as HTMLTextAreaElement;
    const text = field.value?.slice(field.selectionStart, field.selectionEnd) ?? "";
    if (name === "copy") heard.push({ text, within: field.closest("dialog") });
    return succeeds;
  };
  Object.defineProperty(document, "execCommand", { value: execCommand, configurable: true });
  return heard;
}

describe("copying", () => {
  it("goes by the clipboard where there is one", async () => {
    const writeText = vi.fn(async () => undefined);
    clipboard(writeText);
    const heard = command(true);

    expect(await copy("a\nb")).toBe(true);
    expect(writeText).toHaveBeenCalledWith("a\nb");
    expect(heard).toEqual([]);
  });

  it("goes by a selection over plain http, and gives the focus back", async () => {
    clipboard();
    const heard = command(true);
    const button = root.appendChild(document.createElement("button"));
    button.focus();

    expect(await copy("a\nb")).toBe(true);
    expect(heard).toEqual([{ text: "a\nb", within: null }]);
    expect(document.activeElement).toBe(button);
    expect(document.querySelector("textarea")).toBeNull();
  });

  it("selects inside the open dialog, since nothing outside of it can be", async () => {
    clipboard();
    const heard = command(true);
    const dialog = root.appendChild(document.createElement("dialog"));
    dialog.showModal();

    await copy("gid");

    expect(heard).toEqual([{ text: "gid", within: dialog }]);
  });

  it.each([
    ["there is no way", undefined],
    ["both ways are closed", async () => Promise.reject(new Error("no"))],
  ])("says so when %s", async (_, writeText) => {
    clipboard(writeText);
    command(false);

    expect(await copy("a")).toBe(false);
    await vi.waitFor(() => expect(root.textContent).toContain("did not allow"));
  });
});
