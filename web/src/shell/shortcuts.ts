import { navigate, route } from "../state/route";
import { conversations } from "../state/store";
import { openDialog } from "../ui";
import { dialogs } from "../ui/dialogs";

/** Hears the keys that work anywhere (the sheet of src/dialogs lists them). Returns what ends it. */
export function watchShortcuts(): () => void {
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || dialogs.value.length > 0) return;
  const done = event.altKey ? onAlt(event) : event.ctrlKey || event.metaKey ? onCtrl(event) : onPlain(event);
  if (done) event.preventDefault();
}

function onAlt(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey) return false;
  if (event.key === "ArrowDown") return step(1, event.shiftKey);
  if (event.key === "ArrowUp") return step(-1, event.shiftKey);
  if (event.code === "KeyN") return open("newChat");
  return false;
}

function onCtrl(event: KeyboardEvent): boolean {
  if (event.shiftKey) return false;
  if (event.key === "k") return focusSearch();
  if (event.key === "/") return open("shortcuts");
  if (event.key === ",") return open("settings");
  return false;
}

function onPlain(event: KeyboardEvent): boolean {
  if (event.key === "?" && !isWriting(event.target)) return open("shortcuts");
  if (
    event.key === "Escape" &&
    route.value.view !== "home" &&
    !document.querySelector(":popover-open:not(.toasts)")
  ) {
    navigate({ view: "home" });
    return true;
  }
  return false;
}

function open(name: "newChat" | "shortcuts" | "settings"): boolean {
  openDialog(name);
  return true;
}

function focusSearch(): boolean {
  const search = document.getElementById("search");
  if (route.value.view !== "home" && matchMedia("(max-width: 47.99rem)").matches) navigate({ view: "home" });
  search?.focus(); // at once: the next key may come before the next frame
  if (document.activeElement !== search) requestAnimationFrame(() => search?.focus()); // not shown until then
  return true;
}

/** Opens the next conversation in the order of the list; `unread`: the next one with something new. */
function step(by: 1 | -1, unread: boolean): boolean {
  const all = conversations();
  const now = route.value;
  const at = now.view === "conversation" ? all.findIndex(({ id }) => id === now.id) : -1;
  const from = at === -1 && by === -1 ? all.length : at;
  for (let place = from + by; place >= 0 && place < all.length; place += by) {
    const one = all[place];
    if (one && (!unread || one.unread > 0)) {
      navigate({ view: "conversation", id: one.id }, { replace: now.view !== "home" });
      return true;
    }
  }
  return true;
}

function isWriting(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
