import { signal } from "@preact/signals";
import { client } from "./client";

/** True while somebody is likely to look at the page: it is visible and has the focus. */
export const looking = signal(isLooking());

const AWAY_MS = 5 * 60_000; // without a key or a movement; chat programs have long used 5 minutes
const MOVES = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;

/** Follows whether the page is looked at, and tells the server when nobody has for a while. */
export function watchAttention(): void {
  const look = (): void => {
    looking.value = isLooking();
  };
  for (const name of ["focus", "blur", "pageshow"]) addEventListener(name, look);
  document.addEventListener("visibilitychange", look);
  watchAway();
}

function watchAway(): void {
  let away = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let armedAt = 0;
  const leave = (): void => {
    away = true;
    client().setPresence("away");
  };
  const move = (): void => {
    const now = Date.now();
    if (away) {
      away = false;
      client().setPresence("online");
    } else if (now - armedAt < 1_000) return; // moving the pointer comes a hundred times a second
    armedAt = now;
    clearTimeout(timer);
    timer = setTimeout(leave, AWAY_MS);
  };
  for (const name of MOVES) addEventListener(name, move, { passive: true });
  move();
}

function isLooking(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}
