/** How later entries change a message, and which entries are shown by themselves. Pure. */

import type { Item, LogEvent, Message, Reaction } from "./wire.js";

/** User ids that the server names per emoji. */
const MAX_REACTORS = 50;

/** Folded into their message, or about one's own settings: not shown by themselves. */
const HIDDEN: ReadonlySet<string> = new Set([
  "edit",
  "recall",
  "reaction",
  "conversation_settings",
  "profile_updated",
]);

export const isVisible = (item: Item): boolean => !HIDDEN.has(item.kind);

/**
 * Returns a message after an edit, a recall or a reaction.
 *
 * A page may have shown it already changed: so older edits change nothing, and putting an emoji twice puts it once.
 */
export function changeMessage(message: Message, event: LogEvent): Message {
  switch (event.kind) {
    case "edit":
      if (message.recalled || event.seq <= (message.edited_seq ?? 0)) return message;
      return { ...message, content: event.content ?? "", edited_seq: event.seq };
    case "recall":
      return { ...message, content: "", recalled: true };
    case "reaction":
      return withReactions(message, react(message.reactions ?? [], event));
    default:
      return message;
  }
}

/** Returns the list with the message that an entry is about changed; the same list when it is about none of them. */
export function fold(items: readonly Item[], event: Item): readonly Item[] {
  if (event.kind === "message" || event.target_seq === undefined) return items;
  const place = placeOf(items, event.target_seq);
  const item = items[place];
  if (item?.kind !== "message") return items;
  const changed = changeMessage(item, event);
  return changed === item ? items : items.with(place, changed);
}

/** Returns the place of a seq in an ascending list, -1 when it is not there. */
export function placeOf(items: readonly Item[], seq: number): number {
  let low = 0;
  let high = items.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = items[middle]?.seq ?? 0;
    if (found === seq) return middle;
    if (found < seq) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

function withReactions(message: Message, reactions: readonly Reaction[]): Message {
  if (reactions === message.reactions) return message;
  if (reactions.length > 0) return { ...message, reactions };
  const { reactions: _, ...rest } = message;
  return rest;
}

function react(reactions: readonly Reaction[], event: LogEvent): readonly Reaction[] {
  const emoji = event.emoji ?? "";
  const place = reactions.findIndex((reaction) => reaction.emoji === emoji);
  const old = reactions[place];
  if (old === undefined) {
    return event.remove ? reactions : [...reactions, { emoji, count: 1, user_ids: [event.sender_id] }];
  }
  const changed = event.remove ? withdraw(old, event.sender_id) : put(old, event.sender_id);
  if (changed === old) return reactions;
  return changed.count > 0 ? reactions.with(place, changed) : reactions.toSpliced(place, 1);
}

function put(reaction: Reaction, userId: string): Reaction {
  if (reaction.user_ids.includes(userId)) return reaction;
  const userIds = [...reaction.user_ids, userId].slice(0, MAX_REACTORS);
  return { ...reaction, count: reaction.count + 1, user_ids: userIds };
}

function withdraw(reaction: Reaction, userId: string): Reaction {
  const known = reaction.user_ids.includes(userId);
  if (!known && reaction.count === reaction.user_ids.length) return reaction;
  const left = reaction.user_ids.filter((one) => one !== userId);
  return { ...reaction, count: Math.max(reaction.count - 1, left.length), user_ids: left };
}
