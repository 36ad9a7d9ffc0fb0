/** For programs that want every entry of every conversation: bots, bridges, archives. */

import type { Client } from "./client.js";
import { asError } from "./errors.js";
import type { How } from "./replica.js";
import type { LocalStore } from "./store.js";
import { Bell, sleep } from "./timing.js";
import type { Item } from "./wire.js";

/** Entries that wait for a slow program; beyond, they stay on the server until there is room. */
const MAX_QUEUED = 2_000;
const PAGE = 200;
const RETRY_MS = 1_000;
/** Places are kept together, a moment later: what was dealt with in the last half second may come again. */
const KEEP_MS = 500;
const PREFIX = "place:";

/**
 * Yields the entries of all conversations: in order per conversation, nothing twice, nothing left out.
 *
 * Begins, on a device that knows nothing, with what none of the user's devices has got; afterwards where it was, when
 * it is given the client's store. To be called before `login` or `resume`. Ends when the client has stopped.
 */
export function events(client: Client, a: { store?: LocalStore } = {}): AsyncGenerator<Item, void> {
  return new Reader(client, a.store).run();
}

class Reader {
  /** Per conversation: up to here everything was handed out, or waits in the queue. */
  readonly #places = new Map<string, number>();
  readonly #behind = new Set<string>();
  readonly #consumed = new Map<string, number>();
  readonly #queue: Item[] = [];
  readonly #bell = new Bell();
  readonly #stop = new AbortController();
  readonly #unlisten: (() => void)[];
  #keepTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly client: Client,
    private readonly store: LocalStore | undefined,
  ) {
    this.#unlisten = [
      client.onLog((id, items, how) => this.#hear(id, items, how)),
      client.onChange((changed) => changed.has("status") && this.#bell.set()),
    ];
  }

  async *run(): AsyncGenerator<Item, void> {
    let hasBegun = false;
    try {
      await this.#load();
      while (true) {
        const item = this.#queue.shift();
        const { state } = this.client.status;
        hasBegun ||= state !== "idle";
        if (item !== undefined) {
          try {
            yield item;
          } finally {
            this.#keep(item); // dealt with when the next one is asked for, or the loop is left
          }
        } else if (this.#behind.size > 0 && state === "online") {
          await this.#fetch();
        } else if (state === "ended" || (state === "idle" && hasBegun)) {
          return;
        } else {
          await this.#bell.wait(undefined, this.#stop.signal);
        }
      }
    } finally {
      this.#stop.abort();
      for (const unlisten of this.#unlisten) unlisten();
      await this.#save();
    }
  }

  /** Goes on where an earlier program was. */
  async #load(): Promise<void> {
    for (const [key, seq] of (await this.store?.all("meta")) ?? []) {
      const id = key.slice(PREFIX.length);
      if (!key.startsWith(PREFIX) || this.#places.has(id)) continue;
      this.#places.set(id, Number(seq));
      this.#behind.add(id);
    }
  }

  #hear(id: string, items: readonly Item[], how: How): void {
    const place = this.#places.get(id) ?? this.#begin(id, items, how);
    const first = items[0];
    if (
      first === undefined ||
      first.seq > place + 1 ||
      this.#behind.has(id) ||
      this.#queue.length > MAX_QUEUED
    ) {
      this.#behind.add(id);
    } else {
      this.#take(id, items);
    }
    this.#bell.set();
  }

  #take(id: string, items: readonly Item[]): void {
    for (const item of items) {
      if (item.seq <= (this.#places.get(id) ?? 0)) continue;
      this.#queue.push(item);
      this.#places.set(id, item.seq);
    }
  }

  /** Where a conversation begins that was not known. */
  #begin(id: string, items: readonly Item[], how: How): number {
    const conversation = this.client.conversation(id);
    const floor = (items[0]?.seq ?? conversation?.info.from_seq ?? 1) - 1;
    const place = how === "first" ? Math.max(floor, conversation?.delivered_seq ?? 0) : floor;
    this.#places.set(id, place);
    return place;
  }

  /** Fetches one page of one conversation that is behind. */
  async #fetch(): Promise<void> {
    const [id] = this.#behind;
    if (id === undefined) return;
    const after_seq = this.#places.get(id) ?? 0;
    const head = this.client.conversation(id)?.last_seq ?? 0;
    if (after_seq >= head) {
      this.#behind.delete(id);
      return;
    }
    try {
      const page = await this.client.history({ conversation_id: id, after_seq, limit: PAGE });
      this.#take(id, page.items);
      if (page.items.length === 0) this.#behind.delete(id); // nothing that is visible to this user
    } catch (thrown) {
      if (asError(thrown).kind === "refused")
        this.#behind.delete(id); // not ours any more
      else await sleep(RETRY_MS, this.#stop.signal);
    }
  }

  #keep(item: Item): void {
    if (this.store === undefined) return;
    this.#consumed.set(item.conversation_id, item.seq);
    this.#keepTimer ??= setTimeout(() => void this.#save(), KEEP_MS);
  }

  async #save(): Promise<void> {
    clearTimeout(this.#keepTimer);
    this.#keepTimer = undefined;
    const rows = [...this.#consumed].map(([id, seq]) => ({
      table: "meta" as const,
      key: PREFIX + id,
      value: seq,
    }));
    this.#consumed.clear();
    if (this.store !== undefined) await this.store.write(rows);
  }
}
