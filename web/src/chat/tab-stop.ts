import { useComputed } from "@preact/signals";
import type { Chat } from "./chat";

/** The `tabIndex` of a row: Tab stops at one of them, the arrows go on from there. Only rows that change are drawn. */
export function useTabIndex(chat: Chat, rowKey: string): 0 | -1 {
  return useComputed(() => chat.tabStop.value === rowKey).value ? 0 : -1;
}

/** Gives the row at which Tab stops the focus; without rows, the field. */
export function focusMessages(): void {
  const stop = document.querySelector<HTMLElement>('.messages .row[tabindex="0"]');
  (stop ?? document.getElementById("composer"))?.focus();
}
