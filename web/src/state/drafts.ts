import { PingMeError } from "@pingme/sdk";
import { type Signal, signal } from "@preact/signals";
import { client } from "./client";
import { conversation } from "./store";

/**
 * What was begun and not sent. It is kept in this browser at once, and follows to the user's other devices when the
 * writer rests. A draft from elsewhere is taken over when nothing newer is being written here.
 */
const REST_MS = 1_200;
const MAX_TOLD_BYTES = 8_192; // of UTF-8; docs/protocol.md, "Limits": a longer draft stays in this browser
const PREFIX = "pingme.draft.";
const nameOfDraft = (id: string): string => `${PREFIX}${client().me?.user_id ?? ""}.${id}`;

interface Kept {
  text: string;
  /** What the server had when this was written, as far as it is known here. */
  base: string;
}

/** By the name under which it is kept, which has the user's id: the next user of this page has others. */
const local = new Map<string, Signal<Kept | null>>();
const timers = new Map<string, ReturnType<typeof setTimeout>>();

/** The draft of a conversation: this browser's, else the one that came from another device. */
export function draftOf(id: string): string {
  const told = conversation(id)?.info.draft ?? "";
  const kept = at(id).value;
  // What another device wrote after ours was told is newer than ours.
  return kept && (kept.text === told || kept.base === told || timers.has(id)) ? kept.text : told;
}

/** Keeps what is in the composer. */
export function keepDraft(id: string, text: string): void {
  write(id, { text, base: client().conversation(id)?.info.draft ?? "" });
  clearTimeout(timers.get(id));
  timers.set(
    id,
    setTimeout(() => tellDraft(id), REST_MS),
  );
}

/** Tells the server now: the writer leaves, or has sent. */
export function tellDraft(id: string): void {
  if (!timers.has(id)) return;
  clearTimeout(timers.get(id));
  timers.delete(id);
  const text = at(id).peek()?.text ?? "";
  // A conversation begins with its first message; until then its draft stays here.
  const info = client().conversation(id)?.info;
  const base = info?.draft ?? "";
  if (!info || base === text || new TextEncoder().encode(text).length > MAX_TOLD_BYTES) return;
  write(id, { text, base: text });
  // Whatever comes of it, the draft is kept here.
  client()
    .settings(id, { draft: text })
    .catch((error: unknown) => {
      const kept = at(id).peek();
      const refused = error instanceof PingMeError && error.kind === "refused";
      // The server has the older one still, and that is not newer than ours.
      if (refused && kept?.base === text) write(id, { text: kept.text, base });
    });
}

function at(id: string): Signal<Kept | null> {
  const name = nameOfDraft(id);
  let one = local.get(name);
  if (!one) {
    one = signal(read(id));
    local.set(name, one);
  }
  return one;
}

function read(id: string): Kept | null {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(nameOfDraft(id)) ?? "null");
    return kept as Kept | null;
  } catch {
    return null;
  }
}

function write(id: string, kept: Kept): void {
  at(id).value = kept;
  try {
    if (kept.text === "" && kept.base === "") localStorage.removeItem(nameOfDraft(id));
    else localStorage.setItem(nameOfDraft(id), JSON.stringify(kept));
  } catch {
    // Storage is full or forbidden: the draft lives as long as the page.
  }
}

/** Forgets all drafts of this browser: its user has logged out. */
export function forgetDrafts(): void {
  for (const timer of timers.values()) clearTimeout(timer);
  timers.clear();
  local.clear();
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(PREFIX)) localStorage.removeItem(key);
  } catch {
    // Nothing was kept where storage is forbidden.
  }
}
