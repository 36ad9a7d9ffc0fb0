import type { User } from "@pingme/sdk";
import { effect, signal } from "@preact/signals";
import { client } from "./client";
import { forgetDrafts } from "./drafts";
import { me, phase, status } from "./store";

/** Why the last session ended, for the page that asks to log in again. */
export const endedBecause = signal<"revoked" | "logged_out" | null>(null);

/** Goes on with the kept session, or asks to log in; follows its end, and its beginning in another tab. */
export async function startSession(): Promise<void> {
  const user = await client().resume();
  phase.value = user ? "ready" : "anonymous";
  effect(() => {
    const user = me();
    const { state, reason } = status();
    if (state === "ended" && (reason === "revoked" || reason === "logged_out")) ended(reason);
    else if (user && phase.peek() === "anonymous") begun();
  });
}

function begun(): void {
  endedBecause.value = null;
  phase.value = "ready";
}

function ended(reason: "revoked" | "logged_out"): void {
  if (reason === "logged_out") forgetDrafts(); // another tab has forgotten what is stored, not what this page holds
  if (phase.peek() === "ready") endedBecause.value = reason;
  phase.value = "anonymous";
}

/** Logs in, or makes an account and logs in. Rejects with a PingMeError. */
export async function enter(how: () => Promise<User>): Promise<void> {
  await how();
  begun();
}

/** Logs out and forgets the local copy. */
export async function leave(): Promise<void> {
  forgetDrafts();
  await client().logout();
  endedBecause.value = null;
  phase.value = "anonymous";
  location.hash = "#/";
}
