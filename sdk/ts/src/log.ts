/**
 * One conversation's log as this client holds it: contiguous, in order, each entry once.
 *
 * Pure: it is told what arrives and what time it is, and says what is new and what to fetch.
 * - what has seq <= `known` was seen before and is dropped (one's own acks count: they occupy their seq);
 * - what comes early is held; when the hole before it has stayed for HOLD_MS, the hole is to be fetched;
 * - a page that answers "after n" and begins later than n + 1 shows that this user sees nothing between.
 */

import type { Item } from "./wire.js";

/** Pushes overtake each other for moments only (docs/protocol.md, "Rules for clients"). */
export const HOLD_MS = 200;
/** Held entries; what comes after is fetched from the server when its turn has come. */
export const MAX_EARLY = 1_000;
/** Waits after answers that do not show what was announced. */
const EMPTY_RETRY_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

export class Log {
  /** The highest contiguous seq that is held; null while it is not known where the visible log begins. */
  known: number | null;
  /** The highest seq that was heard of. */
  head: number;
  /** The moment of the next fetch; null when nothing is missing. */
  dueAtMs: number | null = null;
  #early = new Map<number, Item>();
  #emptyAnswers = 0;

  constructor(known: number | null = null) {
    this.known = known;
    this.head = known ?? 0;
  }

  /** Says up to where this client needs nothing more; returns what was held and follows directly. */
  jump(known: number, nowMs: number): Item[] {
    this.known = Math.max(this.known ?? 0, known);
    this.head = Math.max(this.head, this.known);
    for (const seq of this.#early.keys()) if (seq <= this.known) this.#early.delete(seq);
    return this.#drain(nowMs);
  }

  /** Takes a push, or one's own acknowledged entry; returns what is new, in order. */
  offer(item: Item, nowMs: number): Item[] {
    if (this.known !== null && item.seq <= this.known) return [];
    this.head = Math.max(this.head, item.seq);
    this.#hold(item);
    return this.#drain(nowMs);
  }

  /** The server says that the log reaches `head`; what is missing is to be fetched at once. */
  announce(head: number, nowMs: number): void {
    this.head = Math.max(this.head, head);
    if (this.#isBehind()) this.dueAtMs = nowMs;
  }

  /** Takes an answer to "after `afterSeq`"; returns what is new, in order. */
  fill(afterSeq: number, items: readonly Item[], hasMore: boolean, nowMs: number): Item[] {
    this.known ??= afterSeq;
    const before = this.known;
    const first = items[0];
    if (first !== undefined) this.#skipInvisible(afterSeq, first.seq);
    for (const item of items) {
      this.head = Math.max(this.head, item.seq);
      if (item.seq > this.known) this.#early.set(item.seq, item);
    }
    const fresh = this.#drain(nowMs);
    this.#planNext(nowMs, hasMore, this.known > before);
    return fresh;
  }

  /** A fetch has failed: not again before this long. */
  postpone(delayMs: number, nowMs: number): void {
    if (this.#isBehind()) this.dueAtMs = nowMs + delayMs;
  }

  /** What is missing is not visible to this user: wait for nothing. */
  giveUp(): void {
    this.#early.clear();
    this.known ??= 0;
    this.head = this.known;
    this.dueAtMs = null;
  }

  /** How many entries are held. */
  get held(): number {
    return this.#early.size;
  }

  #isBehind(): boolean {
    return this.known === null || this.known < this.head;
  }

  #hold(item: Item): void {
    if (!this.#early.has(item.seq)) this.#early.set(item.seq, item);
    if (this.#early.size > MAX_EARLY) this.#early.delete(Math.max(...this.#early.keys()));
  }

  #drain(nowMs: number): Item[] {
    const ready: Item[] = [];
    if (this.known !== null) {
      for (let next = this.#early.get(this.known + 1); next; next = this.#early.get(this.known + 1)) {
        this.#early.delete(next.seq);
        this.known = next.seq;
        ready.push(next);
      }
    }
    if (!this.#isBehind()) {
      this.dueAtMs = null;
      this.#emptyAnswers = 0;
    } else if (this.dueAtMs === null || ready.length > 0) {
      this.dueAtMs = nowMs + HOLD_MS;
    }
    return ready;
  }

  #planNext(nowMs: number, hasMore: boolean, progress: boolean): void {
    if (!this.#isBehind()) {
      this.dueAtMs = null;
    } else if (progress) {
      this.#emptyAnswers = 0;
      this.dueAtMs = hasMore ? nowMs : nowMs + HOLD_MS;
    } else {
      this.dueAtMs = nowMs + (EMPTY_RETRY_MS[this.#emptyAnswers] ?? 15_000);
      this.#emptyAnswers = Math.min(this.#emptyAnswers + 1, EMPTY_RETRY_MS.length);
    }
  }

  /** Nothing visible lies between what was asked for and the first entry that came. */
  #skipInvisible(afterSeq: number, first: number): void {
    if (this.known === null || afterSeq > this.known || first <= this.known + 1) return;
    this.known = Math.min(first, ...this.#early.keys()) - 1;
  }
}
