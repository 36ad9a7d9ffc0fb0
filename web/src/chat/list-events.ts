import type { Message } from "@pingme/sdk";
import { copyText, openMessageMenu, openReactions, startEdit, startReply } from "./actions";
import type { Chat } from "./chat";

const LONG_MS = 450; // as phones have it
const STILL_PX = 10; // a finger that moves farther scrolls

/**
 * Hears for all rows at once: the pointer over them, menus by the right button, by a long press and by keys, and the
 * arrows that move between them, and which of them has the focus. Returns what ends it.
 */
export function hearRows(box: HTMLElement, chat: Chat): () => void {
  const end = new AbortController();
  const { signal } = end;
  box.addEventListener("pointerover", (event) => hover(event, chat), { signal });
  box.addEventListener(
    "pointerleave",
    () => {
      chat.hovered.value = null;
    },
    { signal },
  );
  box.addEventListener("contextmenu", (event) => onContextMenu(event, chat), { signal });
  box.addEventListener("keydown", (event) => onKey(event, chat), { signal });
  box.addEventListener(
    "focusin",
    ({ target }) => {
      const key = rowOf(target)?.dataset["key"];
      if (key !== undefined) chat.focused(key);
    },
    { signal },
  );
  hearLongPress(box, chat, signal);
  return () => end.abort();
}

function hover(event: PointerEvent, chat: Chat): void {
  if (event.pointerType !== "mouse") return;
  const seq = Number(rowOf(event.target)?.dataset["seq"]);
  chat.hovered.value = Number.isNaN(seq) ? null : seq;
}

function onContextMenu(event: MouseEvent, chat: Chat): void {
  const row = rowOf(event.target);
  const message = row && messageOf(row, chat);
  // Links and marked text keep the browser's own menu.
  if (!message || (event.target as Element).closest("a") || document.getSelection()?.isCollapsed === false)
    return;
  event.preventDefault();
  openMessageMenu(chat, message, event.clientX === 0 ? row : { x: event.clientX, y: event.clientY });
}

function hearLongPress(box: HTMLElement, chat: Chat, signal: AbortSignal): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let from = { x: 0, y: 0 };
  let done = false;
  const stop = (): void => clearTimeout(timer);
  box.addEventListener(
    "touchstart",
    ({ target, touches }) => {
      stop();
      done = false;
      const touch = touches[0];
      const row = rowOf(target);
      const message = row && messageOf(row, chat);
      if (!touch || touches.length > 1 || !message || (target as Element).closest("a, button")) return;
      from = { x: touch.clientX, y: touch.clientY };
      timer = setTimeout(() => {
        done = true;
        navigator.vibrate?.(10);
        openMessageMenu(chat, message, from);
      }, LONG_MS);
    },
    { signal, passive: true },
  );
  box.addEventListener(
    "touchmove",
    ({ touches }) => {
      const touch = touches[0];
      if (touch && Math.hypot(touch.clientX - from.x, touch.clientY - from.y) > STILL_PX) stop();
    },
    { signal, passive: true },
  );
  box.addEventListener(
    "touchend",
    (event) => {
      stop();
      if (done && event.cancelable) event.preventDefault();
    },
    { signal },
  );
  box.addEventListener("touchcancel", stop, { signal });
}

function onKey(event: KeyboardEvent, chat: Chat): void {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const row = rowOf(event.target);
  if (!row || event.target !== row) return;
  if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    event.preventDefault();
    moveFocus(row, event.key === "ArrowUp" ? -1 : 1);
    return;
  }
  const message = messageOf(row, chat);
  const key = event.key === "F10" && event.shiftKey ? "ContextMenu" : event.key;
  const act = message && actionOf(key, chat, message, row);
  if (!act) return;
  event.preventDefault();
  act();
}

function actionOf(key: string, chat: Chat, message: Message, row: HTMLElement): (() => void) | undefined {
  switch (key) {
    case "Enter":
    case "ContextMenu":
      return () => openMessageMenu(chat, message, row.querySelector(".bubble") ?? row);
    case "r":
      return () => startReply(chat, message);
    case "e":
      return () => startEdit(chat, message);
    case "+":
      return () => openReactions(chat, message, row.querySelector(".bubble") ?? row);
    case "c":
      return () => copyText(message);
    case "End":
      return () => void chat.goToEnd();
    default:
      return undefined;
  }
}

/** Goes to the next row; below the last one to the composer. */
export function moveFocus(row: HTMLElement, by: 1 | -1): void {
  const rows = [...(row.closest(".messages")?.querySelectorAll<HTMLElement>(".row") ?? [])];
  const next = rows[rows.indexOf(row) + by];
  if (next) {
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  } else if (by === 1) document.getElementById("composer")?.focus();
}

function rowOf(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>(".row") : null;
}

function messageOf(row: HTMLElement, chat: Chat): Message | undefined {
  const seq = Number(row.dataset["seq"]);
  const item = chat.timeline.peek()?.items.find((each) => each.seq === seq);
  return item?.kind === "message" ? item : undefined;
}
