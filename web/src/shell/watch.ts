import { effect, signal } from "@preact/signals";
import { client } from "../state/client";

// The list is scrolled and chats are opened more often than the server should hear of it.
const CALM_MS = 400;
const MAX_WATCHED = 500; // docs/protocol.md, "Limits"

/** Users whose presence the list shows now. */
export const shownInList = signal<readonly string[]>([]);
/** Users whose presence the open chat shows now. */
export const shownInChat = signal<readonly string[]>([]);
/** Users whose presence an open dialog shows now. */
export const shownInDialog = signal<readonly string[]>([]);

/** Tells the server whose presence is on the screen. */
export function watchPresence(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = "";
  const stop = effect(() => {
    const ids = [...new Set([...shownInDialog.value, ...shownInChat.value, ...shownInList.value])].slice(
      0,
      MAX_WATCHED,
    );
    clearTimeout(timer);
    timer = setTimeout(() => {
      const key = ids.toSorted().join(" ");
      if (key !== last) client().watch(ids);
      last = key;
    }, CALM_MS);
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}
