import type { Conversation, Message } from "@pingme/sdk";
import { EVERYONE } from "../text/mentions";
import type { NotifyPrefs } from "./prefs";

/** How somebody is told of a message. */
export interface Telling {
  readonly desktop: boolean;
  readonly sound: boolean;
}

/** What is known when a message arrives. */
export interface Moment {
  readonly me: string | undefined;
  readonly prefs: NotifyPrefs;
  /** The browser's permission is given. */
  readonly allowed: boolean;
  /** Conversations that are open in a page that somebody looks at; "" for a page with none open. */
  readonly front: readonly string[];
}

const NOTHING: Telling = { desktop: false, sound: false };

/**
 * Decides how to tell of a message.
 *
 * Not at all: of one's own, of what stands before one's eyes, and of a muted conversation, but where one is mentioned.
 * By a sound alone while a page of this browser is in front: it shows the rest by itself. Otherwise as was chosen.
 */
export function decideTelling(message: Message, { id, info }: Conversation, moment: Moment): Telling {
  const { me, prefs, allowed, front } = moment;
  if (message.sender_id === me || message.recalled || front.includes(id)) return NOTHING;
  if (info.muted && !isMentioned(message, me)) return NOTHING;
  return { desktop: prefs.desktop && allowed && front.length === 0, sound: prefs.sound };
}

function isMentioned({ mentions }: Message, me: string | undefined): boolean {
  return mentions?.some((id) => id === me || id === EVERYONE) ?? false;
}
