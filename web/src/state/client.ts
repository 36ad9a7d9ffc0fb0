import type { ChangeKey, ClientApi } from "@pingme/sdk";
import { batch, type Signal, signal } from "@preact/signals";

/**
 * The page's one client, and how views follow it.
 *
 * Views read the client's own data and call `follow(key)` beforehand: a signal per key says that something changed.
 * Changes are let through once per frame, however many there are, so a burst of messages costs one drawing.
 */
let current: ClientApi | undefined;

const versions = new Map<ChangeKey, Signal<number>>();
const waiting = new Set<ChangeKey>();
let scheduled = false;

// Pages in the background get no frames, but their title and badge go on.
const HIDDEN_MS = 250;

/** The client. */
export function client(): ClientApi {
  if (!current) throw new Error("expected a client, got none: call attachClient first");
  return current;
}

/** Sets the client of this page; returns what stops following it. */
export function attachClient(next: ClientApi): () => void {
  current = next;
  const stop = next.onChange((changed) => {
    for (const key of changed) waiting.add(key);
    schedule();
  });
  return () => {
    stop();
    waiting.clear();
    versions.clear();
  };
}

/** Whoever calls this while being drawn, or in a computed value, is called again when `key` changed. */
export function follow(key: ChangeKey): void {
  let version = versions.get(key);
  if (!version) {
    version = signal(0);
    versions.set(key, version);
  }
  version.value;
}

/** Lets everything through that waits for the next frame. */
export function flushChanges(): void {
  scheduled = false;
  batch(() => {
    for (const key of waiting) {
      const version = versions.get(key);
      if (version) version.value++;
    }
    waiting.clear();
  });
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  onFrame(flushChanges);
}

/** Calls back in the next frame; in the background, where there are none, in a while. */
export function onFrame(act: () => void): void {
  if (document.visibilityState === "hidden") setTimeout(act, HIDDEN_MS);
  else requestAnimationFrame(act);
}

/** What waited for a frame when the page went to the background is let through. */
export function watchVisibility(): void {
  document.addEventListener("visibilitychange", () => {
    if (scheduled && document.visibilityState === "hidden") setTimeout(flushChanges, HIDDEN_MS);
  });
}
