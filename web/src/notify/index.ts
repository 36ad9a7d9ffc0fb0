/**
 * Being told of messages: notifications of the desktop, a sound, the number in the title and on the app's badge.
 *
 * The browser is asked for its permission only when somebody turns notifications on in the settings.
 */
import type { Conversation, Message } from "@pingme/sdk";
import { client } from "../state/client";
import { decideTelling } from "./decide";
import { closeNotification, notified, showNotification } from "./desktop";
import { announceFront, frontNow } from "./front";
import { permission } from "./permission";
import { notifyPrefs, watchNotifyPrefs } from "./prefs";
import { playSound } from "./sound";
import { followUnread } from "./title";

const CALM_MS = 1_500; // between two sounds: ten messages at once are one piece of news
const LOOK_MS = 2_000; // how soon the notification of something that was read elsewhere goes

/** Begins to tell of messages, for a client that is attached and logged in. Returns what ends it. */
export function startNotify(): () => void {
  let sounded = 0;
  const hear = async (message: Message, where: Conversation): Promise<void> => {
    const front = await frontNow();
    const prefs = notifyPrefs.peek();
    const allowed = permission.peek() === "granted";
    const telling = decideTelling(message, where, { me: client().me?.user_id, prefs, allowed, front });
    if (telling.desktop) showNotification(message, where, prefs.preview);
    if (telling.sound && Date.now() - sounded > CALM_MS) {
      sounded = Date.now();
      playSound();
    }
  };
  const timer = setInterval(closeRead, LOOK_MS);
  const stops = [
    client().onMessage((message, where) => void hear(message, where).catch(() => undefined)),
    announceFront(),
    watchNotifyPrefs(),
    followUnread(),
    () => clearInterval(timer),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function closeRead(): void {
  for (const id of notified()) if (client().conversation(id)?.unread === 0) closeNotification(id);
}
