import { signal } from "@preact/signals";
import type { JSX } from "preact";

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

/** Where announcements are made: once in the page. */
export function LiveRegion(): JSX.Element {
  return (
    <div class="visually-hidden" role="log" aria-live="polite">
      {said.value}
    </div>
  );
}
