/**
 * What a client shows of a conversation, and how an entry changes it. Pure.
 *
 * The rule that the tests hold: apply(snapshot, entries) equals a fresh snapshot at the later head.
 */

import { fold, isVisible } from "./fold.js";
import type { SyncEntry } from "./frames.js";
import { itemOf } from "./frames.js";
import type { ConversationInfo, Item, LogEvent, Message } from "./wire.js";

/** Visible entries kept per conversation; older ones are fetched when they are shown. */
export const WINDOW = 200;
/** Shown as 999+ (docs/protocol.md, "Sync"). */
const MAX_UNREAD = 1_000;

/** A conversation up to `last_seq`. Never changed in place. */
export interface Snapshot {
  readonly info: ConversationInfo;
  readonly last_seq: number;
  readonly delivered_seq: number;
  readonly read_seq: number;
  readonly unread: number;
  readonly peer_delivered_seq: number;
  readonly peer_read_seq: number;
  /** The newest visible entries, ascending. */
  readonly items: readonly Item[];
  /** Every visible entry with this seq or a later one is in `items`. */
  readonly window_from: number;
  readonly last_message: Message | undefined;
  readonly newest_ts: number;
}

/** Returns a conversation in which nothing has happened yet. */
export const emptySnapshot = (info: ConversationInfo): Snapshot => ({
  info,
  last_seq: 0,
  delivered_seq: 0,
  read_seq: 0,
  unread: 0,
  peer_delivered_seq: 0,
  peer_read_seq: 0,
  items: [],
  window_from: 1,
  last_message: undefined,
  newest_ts: 0,
});

/** Returns the conversation as a sync shows it. */
export function snapshotOf(entry: SyncEntry): Snapshot {
  const items = entry.events.map(itemOf).filter(isVisible).slice(-WINDOW);
  let first = entry.events[0]?.seq ?? entry.last_seq + 1;
  if (entry.events_complete) first = Math.min(first, entry.conversation.from_seq ?? 1);
  return {
    info: entry.conversation,
    last_seq: entry.last_seq,
    delivered_seq: entry.delivered_seq,
    read_seq: entry.read_seq,
    unread: entry.unread,
    peer_delivered_seq: entry.peer_delivered_seq ?? 0,
    peer_read_seq: entry.peer_read_seq ?? 0,
    items,
    window_from: first,
    last_message: lastMessage(items),
    newest_ts: items.at(-1)?.server_ts ?? 0,
  };
}

/**
 * Returns the conversation after a sync: the server's word, and the older entries that still join it without a hole.
 *
 * Where live entries have gone beyond the sync already, only its positions count. One's own positions never go back:
 * they may have been set while the line was down.
 */
export function refresh(old: Snapshot, entry: SyncEntry, me: string): Snapshot {
  let fresh = snapshotOf(entry);
  if (old.last_seq > fresh.last_seq) {
    const moved = withPositions(old, entry.delivered_seq, entry.read_seq, me);
    return withPeerPositions(moved, fresh.peer_delivered_seq, fresh.peer_read_seq);
  }
  const first = entry.events[0]?.seq ?? entry.last_seq + 1;
  if (old.last_seq + 1 >= first) {
    let joined = old;
    for (const event of entry.events) joined = apply(joined, itemOf(event), me);
    const { items, window_from, last_message, newest_ts } = joined;
    fresh = { ...fresh, items, window_from, last_message, newest_ts };
  } else if (fresh.last_message === undefined) {
    fresh = { ...fresh, newest_ts: Math.max(fresh.newest_ts, old.newest_ts), last_message: old.last_message };
  }
  return withPositions(fresh, old.delivered_seq, old.read_seq, me);
}

/** Returns the conversation after its next entry; entries up to last_seq change nothing. */
export function apply(snapshot: Snapshot, item: Item, me: string): Snapshot {
  if (item.seq <= snapshot.last_seq) return snapshot;
  const joins = item.seq === snapshot.last_seq + 1; // otherwise what lies between is not visible to this user
  const at: Snapshot = joins
    ? { ...snapshot, last_seq: item.seq }
    : { ...snapshot, last_seq: item.seq, window_from: item.seq, items: [] };
  return item.kind === "message" ? withMessage(at, item, me) : withEvent(at, item, me);
}

function withMessage(at: Snapshot, message: Message, me: string): Snapshot {
  const isUnread = message.sender_id !== me && message.seq > at.read_seq;
  const unread = Math.min(at.unread + (isUnread ? 1 : 0), MAX_UNREAD);
  return { ...withItem(at, message), unread, last_message: message };
}

function withItem(at: Snapshot, item: Item): Snapshot {
  const items = [...at.items, item].slice(-WINDOW);
  const from = at.items.length < WINDOW ? at.window_from : (items[0]?.seq ?? at.window_from);
  return { ...at, items, window_from: from, newest_ts: item.server_ts };
}

