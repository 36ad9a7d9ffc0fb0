/**
 * Which pages of this browser somebody looks at, told among them.
 *
 * One page holds the connection and is told of messages; another one may be in front. A page in front holds a Web
 * Lock whose name says which conversation it shows. A lock goes when its page is closed or crashes, so nothing stale
 * is left behind, as a value in the storage would be.
 */
import { effect } from "@preact/signals";
import { looking } from "../state/attention";
import { route } from "../state/route";

const PREFIX = "pingme.front:";

/** The conversation that this page shows to somebody: its id, "" for none, undefined while nobody looks. */
function shown(): string | undefined {
  const now = route.value;
  if (!looking.value) return undefined;
  return now.view === "conversation" ? now.id : "";
}

/** Tells the browser's other pages what this one shows; returns what ends it. */
export function announceFront(): () => void {
  if (!("locks" in navigator)) return () => undefined;
  return effect(() => {
    const id = shown();
    if (id === undefined) return undefined;
    const leave = new AbortController();
    void navigator.locks
      .request(PREFIX + id, { mode: "shared" }, () => untilAborted(leave.signal))
      .catch(() => undefined);
    return () => leave.abort();
  });
}

/** What the pages of this browser show to somebody now. */
export async function frontNow(): Promise<readonly string[]> {
  const own = shown();
  if (!("locks" in navigator)) return own === undefined ? [] : [own];
  const { held = [] } = await navigator.locks.query();
  const others = held.flatMap(({ name }) => (name?.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : []));
  return own === undefined ? others : [own, ...others];
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
