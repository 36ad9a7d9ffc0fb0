import type { User } from "@pingme/sdk";
import { effect, signal } from "@preact/signals";
import { client } from "./client";
import { forgetDrafts } from "./drafts";
import { phase, status } from "./store";

/** Why the last session ended, for the page that asks to log in again. */
export const endedBecause = signal<"revoked" | "logged_out" | null>(null);

/** Goes on with the kept session, or asks to log in; follows its end. */
export async function startSession(): Promise<void> {
  const user = await client().resume();
  phase.value = user ? "ready" : "anonymous";
  effect(() => {
    const { state, reason } = status();
    if (state !== "ended" || (reason !== "revoked" && reason !== "logged_out")) return;
    if (phase.peek() === "ready") endedBecause.value = reason;
    phase.value = "anonymous";
  });
}

/** Logs in, or makes an account and logs in. Rejects with a PingMeError. */
export async function enter(how: () => Promise<User>): Promise<void> {
  await how();
  endedBecause.value = null;
  phase.value = "ready";
}

/** Logs out and forgets the local copy. */
export async function leave(): Promise<void> {
  forgetDrafts();
  await client().logout();
  endedBecause.value = null;
  phase.value = "anonymous";
  location.hash = "#/";
}
