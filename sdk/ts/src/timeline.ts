/**
 * A contiguous range of one conversation, as a program shows it.
 *
 * Every visible entry with a seq between `#from` and `#upto` is in `items`. At the end it follows what the replica
 * tells; elsewhere it is fed by pages. A page shows messages as they stand when the server reads it: what is heard
 * while one is on its way is folded in afterwards.
 */

import type { Timeline, TimelineChange } from "./api.js";
import { fold, isVisible } from "./fold.js";
import { type HistoryPage, itemOf } from "./frames.js";
import type { Counts } from "./replica.js";
import type { Snapshot } from "./state.js";
import type { Item } from "./wire.js";

const PAGE = 50;
const MAX_PAGE = 200;
/** A jump of the log that is not longer is bridged; after a longer one the view begins anew at the end. */
const MAX_BRIDGE = 1_000;

/** Where a timeline gets its entries from. */
export interface TimelineSource {
  snapshot(): Snapshot | undefined;
  counts(): ReadonlyMap<number, Counts>;
  history(range: { before_seq?: number; after_seq?: number; limit: number }): Promise<HistoryPage>;
  closed(view: TimelineView): void;
}

export class TimelineView implements Timeline {
  items: readonly Item[] = [];
  atStart = false;
  atEnd = false;
  #from = 1;
  #upto = 0;
  /** Counts how often the view began anew: a page that was asked for before is not of this range, or of another epoch. */
  #beginnings = 0;
  readonly #listeners = new Set<(what: TimelineChange) => void>();
  /** Changes of messages that were heard while a page is on its way. */
  #during: Item[] = [];
  #waiting = 0;
  #work: Promise<unknown> = Promise.resolve();

  constructor(
    readonly conversation_id: string,
    private readonly source: TimelineSource,
  ) {}

  get counts(): ReadonlyMap<number, Counts> {
    return this.source.counts();
  }

  loadOlder(limit = PAGE): Promise<boolean> {
    return this.#queue(() => this.#loadOlder(limit));
  }

  loadNewer(limit = PAGE): Promise<boolean> {
    return this.#queue(() => this.#loadNewer(limit));
  }