function withEvent(at: Snapshot, event: LogEvent, me: string): Snapshot {
  if (isVisible(event)) return withInfo(withItem(at, event), infoAfter(at.info, event, me));
  const items = fold(at.items, event);
  const last = at.last_message && (fold([at.last_message], event)[0] as Message);
  return items === at.items && last === at.last_message ? at : { ...at, items, last_message: last };
}

const withInfo = (at: Snapshot, info: ConversationInfo): Snapshot =>
  info === at.info ? at : { ...at, info };

/** Returns what is known about a conversation after one of its entries. */
function infoAfter(info: ConversationInfo, event: LogEvent, me: string): ConversationInfo {
  switch (event.kind) {
    case "group_updated":
      return {
        ...info,
        ...given(event, ["name", "announcement", "avatar", "history_policy", "join_policy"]),
      };
    case "group_dissolved":
      return { ...info, dissolved: true };
    case "member_left":
      return withoutMember(info, event.sender_id === me);
    case "member_removed":
      return withoutMember(info, event.user_id === me);
    case "member_joined":
      return withMembers(info, event.user_ids ?? [], me);
    case "member_role":
      if (event.role === undefined) return info;
      if (event.user_id === me) return { ...info, role: event.role };
      return event.role === "owner" && info.role === "owner" ? { ...info, role: "admin" } : info;
    default:
      return info;
  }
}

function withoutMember(info: ConversationInfo, isMe: boolean): ConversationInfo {
  const count = info.member_count;
  if (!isMe) return count === undefined ? info : { ...info, member_count: Math.max(count - 1, 0) };
  // Former members see the name and nothing else of the group.
  const kept = given(info, ["conversation_id", "type", "name", "from_seq", "muted", "pinned", "draft"]);
  return { conversation_id: info.conversation_id, type: info.type, ...kept, former: true };
}

function withMembers(info: ConversationInfo, userIds: readonly string[], me: string): ConversationInfo {
  const count = info.member_count;
  const more = count === undefined ? info : { ...info, member_count: count + userIds.length };
  if (!userIds.includes(me)) return more;
  const { former: _, ...member } = more;
  return { ...member, role: info.role ?? "member" };
}

/** Returns the conversation with one's own settings after a change of them. */
export const withSettings = (at: Snapshot, values: Partial<LogEvent>): Snapshot => ({
  ...at,
  info: { ...at.info, ...given(values, ["muted", "pinned", "draft"]) },
});

/** Returns the conversation with one's own positions moved forwards, and unread counted anew. */
export function withPositions(at: Snapshot, delivered: number, read: number, me: string): Snapshot {
  const readSeq = Math.max(at.read_seq, read);
  const deliveredSeq = Math.max(at.delivered_seq, delivered, readSeq);
  if (readSeq === at.read_seq && deliveredSeq === at.delivered_seq) return at;
  const unread = readSeq > at.read_seq ? unreadAfter(at, readSeq, me) : at.unread;
  return { ...at, delivered_seq: deliveredSeq, read_seq: readSeq, unread };
}

/** Returns a private conversation with the other one's positions moved forwards. */
export function withPeerPositions(at: Snapshot, delivered: number, read: number): Snapshot {
  const readSeq = Math.max(at.peer_read_seq, read);
  const deliveredSeq = Math.max(at.peer_delivered_seq, delivered, readSeq);
  if (readSeq === at.peer_read_seq && deliveredSeq === at.peer_delivered_seq) return at;
  return { ...at, peer_delivered_seq: deliveredSeq, peer_read_seq: readSeq };
}

function unreadAfter(at: Snapshot, readSeq: number, me: string): number {
  if (readSeq >= at.last_seq) return 0;
  if (readSeq + 1 < at.window_from) return at.unread; // older than what is held: exact again with the next sync
  return at.items.filter((item) => item.kind === "message" && item.seq > readSeq && item.sender_id !== me)
    .length;
}

/** Returns what the first entry of a conversation says about it, undefined when it is not the first. */
export function infoOfFirst(item: Item, me: string): ConversationInfo | undefined {
  const conversation_id = item.conversation_id;
  if (item.seq !== 1) return undefined;
  if (conversation_id === me) return { conversation_id, type: "self" };
  if (item.kind === "group_created") {
    return {
      conversation_id,
      type: "group",
      role: item.sender_id === me ? "owner" : "member",
      member_count: item.user_ids?.length ?? 0,
      ...given(item, ["name", "history_policy", "join_policy"]),
    };
  }
  if (item.kind !== "message" || item.to_user_id === undefined) return undefined;
  const peer_id = item.sender_id === me ? item.to_user_id : item.sender_id;
  return { conversation_id, type: "private", peer_id };
}

const lastMessage = (items: readonly Item[]): Message | undefined =>
  items.findLast((item): item is Message => item.kind === "message");

/** Returns the fields that are there. */
function given<T extends object, K extends keyof T>(values: T, names: readonly K[]): Partial<Pick<T, K>> {
  const found: Partial<Pick<T, K>> = {};
  for (const name of names)
    if (values[name] !== undefined && values[name] !== null) found[name] = values[name];
  return found;
}
