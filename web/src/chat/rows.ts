import type { Item, LogEvent, Message, Pending, Reaction } from "@pingme/sdk";
import { startOfDay } from "../i18n";

/** One line of the list. `first`: it begins a run of the same sender, so it shows who that is. */
export type Row =
  | {
      readonly kind: "message";
      readonly key: string;
      readonly message: Message;
      readonly first: boolean;
      readonly mine: boolean;
      /** What this user did to it that is not confirmed yet: what was refused, else the newest. */
      readonly op?: Pending;
    }
  | { readonly kind: "event"; readonly key: string; readonly event: LogEvent }
  | { readonly kind: "pending"; readonly key: string; readonly pending: Pending; readonly first: boolean }
  | { readonly kind: "unread"; readonly key: string };

/** The rows of one calendar day. */
export interface Day {
  readonly key: string;
  /** Unix milliseconds of its midnight. */
  readonly ts: number;
  readonly rows: readonly Row[];
}

export interface RowsOf {
  readonly items: readonly Item[];
  readonly pending: readonly Pending[];
  readonly me: string;
  /** The line "new messages" stands before the first message of others after this seq; Infinity: nowhere. */
  readonly readAtOpen: number;
  /** What waits stands after the newest message, so nowhere where that is not loaded. */
  readonly atEnd: boolean;
}

const RUN_MS = 5 * 60_000; // after a pause of this long the sender's name stands there again

/** Arranges entries into days and runs. Equal input gives equal keys, so that elements keep their place. */
export function daysOf({ items, pending, me, readAtOpen, atEnd }: RowsOf): readonly Day[] {
  const days: { key: string; ts: number; rows: Row[] }[] = [];
  const ops = new Map<number | undefined, Pending[]>();
  for (const each of pending) ops.set(each.target_seq, [...(ops.get(each.target_seq) ?? []), each]);
  let before: { sender: string; ts: number } | undefined;
  let line = Number.isFinite(readAtOpen);

  const add = (ts: number, row: Row): void => {
    const day = startOfDay(ts);
    const last = days.at(-1);
    // A clock that was set back does not make a second section of the same day.
    if (last && day <= last.ts) last.rows.push(row);
    else {
      days.push({ key: `d${day}`, ts: day, rows: [row] });
      before = undefined;
    }
  };
  const starts = (sender: string, ts: number): boolean =>
    !before ||
    before.sender !== sender ||
    ts - before.ts > RUN_MS ||
    startOfDay(ts) !== startOfDay(before.ts);

  for (const item of items) {
    const ts = item.server_ts;
    if (line && item.kind === "message" && item.seq > readAtOpen && item.sender_id !== me) {
      line = false;
      add(ts, { kind: "unread", key: "unread" });
      before = undefined;
    }
    if (item.kind !== "message") {
      add(ts, { kind: "event", key: `s${item.seq}`, event: item });
      before = undefined;
      continue;
    }
    const mine = item.sender_id === me;
    const done = ops.get(item.seq) ?? [];
    const op = done.find(({ state }) => state === "failed") ?? done.at(-1);
    const first = starts(item.sender_id, ts);
    // One's own keep the key that they had while they waited, so the element stays where it is.
    const key = mine ? `m${item.msg_id}` : `s${item.seq}`;
    add(ts, {
      kind: "message",
      key,
      message: done.reduce((message, each) => withPending(message, each, me), item),
      first,
      mine,
      ...(op ? { op } : {}),
    });
    before = { sender: item.sender_id, ts };
  }
  if (!atEnd) return days;
  const stored = new Set(items.filter(({ sender_id }) => sender_id === me).map(({ msg_id }) => msg_id));
  for (const each of pending) {
    if (each.kind !== "send" || stored.has(each.msg_id)) continue;
    const first = starts(me, each.client_ts);
    add(each.client_ts, { kind: "pending", key: `m${each.msg_id}`, pending: each, first });
    before = { sender: me, ts: each.client_ts };
  }
  return days;
}

/** A message as it will be when what waits is confirmed. What was refused is not shown as done. */
export function withPending(message: Message, op: Pending, me: string): Message {
  if (op.state === "failed") return message;
  if (op.kind === "edit") return { ...message, content: op.content ?? message.content };
  if (op.kind !== "react" || op.emoji === undefined) return message;
  return { ...message, reactions: reacted(message.reactions ?? [], op.emoji, me, op.remove ?? false) };
}

function reacted(all: readonly Reaction[], emoji: string, me: string, remove: boolean): readonly Reaction[] {
  const found = all.find((each) => each.emoji === emoji);
  const has = found?.user_ids.includes(me) ?? false;
  if (has !== remove) return all;
  if (!found) return [...all, { emoji, count: 1, user_ids: [me] }];
  return all
    .map((each) =>
      each === found
        ? {
            emoji,
            count: each.count + (remove ? -1 : 1),
            user_ids: remove ? each.user_ids.filter((id) => id !== me) : [...each.user_ids, me],
          }
        : each,
    )
    .filter(({ count }) => count > 0);
}
