import type { Conversation } from "@pingme/sdk";
import { conversations, titleOf, user } from "../state/store";

/** Which conversations the list shows. */
export type Filter = "all" | "unread" | "groups";

/**
 * The conversations whose name has every word of the query, or whose other person's username has; in the order of
 * the list. Accents, case and width do not count.
 */
export function findConversations(query: string, filter: Filter): readonly Conversation[] {
  const words = fold(query)
    .split(/\s+/)
    .filter((word) => word !== "");
  const all = conversations();
  if (words.length === 0 && filter === "all") return all;
  return all.filter(
    (one) =>
      (filter !== "unread" || one.unread > 0) &&
      (filter !== "groups" || one.info.type === "group") &&
      (words.length === 0 || matches(one, words)),
  );
}

function matches(one: Conversation, words: readonly string[]): boolean {
  const { peer_id } = one.info;
  const names = fold(`${titleOf(one)} ${peer_id === undefined ? "" : (user(peer_id)?.username ?? "")}`);
  return words.every((word) => names.includes(word));
}

/** A text as it is compared: without accents, case and width. */
export function fold(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