  async toEnd(): Promise<void> {
    await this.#queue(async () => {
      if (this.atEnd) return;
      this.reset();
      if (this.items.length === 0) await this.#loadOlder(PAGE);
    });
  }

  async around(seq: number): Promise<void> {
    await this.#queue(async () => {
      if (this.#from <= seq && seq <= this.#upto && this.items.length > 0) return;
      const [before, after] = await this.#bothSides(seq);
      const events = [...before.events, ...after.events].map(itemOf);
      this.#from = events[0]?.seq ?? seq;
      this.#upto = events.at(-1)?.seq ?? seq - 1;
      this.items = this.#folded(events);
      this.atStart = !before.has_more;
      this.atEnd = false;
      if (!after.has_more) this.#joinEnd();
      this.#tell("reset");
    });
  }

  trim(side: "start" | "end", keep: number): void {
    if (this.items.length <= keep) return;
    if (side === "start") {
      this.items = this.items.slice(this.items.length - keep);
      this.#from = this.items[0]?.seq ?? this.#upto + 1;
      this.atStart = false;
    } else {
      this.#upto = (this.items[keep]?.seq ?? this.#upto + 1) - 1;
      this.items = this.items.slice(0, keep);
      this.atEnd = false;
    }
    this.#tell("change");
  }

  onChange(listener: (what: TimelineChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
    this.source.closed(this);
  }

  /** Shows the newest entries that the replica holds, and follows the end. */
  reset(): void {
    const snapshot = this.source.snapshot();
    this.#beginnings++;
    this.#during = [];
    this.items = snapshot?.items ?? [];
    this.#from = snapshot?.window_from ?? 1;
    this.#upto = snapshot?.last_seq ?? 0;
    this.atStart = this.#from <= (snapshot?.info.from_seq ?? 1);
    this.atEnd = true;
    this.#tell("reset");
  }

  /** Takes new entries, contiguous with what was known; none: the log jumped. */
  news(items: readonly Item[]): void {
    if (items.length === 0) {
      this.#jumped();
      return;
    }
    for (const item of items) {
      if (isVisible(item)) this.#append(item);
      else this.#change(item);
      if (this.atEnd) this.#upto = Math.max(this.#upto, item.seq);
    }
  }

  /** Counts, or positions, have changed. */
  touch(): void {
    this.#tell("change");
  }

  #append(item: Item): void {
    if (!this.atEnd || item.seq <= this.#upto) return;
    this.items = [...this.items, item];
    this.#tell("append");
  }

  #change(event: Item): void {
    if (this.#waiting > 0) this.#during.push(event);
    const items = fold(this.items, event);
    if (items === this.items) return;
    this.items = items;
    this.#tell("change");
  }

  #jumped(): void {
    const head = this.source.snapshot()?.last_seq ?? 0;
    if (!this.atEnd || head <= this.#upto) return;
    if (this.items.length === 0 || head - this.#upto > MAX_BRIDGE) {
      this.reset();
      return;
    }
    this.atEnd = false;
    void this.#queue(async () => {
      while (!this.atEnd && (await this.#loadNewer(MAX_PAGE))) {
        // page after page
      }
    }).catch(() => undefined); // offline again: the program sees that it is not at the end
  }

  /** Returns the pages before and after a seq, both of the same epoch. */
  async #bothSides(seq: number): Promise<[HistoryPage, HistoryPage]> {
    while (true) {
      const beginnings = this.#beginnings;
      const pages = await Promise.all([
        this.source.history({ before_seq: seq, limit: PAGE }),
        this.source.history({ after_seq: Math.max(seq - 1, 0), limit: PAGE }),
      ]);
      if (beginnings === this.#beginnings) return pages;
    }
  }

  async #loadOlder(limit: number): Promise<boolean> {
    while (!this.atStart) {
      const [from, beginnings] = [this.#from, this.#beginnings];
      const page = await this.source.history({ before_seq: from, limit: Math.min(limit, MAX_PAGE) });
      if (from !== this.#from || beginnings !== this.#beginnings) continue; // it does not join any more
      const events = page.events.map(itemOf);
      this.#from = events[0]?.seq ?? this.#from;
      this.atStart = !page.has_more || events.length === 0;
      const older = this.#folded(events);
      if (older.length === 0) continue;
      this.items = [...older, ...this.items];
      this.#tell("prepend");
      return true;
    }
    return false;
  }

  async #loadNewer(limit: number): Promise<boolean> {
    while (!this.atEnd) {
      const [upto, beginnings] = [this.#upto, this.#beginnings];
      const page = await this.source.history({ after_seq: upto, limit: Math.min(limit, MAX_PAGE) });
      if (upto !== this.#upto || beginnings !== this.#beginnings) continue; // it does not join any more
      const events = page.events.map(itemOf).filter((item) => item.seq > upto);
      this.#upto = events.at(-1)?.seq ?? this.#upto;
      const newer = this.#folded(events);
      this.items = [...this.items, ...newer];
      const before = this.items.length;
      if (!page.has_more || page.events.length === 0) this.#joinEnd();
      if (newer.length === 0 && this.items.length === before && !this.atEnd) continue;
      this.#tell(newer.length > 0 || this.items.length > before ? "append" : "change");
      return newer.length > 0 || this.items.length > before;
    }
    return false;
  }

  /** The range has reached the head that a page showed: from here on it follows what the replica hears. */
  #joinEnd(): void {
    const snapshot = this.source.snapshot();
    const head = snapshot?.last_seq ?? 0;
    if (snapshot !== undefined && snapshot.last_seq > this.#upto) {
      if (snapshot.window_from > this.#upto + 1) return; // heard meanwhile, and more than the window: load on
      this.items = [...this.items, ...snapshot.items.filter((item) => item.seq > this.#upto)];
    }
    this.#upto = Math.max(this.#upto, head);
    this.atEnd = true;
  }

  /** Returns the visible entries of a page, with what was heard while it was on its way. */
  #folded(events: readonly Item[]): readonly Item[] {
    return this.#during.reduce(fold, events.filter(isVisible));
  }

  /** One page after the other: two at once would not join. */
  #queue<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const result = this.#work.then(work).finally(() => {
      if (--this.#waiting === 0) this.#during = [];
    });
    this.#work = result.catch(() => undefined);
    return result;
  }

  #tell(what: TimelineChange): void {
    for (const listener of [...this.#listeners]) listener(what);
  }
}
