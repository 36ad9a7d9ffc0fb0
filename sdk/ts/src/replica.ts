/**
 * This client's copy: a log and a snapshot per conversation, fed by pushes, acks, syncs and pages.
 *
 * Decides what is new, tells it in order, and says what is missing; does no I/O. A sync that begins after what is
 * known jumps there: what lies between is fetched when somebody looks at it.
 */

import type { AckType, HistoryPage, Receipt, SyncEntry } from "./frames.js";
import { itemOf } from "./frames.js";
import { Log } from "./log.js";
import type { Snapshot } from "./state.js";
import * as state from "./state.js";
import type { Item, LogEvent } from "./wire.js";

/** Entries that are remembered for a window that is still on disk; beyond, the window counts as lost. */
const MAX_COLD = 200;
/** Own messages of large groups whose counts are remembered, per conversation. */
const MAX_COUNTS = 50;

/** How entries came: pushed or fetched now, by a sync, or by the first sync of a device that knew nothing. */
export type How = "live" | "sync" | "first";

export interface Counts {
  delivered: number;
  read: number;
}

/** Who hears of changes. */
export interface ReplicaListener {
  /** A conversation's snapshot changed. */
  changed(conversationId: string): void;
  /** These entries are new, in order and contiguous with what was known before; empty: the log jumped. */
  news(conversationId: string, items: readonly Item[], how: How): void;
  /** There is something to fetch, at once or later. */
  touched(): void;
}

/** The stored newest entries of a conversation. */
export interface StoredWindow {
  items: readonly Item[];
  window_from: number;
  last_seq: number;
}

export class Replica {
  me = "";
  readonly snapshots = new Map<string, Snapshot>();
  readonly counts = new Map<string, Map<number, Counts>>();
  /** Something was heard of that only a sync can place. */
  needsSync = false;
  readonly #logs = new Map<string, Log>();
  /** Conversations whose window is still on disk, and what has happened since it was written. */
  readonly #cold = new Map<string, Item[]>();

  constructor(
    private readonly listener: ReplicaListener,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Takes up a conversation from the disk, where its window stays until somebody looks at it. */
  restore(snapshot: Snapshot): void {
    const id = snapshot.info.conversation_id;
    this.snapshots.set(id, { ...snapshot, items: [], window_from: snapshot.last_seq + 1 });
    this.#logs.set(id, new Log(snapshot.last_seq));
    this.#cold.set(id, []);
  }

  /** True while the window of a conversation is on disk only. */
  isCold(conversationId: string): boolean {
    return this.#cold.has(conversationId);
  }

  /** Brings the window of a conversation back from the disk, and up to date. */
  hydrate(conversationId: string, stored: StoredWindow | undefined): void {
    const since = this.#cold.get(conversationId);
    const snapshot = this.snapshots.get(conversationId);
    this.#cold.delete(conversationId);
    if (since === undefined || snapshot === undefined || stored === undefined) return;
    if (stored.window_from >= snapshot.window_from) return;
    let warm: Snapshot = { ...snapshot, ...stored };
    for (const item of since) warm = state.apply(warm, item, this.me);
    if (warm.last_seq !== snapshot.last_seq) return; // the copies do not belong together
    this.snapshots.set(conversationId, { ...snapshot, items: warm.items, window_from: warm.window_from });
  }

  /** Forgets every conversation: the store has a new epoch, or somebody else has logged in. */
  forget(): void {
    this.snapshots.clear();
    this.counts.clear();
    this.#logs.clear();
    this.#cold.clear();
    this.needsSync = true;
  }

  /** Takes a `message` or `event` frame, or one's own acknowledged operation. */
  push(wire: Item): void {
    const item = itemOf(wire);
    const log = this.#logs.get(item.conversation_id) ?? this.#discover(item);
    this.#tell(item.conversation_id, log.offer(item, this.now()));
    this.listener.touched();
  }

  /** Takes one conversation of a sync. */
  syncEntry(entry: SyncEntry, how: How): void {
    const id = entry.conversation.conversation_id;
    const log = this.#logs.get(id) ?? new Log();
    this.#logs.set(id, log);
    const old = this.snapshots.get(id);
    const known = log.known ?? 0;
    const first = entry.events[0]?.seq ?? entry.last_seq + 1;
    const fresh = old === undefined ? state.snapshotOf(entry) : state.refresh(old, entry, this.me);
    if (entry.last_seq <= known) {
      this.#store(fresh);
      return;
    }
    const events = entry.events.map(itemOf);
    if (old === undefined || first > known + 1) this.#cold.delete(id);
    else this.#cold.get(id)?.push(...events.filter((item) => item.seq > known));
    this.#store(fresh);
    for (const item of events) if (item.kind === "conversation_settings") this.#applySettings(item);
    const held = log.jump(entry.last_seq, this.now());
    const joins = old !== undefined && first <= known + 1;
    this.listener.news(id, joins ? events.filter((item) => item.seq > known) : [], how);
    this.#tell(id, held);
    this.listener.touched();
  }

  /** Takes the answer to "history after `afterSeq`" that fills a hole. */
  page(afterSeq: number, page: HistoryPage): void {
    const log = this.#logs.get(page.conversation_id);
    if (log === undefined) return;
    const fresh = log.fill(afterSeq, page.events.map(itemOf), page.has_more, this.now());
    this.#tell(page.conversation_id, fresh);
  }

  /** A fetch has failed: again after this long, or never (null: it is not for this user). */
  holeFailed(conversationId: string, delayMs: number | null): void {
    const log = this.#logs.get(conversationId);
    if (delayMs === null) log?.giveUp();
    else log?.postpone(delayMs, this.now());
  }

  /** Takes somebody's positions: one's own (from another device), those of a private chat's peer, or counts. */
  receipt(receipt: Receipt): void {
    const snapshot = this.snapshots.get(receipt.conversation_id);
    if (snapshot === undefined) return;
    const { user_id, delivered_seq = 0, read_seq = 0 } = receipt;
    if (user_id === undefined) {
      this.#count(receipt);
    } else if (user_id === this.me) {
      this.#store(state.withPositions(snapshot, delivered_seq, read_seq, this.me));
    } else if (snapshot.info.type === "private") {
      this.#store(state.withPeerPositions(snapshot, delivered_seq, read_seq));
    }
  }

  /** The user has read, or got, everything up to `seq`. */
  mark(conversationId: string, kind: AckType, seq: number): void {
    const snapshot = this.snapshots.get(conversationId);
    if (snapshot !== undefined) {
      this.#store(state.withPositions(snapshot, seq, kind === "read" ? seq : 0, this.me));
    }
  }

  /** The live stream may have a hole. */
  askForSync(): void {
    this.needsSync = true;
    this.listener.touched();
  }

  /** Takes a last message that a sync left out (it names the newest entries of some conversations only). */
  fillLastMessage(conversationId: string, item: Item): void {
    const snapshot = this.snapshots.get(conversationId);
    const message = itemOf(item);
    if (snapshot?.last_message !== undefined || snapshot === undefined || message.kind !== "message") return;
    if (message.seq > snapshot.last_seq) return;
    const newest_ts = Math.max(snapshot.newest_ts, message.server_ts);
    this.#store({ ...snapshot, last_message: message, newest_ts });
  }

  /** Every "history after n" that is to be fetched now. */
  due(): { conversation_id: string; after_seq: number } | undefined {
    const now = this.now();
    for (const [conversation_id, log] of this.#logs) {
      if (log.dueAtMs !== null && log.dueAtMs <= now) return { conversation_id, after_seq: log.known ?? 0 };
    }
    return undefined;
  }

  /** In how many milliseconds the next hole is to be fetched; undefined when nothing is missing. */
  nextDueMs(): number | undefined {
    let next: number | undefined;
    for (const { dueAtMs } of this.#logs.values()) {
      if (dueAtMs !== null) next = Math.min(next ?? dueAtMs, dueAtMs);
    }
    return next === undefined ? undefined : Math.max(next - this.now(), 0);
  }

  /** Begins a conversation that was not known: at its first entry, otherwise where the next sync says. */
  #discover(item: Item): Log {
    const info = state.infoOfFirst(item, this.me);
    const log = new Log(info === undefined ? null : 0);
    this.#logs.set(item.conversation_id, log);
    if (info === undefined) this.needsSync = true;
    else this.#store(state.emptySnapshot(info));
    return log;
  }

