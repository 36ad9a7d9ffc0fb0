import type { Message } from "@pingme/sdk";
import { effect, signal, untracked } from "@preact/signals";
import type { JSX } from "preact";
import { route } from "../state/route";
import { conversation, me, nameOf } from "../state/store";
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

/**
 * Has new messages of the open conversation read out. Returns what ends it.
 *
 * It follows the conversation, since `onMessage` tells the one tab that has the connection, which may not be in front.
 */
export function watchNewMessages(): () => void {
  let open: string | undefined;
  let heard = 0; // up to this seq
  return effect(() => {
    const id = route.value.view === "conversation" ? route.value.id : undefined;
    const one = id === undefined ? undefined : conversation(id);
    // What stands there when it is opened is not new.
    if (one && one.id !== open) heard = one.last_seq;
    open = one?.id;
    const message = one?.last_message;
    if (!message || message.seq <= heard) return;
    heard = message.seq;
    untracked(() => readOut(message));
  });
}

function readOut({ sender_id, content, recalled }: Message): void {
  if (sender_id !== me()?.user_id && !recalled) announce(`${nameOf(sender_id)}: ${summarize(content)}`);
}

/** Where announcements are made: once in the page. */
export function LiveRegion(): JSX.Element {
  return (
    <div class="visually-hidden" role="log" aria-live="polite">
      {said.value}
    </div>
  );
}
