import { t } from "../i18n";
import { toast } from "./toast";

/**
 * Puts a text on the clipboard. True when it is there; otherwise it has said that it is not.
 *
 * Call it in the handler of a press: browsers allow it to nobody else. Pages of plain http have no clipboard
 * (https://w3c.github.io/clipboard-apis/#navigator-interface: secure contexts only); there, and where it refuses, the
 * text is selected and copied by the older command.
 */
export async function copy(text: string): Promise<boolean> {
  const clipboard = navigator.clipboard as Clipboard | undefined;
  try {
    if (clipboard) {
      await clipboard.writeText(text);
      return true;
    }
  } catch {
    // Not allowed; the older way may be.
  }
  if (copyBySelection(text)) return true;
  toast(t("chat.copy_failed"), { kind: "error" });
  return false;
}

function copyBySelection(text: string): boolean {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.className = "visually-hidden"; // what is not laid out cannot be selected
  field.style.whiteSpace = "pre"; // spaces are copied as they are laid out, and that class has them on one line
  field.readOnly = true; // no keyboard of a phone comes up
  field.value = text;
  // An open dialog makes everything outside of it inert.
  ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(field);
  try {
    field.focus({ preventScroll: true });
    field.select();
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    field.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  }
}
