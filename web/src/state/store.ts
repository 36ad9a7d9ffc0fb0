/** What views show, each followed by its own key. */
import type { Conversation, Pending, Presence, Status, User } from "@pingme/sdk";
import { computed, signal } from "@preact/signals";
import { t } from "../i18n";
import { client, follow } from "./client";

/** Where the session stands: `starting` until it is known whether somebody is logged in. */
export const phase = signal<"starting" | "anonymous" | "ready">("starting");

/** The line to the server. */
export function status(): Status {
  follow("status");
  return client().status;
}

/** The user of this page. */
export function me(): User | null {
  follow("me");
  return client().me;
}

/** Pinned first, then newest first. */
export function conversations(): readonly Conversation[] {
  follow("conversations");
  return client().conversations();
}

/** A conversation as it stands now; undefined when this user has none of that id. */
export function conversation(id: string): Conversation | undefined {
  follow(`conversation:${id}`);
  return client().conversation(id);
}

/** What this user did there and the server has not confirmed, in order. */
export function pending(id: string): readonly Pending[] {
  follow(`pending:${id}`);
  return client().pending(id);
}

/** Ids of those who are typing there. */
export function typingIn(id: string): readonly string[] {
  follow(`typing:${id}`);
  return client().typingIn(id);
}

/** Where somebody is; undefined until it was asked for. */
export function presence(userId: string): Presence | undefined {
  follow(`presence:${userId}`);
  return client().presence(userId);
}

/** What is known of a user. Whoever is not known yet is asked for, and comes by the same key. */
export function user(id: string): User | undefined {
  follow(`user:${id}`);
  return client().user(id);
}

/** What to call somebody. Until it is known: nothing, rather than an id that means nothing to people. */
export function nameOf(id: string): string {
  const known = user(id);
  return known ? known.nickname || known.username : "";
}

/** What to call a conversation: the group's name, or the other person's. */
export function titleOf({ info, id }: Conversation): string {
  if (info.type === "group") return info.name || id;
  const known = info.peer_id === undefined ? undefined : user(info.peer_id);
  return known ? known.nickname || known.username : info.name || t("common.unknown_user");
}

/** Unread messages in conversations that are not muted, for the title and the badge of the page. */
export const unreadTotal = computed(() =>
  conversations().reduce((sum, { unread, info }) => (info.muted ? sum : sum + unread), 0),
);