  #tell(conversationId: string, items: readonly Item[]): void {
    if (items.length === 0) return;
    let snapshot = this.snapshots.get(conversationId);
    for (const item of items) {
      if (snapshot !== undefined) snapshot = state.apply(snapshot, item, this.me);
      if (item.kind === "conversation_settings") this.#applySettings(item);
    }
    if (snapshot !== undefined) this.#store(snapshot);
    this.#chill(conversationId, items);
    this.listener.news(conversationId, items, "live");
  }

  #chill(conversationId: string, items: readonly Item[]): void {
    const cold = this.#cold.get(conversationId);
    if (cold === undefined) return;
    cold.push(...items);
    if (cold.length > MAX_COLD) this.#cold.delete(conversationId);
  }

  /** The server has taken one's own settings as entry `seq` of one's own log. What that log told is as new, or newer. */
  settings(conversationId: string, values: Partial<LogEvent>, seq: number): void {
    if (seq > (this.#logs.get(this.me)?.known ?? 0)) this.#set(conversationId, values);
  }

  #applySettings(event: Item): void {
    if (event.kind === "conversation_settings" && event.about !== undefined) this.#set(event.about, event);
  }

  #set(conversationId: string, values: Partial<LogEvent>): void {
    const snapshot = this.snapshots.get(conversationId);
    if (snapshot !== undefined) this.#store(state.withSettings(snapshot, values));
  }

  #count(receipt: Receipt): void {
    const { conversation_id, seq, delivered = 0, read = 0 } = receipt;
    if (seq === undefined) return;
    const counts = this.counts.get(conversation_id) ?? new Map<number, Counts>();
    this.counts.set(conversation_id, counts);
    counts.set(seq, { delivered, read });
    if (counts.size > MAX_COUNTS) counts.delete(Math.min(...counts.keys()));
  }

  #store(snapshot: Snapshot): void {
    const id = snapshot.info.conversation_id;
    if (this.snapshots.get(id) === snapshot) return;
    this.snapshots.set(id, snapshot);
    this.listener.changed(id);
  }
}
