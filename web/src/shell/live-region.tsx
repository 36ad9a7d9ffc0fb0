import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { client } from "../state/client";
import { route } from "../state/route";
import { nameOf } from "../state/store";
import { summarize } from "../text";

const said = signal("");
let timer: ReturnType<typeof setTimeout> | undefined;

// What is said in one breath: a burst of messages becomes its last one and a count, not a flood.
const BREATH_MS = 800;

/** Has screen readers say something, after those that are about to be said. Only the newest within a breath is. */
export function announce(text: string): void {
  clearTimeout(timer);
  timer = setTimeout(() => {
    said.value = text;
  }, BREATH_MS);
}

/** Has new messages of the open conversation read out. Returns what ends it. */
export function watchNewMessages(): () => void {
  return client().onMessage((message, { id }) => {
    const now = route.peek();
    if (now.view !== "conversation" || now.id !== id) return;
    announce(`${nameOf(message.sender_id)}: ${summarize(message.content)}`);
  });
}

/** Where announcements are made: once in the page. */
export function LiveRegion(): JSX.Element {
  return (
    <div class="visually-hidden" role="log" aria-live="polite">
      {said.value}
    </div>
  );
}
